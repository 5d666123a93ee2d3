"""What a step does besides computing, by what it calls."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from nbprod.analysis.library_table import data_file


@cache
def _signs() -> dict[str, tuple[str, ...]]:
    """Effect to beginnings of qualified names, and methods with a leading dot."""
    return {effect: tuple(signs) for effect, signs in data_file("effects")["effects"].items()}


def effects_of(calls: Iterable[str]) -> tuple[str, ...]:
    """Return the effects that ``calls`` speak for, sorted."""
    found: set[str] = set()
    for call in calls:
        method = "." + call.rpartition(".")[2]
        found.update(
            effect
            for effect, signs in _signs().items()
            if any(method == sign if sign[0] == "." else call.startswith(sign) for sign in signs)
        )
    return tuple(sorted(found))
