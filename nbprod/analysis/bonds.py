"""What keeps cells in one step: values that cannot pass from one step to another."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbprod.analysis.dataflow import StepFlow, code_within, reached_by
from nbprod.analysis.definitions import Definitions, Kind
from nbprod.analysis.effects import effects_of
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


def left_open(flows: Sequence[StepFlow], drafts: Sequence[Draft]) -> list[Bond]:
    """Find files that a step leaves open for writing, and the first later step that may look.

    What was written may not be in them yet; a step that ends as a function closes them.
    """
    found: list[Bond] = []
    before: dict[str, tuple[int, frozenset[str]]] = {}
    for position, (each, draft) in enumerate(zip(flows, drafts, strict=True)):
        texts, anything = _looked_at(draft) if before else ([], False)
        looked_at = {
            first: name
            for name, (first, files) in reversed(before.items())
            if anything or any(file in text for file in files for text in texts)
        }
        found.extend(Bond(first, position, name, LEFT_OPEN) for first, name in looked_at.items())
        before = {
            name: before[name] if before.get(name, (0, None))[1] == files else (position, files)
            for name, files in each.names.opened.items()
        }
    return found


LEFT_OPEN = "holds a file that is open still"
_READING, _RUNNING = "reads-files", "subprocess"
_OF_OPEN_FILES = frozenset({"json.load", "pickle.load", "yaml.safe_load"})


def _looked_at(draft: Draft) -> tuple[list[str], bool]:
    """Return all texts in a step, and whether it reads a file that none of them names."""
    nodes = [node for facts in draft.cells for node in facts.nodes]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
    called = {call for facts in draft.cells for call in facts.trace.calls} - _OF_OPEN_FILES
    looking = {call.rpartition(".")[2] for call in called if _READING in effects_of([call])}
    sayings: dict[str, list[bool]] = {}
    for node in nodes:
        if isinstance(node, ast.Call):
            is_said = bool(node.args) and isinstance(node.args[0], ast.Constant)
            sayings.setdefault(ast.unparse(node.func).rpartition(".")[2], []).append(is_said)
    said = {name for name, every in sayings.items() if all(every)}
    anything = not looking <= said or _RUNNING in effects_of(called)
    return [text for text in texts if isinstance(text, str)], anything


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
