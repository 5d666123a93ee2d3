"""Facts of every cell, found by following the notebook once from top to bottom."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from nbprod.analysis.frames import CellNames, ModuleFrame
from nbprod.analysis.future import (
    forget_annotations,
    has_annotations,
    imports_future,
    quoted,
)
from nbprod.analysis.measuring import effect_of
from nbprod.analysis.memory import Memory, Trace
from nbprod.analysis.scopes import bound_names
from nbprod.analysis.shown_figures import FigureNames, as_displayed
from nbprod.analysis.stars import Stars
from nbprod.analysis.statements import Statements
from nbprod.analysis.value import Value
from nbprod.notebook.automagic import as_magic
from nbprod.notebook.cell import Cell
from nbprod.notebook.magics import Fate, PlainCode, plain_code
from nbprod.notebook.notebook import Notebook
from nbprod.notebook.tags import CellRole, cell_role, options


@dataclass(slots=True)
class CellFacts:
    """What is known of one code cell.

    Attributes:
        cell: The cell.
        role: What its tags say.
        code: Its source as plain Python.
        statements: Its top-level statements; empty if it is no Python.
        bound_by: For each statement the names it may bind.
        error: The syntax error that Python finds in it.
        names: What it does with names.
        trace: What it did to objects.
        values: Names of which it changed what is known, with what is known when it ends.
        shown: Parts of the bare expression at its end, with what they hold.
    """

    cell: Cell
    role: CellRole
    code: PlainCode
    statements: list[ast.stmt] = field(default_factory=list)
    bound_by: list[frozenset[str]] = field(default_factory=list)
    error: SyntaxError | None = None
    names: CellNames = field(default_factory=CellNames)
    trace: Trace = field(default_factory=Trace)
    values: dict[str, Value] = field(default_factory=dict)
    shown: dict[ast.expr, Value] = field(default_factory=dict)
    _nodes: list[ast.AST] | None = None

    @property
    def nodes(self) -> list[ast.AST]:
        """All nodes of its syntax tree."""
        if self._nodes is None:
            self._nodes = [node for each in self.statements for node in ast.walk(each)]
        return self._nodes

    @property
    def executed(self) -> bool:
        """Whether nbprod ever executes it."""
        return not self.role.skip and self.error is None

    def cell_line(self, line: int) -> int:
        """Return the line in the cell of ``line`` in the plain code; 0 if it has none."""
        return max(line - self.code.offset, 0)


@dataclass(slots=True)
class Survey:
    """Facts of a whole notebook.

    Attributes:
        notebook: Where they come from.
        cells: Facts of the code cells, in order.
        memory: The heap that their regions belong to.
        values: What each name holds at the end.
        stars: Its star imports.
        textual: All annotations of its functions and classes stay text.
        mutated: Regions that any cell changes.
        compared: Regions whose identity any cell looks at.
        patched: Names of attributes that cells set of what is imported; ``*`` for any.
    """

    notebook: Notebook
    cells: list[CellFacts]
    memory: Memory
    values: Mapping[str, Value]
    stars: Stars
    textual: bool = False
    mutated: frozenset[int] = frozenset()
    compared: frozenset[int] = frozenset()
    patched: frozenset[str] = frozenset()


def survey(
    notebook: Notebook,
    exports: Mapping[str, Collection[str]],
    *,
    shared_columns: bool = False,
    openers: frozenset[str] = frozenset(),
) -> Survey:
    """Parse and follow all code cells of ``notebook``.

    Args:
        notebook: The notebook.
        exports: Module to the names that a star import of it binds, where known.
        shared_columns: Changing a column in place changes its frame, as before pandas 3.
        openers: Functions of the author's own modules that may leave a file open for writing.
    """
    memory = Memory(shared_columns=shared_columns, openers=openers)
    frame = ModuleFrame(memory)
    cells = _all_parsed(notebook)
    _refuse_reloading(cells)
    for facts in cells if (secrets := options(notebook).secrets) else ():
        _bind_secrets(facts, secrets)
    _show_figures(cells)
    textual = _keep_annotations([each for each in cells if each.executed])
    stars = Stars(exports)
    stars.expand([(each.cell.number, each.statements) for each in cells if each.executed])
    for facts in cells:
        _follow(facts, frame)
    return Survey(
        notebook=notebook,
        cells=cells,
        memory=memory,
        values=frame.values,
        stars=stars,
        textual=textual,
        mutated=frozenset().union(*(each.trace.mutated for each in cells)),
        compared=frozenset().union(*(each.trace.compared for each in cells)),
        patched=frozenset().union(*map(_patched, cells)),
    )


def _patched(facts: CellFacts) -> Iterator[str]:
    """Yield names of the attributes that a cell sets of modules and classes of libraries."""
    for call in facts.trace.calls:
        if call.endswith("="):
            yield call[:-1].rpartition(".")[2]
    if not any(call.endswith("_accessor") for call in facts.trace.calls):
        return
    for node in facts.nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("_accessor"):
            yield from (str(each.value) for each in node.args if isinstance(each, ast.Constant))


def _all_parsed(notebook: Notebook) -> list[CellFacts]:
    found: list[CellFacts] = []
    asks = any(as_magic(cell.source, ()) != cell.source for cell in notebook.code_cells)
    bound: frozenset[str] | None = frozenset() if asks else None
    for cell in notebook.code_cells:
        found.append(facts := _parsed(cell, bound))
        if bound is not None and facts.executed:
            bound = bound.union(*map(bound_names, facts.statements))
            bound = None if any(map(_is_star, facts.nodes)) else bound
    return found


def _refuse_reloading(cells: list[CellFacts]) -> None:
    """Refuse ``%autoreload`` where the notebook writes modules: it would load them again."""
    executed = [each for each in cells if each.executed]
    if not any(_RELOADING.match(magic.text) for each in executed for magic in each.code.magics):
        return
    if not any(
        isinstance(node, ast.Constant) and _MODULE.fullmatch(str(node.value))
        for facts in executed
        if _WRITES.search(facts.code.source)
        for node in facts.nodes
    ):
        return
    for facts in executed:
        magics = [
            replace(magic, fate=Fate.REFUSED, reason=_RELOADS, fix=_FIX_RELOADING)
            if _RELOADING.match(magic.text)
            else magic
            for magic in facts.code.magics
        ]
        facts.code = replace(facts.code, magics=tuple(magics))


_RELOADING = re.compile(r"%(autoreload +[^0\s]|aimport)")
_WRITES = re.compile(r"write|shutil|rename|open\(")
_MODULE = re.compile(r"\S+\.py")
_RELOADS = "the notebook writes a module, which it would load again"
_FIX_RELOADING = "Remove the line, and import the module behind the cell that writes it."


def _is_star(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def _parsed(cell: Cell, bound: Collection[str] | None) -> CellFacts:
    facts = CellFacts(cell, cell_role(cell), plain_code(cell.source, bound))
    try:
        facts.statements = parse(facts.code.source).body
    except SyntaxError as error:
        facts.error = error
    return facts


def _bind_secrets(facts: CellFacts, secrets: tuple[str, ...]) -> None:
    """Let ``api_token: str`` in the parameters cell bind what is a secret: each run gives it."""
    for statement in facts.statements if facts.role.parameters else ():
        if not isinstance(statement, ast.AnnAssign) or statement.value is not None:
            continue
        if isinstance(statement.target, ast.Name) and statement.target.id in secrets:
            statement.value = ast.copy_location(ast.Constant(""), statement)


def _is_of_ipython(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("IPython.")


def _show_figures(cells: list[CellFacts]) -> None:
    """Read figures at the cells' ends as what a notebook does with them: it shows them."""
    mentioning = [facts for facts in cells if "display" in facts.code.source]
    statements = [each for facts in mentioning for each in facts.statements]
    if any("display" in bound_names(each) for each in statements if not _is_of_ipython(each)):
        return  # it is the author's own
    names = FigureNames()
    for facts in cells:
        if not facts.executed:
            continue
        names.follow(facts.statements)
        source = as_displayed(facts.code.source, facts.statements, names)
        if source != facts.code.source:
            facts.code = replace(facts.code, source=source)
            facts.statements = parse(source).body


