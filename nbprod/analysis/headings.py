"""Markdown between code cells: headings, documentation, the notebook's title."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from nbprod.notebook.cell import CellKind
from nbprod.notebook.notebook import Notebook

_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$", re.M)
_SECTION_LEVEL = 3


@dataclass(frozen=True, slots=True)
class Markdown:
    """Markdown that stands before one code cell.

    Attributes:
        text: All of it, cells separated by an empty line.
        heading: The last heading of level 1 to 3 in it; empty if there is none.
        level: Level of that heading, 0 if there is none.
    """

    text: str = ""
    heading: str = ""
    level: int = 0


@dataclass(frozen=True, slots=True)
class Outline:
    """The prose of a notebook.

    Attributes:
        title: First level-1 heading before any code.
        doc: What stands below it, up to the next heading.
        before: Code cell number to the markdown right before it.
        closing: What stands behind the last code cell.
    """

    title: str
    doc: str
    before: dict[int, Markdown]
    closing: str = ""

    def carried(self, steps: Collection[int], definitions: Collection[int]) -> Outline:
        """Return it with the markdown of cells that leave nothing to a step moved on.

        A heading above a cell that only defines functions stands above what comes next too.

        Args:
            steps: Numbers of the cells that become part of a step.
            definitions: Numbers of cells that only define functions and classes.
        """
        before = dict(self.before)
        pending = ""
        for number in sorted(before):
            if number in definitions:
                pending = _joined(pending, before[number].text)
            elif number in steps and pending:
                before[number] = _markdown(_joined(pending, before[number].text))
                pending = ""
        return replace(self, before=before)


def _joined(first: str, second: str) -> str:
    return "\n\n".join(text for text in (first, second) if text)


def outline(notebook: Notebook) -> Outline:
    """Read all markdown of ``notebook``."""
    title, doc = "", ""
    pending: list[str] = []
    before: dict[int, Markdown] = {}
    code_seen = False
    for cell in notebook.cells:
        if cell.kind is CellKind.MARKDOWN:
            text = cell.source.strip()
            if not code_seen and not title and re.match(r"#\s+\S", text):
                title, doc, text = _title(text)
            if text:
                pending.append(text)
        elif cell.kind is CellKind.CODE:
            if not cell.source.strip():
                continue
            code_seen = True
            before[cell.number] = _markdown("\n\n".join(pending))
            pending = []
    return Outline(title, doc, before, "\n\n".join(pending) if code_seen else "")


def _title(text: str) -> tuple[str, str, str]:
    """Split the title cell into title, text below it, and further sections."""
    first, _, rest = text.partition("\n")
    title = first.lstrip("#").strip()
    further = _HEADING.search(rest)
    if further is None:
        return title, rest.strip(), ""
    return title, rest[: further.start()].strip(), rest[further.start() :].strip()


def _markdown(text: str) -> Markdown:
    heading, level = "", 0
    fenced = re.sub(r"```.*?```", "", text, flags=re.S)
    for match in _HEADING.finditer(fenced):
        if len(match.group(1)) <= _SECTION_LEVEL:
            heading, level = match.group(2), len(match.group(1))
    return Markdown(text, heading, level)
