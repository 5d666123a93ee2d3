"""Which of the global random generators nobody has seeded.

The state of such a one is another in each run of the notebook, so what moves it is no
difference: importing some libraries draws, and generated code imports before its first step.

No seed function is watched, for there are many, also in libraries. The states themselves
tell: one that further drawing leads to was not set. Python's and numpy's generators are both
Mersenne Twisters, which make new words 624 at a time.
"""

from __future__ import annotations

import importlib
import random
from typing import Any

LIMIT = 4_000
"""How many times 624 words are drawn in search of a state. One that was not met (also after
2.5 million words) counts as seeded, which at most makes the comparison stricter."""

_WORDS = 624
_reached: dict[str, Any] = {}
"""The state that each unseeded generator was last seen in."""


def start(states: dict[str, Any]) -> None:
    """Begin with states that come from the system's entropy.

    Args:
        states: Names of generators -> their states; ``numpy_seed`` for what numpy's will be
            seeded with when it is imported.
    """
    _reached.clear()
    _reached.update(
        {name: states[name] for name in ("python", "numpy", "numpy_seed") if name in states}
    )


def resume(states: dict[str, Any], unseeded: list[str]) -> None:
    """Go on from states of another process.

    Args:
        states: As for :func:`start`.
        unseeded: What :func:`unseeded` said of them there.
    """
    start({name: found for name, found in states.items() if name.partition("_")[0] in unseeded})


def seeded(name: str) -> None:
    """Note that a generator was given a state."""
    _reached.pop(name, None)
    if name == "numpy":
        _reached.pop("numpy_seed", None)


def undo_draws(before: Any) -> None:
    """Bring Python's generator back to a state, if nobody seeded it and it was only drawn from.

    Args:
        before: As ``random.getstate()`` gave it.
    """
    after = random.getstate()
    if after == before or "python" not in _reached:
        return
    if _python_leads(_reached["python"], before) and _python_leads(before, after):
        random.setstate(before)


def unseeded(states: dict[str, Any]) -> list[str]:
    """Return the names of the generators that were only drawn from since the start.

    Args:
        states: As for :func:`start`, as they are now.
    """
    if "python" in _reached and not _python_leads(_reached["python"], states["python"]):
        del _reached["python"]
    if "numpy" in states:
        _note_numpy(states["numpy"])
    for name in _reached.keys() & states.keys():
        _reached[name] = states[name]
    return sorted({name.partition("_")[0] for name in _reached})


def _note_numpy(state: Any) -> None:
    numpy: Any = importlib.import_module("numpy")
    if "numpy_seed" in _reached:
        planned = numpy.random.RandomState(_reached.pop("numpy_seed"))
        _reached["numpy"] = planned.get_state()
    if "numpy" in _reached and not _numpy_leads(_reached["numpy"], state):
        del _reached["numpy"]


def _python_leads(first: Any, last: Any) -> bool:
    generator = random.Random()  # noqa: S311 - no secret
    generator.setstate(first)
    wanted = last[1][:_WORDS]
    for _ in range(LIMIT):
        if generator.getstate()[1][:_WORDS] == wanted:
            return True
        generator.getrandbits(32 * _WORDS)
    return False


def _numpy_leads(first: Any, last: Any) -> bool:
    numpy: Any = importlib.import_module("numpy")
    if first[0] != "MT19937" or last[0] != "MT19937":
        return False
    generator = numpy.random.RandomState()
    generator.set_state(first)
    for _ in range(LIMIT):
        if bool((generator.get_state()[1] == last[1]).all()):
            return True
        generator.bytes(4 * _WORDS)
    return False
