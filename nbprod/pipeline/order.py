"""Which step has to wait for which: dataflow, rebinding, and what steps do besides.

Steps without a path between them may run side by side, each in a process of its own.
All that Python shares without saying so has to keep the notebook's order: who reads a
variable before it is bound anew, who draws from the random generators, who changes
options, the environment or files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nbprod.pipeline.ir import Effect, Pipeline, Step, Variable, edges

_CHANGES_PROCESS = frozenset({Effect.OPTIONS, Effect.ENVIRONMENT})
_CHANGES_WORLD = frozenset({Effect.WRITES_FILES, Effect.NETWORK, Effect.SUBPROCESS})
_TOUCHES_WORLD = _CHANGES_WORLD | {Effect.READS_FILES}


@dataclass(frozen=True, slots=True)
class Dependency:
    """A step that must not start before another one has ended.

    Attributes:
        before: Name of the step that comes first.
        after: Name of the one that waits.
        variables: What flows from the first to the second.
        reasons: Why else, as words: ``rebinds df``, ``random state``, ``files``, …
    """

    before: str
    after: str
    variables: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def dependencies(pipeline: Pipeline) -> tuple[Dependency, ...]:
    """Return what has to wait for what, without those that follow from others.

    A dependency through which a variable flows is always there; one for another reason
    only where no chain of others says the same.

    Returns:
        In the notebook's order of the waiting step, then of the first.
    """
    numbers = {step.name: number for number, step in enumerate(pipeline.steps)}
    all_flows: list[dict[int, list[str]]] = [{} for _ in pipeline.steps]
    for producer, consumer, variable in edges(pipeline):
        all_flows[numbers[consumer]].setdefault(numbers[producer], []).append(variable)
    found: list[Dependency] = []
    ancestors: list[frozenset[int]] = []
    for position, step in enumerate(pipeline.steps):
        flows = all_flows[position]
        reached = frozenset(flows).union(*(ancestors[earlier] for earlier in flows))
        waits: dict[int, tuple[str, ...]] = {}
        for earlier in range(position - 1, -1, -1):
            reasons = _reasons(pipeline.steps[earlier], step)
            if earlier not in reached and reasons:
                waits[earlier] = reasons
                reached |= {earlier} | ancestors[earlier]
        found += [
            Dependency(
                pipeline.steps[earlier].name,
                step.name,
                tuple(flows.get(earlier, ())),
                waits.get(earlier, ()),
            )
            for earlier in sorted({*flows, *waits})
        ]
        ancestors.append(reached)
    return tuple(found)


def _reasons(first: Step, second: Step) -> tuple[str, ...]:
    """Why ``second`` has to wait for ``first``, apart from the variables it takes from it."""
    used = {*_names(first.inputs), *_names(first.outputs)}
    reasons = [f"rebinds {name}" for name in _names(second.outputs) if name in used]
    one, other = frozenset(first.effects), frozenset(second.effects)
    if Effect.RANDOM in one and Effect.RANDOM in other:
        reasons.append("random state")
    # Any library may look at options and the environment: such a step is a barrier.
    reasons += sorted(effect.value for effect in (one | other) & _CHANGES_PROCESS)
    if one & _TOUCHES_WORLD and other & _TOUCHES_WORLD and (one | other) & _CHANGES_WORLD:
        reasons.append("files and other systems")
    return tuple(reasons)


def _names(variables: Iterable[Variable]) -> tuple[str, ...]:
    return tuple(variable.name for variable in variables)
