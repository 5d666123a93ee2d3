"""Which imports, functions, classes and constants stand outside the steps."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from nbprod.analysis.caches import shows_cache
from nbprod.analysis.effects import is_patch
from nbprod.analysis.frames import known_from_start
from nbprod.analysis.importing import Importing
from nbprod.analysis.purity import Purity, module_names
from nbprod.analysis.scopes import FreeNames, FunctionNode, definition_names, expression_names
from nbprod.analysis.source import Text, statement_text
from nbprod.analysis.summaries import is_stateful
from nbprod.analysis.survey import CellFacts, Survey

_MISSING = frozenset({"ImportError", "ModuleNotFoundError"})
_CACHES = frozenset({"lru_cache", "cache", "cached", "memoize", "cached_property"})


class Kind(StrEnum):
    """What a definition is; an optional import binds its name only where it succeeds."""

    IMPORT = "import"
    OPTIONAL_IMPORT = "optional-import"
    FUNCTION = "function"
    CLASS = "class"
    CONSTANT = "constant"


@dataclass(slots=True)
class Candidate:
    """A statement, or one name of an import, that may stand outside the steps.

    Attributes:
        name: The name it binds.
        kind: What it is.
        source: Its text.
        facts: The cell it is in.
        statement: The statement.
        free: The names it takes from outside.
        line: Line of the cell where its text begins.
        hoisted: It stands at module level; else it is repeated in each step that uses it.
    """

    name: str
    kind: Kind
    source: str
    facts: CellFacts
    statement: ast.stmt
    free: FreeNames
    line: int
    hoisted: bool = True


@dataclass(slots=True)
class Definitions:
    """What stands outside the steps.

    Attributes:
        by_name: Name to definition, in the notebook's order.
        removed: Statements of each cell (by cell number) that leave their block.
        variables: Names that stay the notebook's variables.
    """

    by_name: dict[str, Candidate] = field(default_factory=dict)
    removed: dict[int, list[ast.stmt]] = field(default_factory=dict)
    variables: frozenset[str] = frozenset()

    def repeated(self) -> Iterator[Candidate]:
        """Yield what is repeated inside the steps that use it."""
        return (each for each in self.by_name.values() if not each.hoisted)


def find_definitions(
    survey: Survey,
    parameters: Iterable[str],
    importing: Importing,
    shared: Collection[str] = (),
) -> Definitions:
    """Decide about each import, function, class and constant of the notebook.

    Args:
        survey: The facts.
        parameters: Names of the parameters, which are never constants.
        importing: Tells which imports may happen before any cell has run.
        shared: Classes and functions that stay the notebook's variables: they exist once, and
            several steps use them.
    """
    bindings = _bindings(survey)
    bound = frozenset(bindings)
    kept = {*parameters, *shared}
    groups: dict[str, list[Candidate]] = defaultdict(list)
    making = _Making(survey, importing)
    for facts in survey.cells:
        for candidate in _candidates(facts, importing, making) if facts.executed else ():
            # Of the parameters cell, what the defaults are made with.
            if candidate.kind is Kind.IMPORT or not facts.role.parameters:
                groups[candidate.name].append(candidate)
    chosen: dict[str, Candidate] = {}
    for name, group in groups.items():
        taken = name in kept or _hides_builtin(name, group[0], survey)
        merged = None if taken else _single(group, bindings[name])
        if merged is not None and not _changed(merged, survey):
            chosen[name] = merged
    for name, candidate in list(chosen.items()):
        if _remembers(candidate.statement) and shows_cache(name, candidate.statement, survey):
            del chosen[name]
    _settle(chosen, bound)
    return _finished(survey, groups, chosen, bound)


def _hides_builtin(name: str, first: Candidate, survey: Survey) -> bool:
    """Whether ``name`` means Python's own before its definition makes it mean another."""
    if not known_from_start(name):
        return False
    for facts in survey.cells:
        if facts.executed and name in facts.names.reads:
            return True
        if facts is first.facts:
            return False
    return False


