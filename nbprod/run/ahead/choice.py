"""Which steps may run side by side, and how many at a time."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import psutil

from nbprod.pipeline.ir import Pipeline
from nbprod.pipeline.order import dependencies

START = 5.0
"""Seconds that a process, its kernel and what a notebook imports take before a step begins."""

_LIMIT = Path("/sys/fs/cgroup/memory.max")
_USED = Path("/sys/fs/cgroup/memory.current")


def ancestors(pipeline: Pipeline) -> dict[str, frozenset[str]]:
    """Return for each step all those that it has to wait for."""
    found: dict[str, frozenset[str]] = {step.name: frozenset() for step in pipeline.steps}
    for each in dependencies(pipeline):  # in the notebook's order: those before are complete
        found[each.after] |= {each.before} | found[each.before]
    return found


def side_by_side(before: Mapping[str, frozenset[str]], names: Collection[str]) -> frozenset[str]:
    """Return the steps that may run beside another one now, without a third one in between.

    Args:
        before: For each step all those that it has to wait for.
        names: Steps that can be computed ahead; what others before them give is there.
    """
    apart = {
        one
        for one in names
        for other in names
        if one != other and one not in before[other] and other not in before[one]
    }
    while True:
        waiting = {name for name in apart if before[name] & (set(names) - apart)}
        if not waiting:
            return frozenset(apart)
        apart -= waiting


def worth_a_process(
    before: Mapping[str, frozenset[str]], seconds: Mapping[str, float]
) -> frozenset[str]:
    """Return the steps that take longer than a process takes to begin, and those before them.

    Args:
        before: For each step all those that it has to wait for.
        seconds: How long steps take, of those for which that is known.
    """
    long = {name for name in before if seconds.get(name, 0.0) >= START}
    return frozenset(long.union(*(before[name] for name in long)))


def are_independent(before: Mapping[str, frozenset[str]], names: Collection[str]) -> bool:
    """Tell whether some two of these steps don't wait for each other."""
    return any(
        one not in before[other] and other not in before[one]
        for one, other in combinations(names, 2)
    )


@dataclass(frozen=True, slots=True)
class Room:
    """What a worker has for steps.

    Attributes:
        threads: How many at a time.
        memory: Bytes that they may use.
    """

    threads: int
    memory: float

    def __sub__(self, other: Room) -> Room:
        return Room(self.threads - other.threads, self.memory - other.memory)


def roomiest(peak: int, rooms: Mapping[str, Room]) -> str | None:
    """Return the worker for a step that needs ``peak`` bytes of memory; ``None`` if none can."""
    able = [name for name, room in rooms.items() if room.threads > 0 and room.memory >= peak]
    return max(able, key=lambda name: (rooms[name].threads, rooms[name].memory), default=None)


def free_memory() -> int:
    """Return how many bytes processes may still use: of the machine, or of our container."""
    free = int(psutil.virtual_memory().available)
    try:
        return min(free, int(_LIMIT.read_text()) - int(_USED.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit
        return free


def cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
