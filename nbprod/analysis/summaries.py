"""Summaries of the author's own functions: which arguments they change and return."""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import replace
from enum import StrEnum

from nbprod.analysis.frames import Frame, FunctionFrame
from nbprod.analysis.library_table import Conduct, method_conduct
from nbprod.analysis.memory import CodeNode, Memory, Place, Summary, Trace
from nbprod.analysis.scopes import FunctionNode, argument_names, first_argument, local_names
from nbprod.analysis.value import (
    COROUTINE,
    DRAWN_TYPES,
    GENERATOR,
    Value,
    containing,
    joined,
    scalar,
)

__all__ = [
    "Binding",
    "Summary",
    "changed_by_methods",
    "changes_more",
    "is_generator",
    "is_stateful",
    "known",
    "method_of",
    "own_decorators",
    "summary_of",
]


def known(memory: Memory, region: int) -> Summary | None:
    """Return a summary worked out before, for whatever types."""
    for (each, _), summary in memory.summaries.items():
        if each == region:
            return summary
    node = memory.code.get(region)
    if node is None or isinstance(node, ast.ClassDef):
        return None
    return summary_of(memory, None, region, ())


def summary_of(
    memory: Memory, frame: Frame | None, region: int, types: tuple[str, ...]
) -> Summary | None:
    """Return what calling the function in ``region`` does, given the arguments' types.

    ``None`` if it calls itself, so that nothing is known yet.
    """
    key = (region, types)
    if key in memory.summaries:
        return memory.summaries[key]
    if region in memory.active or len(memory.active) > 20:
        return None
    memory.active.add(region)
    outer_trace, memory.trace = memory.trace, Trace()
    try:
        summary = _summarize(memory, frame, region, types)
    finally:
        memory.trace = outer_trace
        memory.active.discard(region)
    memory.summaries[key] = summary
    return summary


def _summarize(
    memory: Memory,
    outer: Frame | None,
    region: int,
    types: tuple[str, ...],
) -> Summary:
    from nbprod.analysis.statements import Statements

    node, owner = memory.code[region], memory.owners.get(region)
    assert not isinstance(node, ast.ClassDef)
    own = local_names(node)
    frame = FunctionFrame(memory, outer=outer, locals=own, around=place_of(memory, region))
    frame.region = region
    parameters = _parameters(memory, frame, node, types)
    first = first_argument(node.args)
    if owner is not None and first:
        frame.values[first] = owner  # a class method knows its class
    runner = Statements(frame)
    if isinstance(node, ast.Lambda):
        returned = [runner.value(node.body)]
    else:
        runner.run(node.body)
        returned = runner.returned or [scalar("NoneType")]
    trace = memory.trace
    mutated = {name for region, name in frame.symbols.items() if region in trace.mutated}
    fitted = {name for region, name in frame.symbols.items() if region in trace.fitted}
    closed = {name for region, name in frame.symbols.items() if region in trace.closed}
    result = joined(returned)
    if is_generator(node):
        made = containing(memory.region(node, "generator"), [result, *parameters.values()])
        result = replace(made, pinned=GENERATOR, type="generator")
    elif isinstance(node, ast.AsyncFunctionDef):
        result = replace(result, pinned=COROUTINE)
    return Summary(
        mutated=frozenset(mutated & parameters.keys()),
        mutated_free=frozenset((mutated - parameters.keys()) | frame.rebinds.keys()),
        result=result,
        regions=dict(frame.symbols),
        calls=frozenset(trace.calls),
        fitted=frozenset(fitted),
        holds=frozenset(frame.held),
        installs=frozenset(frame.installed),
        kept=frozenset(trace.kept - own),
        closed=frozenset(closed),
        rebinds=tuple(sorted(frame.rebinds.items(), key=lambda item: item[0])),
        changed_code=frozenset(trace.mutated & (memory.code.keys() | memory.logged)),
    )


