"""Printed text of which the generated code need not print all: what left-out magics print."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from nbprod.notebook.magics import plain_code
from nbprod.run.printed import code_cells, printed_lines, shortened, text_of


class Missing(StrEnum):
    """Which lines of a cell may be missing."""

    NOTHING = "nothing"
    FIRST = "first"  # only magics that are left out stand before its code
    LAST = "last"  # only such magics stand behind it
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Part:
    """What a cell printed, or several of which lines are shared.

    Attributes:
        text: The text.
        missing: Which of its lines may be missing.
    """

    text: str
    missing: Missing


def parts_of(output: Path, cells: Collection[int]) -> list[Part]:
    """Return what cells of an output notebook printed to stdout, and what may be missing of it.

    Args:
        output: The output notebook of a run.
        cells: Numbers of cells, from 1, injected ones not counted.
    """
    found: list[Part] = []
    for number, cell in code_cells(output):
        if number not in cells:
            continue
        text, missing = text_of(cell), _missing("".join(cell["source"]))
        if found and found[-1].text and not found[-1].text.endswith("\n"):
            last = found.pop()
            both = {last.missing, missing}
            text = last.text + text
            missing = Missing.NOTHING if both == {Missing.NOTHING} else Missing.ANY
        found.append(Part(text, missing))
    return found


def _missing(source: str) -> Missing:
    code = plain_code(source)
    places = [magic.line + code.offset for magic in code.magics if magic.prints]
    if not places:
        return Missing.NOTHING
    try:
        body = ast.parse(code.source).body
    except (SyntaxError, ValueError):
        return Missing.ANY
    lines = [each.lineno for each in body if not isinstance(each, ast.Import | ast.ImportFrom)]
    if not lines or max(places) < min(lines):
        return Missing.FIRST if lines else Missing.ANY
    return Missing.LAST if min(places) > max(lines) else Missing.ANY


def excused_difference(printed: str, parts: Sequence[Part]) -> str:
    """Return the first difference of what was printed; empty if there is none.

    Args:
        printed: What the generated code printed.
        parts: What the notebook's cells printed.
    """
    ours = printed_lines(printed)
    theirs = [(printed_lines(each.text), each.missing) for each in parts]
    furthest = 0

    @cache
    def fits(part: int, place: int) -> bool:
        nonlocal furthest
        furthest = max(furthest, place)
        if part == len(theirs):
            return place == len(ours)
        lines, missing = theirs[part]
        return any(fits(part + 1, place + count) for count in _counts(lines, missing, ours[place:]))

    if fits(0, 0):
        return ""
    if furthest < len(ours):
        line = ours[furthest]
        known = any(line in lines for lines, _ in theirs)
        what = "is at another place than" if known else "is not"
        return f"line {furthest + 1} {what} in the notebook: {shortened(line)}"
    return "lines that the notebook's code prints are missing"


def _counts(lines: list[str], missing: Missing, ours: list[str]) -> Iterator[int]:
    """Yield how many of ``ours`` may be what is left of ``lines``."""
    for count in range(min(len(lines), len(ours)), -1, -1):
        kept = ours[:count]
        if missing is Missing.NOTHING:
            fits = count == len(lines) and kept == lines
        elif missing is Missing.FIRST:
            fits = kept == lines[len(lines) - count :]
        elif missing is Missing.LAST:
            fits = kept == lines[:count]
        else:
            rest = iter(lines)
            fits = all(line in rest for line in kept)
        if fits:
            yield count
