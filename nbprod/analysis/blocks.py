"""What remains of each cell for its step: source, lines, display."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nbprod.analysis.definitions import Definitions
from nbprod.analysis.display import only_displays
from nbprod.analysis.source import Text, has_code, without
from nbprod.analysis.survey import CellFacts, Survey
from nbprod.analysis.value import DEFAULTDICT


@dataclass(frozen=True, slots=True)
class CellBlock:
    """One cell's executable part.

    Attributes:
        source: Python text; empty if nothing is left to execute.
        lines: For each line of ``source`` the cell line it came from, 0 for none.
        display: The bare expression that was left out, as text.
        statements: The statements that are left.
    """

    source: str
    lines: tuple[int, ...] = ()
    display: str = ""
    statements: tuple[ast.stmt, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is left to execute."""
        return not self.statements


def cell_block(facts: CellFacts, definitions: Definitions, survey: Survey) -> CellBlock:
    """Take definitions and the final display out of a cell."""
    text = Text(_without_stars(facts), facts.statements)
    removed = list(definitions.removed.get(facts.cell.number, []))
    display = _display(facts, removed, survey)
    if display is not None:
        removed.append(display)
    taken = {id(statement) for statement in removed}
    rest = without(text, removed)
    source, lines = rest.source, tuple(facts.cell_line(line) for line in rest.lines)
    statements = tuple(each for each in facts.statements if id(each) not in taken)
    if not has_code(source) and not statements:
        source, lines = "", ()
    block = CellBlock(
        source=source,
        lines=lines,
        display=ast.unparse(display.value) if display is not None else "",
        statements=statements,
    )
    return _without_globals(block)


def _without_stars(facts: CellFacts) -> str:
    """Write star imports with the names that are used of them: functions cannot hold a star."""
    lines = facts.code.source.split("\n")
    for statement in facts.statements:
        is_import = isinstance(statement, ast.ImportFrom) and statement.names
        if is_import and lines[statement.lineno - 1].split("#")[0].rstrip(" ;").endswith("*"):
            lines[statement.lineno - 1] = ast.unparse(statement)
    return "\n".join(lines)


def _display(facts: CellFacts, removed: Sequence[ast.stmt], survey: Survey) -> ast.Expr | None:
    last = facts.statements[-1] if facts.statements else None
    if not isinstance(last, ast.Expr) or last in removed:
        return None
    modules = frozenset(
        name for name, value in survey.values.items() if value.type.startswith("name:")
    )
    if isinstance(last.value, ast.Constant) and isinstance(last.value.value, str):
        return None
    lively = frozenset(
        name
        for name, value in survey.values.items()
        if value.type == DEFAULTDICT or value.type.startswith("user:")
    )
    return last if only_displays(last.value, modules, lively) else None


def _without_globals(block: CellBlock) -> CellBlock:
    """Inside a step's function the notebook's names are locals: ``global`` becomes nonlocal."""
    if not any(
        isinstance(node, ast.Global) for each in block.statements for node in ast.walk(each)
    ):
        return block
    return replace(block, source=nonlocal_source(block.source))


def nonlocal_source(source: str) -> str:
    """Write ``global`` in functions and classes as ``nonlocal``, elsewhere as ``pass``."""
    tree = ast.parse(source)
    scopes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    inner = {
        id(node)
        for scope in ast.walk(tree)
        if isinstance(scope, scopes)
        for node in ast.walk(scope)
    }
    lines = source.split("\n")
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            index = node.lineno - 1
            line = lines[index].encode()
            head, tail = line[: node.col_offset].decode(), line[node.end_col_offset or 0 :].decode()
            text = f"nonlocal {', '.join(node.names)}" if id(node) in inner else "pass"
            lines[index] = head + text + tail
    return "\n".join(lines)
