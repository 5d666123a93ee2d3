"""Which steps may run side by side, and how many at a time."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

import psutil

from nbprod.pipeline.ir import Pipeline
from nbprod.pipeline.order import dependencies

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
