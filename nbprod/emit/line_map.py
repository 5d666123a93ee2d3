"""From a line of generated code back to the notebook's cell and line."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nbprod.emit.step_function import CELL_MARK, body_pieces
from nbprod.origin import Origin
from nbprod.pipeline.ir import IMPORTS, Pipeline
from nbprod.pipeline.naming import function_name

_MARK = re.compile(rf"^\s*{CELL_MARK} (\d+)\b")


@dataclass(frozen=True, slots=True)
class LineMap:
    """Places in the notebook of the lines of a project's modules.

    Attributes:
        notebook: File name of the notebook.
        places: Path -> generated line -> (cell, line of the cell; 0 if unknown).
    """

    notebook: str
    places: Mapping[str, Mapping[int, tuple[int, int]]]

    def origin(self, path: str, line: int) -> Origin | None:
        """Return where line ``line`` of the file ``path`` came from.

        The nearest mapped line above counts, so that the middle of a long statement is
        found. ``None`` for lines that no cell wrote.

        Args:
            path: Relative to the project, with forward slashes.
            line: Counted from 1.
        """
        lines = self.places.get(path, {})
        above = [each for each in lines if each <= line]
        if not above:
            return None
        cell, cell_line = lines[max(above)]
        return Origin(self.notebook, cell, line=cell_line) if cell else None

    def describe(self, path: str, line: int) -> str:
        """Return the place for people: ``Cell 7, line 2``; without a cell, file and line."""
        found = self.origin(path, line)
        if found is None:
            return f"{path}, line {line}"
        return f"Cell {found.cell}, line {found.line}" if found.line else f"Cell {found.cell}"


def line_map(pipeline: Pipeline, texts: Mapping[str, str]) -> LineMap:
    """Compare generated modules with the pipeline's source, statement by statement.

    Formatting moves lines but keeps the syntax tree, so both trees are walked side by
    side. A function that was edited by hand has another tree: there the cell marks count.

    Args:
        pipeline: The pipeline that the modules were made from.
        texts: Path -> text of ``steps.py`` and ``definitions.py``, formatted or edited.
    """
    places = {}
    for path, text in texts.items():
        steps = path.endswith("/steps.py")
        found = _marked(text, "def " if steps else "\0")
        try:
            tree = ast.parse(text)
        except SyntaxError:
            places[path] = found
            continue
        if steps:
            found.update(_step_places(pipeline, tree))
        else:
            found.update(_definition_places(pipeline, tree))
        places[path] = found
    return LineMap(pipeline.source.notebook, places)


def _marked(text: str, between: str) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        mark = _MARK.match(line)
        if mark:
            found[number] = (int(mark[1]), 0)
        elif line.startswith(between):
            # What follows belongs to no cell, until the next mark.
            found[number] = (0, 0)
    return found


def _step_places(pipeline: Pipeline, tree: ast.Module) -> Iterator[tuple[int, tuple[int, int]]]:
    functions = {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for step in pipeline.steps:
        function = functions.get(function_name(step.name))
        if function is None:
            continue
        written: list[tuple[ast.stmt, int, tuple[int, ...]]] = []
        for piece in body_pieces(step, pipeline):
            written += [(node, piece.cell, piece.lines) for node in ast.parse(piece.source).body]
        # In front stand the docstring and imports, behind the return statement.
        behind = 1 if step.outputs else 0
        body = function.body[: len(function.body) - behind]
        body = body[len(body) - len(written) :] if len(body) >= len(written) else []
        for (node, cell, lines), formatted in zip(written, body, strict=False):
            for line, original in _pairs(formatted, node):
                if 0 < original <= len(lines):
                    yield line, (cell, lines[original - 1])


def _definition_places(
    pipeline: Pipeline, tree: ast.Module
) -> Iterator[tuple[int, tuple[int, int]]]:
    written: list[tuple[ast.stmt, int, int]] = []
    for found in pipeline.definitions:
        if found.hoisted and found.kind not in IMPORTS and found.origin:
            shift = max(found.origin.line - 1, 0)
            nodes = ast.parse(found.source).body
            written += [(node, found.origin.cell, shift) for node in nodes]
    body = tree.body[len(tree.body) - len(written) :] if len(tree.body) >= len(written) else []
    for (node, cell, shift), formatted in zip(written, body, strict=False):
        for line, original in _pairs(formatted, node):
            yield line, (cell, original + shift)


def _pairs(formatted: ast.AST, written: ast.AST) -> Iterator[tuple[int, int]]:
    """Walk two trees side by side as long as they agree; yield pairs of line numbers."""
    if type(formatted) is not type(written):
        return
    line, original = getattr(formatted, "lineno", 0), getattr(written, "lineno", 0)
    parts = list(ast.iter_child_nodes(formatted))
    originals = list(ast.iter_child_nodes(written))
    if len(parts) == len(originals):
        for part, other in zip(parts, originals, strict=True):
            yield from _pairs(part, other)
    if line and original:
        # Last, so that a statement's first line wins over its parts'.
        yield line, original
