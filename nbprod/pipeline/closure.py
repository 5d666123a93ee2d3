"""Everything that a set of distributions needs in turn, from what each of them declares."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence


def normalized(name: str) -> str:
    """Normalize a distribution name as package indexes do."""
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(
    names: Iterable[str],
    requires: Callable[[str], Sequence[str] | None],
    markers: Mapping[str, str] | None = None,
) -> frozenset[str]:
    """Follow requirements, with the extras that they ask for.

    Args:
        names: Where to begin.
        requires: Normalized name to the requirements its metadata declares; ``None`` if it
            is not installed, as with a requirement of another platform.
        markers: What markers compare with; this interpreter's values if ``None``.

    Returns:
        Normalized names of all that is installed, those of ``names`` among them.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    waiting = [(normalized(name), "") for name in names]
    seen: set[tuple[str, str]] = set()
    found: set[str] = set()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        declared = requires(name)
        if declared is None:
            continue
        found.add(name)
        for text in declared:
            try:
                each = Requirement(text)
            except InvalidRequirement:
                continue  # of an old release; whoever installed it left it out too
            if each.marker and not each.marker.evaluate({**(markers or {}), "extra": extra}):
                continue
            needed = normalized(each.name)
            waiting += [(needed, ""), *((needed, asked) for asked in each.extras)]
    return frozenset(found)