def _bindings(survey: Survey) -> Mapping[str, list[ast.stmt | None]]:
    """Name to the statements that bind or delete it; ``None`` stands for a called function."""
    found: dict[str, list[ast.stmt | None]] = defaultdict(list)
    for facts in survey.cells:
        if not facts.executed:
            continue
        for statement, names in zip(facts.statements, facts.bound_by, strict=True):
            for name in names:
                found[name].append(statement)
        for name in facts.names.called_binds:
            found[name].append(None)
    return found


class _Making:
    """Knows which definitions come out the same before any cell has run.

    Attributes:
        called: Names that functions and classes of the notebook read when they are called.
    """

    def __init__(self, survey: Survey, importing: Importing) -> None:
        statements = [each for facts in survey.cells if facts.executed for each in facts.statements]
        self._survey = survey
        self._own = importing.own
        self._purity = Purity(module_names(statements, elsewhere=importing.own.code))
        self.called = frozenset[str]().union(
            *(
                definition_names(each).deferred
                for each in statements
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            )
        )

    def is_same_always(self, facts: CellFacts, statement: FunctionNode | ast.ClassDef) -> bool:
        """Whether making ``statement``, of the cell ``facts``, has no effect and sees none."""
        if not self._purity.is_pure([statement]):
            return False
        names = definition_names(statement).immediate
        modules = {
            self._purity.names.imported[name] for name in names & self._purity.names.imported.keys()
        }
        return not any(self._is_changed(module, facts, statement) for module in modules)

    def _is_changed(
        self, module: str, facts: CellFacts, statement: FunctionNode | ast.ClassDef
    ) -> bool:
        """Whether the notebook has changed what the definition reads of a module."""
        top = module.partition(".")[0]
        calls = {
            call
            for each in self._survey.cells
            if each.cell.number <= facts.cell.number
            for call in each.trace.calls
            if call.partition(".")[0] == top
        }
        if any(map(is_patch, calls)):
            return True
        if not isinstance(statement, ast.ClassDef) or not self._own.paths(top):
            return False
        body = ast.ClassDef(
            statement.name, bases=[], keywords=[], decorator_list=[], body=statement.body
        )
        read = {self._purity.names.imported.get(name) for name in definition_names(body).immediate}
        stateful = any(map(self._own.keeps_state, self._own.paths(module)))
        return module in read and stateful and any(call[-1] != "=" for call in calls)


def _candidates(facts: CellFacts, importing: Importing, making: _Making) -> Iterator[Candidate]:
    text = Text(facts.code.source, facts.statements)
    for statement in facts.statements:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield from _imports(facts, statement, importing)
        elif isinstance(statement, ast.Try):
            yield from _optional_imports(facts, statement, importing)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            if making.is_same_always(facts, statement):
                yield from _function(facts, statement, text)
        elif isinstance(statement, ast.ClassDef):
            if making.is_same_always(facts, statement):
                yield from _class(facts, statement, text)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            yield from _assignment(facts, statement, text, making.called)


def _imports(
    facts: CellFacts, statement: ast.Import | ast.ImportFrom, importing: Importing
) -> Iterator[Candidate]:
    def make(name: str, source: str) -> Candidate:
        line = facts.cell_line(statement.lineno)
        return Candidate(name, Kind.IMPORT, source, facts, statement, FreeNames(), line)

    if isinstance(statement, ast.Import):
        for alias in statement.names:
            if importing.from_start(alias.name, facts.cell.number, line=statement.lineno):
                renamed = f" as {alias.asname}" if alias.asname else ""
                name = alias.asname or alias.name.split(".")[0]
                yield make(name, f"import {alias.name}{renamed}")
        return
    module = statement.module or ""
    if statement.level or module == "__future__":
        return
    for alias in statement.names:
        taken = [alias.name]
        first = importing.from_start(module, facts.cell.number, taken, statement.lineno)
        if alias.name != "*" and first:
            renamed = f" as {alias.asname}" if alias.asname and alias.asname != alias.name else ""
            yield make(alias.asname or alias.name, f"from {module} import {alias.name}{renamed}")


