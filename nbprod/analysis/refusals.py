"""Constructs that cannot be followed or cannot stand in a function: refused with the cell."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import TypeGuard

from nbprod.analysis.awaiting import tasks_left
from nbprod.analysis.rules import finding
from nbprod.analysis.scopes import bound_names
from nbprod.analysis.summaries import changes_more
from nbprod.analysis.survey import CellFacts, Survey
from nbprod.diagnostics import Diagnostic

_NAMESPACES = frozenset({"globals", "locals", "vars", "dir"})  # called without arguments
_DYNAMIC = frozenset({"exec", "eval"})
_SCOPES = frozenset({"f_globals", "f_locals", "__globals__", "user_ns", "user_global_ns"})
_FRAMES = frozenset({"_getframe", "currentframe", "f_code", "tb_frame"})
_CALLERS = frozenset({"f_back", "__traceback__"})
_PLACE = re.compile(r"%\((funcName|module|filename|pathname|lineno)\)")
_NUMBERS = frozenset({"int", "float", "complex"})
_MAIN = frozenset({"'__main__'", "__name__"})
_LOOKING = re.compile(r"\b(unittest|doctest|inspect|traceback|weakref)\b")
_STACKS = frozenset({"extract_tb", "extract_stack", "walk_tb", "walk_stack", "print_stack"})
_SOURCES = frozenset({"getsource", "getsourcelines", "getsourcefile", "getfile", "getmodule"})
_WEAK = frozenset({"weakref.ref", "weakref.proxy", "weakref.WeakMethod"})
_SAVING = frozenset({"__getstate__", "__reduce__", "__reduce_ex__", "__getnewargs__"})
_FORGETTING = frozenset({"WeakSet", "WeakValueDictionary", "WeakKeyDictionary", "finalize"})
_ENUMERATIONS = frozenset({"Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"})
_FIXES = {
    "code-in-main": "Name the tests: unittest.defaultTestLoader.loadTestsFromTestCase(MyTest), or "
    "move the code into a module of its own and give that.",
    "finalizer": "Use an ordinary container, and take objects out of it yourself.",
}


def refusals(survey: Survey) -> list[Diagnostic]:
    """Find syntax errors, and what no step could hold."""
    found: list[Diagnostic] = []
    for facts in survey.cells:
        if facts.role.skip:
            continue
        if facts.error is not None:
            found.append(_syntax(facts, facts.error, survey))
            continue
        for line, code, message in _constructs(facts):
            origin = facts.cell.origin(survey.notebook.path, facts.cell_line(line))
            found.append(finding(code, message, origin))
    found += [*_places(survey), *_looks_into_main(survey), *_missing_names(survey)]
    found += [*_shown_warnings(survey), *_same_numbers(survey), *_changing_members(survey)]
    return [*found, *_captured(survey)]


def binds_by_text(facts: CellFacts) -> bool:
    """Whether a cell may bind names that do not stand in it."""
    return any(code == "dynamic-namespace" for _, code, _ in _constructs(facts))


def _changing_members(survey: Survey) -> Iterator[Diagnostic]:
    """Find members of enumerations that are given attributes: they exist once per process."""
    cells = [facts for facts in survey.cells if not facts.role.skip and facts.error is None]
    kinds = {
        node.name: node
        for facts in cells
        for node in facts.nodes
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).rpartition(".")[2] in _ENUMERATIONS for base in node.bases)
    }
    inside = {id(node) for kind in kinds.values() for node in _set_by_methods(kind)}
    for facts in cells:
        for node in facts.nodes:
            if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Store):
                continue
            member = node.value
            named = isinstance(member, ast.Attribute) and ast.unparse(member.value) in kinds
            if named or id(node) in inside:
                message = f"`{ast.unparse(node)} = …` changes a member of an enumeration."
                origin = facts.cell.origin(survey.notebook.path, facts.cell_line(node.lineno))
                yield finding("changing-member", message, origin)


def _set_by_methods(kind: ast.ClassDef) -> Iterator[ast.Attribute]:
    """Yield the attributes that methods set; a member's own begin sets them once."""
    for method in kind.body:
        if isinstance(method, ast.FunctionDef) and method.name not in {"__init__", "__new__"}:
            for node in ast.walk(method):
                if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self":
                    yield node


