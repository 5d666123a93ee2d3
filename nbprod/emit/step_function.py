"""One step as the text of one function."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace

from nbprod.analysis.awaiting import awaits
from nbprod.analysis.scopes import bound_names
from nbprod.emit.annotation import Annotations
from nbprod.emit.class_names import as_in_a_cell
from nbprod.emit.imports import PYPLOT, ImportTable
from nbprod.emit.prose import WIDTH, comment, docstring, prose
from nbprod.emit.source import INDENT, indent, names_of
from nbprod.emit.step_doc import step_doc
from nbprod.pipeline.ir import Block, Definition, DefinitionKind, Parameter, Pipeline, Step
from nbprod.pipeline.naming import function_name

CELL_MARK = "# Cell"
# A cell under %%capture, which swallows its figures too.
CAPTURES = re.compile(r"^with IPython\.utils\.capture\.capture_output\(", re.M)


@dataclass(frozen=True, slots=True)
class StepFunction:
    """A step's function, ready to stand in ``steps.py``.

    Attributes:
        text: Source of the function.
        needed: Names that the module has to import for it.
    """

    text: str
    needed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines of a function body, and where in the notebook they came from.

    Attributes:
        source: Unindented source.
        cell: Cell number.
        lines: For each line of ``source`` its line in the cell, 0 for none.
        doc: Markdown that stood before the cell.
    """

    source: str
    cell: int
    lines: tuple[int, ...]
    doc: str = ""


def step_function(
    step: Step, pipeline: Pipeline, table: ImportTable, annotations: Annotations
) -> StepFunction:
    """Write ``step`` as a pure function: variables in, variables out.

    Args:
        step: The step.
        pipeline: The pipeline it belongs to.
        table: What the package can import.
        annotations: Types of parameters and variables.
    """
    signature, types = _signature(step, pipeline, annotations)
    body = [docstring(step_doc(step, pipeline))]
    code = [_with_mark(piece, step) for piece in body_pieces(step, pipeline)]
    code[1:] = [f"\n{text}" for text in code[1:]]
    returned = ", ".join(variable.name for variable in step.outputs)
    if returned:
        code.append(f"return {returned}")
    # Under another name, so that a call of a function named like the step counts as needed.
    head = signature.replace(f"def {function_name(step.name)}(", "def _(", 1)
    names = names_of(_function(head, [*body, *code]))
    arguments = {*step.params, *(variable.name for variable in step.inputs)}
    # A name that the function binds too, or that is a step's, cannot come from the module.
    functions = {function_name(each.name) for each in pipeline.steps}
    bound = names.local - arguments - table.optional  # its own step tries that itself
    inside = (bound | names.needed & functions) & table.names
    body.extend(table.statements(inside))
    if "__name__" in names.needed:
        body.append('__name__ = "__main__"  # as in the notebook')
    return StepFunction(
        _function(signature, [*body, *code]), (names.needed - inside - functions) | types
    )


def body_pieces(step: Step, pipeline: Pipeline) -> tuple[Piece, ...]:
    """Return the code of ``step`` in the notebook's order, repeated definitions in their place."""
    pending = [
        found
        for found in pipeline.definitions
        if found.name in step.definitions and not found.hoisted
    ]
    pieces: list[Piece] = []
    show = show_call(step, pipeline)
    for number, block in enumerate(step.blocks, start=1):
        ready = [found for found in pending if _cell(found) < block.origin.cell]
        pieces.extend(_definition_piece(found) for found in ready)
        within = [found for found in pending if _cell(found) == block.origin.cell]
        pieces.extend(_split(block, within))
        if show and block.draws and CAPTURES.search(block.source):
            last = pieces.pop()
            source = f"{last.source}\n{INDENT}{show}  # captured with the rest of the cell"
            pieces.append(Piece(source, last.cell, (*last.lines, 0), last.doc))
        elif show and number < len(step.blocks) and _leaves_figures(block):
            last = pieces.pop()
            source = f"{last.source}\n{show}  # a notebook shows figures at the end of a cell"
            pieces.append(Piece(source, last.cell, (*last.lines, 0), last.doc))
        pending = [found for found in pending if found not in ready and found not in within]
    pieces[:0] = [_definition_piece(found) for found in pending]
    local = {*step.params, *(variable.name for variable in step.inputs)}
    local.update(name for piece in pieces for name in _bound(piece))
    return tuple(_as_in_a_cell(piece, local) for piece in pieces)


def _bound(piece: Piece) -> set[str]:
    return {name for each in ast.parse(piece.source).body for name in bound_names(each)}


def _as_in_a_cell(piece: Piece, local: set[str]) -> Piece:
    source, lines = as_in_a_cell(piece.source, piece.lines, local)
    return replace(piece, source=source, lines=lines)