def _keep_annotations(cells: list[CellFacts]) -> bool:
    """Let annotations stay text where they do; return whether all of them do.

    If there are others before, those behind are written as text.
    """
    first = next((at for at, each in enumerate(cells) if imports_future(each.statements)), None)
    if first is None:
        return False
    mixed = any(has_annotations(each.statements) for each in cells[:first])
    for facts in cells[first:]:
        if mixed and has_annotations(facts.statements):
            source = quoted(facts.code.source, facts.statements)
            facts.code = replace(facts.code, source=source)
            facts.statements = parse(source).body
        elif not mixed:
            forget_annotations(facts.statements)
    return not mixed


def _follow(facts: CellFacts, frame: ModuleFrame) -> None:
    facts.bound_by = [bound_names(statement) for statement in facts.statements]
    if not facts.executed:
        return
    frame.memory.trace = facts.trace
    with frame.cell() as facts.names:
        shown = facts.statements[-1:]
        try:
            statements = Statements(frame)
            statements.run(facts.statements[:-1])
            if shown and isinstance(shown[0], ast.Expr):
                statements.watched = facts.shown
            statements.run(shown)
        except RecursionError:
            facts.error = SyntaxError("it is nested too deeply")
    _measure(facts, frame)
    facts.values = {
        name: frame.values[name] for name in facts.names.changed if name in frame.values
    }


def _measure(facts: CellFacts, frame: ModuleFrame) -> None:
    """Refuse to leave out code that is measured, and does something besides."""
    if not any(magic.measured for magic in facts.code.magics):
        return
    magics = []
    for magic in facts.code.magics:
        effect = effect_of(magic.measured, frame) if magic.measured else ""
        if effect:
            reason = f"it is run any number of times, and {effect}"
            magic = replace(magic, fate=Fate.REFUSED, reason=reason, fix=_FIX_MEASURED)
        magics.append(magic)
    facts.code = replace(facts.code, magics=tuple(magics))


_FIX_MEASURED = (
    "Run that code in a cell of its own without the magic, and tag the cell that measures skip."
)


def parse(source: str) -> ast.Module:
    """Parse a cell as Python does for notebooks.

    Raises:
        SyntaxError: It is no Python.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(source)
            compile(tree, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        except (ValueError, RecursionError, MemoryError) as error:
            raise SyntaxError(str(error) or "it is nested too deeply") from None
    return tree
