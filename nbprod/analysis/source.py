"""Text of statements, and of what remains of a cell without them; comments are kept."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_IMPORT_COMMENT = re.compile(
    r"\b(?:imports?|librar(?:y|ies)|packages?|modules?|dependenc\w+)\b", re.I
)


@dataclass(slots=True)
class Text:
    """A cell's plain code with its top-level statements.

    Attributes:
        source: The code.
        statements: Its statements, in order.
        lines: Its lines.
    """

    source: str
    statements: Sequence[ast.stmt]
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.source.split("\n")


@dataclass(frozen=True, slots=True)
class Remaining:
    """What remains of a cell.

    Attributes:
        source: The code, without leading or trailing empty lines.
        lines: For each of its lines the line it had before.
    """

    source: str
    lines: tuple[int, ...]


def first_line(statement: ast.stmt) -> int:
    """Return the first line of ``statement``, decorators included."""
    decorators = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(int(decorator.lineno) for decorator in decorators)])


def last_line(statement: ast.stmt) -> int:
    """Return the last line of ``statement``."""
    return statement.end_lineno or statement.lineno


def statement_text(text: Text, statement: ast.stmt) -> tuple[str, int]:
    """Return the text of a statement with the comments right above it, and its first line."""
    if shares_line(text, statement):
        return ast.get_source_segment(text.source, statement) or "", first_line(statement)
    start = first_line(statement)
    above = _comments_above(text, start)
    lines = text.lines[above - 1 : last_line(statement)]
    return "\n".join(line.rstrip() for line in lines).rstrip(" ;"), above


def _comments_above(text: Text, line: int) -> int:
    """Return the first line of the comment block that ends right above ``line``."""
    while line > 1 and text.lines[line - 2].startswith("#"):
        line -= 1
    return line


def shares_line(text: Text, statement: ast.stmt) -> bool:
    """Whether another statement stands on a line of ``statement``."""
    return any(
        other is not statement
        and first_line(other) <= last_line(statement)
        and last_line(other) >= first_line(statement)
        for other in _neighbours(text.statements, statement)
    )


def _neighbours(statements: Sequence[ast.stmt], statement: ast.stmt) -> list[ast.stmt]:
    """Return the statements before and after ``statement``."""
    low, high = 0, len(statements)
    while low < high:
        middle = (low + high) // 2
        place = (statements[middle].lineno, statements[middle].col_offset)
        if place < (statement.lineno, statement.col_offset):
            low = middle + 1
        else:
            high = middle
    return list(statements[max(low - 1, 0) : low + 2])


def without(text: Text, removed: Sequence[ast.stmt]) -> Remaining:
    """Return the code without the statements ``removed``."""
    lines: list[str | None] = list(text.lines)
    cut: set[int] = set()
    for statement in removed:
        if shares_line(text, statement):
            _cut(lines, statement)
            cut.update(range(statement.lineno - 1, last_line(statement)))
            continue
        start = first_line(statement)
        is_import = isinstance(statement, ast.Import | ast.ImportFrom)
        above = _comments_above(text, start)
        if is_import and not _speaks_of_imports(text.lines[above - 1 : start - 1]):
            above = start
        for index in range(above - 1, last_line(statement)):
            lines[index] = None
    for index in cut:
        lines[index] = (lines[index] or "").lstrip() or None
    return _compact(lines)


def _speaks_of_imports(comments: list[str]) -> bool:
    return any(_IMPORT_COMMENT.search(comment) for comment in comments)


def _cut(lines: list[str | None], statement: ast.stmt) -> None:
    """Take a statement out of a line that it shares, with one semicolon; places stay."""
    first, last = statement.lineno - 1, last_line(statement) - 1
    start, end = statement.col_offset, statement.end_col_offset or 0
    head = (lines[first] or "").encode()[:start]
    rest = (lines[last] or "").encode()[end:]
    position = rest.find(b";")
    if position >= 0 and not rest[:position].strip():
        rest = rest[:position] + b" " + rest[position + 1 :]
    elif head.rstrip().endswith(b";"):
        head = head.rstrip()[:-1].ljust(len(head))
    lines[first] = head.decode()
    for index in range(first + 1, last + 1):
        lines[index] = None
    kept = (lines[first] or "").encode().ljust(end if first == last else start) + rest
    if first == last:
        lines[first] = kept.decode()
    elif rest.strip():
        lines[last] = (b" " * end + rest).decode()


def _compact(lines: list[str | None]) -> Remaining:
    """Drop what was cut, and empty lines at both ends."""
    kept = [(line.rstrip(), number) for number, line in enumerate(lines, 1) if line is not None]
    while kept and not kept[0][0].strip(" ;"):
        kept.pop(0)
    while kept and not kept[-1][0].strip(" ;"):
        kept.pop()
    return Remaining("\n".join(line for line, _ in kept), tuple(number for _, number in kept))


def has_code(source: str) -> bool:
    """Whether ``source`` holds more than comments and empty lines."""
    return any(line.strip() and not line.lstrip().startswith("#") for line in source.split("\n"))
