"""What a step printed: in the notebook, and in its replay."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from nbprod.notebook.magics import plain_code
from nbprod.run.plan import INJECTED_TAG

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
# What %time and %%time print: another time at every run, and not in the generated code.
_TIMES = re.compile(r"^(CPU times: .*|Wall time: .*)\n", re.MULTILINE)
_MAGIC = re.compile(r"^\s*[%!?]|\?\s*$|=\s*[%!]", re.MULTILINE)
_OVERWRITTEN = re.compile(r"[^\n]*\r(?!\n)")


def printed_by(output: Path, cells: Collection[int]) -> str:
    """Return what cells of an output notebook printed to stdout.

    Displayed values are no printed text: ``df.head()`` leaves none.

    Args:
        output: The output notebook of a run.
        cells: Numbers of cells, from 1, injected ones not counted.
    """
    return "".join(text_of(cell) for number, cell in code_cells(output) if number in cells)


def code_cells(output: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the code cells of an output notebook with their numbers, injected ones not counted."""
    number = 0
    for cell in output_cells(output):
        if INJECTED_TAG in cell.get("metadata", {}).get("tags", ()):
            continue
        number += 1
        if cell["cell_type"] == "code":
            yield number, cell


def text_of(cell: dict[str, Any]) -> str:
    """Return what one cell printed to stdout."""
    return "".join(
        "".join(found["text"])
        for found in cell.get("outputs", ())
        if found.get("output_type") == "stream" and found.get("name") == "stdout"
    )


def output_cells(output: Path) -> list[dict[str, Any]]:
    """Return the cells of an output notebook, read once while the file stays the same."""
    status = output.stat()
    return _cells(output, status.st_mtime_ns, status.st_ino)


@functools.lru_cache(maxsize=2)
def _cells(output: Path, mtime_ns: int, inode: int) -> list[dict[str, Any]]:  # noqa: ARG001
    found: list[dict[str, Any]] = json.loads(output.read_bytes())["cells"]
    return found


def left_out_magics_print(output: Path, cells: Collection[int]) -> bool:
    """Tell whether a magic that the generated code leaves out may have printed in ``cells``.

    Args:
        output: The output notebook of a run.
        cells: Numbers of cells, from 1, injected ones not counted.
    """
    for number, cell in code_cells(output):
        source = "".join(cell["source"])
        if number not in cells or not _MAGIC.search(source):
            continue
        if any(magic.prints for magic in plain_code(source).magics):
            return True
    return False


CLEARED = "\x1b[2K\r"
"""What ``clear_output()`` prints where nothing shows what it clears."""


def cleared_difference(printed: str, expected: str, *, one_cell: bool) -> str:
    """Return the first difference from a text that the notebook cleared in between.

    Args:
        printed: What was printed, nothing of it cleared.
        expected: What was left in the notebook.
        one_cell: It is of one cell, so that all was cleared each time; else what cells
            before had printed stayed.
    """
    before, _, rest = printed.rpartition(CLEARED)
    if not rest.strip() and expected.strip():
        before, _, rest = before.rpartition(CLEARED)  # wait=True, and nothing came after it
    if one_cell:
        return printed_difference(rest, expected)
    last, theirs = printed_lines(rest), printed_lines(expected)
    if last and theirs[-len(last) :] != last:
        return printed_difference(rest, "\n".join(theirs[-len(last) :]))
    kept = "\n".join(theirs[: len(theirs) - len(last)])
    return printed_difference(kept, before.replace(CLEARED, "\n"), further=True)


def printed_difference(printed: str, expected: str, *, further: bool = False) -> str:
    """Return the first difference of two printed texts; empty if there is none.

    Memory addresses, times that magics measured, spaces at line ends, and lines that a
    progress bar has overwritten do not count.

    Args:
        printed: What was printed.
        expected: What should have been.
        further: ``expected`` may hold lines that ``printed`` does not: of magics left out.
    """
    ours, theirs = printed_lines(printed), printed_lines(expected)
    if further:
        rest = iter(theirs)
        lost = next((line for line in ours if line not in rest), None)
        return (
            "" if lost is None else f"line {ours.index(lost) + 1} is only here: {shortened(lost)}"
        )
    for number, (line, wanted) in enumerate(zip(ours, theirs, strict=False), start=1):
        if line != wanted:
            return f"line {number}: {shortened(line)} vs {shortened(wanted)}"
    if len(ours) != len(theirs):
        longer, what = (ours, "only here") if len(ours) > len(theirs) else (theirs, "missing")
        line = longer[min(len(ours), len(theirs))]
        return f"line {min(len(ours), len(theirs)) + 1} is {what}: {shortened(line)}"
    return ""


def printed_lines(text: str) -> list[str]:
    """Return the lines of a printed text as they are compared, see :func:`printed_difference`."""
    text = _OVERWRITTEN.sub("", text.replace("\r\n", "\n"))
    text = _TIMES.sub("", _ADDRESS.sub("0x…", text))
    return [line.rstrip() for line in text.strip("\n").rstrip().splitlines()]


def shortened(line: str) -> str:
    """Return a line as a difference quotes it."""
    return repr(line if len(line) <= 80 else line[:79] + "…")