def _optional_imports(
    facts: CellFacts, statement: ast.Try, importing: Importing
) -> Iterator[Candidate]:
    """What ``try`` imports and nothing else binds: unbound where it is not installed.

    The statement stays where it is, with all else that it does.
    """
    stored = {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }
    names = [
        alias.asname or alias.name.partition(".")[0]
        for node in ast.walk(statement)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    ]
    caught = {ast.unparse(each.type) if each.type else "" for each in statement.handlers}
    missing = "ImportError" if caught <= _MISSING else "Exception"
    for node in statement.body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for found in _imports(facts, node, importing):
            if found.name in facts.names.bound | stored or names.count(found.name) > 1:
                continue
            found.kind, found.statement = Kind.OPTIONAL_IMPORT, statement
            found.source = f"try:\n    {found.source}\nexcept {missing}:\n    pass"
            yield found


def _function(facts: CellFacts, statement: FunctionNode, text: Text) -> Iterator[Candidate]:
    if _plain_defaults(statement.args):
        source, line = statement_text(text, statement)
        free = definition_names(statement)
        yield Candidate(
            statement.name,
            Kind.FUNCTION,
            source,
            facts,
            statement,
            free,
            facts.cell_line(line),
        )


def _class(facts: CellFacts, statement: ast.ClassDef, text: Text) -> Iterator[Candidate]:
    source, line = statement_text(text, statement)
    yield Candidate(
        statement.name,
        Kind.CLASS,
        source,
        facts,
        statement,
        definition_names(statement),
        facts.cell_line(line),
        hoisted=not is_stateful(statement),
    )


