"""Files that a step wrote, by their content.

Formats that hold a time of writing are compared by what they hold besides it.
"""

from __future__ import annotations

import gzip
import importlib
import pickle
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from nbprod.compare.images import image_difference, undated
from nbprod.compare.values import compare

_PICKLES = (".pkl", ".pickle", ".p")
_JOBLIBS = (".joblib", ".jl")
_ZIPS = (".xlsx", ".npz", ".zip", ".docx", ".keras", ".pt", ".pth")
_TIMES_IN_ZIPS = ("docProps/core.xml", ".data/serialization_id", "metadata.json")
_DATED = (".pdf", ".eps", ".ps", ".svg")
_WORDS = {"": "nothing", "folder": "a folder", "?": "something unknown"}


def file_difference(
    one: Mapping[str, Any],
    other: Mapping[str, Any],
    kept: str,
    definitions: ModuleType | None = None,
) -> str:
    """Compare the file at ``one["path"]`` with the content that the notebook wrote there.

    Args:
        one: State of the file on disk: ``path``, ``sha256``, ``size``.
        other: State that the notebook left; for a difference in kind.
        kept: File that holds the notebook's content.
        definitions: Where the generated package has the notebook's classes and functions,
            which a pickle of the notebook's looks for in ``__main__``.

    Returns:
        The first difference; empty if there is none that counts.
    """
    if one["sha256"] == other["sha256"]:
        return ""
    if one["sha256"] in _WORDS or other["sha256"] in _WORDS:
        ours = _WORDS.get(one["sha256"], "a file")
        return f"{ours} vs {_WORDS.get(other['sha256'], 'a file')}"
    links = [each["sha256"].startswith("link:") for each in (one, other)]
    if any(links):
        words = [
            each["sha256"] if link else "a file"
            for each, link in zip((one, other), links, strict=True)
        ]
        return " vs ".join(words)
    path, wanted = Path(one["path"]), Path(kept)
    try:
        with _as_in_notebook(definitions):
            found = _by_format(path.suffix.lower(), path, wanted)
    except Exception:
        found = None
    if found is not None:
        return found
    return _bytes_difference(path.read_bytes(), wanted.read_bytes())


@contextmanager
def _as_in_notebook(definitions: ModuleType | None) -> Iterator[None]:
    """Let ``__main__`` have the notebook's definitions for a while."""
    main = sys.modules["__main__"]
    names = [name for name in vars(definitions or main) if not hasattr(main, name)]
    for name in names:
        setattr(main, name, getattr(definitions, name))
    try:
        yield
    finally:
        for name in names:
            delattr(main, name)


def _by_format(suffix: str, path: Path, wanted: Path) -> str | None:
    """Compare by what a format holds; ``None`` for a format that is only bytes."""
    if suffix in _PICKLES or suffix in _JOBLIBS:
        # Both were written moments ago by the user's own code, in this very folder.
        loads = importlib.import_module("joblib").load if suffix in _JOBLIBS else _unpickled
        outcome = compare(loads(path), loads(wanted))
        return outcome.detail if outcome.comparable else None
    if suffix in _ZIPS and zipfile.is_zipfile(path):
        return _zip_difference(path, wanted)
    if suffix == ".gz":
        return _bytes_difference(
            gzip.decompress(path.read_bytes()), gzip.decompress(wanted.read_bytes())
        )
    if suffix in _DATED:
        return _bytes_difference(undated(path.read_bytes()), undated(wanted.read_bytes()))
    if suffix in {".png", ".jpg", ".jpeg"}:
        return image_difference(path.read_bytes(), wanted.read_bytes())
    return None


def _unpickled(path: Path) -> Any:
    with path.open("rb") as file:
        return pickle.load(file)  # noqa: S301 - see _by_format


def _zip_difference(path: Path, wanted: Path) -> str:
    with zipfile.ZipFile(path) as one, zipfile.ZipFile(wanted) as other:
        names = [set(each.namelist()) for each in (one, other)]
        apart = sorted(names[0] ^ names[1])
        if apart:
            return f"only one of them holds {apart[0]}"
        for name in sorted(names[0]):
            if not name.endswith(_TIMES_IN_ZIPS) and one.read(name) != other.read(name):
                return f"{name}: {_bytes_difference(one.read(name), other.read(name))}"
    return ""


def _bytes_difference(one: bytes, other: bytes) -> str:
    if one == other:
        return ""
    try:
        ours, theirs = one.decode().splitlines(), other.decode().splitlines()
    except UnicodeDecodeError:
        return f"its {len(one):,} bytes are not the notebook's {len(other):,}"
    for number, (line, expected) in enumerate(zip(ours, theirs, strict=False), start=1):
        if line != expected:
            return f"line {number}: {line[:60]!r} vs {expected[:60]!r}"
    return f"{len(ours)} lines vs {len(theirs)} lines"