def _shown_warnings(survey: Survey) -> Iterator[Diagnostic]:
    """Find where warnings of the notebook's own go, if it shows them itself.

    A notebook forgets at each cell which warnings it has shown; a module does not.
    """
    calls = {call for facts in survey.cells for call in facts.trace.calls}
    if not calls & {"warnings.showwarning=", "warnings.formatwarning="}:
        return
    for facts in survey.cells:
        for node in facts.nodes if facts.executed else ():
            if isinstance(node, ast.Call) and _qualified(node.func, survey) == "warnings.warn":
                origin = facts.cell.origin(survey.notebook.path, facts.cell_line(node.lineno))
                message = "How often a warning is shown depends on the cell that it comes from."
                fix = "Print it, or do not replace warnings.showwarning."
                yield finding("place-in-code", message, origin, fix)


def _same_numbers(survey: Survey) -> Iterator[Diagnostic]:
    """Find where numbers are asked whether they are the same object: stored ones are made anew.

    Those that are not a number are known by their object where they are stored, too.
    """
    nan = {
        target.id
        for facts in survey.cells
        for node in facts.nodes
        if isinstance(node, ast.Assign) and "nan" in ast.unparse(node.value).lower()
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for facts in survey.cells:
        for node in facts.nodes if facts.executed else ():
            if not isinstance(node, ast.Compare):
                continue
            operands = [node.left, *node.comparators]
            asks = any(isinstance(each, ast.Is | ast.IsNot) for each in node.ops)
            names = {each.id for each in operands if isinstance(each, ast.Name)} - nan
            known = [survey.values[name].type for name in names if name in survey.values]
            if asks and _NUMBERS & set(known) and not any(map(_is_plain_constant, operands)):
                origin = facts.cell.origin(survey.notebook.path, facts.cell_line(node.lineno))
                message = f"`{ast.unparse(node)[:60]}` asks whether two numbers are one object."
                fix = "Compare them with ==."
                yield finding("place-in-code", message, origin, fix)


def _is_plain_constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant)


def _missing_names(survey: Survey) -> Iterator[Diagnostic]:
    """Find what shows the exception for a name that is not bound: a function's is another."""
    bound = frozenset[str]()
    every = frozenset[str]().union(*(each for facts in survey.cells for each in facts.bound_by))
    for facts in survey.cells:
        if not facts.executed:
            continue
        for statement, names in zip(facts.statements, facts.bound_by, strict=True):
            for node in ast.walk(statement):
                if not isinstance(node, ast.Try):
                    continue
                if name := _shown_missing(node, every - bound):
                    message = f"What is raised where `{name}` is not bound yet is shown."
                    origin = facts.cell.origin(survey.notebook.path, facts.cell_line(node.lineno))
                    fix = f"Bind {name} before, or do not use the exception's text."
                    yield finding("place-in-code", message, origin, fix)
            if isinstance(statement, ast.Try | ast.If | ast.For | ast.While | ast.With):
                continue  # it may not bind them; the cell tells when it ends
            bound |= names
        bound = (bound | facts.names.bound) - facts.names.deleted - facts.names.unsure


def _shown_missing(node: ast.Try, missing: frozenset[str]) -> str:
    """Return the name that a ``try`` may find missing, if its handler shows the exception."""
    body = [each for statement in node.body for each in ast.walk(statement)]
    own = {each.id for each in body if isinstance(each, ast.Name) and _unbinds(each)}
    stored = {
        statement.targets[0].id
        for statement in node.body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }
    read = {each.id for each in body if isinstance(each, ast.Name) and not _binds(each)}
    read |= {
        each.target.id
        for each in body
        if isinstance(each, ast.AugAssign) and isinstance(each.target, ast.Name)
    }
    found = sorted((read & missing) - stored | own & read)
    catching = any(
        handler.name is not None
        and "NameError" in ast.unparse(handler.type or ast.Constant(None))
        and any(
            isinstance(each, ast.Name) and each.id == handler.name
            for inner in handler.body
            for each in ast.walk(inner)
        )
        for handler in node.handlers
    )
    return found[0] if found and catching else ""