def _parameters(
    memory: Memory,
    frame: FunctionFrame,
    node: FunctionNode | ast.Lambda,
    types: tuple[str, ...],
) -> dict[str, Value]:
    by_name = dict(each.split("=", 1) for each in types if "=" in each)
    ordered = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
    by_name.update(zip(ordered, (each for each in types if "=" not in each), strict=False))
    for name in argument_names(node.args):
        region = memory.region((id(frame), name), "parameter")
        frame.symbols[region] = name
        kind = by_name.get(name, "")
        frame.values[name] = containing(region, (), "" if kind.startswith("name:") else kind)
        if kind in DRAWN_TYPES:
            memory.drawn.add(region)
    return dict(frame.values)


def place_of(memory: Memory, region: int) -> Place:
    """Return where the definition of a function or class stands."""
    return memory.places.get(region, Place())


def is_generator(node: CodeNode) -> bool:
    """Whether calling ``node`` gives a generator."""
    if isinstance(node, ast.Lambda | ast.ClassDef):
        return False
    pending: list[ast.AST] = list(node.body)
    while pending:
        each = pending.pop()
        if isinstance(each, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            pending.extend(ast.iter_child_nodes(each))
    return False


_MAY_CHANGE = frozenset({Conduct.MUTATES, Conduct.UNKNOWN})


class Binding(StrEnum):
    """What a method of a class gets as its first argument, besides those of the call."""

    INSTANCE = "instance"
    CLASS = "class"
    NOTHING = "nothing"
    PROPERTY = "property"  # called when it is read


_BINDINGS = {
    (): Binding.INSTANCE,
    ("classmethod",): Binding.CLASS,
    ("staticmethod",): Binding.NOTHING,
    ("property",): Binding.PROPERTY,
    ("cached_property",): Binding.PROPERTY,
    ("functools.cached_property",): Binding.PROPERTY,
}


def method_of(memory: Memory, frame: Frame, region: int, name: str) -> tuple[int, Binding] | None:
    """Find a method in a class of the notebook, or in one that it inherits from.

    Args:
        memory: The heap.
        frame: Where names of base classes are looked up.
        region: Region of the class.
        name: The method's name.

    Returns:
        Region of its code, and what it is bound to; ``None`` if there is none, or if a
        decorator makes something else of it.
    """
    node = memory.code.get(region)
    seen = 0
    while isinstance(node, ast.ClassDef) and seen < 10:
        seen += 1
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == name:
                decorators = tuple(ast.unparse(each) for each in statement.decorator_list)
                if decorators not in _BINDINGS:
                    return None
                found = memory.region(statement)
                memory.code[found] = statement
                memory.places[found] = place_of(memory, memory.region(node))
                if _BINDINGS[decorators] is Binding.CLASS:
                    memory.owners[found] = class_value(memory, region)
                return found, _BINDINGS[decorators]
        node = _base(memory, frame, node)
    return None


def changed_by_methods(memory: Memory, frame: Frame, region: int) -> set[str]:
    """Return the names from outside whose objects the methods of a notebook's class change.

    Also what the notebook's own decorators change around them.
    """
    node, found = memory.code[region], set[str]()
    for statement in node.body if isinstance(node, ast.ClassDef) else ():
        if not isinstance(statement, ast.FunctionDef):
            continue
        for decorator in own_decorators(memory, frame, statement):
            found.update(
                *(
                    _changed_names(memory.code[each], _MAY_CHANGE)
                    for each in _code_of(memory, decorator)
                )
            )
        method = method_of(memory, frame, region, statement.name)
        summary = summary_of(memory, frame, method[0], ()) if method else None
        found |= summary.mutated_free if summary else set()
    return found


def own_decorators(memory: Memory, frame: Frame, node: ast.stmt) -> list[Value]:
    """Return the decorators of a definition that are the notebook's own."""
    found = []
    for decorator in getattr(node, "decorator_list", ()):
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        value = frame.peek(called.id) if isinstance(called, ast.Name) else None
        if value is not None and _code_of(memory, value):
            found.append(value)
    return found


def _code_of(memory: Memory, value: Value) -> list[int]:
    return sorted(value.own & memory.code.keys())


def changes_more(node: FunctionNode) -> bool:
    """Tell whether a function certainly changes objects of others: its arguments', outer ones."""
    own = local_names(node) - set(argument_names(node.args))
    for each in ast.walk(node):
        if isinstance(each, ast.Assign) and ast.unparse(each.value).endswith(".__dict__"):
            own -= {name.id for name in each.targets if isinstance(name, ast.Name)}
    return not _changed_names(node, {Conduct.MUTATES}) <= own


def _changed_names(node: ast.AST, by: Collection[Conduct]) -> set[str]:
    """Return the names of which ``node``, functions within it included, changes the objects.

    Args:
        node: Any code.
        by: What methods do that count as a change.
    """
    found: set[str] = set()
    for each in ast.walk(node):
        target: ast.expr | None = None
        if isinstance(each, ast.Attribute | ast.Subscript) and not isinstance(each.ctx, ast.Load):
            target = each.value
        elif isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
            target = each.func.value if method_conduct("", each.func.attr) in by else None
        while isinstance(target, ast.Attribute | ast.Subscript):
            target = target.value
        if isinstance(target, ast.Name):
            found.add(target.id)
    return found


def class_value(memory: Memory, region: int) -> Value:
    """Return the value of a class of the notebook."""
    node = memory.code[region]
    assert isinstance(node, ast.ClassDef)
    own = frozenset({region})
    return Value(own, own | {memory.region(node, "state")}, "class", frozenset({node.name}))


def nested_class(memory: Memory, region: int, owner: Value, name: str) -> Value | None:
    """Return a class that stands in the body of the class ``owner``."""
    node = memory.code.get(region)
    for statement in node.body if isinstance(node, ast.ClassDef) else ():
        if isinstance(statement, ast.ClassDef) and statement.name == name:
            memory.define(statement, place_of(memory, region))
            found = class_value(memory, memory.region(statement))
            return replace(found, code=owner.code)
    return None


def _base(memory: Memory, frame: Frame, node: ast.ClassDef) -> CodeNode | None:
    for base in node.bases:
        value = frame.peek(base.id) if isinstance(base, ast.Name) else None
        for region in value.own if value else ():
            return memory.code.get(region)
    return None


def is_stateful(node: ast.ClassDef) -> bool:
    """Whether the class itself holds objects that its methods change."""
    shared = {
        target.id
        for statement in node.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        and isinstance(statement.value, ast.List | ast.Dict | ast.Set | ast.Call)
        and not _is_field(statement.value)
        for target in ast.walk(statement)
        if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store)
    }
    changed = _changed_attributes(node)
    return bool(shared & changed) or "*class*" in changed


def _is_field(node: ast.expr) -> bool:
    """Whether ``node`` declares a dataclass field, of which each instance gets its own."""
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("field", "Field"))


def _changed_attributes(node: ast.ClassDef) -> set[str]:
    """Names of attributes that code in ``node`` changes; ``*class*`` if it changes the class."""
    found: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute | ast.Subscript) and isinstance(
            each.ctx, ast.Store | ast.Del
        ):
            base = each.value
            if isinstance(each, ast.Subscript) and isinstance(base, ast.Attribute):
                found.add(base.attr)
            if isinstance(each, ast.Attribute) and _is_class(base, node.name):
                found.add("*class*")
        elif isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
            target = each.func.value
            changes = method_conduct("", each.func.attr) in {Conduct.MUTATES, Conduct.UNKNOWN}
            if changes and isinstance(target, ast.Attribute):
                found.add(target.attr)
    return found


def _is_class(node: ast.expr, name: str) -> bool:
    """Whether ``node`` is the class itself: its name, ``cls``, ``type(x)``, ``x.__class__``."""
    if isinstance(node, ast.Name):
        return node.id in {name, "cls"}
    if isinstance(node, ast.Attribute):
        return node.attr == "__class__"
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "type"