def _assignment(
    facts: CellFacts, statement: ast.Assign | ast.AnnAssign, text: Text, called: frozenset[str]
) -> Iterator[Candidate]:
    """A lambda given a name, or a literal given a name in capitals or read by functions."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    target, value = targets[0], statement.value
    if len(targets) != 1 or not isinstance(target, ast.Name) or value is None:
        return
    if isinstance(value, ast.Lambda) and _plain_defaults(value.args):
        kind, free = Kind.FUNCTION, definition_names(value)
    elif _is_constant(target.id, value, called) and not facts.role.metrics:
        kind, free = Kind.CONSTANT, FreeNames(immediate=_annotation_names(statement))
    else:
        return
    source, line = statement_text(text, statement)
    yield Candidate(target.id, kind, source, facts, statement, free, facts.cell_line(line))


def _is_constant(name: str, value: ast.expr, called: frozenset[str]) -> bool:
    if not is_literal(value):
        return False
    mutable = any(isinstance(each, ast.List | ast.Dict | ast.Set) for each in ast.walk(value))
    return name.isupper() or (name in called and not mutable)


def _annotation_names(statement: ast.Assign | ast.AnnAssign) -> frozenset[str]:
    if isinstance(statement, ast.AnnAssign):
        return expression_names(statement.annotation)
    return frozenset()


def is_literal(node: ast.expr) -> bool:
    """Whether ``node`` is a literal, nested ones included."""
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _plain_defaults(arguments: ast.arguments) -> bool:
    """Whether all defaults are literals or names: nothing is called to make them."""
    defaults = [*arguments.defaults, *(each for each in arguments.kw_defaults if each)]
    return not any(
        isinstance(part, ast.Call | ast.NamedExpr) for each in defaults for part in ast.walk(each)
    )


def _single(group: list[Candidate], bindings: list[ast.stmt | None]) -> Candidate | None:
    """Return the one definition of a name, if all its bindings agree on it."""
    first = group[0]
    if len(bindings) == 1:
        return first if bindings[0] is first.statement and len(group) == 1 else None
    if any(each.kind is not Kind.IMPORT for each in group):
        return None
    statements = {id(each.statement) for each in group}
    if any(each is None or id(each) not in statements for each in bindings):
        return None
    sources = list(dict.fromkeys(each.source for each in group))
    plain = [f"import {first.name}", f"import {first.name}."]
    if len(sources) > 1 and not all(
        source == plain[0] or (source.startswith(plain[1]) and " as " not in source)
        for source in sources
    ):
        return None
    first.source = "\n".join(sources)
    return first


def _changed(candidate: Candidate, survey: Survey) -> bool:
    """Whether the object itself changes after it is made, or its identity matters."""
    value = survey.values.get(candidate.name)
    if value is None:
        return True
    if candidate.kind in {Kind.IMPORT, Kind.OPTIONAL_IMPORT}:
        return False
    if candidate.kind in {Kind.FUNCTION, Kind.CLASS} and not value.own & survey.memory.code.keys():
        return True  # a decorator of the author's own has made something else of it
    states = value.reach & survey.memory.states if len(value.own) == 1 else frozenset()
    own = {survey.memory.region(candidate.statement, "state")} & states
    regions = value.reach if candidate.kind is Kind.CONSTANT else value.own | own
    changed = bool(regions & survey.mutated)
    if changed and candidate.kind is Kind.CLASS:
        candidate.hoisted = False  # it has a state, so that it exists in one step only
        return False
    return changed


def _settle(chosen: dict[str, Candidate], bound: frozenset[str]) -> None:
    """Demote, until nothing changes, what reads the notebook's variables."""
    changed = True
    while changed:
        changed = False
        for name, candidate in list(chosen.items()):
            free = candidate.free
            variables = {each for each in free.all & bound if not _module_level(chosen, each)}
            at_once = variables & free.immediate
            if not (variables - {name} | free.binds if candidate.hoisted else at_once):
                continue
            changed = True
            repeatable = candidate.kind in {Kind.FUNCTION, Kind.CLASS}
            if repeatable and not at_once and not _remembers(candidate.statement):
                candidate.hoisted = False
            else:
                del chosen[name]


def _remembers(statement: ast.stmt) -> bool:
    """Whether a function keeps what it gave, so that a second one would be another."""
    decorators = getattr(statement, "decorator_list", [])
    called = (each.func if isinstance(each, ast.Call) else each for each in decorators)
    return any(ast.unparse(each).rpartition(".")[2] in _CACHES for each in called)


def _module_level(chosen: Mapping[str, Candidate], name: str) -> bool:
    return name in chosen and chosen[name].hoisted


def _finished(
    survey: Survey,
    groups: Mapping[str, list[Candidate]],
    chosen: dict[str, Candidate],
    bound: frozenset[str],
) -> Definitions:
    """Tell which statements leave their cells: those of which all names are taken out."""
    result = Definitions(variables=bound - chosen.keys())
    order = [name for name in groups if name in chosen]
    result.by_name = {name: chosen[name] for name in order}
    for facts in survey.cells:
        removed = []
        for statement, names in zip(facts.statements, facts.bound_by, strict=True):
            # Annotations need no future here; a star import of which nothing is used is empty.
            future = isinstance(statement, ast.ImportFrom) and (
                statement.module == "__future__" or not statement.names
            )
            taken = any(
                candidate.statement is statement
                for name in names
                if name in chosen
                for candidate in groups[name]
            )
            if future or (taken and names <= chosen.keys() and _is_definition(statement)):
                removed.append(statement)
        result.removed[facts.cell.number] = removed
    return result


def _is_definition(statement: ast.stmt) -> bool:
    return isinstance(
        statement,
        ast.Import
        | ast.ImportFrom
        | ast.FunctionDef
        | ast.AsyncFunctionDef
        | ast.ClassDef
        | ast.Assign
        | ast.AnnAssign,
    )
