"""Rule ``dead-cell``."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

from nbprod.analysis.effects import effects_of
from nbprod.analysis.library_table import Conduct, function_conduct, method_conduct
from nbprod.analysis.results import model_names
from nbprod.analysis.rules import finding
from nbprod.analysis.survey import CellFacts, Survey
from nbprod.diagnostics import Diagnostic

_HARMLESS_EFFECTS = frozenset({"random", "clock", "reads-files", "fits"})
_CHANGES = frozenset({Conduct.UNKNOWN, Conduct.MUTATES, Conduct.DRAWS, Conduct.SELF})
_WORD = re.compile(r"[^\W\d]\w*")
# What reads variables that a text names: Python's, pandas' (``@name``), duckdb's SQL.
_READ_TEXTS = frozenset({"eval", "exec", "query", "sql", "execute", "globals", "locals", "vars"})
_PLAIN = ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef


def dead_cells(survey: Survey) -> Iterator[Diagnostic]:
    """Find cells that show nothing, change nothing, and bind only names that nobody reads.

    The last code cell is spared: what it computes may be what the author wanted to have.
    """
    executed = [facts for facts in survey.cells if facts.executed and facts.statements]
    read = {facts.cell.number: _read(facts) for facts in survey.cells}
    if any(map(_reads_texts, executed)):
        for facts in executed:
            read[facts.cell.number] |= _words(facts)
    readers = Counter(name for names in read.values() for name in names)
    models = set(model_names(survey))
    for facts in executed[:-1]:
        names = {name for each in facts.bound_by for name in each}
        own = read[facts.cell.number]
        unread = not any(readers[name] - (name in own) for name in names)
        if names and unread and not names & models and _does_nothing(facts):
            listed = ", ".join(f"`{name}`" for name in _computed(facts)[:3])
            message = f"Nothing uses what the cell binds ({listed}), and it shows nothing."
            yield finding("dead-cell", message, facts.cell.origin(survey.notebook.path))


def _computed(facts: CellFacts) -> list[str]:
    """Return the names that a cell binds, those of imports last."""
    imported = {
        name
        for statement, names in zip(facts.statements, facts.bound_by, strict=True)
        if isinstance(statement, ast.Import | ast.ImportFrom)
        for name in names
    }
    names = {name for each in facts.bound_by for name in each}
    return [*sorted(names - imported), *sorted(imported)]


def _read(facts: CellFacts) -> set[str]:
    """Return the names that a cell reads, functions that nobody calls included."""
    if facts.error or facts.code.magics or not facts.executed:
        return set(_WORD.findall(facts.cell.source))  # a magic may read any of them
    loads = {
        node.id
        for node in facts.nodes
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store)
    }
    return loads | facts.names.mentioned


def _reads_texts(facts: CellFacts) -> bool:
    """Whether the cell calls something that reads variables which a text names."""
    called = (node.func for node in facts.nodes if isinstance(node, ast.Call))
    names = (getattr(each, "attr", getattr(each, "id", "")) for each in called)
    return any(name in _READ_TEXTS for name in names)


def _words(facts: CellFacts) -> set[str]:
    """Return the words of all texts in the cell."""
    return {
        word
        for node in facts.nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for word in _WORD.findall(node.value)
    }


def _does_nothing(facts: CellFacts) -> bool:
    """Whether the cell certainly does nothing but bind names."""
    role = facts.role
    tagged = role.parameters or role.metrics or role.serve or role.definitions or bool(role.step)
    if (
        tagged
        or facts.code.magics
        or not all(isinstance(each, _PLAIN) for each in facts.statements)
    ):
        return False
    if all(isinstance(each, ast.Import | ast.ImportFrom) for each in facts.statements):
        return False  # imports alone are a linter's business
    for statement in facts.statements:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if any(isinstance(each, ast.Attribute | ast.Subscript) for each in targets):
            return False
    own = frozenset().union(*(value.own for value in facts.values.values()))
    if facts.trace.mutated - own or set(effects_of(facts.trace.calls)) - _HARMLESS_EFFECTS:
        return False
    return not _calls_own_code(facts) and not any(map(_may_change, facts.trace.calls))


def _calls_own_code(facts: CellFacts) -> bool:
    """Whether the cell calls something that the notebook itself defines."""
    inside = {
        id(node)
        for each in facts.statements
        if isinstance(each, ast.FunctionDef | ast.ClassDef)
        for node in ast.walk(each)
    }
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and id(node) not in inside
        for node in facts.nodes
        if not (isinstance(node, ast.Call) and _is_class(node.func))
    )


def _is_class(function: ast.expr) -> bool:
    return isinstance(function, ast.Name) and function.id[:1].isupper()


def _may_change(call: str) -> bool:
    owner, _, name = call.rpartition(".")
    if owner == "?" or ":" in owner:
        return method_conduct("", name) in _CHANGES
    conducts = {function_conduct(call), method_conduct(owner, name)}
    return conducts <= _CHANGES
