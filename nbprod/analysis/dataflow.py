"""What passes between steps: inputs, parameters, outputs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nbprod.analysis.definitions import Definitions
from nbprod.analysis.frames import Read, is_given
from nbprod.analysis.steps import Draft
from nbprod.analysis.value import BINDS, OF, Value


@dataclass(slots=True)
class StepNames:
    """What the cells of one step do together.

    Attributes:
        reads: Variables read before the step certainly binds them.
        bound: Names certainly bound when it ends.
        maybe: Names that it may bind, ``bound`` included.
        deleted: Names unbound when it ends.
        unsure: Names that it may have unbound.
        mentioned: All names it reads.
        mutated: Regions it changes.
        compared: Regions whose identity it looks at.
        kept: Names that code reads which it gives to a library for keeps.
        values: What each name holds when it ends, all earlier ones included.
        opened: Variables that hold files open for writing when it ends, and those files' names.
    """

    reads: dict[str, Read] = field(default_factory=dict)
    bound: set[str] = field(default_factory=set)
    maybe: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    mentioned: set[str] = field(default_factory=set)
    mutated: set[int] = field(default_factory=set)
    compared: set[int] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    values: dict[str, Value] = field(default_factory=dict)
    opened: dict[str, frozenset[str]] = field(default_factory=dict)


@dataclass(slots=True)
class StepFlow:
    """What passes into and out of one step.

    Attributes:
        names: What its cells do.
        inputs: Variables it needs from earlier steps, sorted by first use.
        params: Parameters it reads, in the order of the parameters cell.
        outputs: Variables that later steps need, or that the pipeline hands back.
        builtins: Builtins that it reads before it binds the same name.
    """

    names: StepNames
    inputs: list[str] = field(default_factory=list)
    params: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    builtins: list[str] = field(default_factory=list)


def flow(
    drafts: Sequence[Draft],
    definitions: Definitions,
    parameters: Sequence[str],
    wanted: Collection[str],
    given: Mapping[str, Value] | None = None,
) -> list[StepFlow]:
    """Work out what passes between ``drafts``.

    Args:
        drafts: The steps, in order.
        definitions: What stands outside them.
        parameters: Names of the parameters.
        wanted: Names that the pipeline hands back at its end, if they exist then.
        given: What the parameters hold.
    """
    flows = [StepFlow(names) for names in step_names(drafts, definitions, given or {})]
    existing = _existing(flows)
    _backward(flows, existing, set(wanted), set(parameters))
    _split_parameters(flows, parameters)
    return flows


def step_names(
    drafts: Sequence[Draft], definitions: Definitions, given: Mapping[str, Value]
) -> list[StepNames]:
    """Sum up the cells of each step, from what the parameters hold on."""
    values = dict(given)
    closed: set[int] = set()
    result: list[StepNames] = []
    for draft in drafts:
        names = StepNames()
        for facts in draft.cells:
            for name, read in facts.names.reads.items():
                if name not in definitions.by_name and name not in names.bound:
                    names.reads.setdefault(name, read)
            variables = definitions.variables
            again = names.deleted & facts.names.maybe
            names.bound = (names.bound | (facts.names.bound & variables)) - facts.names.deleted
            names.maybe = (names.maybe | (facts.names.maybe & variables)) - facts.names.deleted
            names.deleted = (names.deleted | facts.names.deleted) - facts.names.maybe
            names.unsure = ((names.unsure | again) - facts.names.bound) | facts.names.unsure
            names.mentioned |= facts.names.mentioned
            names.compared |= facts.trace.compared
            names.kept |= facts.trace.kept
            closed |= facts.trace.closed
            values.update(facts.values)
            kept = StepNames(values=values)
            # What a run has shown; the next runs check it.
            spared = {region for each in facts.role.unchanged for region in reach_of(kept, each)}
            names.mutated |= facts.trace.mutated - spared
        for name in names.deleted:
            values.pop(name, None)
        names.values = dict(values)
        names.opened = {
            name: value.opened
            for name, value in values.items()
            if value.opened and not value.reach & closed
        }
        result.append(names)
    return result


def _existing(flows: Sequence[StepFlow]) -> list[set[str]]:
    """For each step the names that may exist when it begins, and one entry for the end."""
    found: list[set[str]] = [set()]
    for each in flows:
        found.append((found[-1] | each.names.maybe) - each.names.deleted)
    return found


def _backward(
    flows: Sequence[StepFlow],
    existing: Sequence[set[str]],
    wanted: set[str],
    parameters: set[str],
) -> None:
    live = wanted & (existing[-1] | parameters)
    later: set[int] = set()
    for position in range(len(flows) - 1, -1, -1):
        each, names = flows[position], flows[position].names
        before = existing[position] | parameters
        later |= names.mutated | names.compared
        outputs = _outputs(names, live, later)
        needed = {name for name in names.reads if name in before}
        needed |= {name for name in outputs if name not in names.bound and name in before}
        # Who calls a function of this step's later finds what it reads where it was made.
        called = code_within(names, outputs & names.maybe) - names.bound
        needed |= called & before
        each.builtins = sorted(
            name
            for name in names.reads
            if name not in before and name in names.maybe and is_given(name)
        )
        each.outputs = _ordered(outputs, names.values)
        each.inputs = _ordered(needed, names.reads)
        live = (live - names.bound - names.deleted) | needed


def _outputs(names: StepNames, live: set[str], later: set[int]) -> set[str]:
    """Live names that the step binds or changes, and those that must travel with them."""
    outputs = {
        name
        for name in live
        if name in names.maybe or (name in names.values and reach_of(names, name) & names.mutated)
    }
    rest = {name: reach_of(names, name) & later for name in live - outputs}
    rest = {name: regions for name, regions in rest.items() if regions}
    changed = bool(rest)
    while changed:
        shared = set().union(*(reach_of(names, name) for name in outputs))
        joining = {name for name, regions in rest.items() if regions & shared}
        changed = bool(joining)
        outputs |= joining
        rest = {name: regions for name, regions in rest.items() if name not in joining}
    return outputs


def reach_of(names: StepNames, name: str) -> frozenset[int]:
    """Return all that a variable leads to, through the names its functions read as well."""
    value = names.values.get(name)
    if value is None:
        return frozenset()
    if not value.code:
        return value.reach
    reach, seen, pending = set(value.reach), set[str](), list(value.code)
    while pending:
        entry = pending.pop().lstrip(BINDS + OF)
        inner = names.values.get(entry)
        if entry in seen or inner is None:
            continue
        seen.add(entry)
        reach |= inner.reach
        pending.extend(inner.code)
    return frozenset(reach)


def code_within(names: StepNames, variables: Iterable[str]) -> set[str]:
    """Return all names that code within variables of a step reads, directly or not."""
    values = (names.values.get(name) for name in variables)
    return set().union(*(reached_by(names, value.code) for value in values if value is not None))


def reached_by(names: StepNames, code: Collection[str]) -> set[str]:
    """Return the names that code reads, and those that the code in these reads."""
    found: set[str] = set()
    pending = list(code)
    while pending:
        entry = pending.pop().lstrip(BINDS)
        if entry in found or entry.startswith(OF):
            continue
        found.add(entry)
        inner = names.values.get(entry)
        pending.extend(inner.code if inner else ())
    return found


def _ordered(needed: Iterable[str], like: Iterable[str]) -> list[str]:
    """Sort names as they stand in ``like``, others behind them by name."""
    order = {name: position for position, name in enumerate(like)}
    return sorted(needed, key=lambda name: (order.get(name, len(order)), name))


def _split_parameters(flows: Sequence[StepFlow], parameters: Sequence[str]) -> None:
    """Take parameters out of the inputs until a step has made something else of them."""
    remade: set[str] = set()
    for each in flows:
        each.params = [name for name in parameters if name in each.inputs and name not in remade]
        each.inputs = [name for name in each.inputs if name not in each.params]
        remade |= set(each.outputs) & set(parameters)
