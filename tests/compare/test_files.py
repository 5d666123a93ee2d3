"""Files of two runs: when they were written is no difference, what they show is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from nbprod.compare.files import file_difference
from nbprod.compare.values import compare


def drawn(path: Path, values: list[int], date: str) -> dict[str, object]:
    """Save a line as ``date`` says when; return the file's state."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots()
    ax.plot(values)
    fig.savefig(path)
    plt.close(fig)
    text = path.read_bytes()
    for mark in (b"CreationDate: ", b"<dc:date>", b"/CreationDate (D:"):
        at = text.find(mark)
        if at >= 0:
            at += len(mark)
            text = text[:at] + date.encode() + text[at + len(date) :]
    path.write_bytes(text)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"path": str(path), "sha256": digest, "size": len(text)}


@pytest.mark.parametrize("kind", ["pdf", "svg", "eps"])
def test_a_saved_figure_is_compared_without_its_date(tmp_path: Path, kind: str) -> None:
    """The same line, saved on another day, is the same; another line is another."""
    paths = [tmp_path / name / f"line.{kind}" for name in "abc"]
    for path in paths:
        path.parent.mkdir()
    first = drawn(paths[0], [1, 3, 2], "1999")
    same = drawn(paths[1], [1, 3, 2], "2001")
    other = drawn(paths[2], [1, 3, 5], "1999")
    assert first["sha256"] != same["sha256"]
    assert file_difference(first, same, str(paths[1])) == ""
    assert file_difference(first, other, str(paths[2])) != ""


def test_paths_are_compared_by_what_they_say() -> None:
    """Not by what looking at them has computed."""
    looked, fresh = Path("data") / "x.csv", Path("data") / "x.csv"
    assert str(looked)
    assert hash(looked)
    assert compare(looked, fresh).equal
    assert not compare(looked, Path("data") / "y.csv").equal