def show_call(step: Step, pipeline: Pipeline) -> str:
    """Return the call that ends the figures of a cell within ``step``; empty if it draws none.

    A notebook's inline backend shows and closes all figures when a cell ends, so that the
    next cell draws on a new one. Within a function nothing does that.
    """
    if not any(block.draws for block in step.blocks):
        return ""
    sources = [block.source for each in pipeline.steps for block in each.blocks]
    if any(map(_PLOTS_IMPORTED.search, sources)):
        # Its import stands behind what it depends on, and must not come before that.
        return "from matplotlib import pyplot as _pyplot; _pyplot.show()"
    for found in pipeline.definitions:
        if found.kind is DefinitionKind.IMPORT and found.hoisted and _is_pyplot(found.source):
            return f"{found.name}.show()"
    bound = {found.name for found in pipeline.definitions}
    return "" if PYPLOT in bound else f"{PYPLOT}.show()"


_PLOTS_IMPORTED = re.compile(r"^\s*(import|from) (matplotlib|seaborn|pylab)\b", re.MULTILINE)


def _is_pyplot(statement: str) -> bool:
    return (
        re.search(r"import matplotlib\.pyplot as |from matplotlib import pyplot", statement)
        is not None
    )


def _leaves_figures(block: Block) -> bool:
    """Tell whether a cell draws something and does not end by showing it."""
    if not block.draws:
        return False
    return re.search(r"\bshow\(\)[\s;]*(#[^\n]*)?\Z", block.source) is None


def _cell(found: Definition) -> int:
    return found.origin.cell if found.origin else 0


def _definition_piece(found: Definition) -> Piece:
    first = found.origin.line if found.origin else 0
    count = found.source.count("\n") + 1
    lines = tuple(range(first, first + count)) if first else (0,) * count
    return Piece(found.source, _cell(found), lines)


def _split(block: Block, within: list[Definition]) -> list[Piece]:
    """Put the definitions of a block's own cell where they stood in it."""
    lines = block.source.split("\n")
    origins = block.lines or (0,) * len(lines)
    pieces: list[Piece] = []
    start = 0
    doc = block.doc
    for found in sorted(within, key=lambda each: each.origin.line if each.origin else 0):
        line = found.origin.line if found.origin else 0
        stop = next((at for at in range(start, len(lines)) if origins[at] > line), len(lines))
        if any(text.strip() for text in lines[start:stop]):
            pieces.append(
                Piece("\n".join(lines[start:stop]), block.origin.cell, origins[start:stop], doc)
            )
            doc = ""
        piece = _definition_piece(found)
        pieces.append(Piece(piece.source, piece.cell, piece.lines, doc))
        doc = ""
        start = stop
    if any(text.strip() for text in lines[start:]):
        pieces.append(Piece("\n".join(lines[start:]), block.origin.cell, origins[start:], doc))
    return pieces


def _with_mark(piece: Piece, step: Step) -> str:
    mark = f"{CELL_MARK} {piece.cell}"
    doc = prose(piece.doc, WIDTH - len(INDENT) - 2)
    if doc and doc not in prose(step.doc, WIDTH - len(INDENT) - 2):
        first, _, rest = doc.partition("\n\n")
        mark = f"{mark}: {' '.join(first.split())}"
        mark = comment(
            mark.removeprefix("# ") if len(mark) <= WIDTH else prose(mark[2:], WIDTH - 6)
        )
        if rest:
            mark += "\n#\n" + comment(rest)
    return f"{mark}\n{piece.source}"


def _function(signature: str, body: list[str]) -> str:
    return f"{signature}\n" + "\n".join(indent(text) for text in body) + "\n"


def _signature(
    step: Step, pipeline: Pipeline, annotations: Annotations
) -> tuple[str, frozenset[str]]:
    known: dict[str, Parameter] = {found.name: found for found in pipeline.parameters}
    types: set[str] = set()
    arguments = []
    for variable in step.inputs:
        annotation = annotations.variable(variable.name)
        types |= annotation.names
        arguments.append(f"{variable.name}: {annotation.text}")
    if step.params:
        arguments.append("*")
    for name in step.params:
        annotation = annotations.read(known[name].annotation if name in known else "Any")
        types |= annotation.names
        arguments.append(f"{name}: {annotation.text}")
    returned = annotations.returned(step)
    kind = "async def" if is_async(step) else "def"
    head = f"{kind} {function_name(step.name)}({', '.join(arguments)}) -> {returned.text}:"
    return head, frozenset(types) | returned.names


def is_async(step: Step) -> bool:
    """Tell whether a cell of ``step`` awaits, so that its function is a coroutine function."""
    return any(
        ("await" in block.source or "async" in block.source)
        and awaits(ast.parse(block.source).body)
        for block in step.blocks
    )
