"""What keeps cells in one step: values that cannot pass from one step to another."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbprod.analysis.dataflow import StepFlow, code_within, reached_by
from nbprod.analysis.definitions import Definitions, Kind
from nbprod.analysis.steps import Draft

_CONDITIONAL = "is bound only under a condition"


@dataclass(frozen=True, slots=True)
class Bond:
    """Two steps that have to be one, and all between them.

    Attributes:
        first: Position of the earlier step.
        last: Position of the later step.
        name: The variable that binds them together.
        reason: Why, a clause that follows the variable's name.
        is_spare: The later step only hands the variable on, if there is one, as a result: what
            a loop went through last.
    """

    first: int
    last: int
    name: str
    reason: str
    is_spare: bool = False


def bonds(flows: Sequence[StepFlow], definitions: Definitions) -> list[Bond]:
    """Find what cannot be cut."""
    found: list[Bond] = []
    producer: dict[str, int] = {}
    unsure: dict[str, int] = {}
    for position, each in enumerate(flows):
        for name in [*each.inputs, *each.params]:
            if name in unsure:
                found.append(Bond(unsure[name], position, name, "may be unbound in between"))
            first = producer.get(name)
            if first is None:
                continue
            reason = _reason(flows, first, position, name, definitions)
            if reason:
                is_spare = reason == _CONDITIONAL and name not in each.names.reads
                found.append(Bond(first, position, name, reason, is_spare))
        producer.update(dict.fromkeys(each.outputs, position))
        unsure = {name: where for name, where in unsure.items() if name not in each.names.bound}
        unsure.update(dict.fromkeys(each.names.unsure, position))
    return [*found, *_kept(flows, definitions)]


def _kept(flows: Sequence[StepFlow], definitions: Definitions) -> Iterator[Bond]:
    """Find variables that are bound anew while a library keeps code that reads them.

    Any later step may have that code called, and never names it.
    """
    for position, each in enumerate(flows):
        for name in sorted(reached_by(each.names, each.names.kept) & definitions.variables):
            if any(name in later.names.maybe for later in flows[position + 1 :]):
                reason = "is read by code that a library keeps, and bound anew later"
                yield Bond(position, len(flows) - 1, name, reason)


def shared_classes(flows: Sequence[StepFlow], definitions: Definitions) -> frozenset[str]:
    """Return the classes that exist once, as they have a state or read variables, for many steps.

    One step alone can hold such a class; between several it has to be handed on.
    """
    return frozenset(
        candidate.name
        for candidate in definitions.repeated()
        if candidate.kind is Kind.CLASS
        and sum(candidate.name in each.names.mentioned for each in flows) > 1
    )


def _reason(
    flows: Sequence[StepFlow], first: int, last: int, name: str, definitions: Definitions
) -> str:
    value = flows[first].names.values.get(name)
    if value is None:
        return ""
    if value.pinned:
        return f"holds {value.pinned}, which cannot be stored"
    stale = _stale(flows, first, last, name, definitions)
    if stale:
        return f"holds code that reads {stale}, which is bound anew in between"
    if _conditional(flows, first, last, name):
        return _CONDITIONAL
    return ""


def _stale(
    flows: Sequence[StepFlow], first: int, last: int, name: str, definitions: Definitions
) -> str:
    """Return a variable that code within ``name`` reads and a later step binds anew."""
    names = flows[first].names
    code = code_within(names, (name,))
    for entry in sorted(code & definitions.variables):
        for position in range(first + 1, last + 1):
            if entry in flows[position].names.maybe:
                return entry
    return ""


def _conditional(flows: Sequence[StepFlow], first: int, last: int, name: str) -> bool:
    """Whether ``name`` may not exist after the step, and is read only under a condition too."""
    producer = flows[first]
    if name in producer.names.bound or name in [*producer.inputs, *producer.params]:
        return False
    read = flows[last].names.reads.get(name)
    return read is None or not read.certain  # without a read, it is handed on


def left_open(drafts: Sequence[Draft]) -> list[Bond]:
    """Find files that a step leaves open for writing, and the first later step that names them.

    What was written may not be in them yet; a step that ends as a function closes them.
    """
    found: list[Bond] = []
    written: dict[str, tuple[int, str]] = {}
    for position, draft in enumerate(drafts):
        for statement in (each for facts in draft.cells for each in facts.statements):
            nodes = list(ast.walk(statement))
            for name, (first, path) in list(written.items()):
                named = position > first and any(_is(node, path) for node in nodes)
                if named:
                    found.append(Bond(first, position, name, "is a file that is open still"))
                if named or any(_closes(node, name) or _binds(node, name) for node in nodes):
                    del written[name]
            if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                opened = dict(pair for node in nodes for pair in _opened(node))
                for name, path in opened.items():
                    if not any(_closes(node, name) for node in nodes):
                        written[name] = position, path
    return found


def _opened(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the variable of a file that is opened for writing, and its path as written."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
        return
    call, target = node.value, node.targets[0]
    if not isinstance(target, ast.Name) or ast.unparse(call.func) != "open" or not call.args:
        return
    modes = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "mode")]
    if any(isinstance(mode, ast.Constant) and set("wax+") & set(str(mode.value)) for mode in modes):
        yield target.id, ast.unparse(call.args[0])


def _closes(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.With | ast.AsyncWith):
        return any(_is(item.context_expr, name) for item in node.items)
    if not isinstance(node, ast.Attribute):
        return False
    return node.attr in {"close", "flush"} and _is(node.value, name)


def _binds(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)


def _is(node: ast.AST, text: str) -> bool:
    return isinstance(node, ast.Name | ast.Constant) and ast.unparse(node) == text


def merge(drafts: list[Draft], found: Sequence[Bond]) -> list[Draft]:
    """Join the steps that ``found`` binds together, and all between them."""
    reach = list(range(len(drafts)))
    for bond in found:
        reach[bond.first] = max(reach[bond.first], bond.last)
    merged: list[Draft] = []
    end = -1
    for position, draft in enumerate(drafts):
        if position <= end and merged:
            merged[-1].cells.extend(draft.cells)
            merged[-1].heading = merged[-1].heading or draft.heading
        else:
            merged.append(draft)
        end = max(end, reach[position])
    return merged