def _binds(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _unbinds(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Del)


def _looks_into_main(survey: Survey) -> Iterator[Diagnostic]:
    """Find calls of the standard library that look for code, or objects, in the notebook."""
    if not any(_LOOKING.search(facts.code.source) for facts in survey.cells):
        return
    for facts in survey.cells:
        within = _within_functions(facts)
        for node in facts.nodes if not facts.role.skip and facts.error is None else ():
            if isinstance(node, ast.Call) and (found := _looks(node, survey, node in within)):
                code, what = found
                origin = facts.cell.origin(survey.notebook.path, facts.cell_line(node.lineno))
                text = f"`{ast.unparse(node)[:60]}` {what}."
                yield finding(code, text, origin, _FIXES.get(code, ""))


def _within_functions(facts: CellFacts) -> set[ast.AST]:
    """Return the calls in the bodies of functions."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    functions = [node for node in facts.nodes if isinstance(node, kinds)]
    return {each for node in functions for each in ast.walk(node) if isinstance(each, ast.Call)}


def _looks(node: ast.Call, survey: Survey, within: bool) -> tuple[str, str] | None:
    name = _qualified(node.func, survey)
    given = {word.arg: word.value for word in node.keywords}
    first = node.args[0] if node.args else None
    if name in {"unittest.main", "doctest.testmod"}:
        module = first or given.get("module") or given.get("m")
        if module is None or ast.unparse(module) in {"None", *_MAIN}:
            return "code-in-main", "looks for tests among the notebook's own names"
    elif name.startswith("inspect.get") and name.rpartition(".")[2] in _SOURCES:
        if first is not None and not _qualified(first, survey):
            return "place-in-code", "asks for the text or the file of code, which is another there"
    elif name.startswith("traceback.") and name.rpartition(".")[2] in _STACKS:
        return "place-in-code", "names the functions that code stands in"
    elif name.startswith("weakref.") and name.rpartition(".")[2] in _FORGETTING:
        return "finalizer", "does something when the last name of an object is gone"
    elif name in _WEAK and within:  # in a variable it shows where it crosses steps
        return "finalizer", "knows whether an object is gone, which steps may keep or drop"
    return None


def _qualified(node: ast.expr, survey: Survey) -> str:
    """Return the dotted name of something imported; empty if it is not."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    value = survey.values.get(node.id) if isinstance(node, ast.Name) else None
    return ".".join([value.qualified, *reversed(names)]) if value and value.qualified else ""


def _places(survey: Survey) -> Iterator[Diagnostic]:
    """Find code that asks where it stands."""
    cells = [facts for facts in survey.cells if not facts.role.skip and facts.error is None]
    logs = any(_keeps_logs(node) for facts in cells for node in facts.nodes)
    has_file = any("__file__" in names for facts in cells for names in facts.bound_by)
    for facts in cells:
        asked = [node for each in facts.statements for node in _asks_for_frame(each, False)]
        asked += [node for node in facts.nodes if logs and _names_place(node)]
        asked += [node for node in facts.nodes if not has_file and _is_own_file(node)]
        asked += _shown_exceptions(facts.nodes)
        for node in asked:
            origin = facts.cell.origin(survey.notebook.path, facts.cell_line(node.lineno))
            text = ast.unparse(node)[:60]
            yield finding("place-in-code", f"`{text}` tells where the code stands.", origin)


def _shown_exceptions(nodes: Sequence[ast.AST]) -> Iterator[ast.expr]:
    """Yield exceptions that were kept, and are logged with the place that they came from."""
    caught = {node.name for node in nodes if isinstance(node, ast.ExceptHandler)}
    for node in nodes:
        value = node.value if isinstance(node, ast.keyword) and node.arg == "exc_info" else None
        if isinstance(value, ast.Name) and value.id not in caught:
            yield value


def _asks_for_frame(node: ast.AST, in_function: bool) -> Iterator[ast.expr]:
    """Yield what reads the frame of a cell; a function's own frame is the same anywhere."""
    if isinstance(node, ast.Attribute) and (
        node.attr in _CALLERS or (node.attr in _FRAMES and not in_function)
    ):
        yield node
        return
    inside = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in ast.iter_child_nodes(node):
        yield from _asks_for_frame(child, inside)


def _keeps_logs(node: ast.AST) -> bool:
    """Tell whether logs may go where they are part of the results."""
    if isinstance(node, ast.keyword):
        return node.arg == "filename"
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name == "stdout" or name.endswith("FileHandler")


def _is_own_file(node: ast.AST) -> TypeGuard[ast.expr]:
    """Tell whether code reads ``__file__``, which a notebook does not have, and a module has."""
    return isinstance(node, ast.Name) and node.id == "__file__"


def _names_place(node: ast.AST) -> TypeGuard[ast.Constant]:
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return is_text and _PLACE.search(node.value) is not None  # type: ignore[attr-defined]


def _captured(survey: Survey) -> Iterator[Diagnostic]:
    """Find uses of what ``%%capture NAME`` binds beyond the text that was printed."""
    names: dict[str, CellFacts] = {}
    for facts in survey.cells:
        if facts.role.skip:
            continue
        for statement in facts.statements if names else ():
            yield from _shown_again(statement, facts, names, survey)
            for name in names.keys() & bound_names(statement):
                del names[name]
        for magic in facts.code.magics:
            if magic.text.startswith("%%capture"):
                words = magic.text.split()[1:]
                names.update({word: facts for word in words if not word.startswith("-")})


def _shown_again(
    statement: ast.stmt, facts: CellFacts, names: dict[str, CellFacts], survey: Survey
) -> Iterator[Diagnostic]:
    nodes = list(ast.walk(statement))
    texts = {id(each) for node in nodes for each in _read_as_text(node)}
    for node in nodes:
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            continue
        if node.id in names and id(node) not in texts:
            message = (
                f"`{node.id}` is what %%capture in cell {names[node.id].cell.number} kept: what "
                "was displayed there is shown again, which the generated code does not keep."
            )
            origin = facts.cell.origin(survey.notebook.path, facts.cell_line(node.lineno))
            fix = f"Read {node.id}.stdout, or show it without %%capture."
            yield finding("magic-refused", message, origin, fix)


def _read_as_text(node: ast.AST) -> list[ast.expr]:
    """Return where a captured output is certainly read as the text that was printed."""
    if isinstance(node, ast.Attribute) and node.attr in {"stdout", "stderr"}:
        return [node.value]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return list(node.args) if node.func.id in {"str", "print"} else []
    return []


def _syntax(facts: CellFacts, error: SyntaxError, survey: Survey) -> Diagnostic:
    line = facts.cell_line(error.lineno or 0)
    lines = facts.cell.source.split("\n")
    text = lines[line - 1].strip()[:80] if 0 < line <= len(lines) else ""
    quoted = f": `{text}`" if text else ""
    origin = facts.cell.origin(survey.notebook.path, line)
    return finding(
        "syntax-error", f"{(error.msg or 'invalid syntax').capitalize()}{quoted}.", origin
    )


def _constructs(facts: CellFacts) -> Iterator[tuple[int, str, str]]:
    if "async" in facts.code.source or "await" in facts.code.source:
        for call in tasks_left(facts.statements):
            text = f"`{ast.unparse(call)[:60]}` starts a task that goes on when its cell has ended."
            yield call.lineno, "unfinished-task", text
    for node in facts.nodes:
        if isinstance(node, ast.Call):
            yield from _dynamic(node)
        elif isinstance(node, ast.ImportFrom) and node.level:
            text = f"`from {'.' * node.level}{node.module or ''} import …` needs a package."
            yield node.lineno, "relative-import", text
        elif isinstance(node, ast.FunctionDef) and node.name == "__del__" and _is_seen(node):
            text = "`__del__` runs when the last name of an object is gone, which steps keep."
            yield node.lineno, "finalizer", text
        elif isinstance(node, ast.FunctionDef) and node.name in _SAVING and changes_more(node):
            text = f"`{node.name}` changes its object, which is saved while the notebook goes on."
            yield node.lineno, "saving-changes", text
        if isinstance(node, ast.stmt | ast.expr) and _is_back_door(node):
            text = f"`{ast.unparse(node)[:60]}` reaches the notebook's names by text."
            yield node.lineno, "dynamic-namespace", text


def _is_seen(node: ast.FunctionDef) -> bool:
    """Tell whether a ``__del__`` does more than to call methods of its object's parts."""
    return any(
        isinstance(each, ast.Call) and not ast.unparse(each.func).startswith("self.")
        for each in ast.walk(node)
    )


def _is_back_door(node: ast.stmt | ast.expr) -> bool:
    """Tell whether code gets hold of the notebook's namespace as an object."""
    if isinstance(node, ast.Import):
        return any(each.name == "__main__" for each in node.names)
    if isinstance(node, ast.ImportFrom):
        return node.module == "__main__"
    if isinstance(node, ast.Attribute):
        return node.attr in _SCOPES
    if isinstance(node, ast.Subscript) and ast.unparse(node.slice) in _MAIN:
        return ast.unparse(node.value) in {"sys.modules", "modules"}
    return False


def _dynamic(node: ast.Call) -> Iterator[tuple[int, str, str]]:
    if not isinstance(node.func, ast.Name):
        return
    name = node.func.id
    if name in _NAMESPACES and not node.args:
        yield node.lineno, "dynamic-namespace", f"`{name}()` reaches names by text."
    elif name in _DYNAMIC and len(node.args) == 1:
        text = node.args[0]
        if not (isinstance(text, ast.Constant) and _is_plain(str(text.value))):
            yield node.lineno, "dynamic-namespace", f"`{name}(…)` runs code that cannot be seen."


def _is_plain(text: str) -> bool:
    """Whether evaluating ``text`` touches no names."""
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError):
        return False
    return not any(isinstance(node, ast.Name | ast.NamedExpr) for node in ast.walk(tree))
