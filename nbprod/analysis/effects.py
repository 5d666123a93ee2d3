"""What a step does besides computing, by what it calls."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum
from functools import cache

from nbprod.analysis.library_table import Conduct, data_file, function_conduct, method_conduct

PLOTS = "plots"
OPTIONS = "options"
_LOOKS_LIKE_DRAWING = re.compile(
    r"plot|draw|show|fig|vis|graph|chart|hist|scatter|heat|display|curve|boundar|tree|image",
    re.IGNORECASE,
)
# ``atexit.register``, ``signal.signal``, ``sys.settrace``, ``register_dataframe_accessor``
_KEEPS = re.compile(r"register|signal$|set_|settrace$|setprofile$|add_|install")


class Drawing(IntEnum):
    """Whether code leaves figures open."""

    NO = 0
    MAYBE = 1
    YES = 2


@cache
def _signs() -> dict[str, tuple[str, ...]]:
    """Effect to beginnings of qualified names, and methods with a leading dot."""
    return {effect: tuple(signs) for effect, signs in data_file("effects")["effects"].items()}


def effects_of(calls: Iterable[str]) -> tuple[str, ...]:
    """Return the effects that ``calls`` speak for, sorted."""
    found: set[str] = set()
    for call in calls:
        method = "." + call.rpartition(".")[2]
        own = {
            effect
            for effect, signs in _signs().items()
            if any(method == sign if sign[0] == "." else call.startswith(sign) for sign in signs)
        }
        found |= own - {PLOTS} if OPTIONS in own else own  # how plots look draws none
    return tuple(sorted(found))


def is_patch(call: str) -> bool:
    """Whether ``call`` sets an attribute or item of a module that is no option of it.

    Options count as their own effect; what reads those is never moved.
    """
    return call.endswith("=") and not {OPTIONS, "environment"}.intersection(effects_of([call]))


def keeps_code(call: str) -> bool:
    """Whether a library goes on calling the functions that ``call`` gives it."""
    name = call.rpartition(".")[2]
    return bool(_KEEPS.match(name)) or OPTIONS in effects_of([call])


def drawing_of(calls: Iterable[str], *, among_plots: bool) -> Drawing:
    """Tell whether ``calls`` draw figures.

    Args:
        calls: Qualified names, and methods as ``type.method``.
        among_plots: The notebook imports what plots: any unknown call may draw too.
    """
    calls = tuple(calls)
    if PLOTS in effects_of(calls):
        return Drawing.YES
    unknown = [call for call in calls if _is_unknown(call) and OPTIONS not in effects_of([call])]
    if any(among_plots or _LOOKS_LIKE_DRAWING.search(call) for call in unknown):
        return Drawing.MAYBE
    return Drawing.NO


def _is_unknown(call: str) -> bool:
    kind, _, name = call.rpartition(".")
    if kind == "?":
        return method_conduct("", name) in {Conduct.UNKNOWN, Conduct.DRAWS}
    found = function_conduct(call)
    if found is Conduct.UNKNOWN and name[:1].isupper():
        return False  # a class: making an object draws nothing
    return found in {Conduct.UNKNOWN, Conduct.DRAWS} and (
        method_conduct(kind, name) in {Conduct.UNKNOWN, Conduct.DRAWS}
    )
