"""The user's variables: which they are, the whole namespace on its way to a fresh kernel."""

from __future__ import annotations

import datetime
import math
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from . import (
    ambient,
    artifacts,
    contents,
    figures,
    fingerprint,
    hidden_sharing,
    measured,
    mutations,
    observe,
    provenance,
    set_orders,
)

_OBSERVED = "nbprod: observed"  # no identifier: it hides no variable

_MODULES = "nbprod: modules"

_FIGURES = "nbprod: figures"

_LOOKED_AT = 10_000

_IPYTHON = frozenset(
    {"In", "Out", "get_ipython", "exit", "quit", "open", "_", "__", "___", "_dh", "_ih", "_oh"}
    | {"_i", "_ii", "_iii", "_exit_code"}
)


def user_variables(scope: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """Return the variables of ``scope`` that the notebook bound, in binding order.

    Args:
        scope: The shell's namespace.
        hidden: Names that were there before the first cell; one that the notebook
            bound anew counts unless IPython owns it.
    """
    return {
        name: value
        for name, value in scope.items()
        if name not in _IPYTHON
        and not _is_history(name)
        and not (name in hidden and name.startswith("__"))
    }


def _is_history(name: str) -> bool:
    digits = name[2:] if name.startswith("_i") else name[1:]
    return name.startswith("_") and digits.isdigit()


def save(
    shell: Any,
    variables: Mapping[str, Any],
    path: str,
    start: dict[str, str],
    secrets: Mapping[str, str] = {},
    options: dict[str, dict[str, Any]] = {},  # noqa: B006
    parted: hidden_sharing.Parted | None = None,
) -> dict[str, Any]:
    """Save the whole namespace with its ambient state for :func:`load`.

    Args:
        shell: The IPython shell.
        variables: The notebook's variables.
        path: Where it goes.
        start: Environment variables when the kernel started.
        secrets: Parameters that the next kernel is given anew, and their values.
        options: The shell's options when the kernel started.
        parted: What no longer shares its memory here.
    """
    again = [name for name, value in secrets.items() if _is_text(variables.get(name), value)]
    variables = {name: value for name, value in variables.items() if name not in again}
    state, changed, lost = state_of(shell, start, options)
    observed = {"links": provenance.export(), "fits": observe.export()}
    names = list(variables)
    own = {_OBSERVED: observed, _MODULES: changed, _FIGURES: figures.opened()}
    saved = artifacts.save_variables(
        {**variables, **own}, [*names, *own], path, state=state, scope=shell.user_ns
    )
    lost_figures = saved["unsaved"].pop(_FIGURES, None)
    if lost_figures is not None:
        raise ValueError(f"open figures: {lost_figures}")
    walks = fingerprint.walks(variables, saved["members"])
    saved["unsaved"].update(measured.unkept(variables))
    shown = hidden_sharing.found(walks) + (parted.still(walks) if parted is not None else [])
    prints = _prints(variables, walks)
    found = {"search": search(), "lost": lost, "prints": prints, "secrets": again}
    return {**saved, **found, "shown": shown}


def state_of(
    shell: Any, start: dict[str, str], options: dict[str, dict[str, Any]]
) -> tuple[dict[str, Any], list[mutations.Change], list[str]]:
    """Return the process's state with the shell's part of it, changed modules, and what is lost.

    Raises:
        ValueError: Something of it exists in one process only.
    """
    state = ambient.snapshot(start)
    if state["logging"]["unknown"]:
        raise ValueError(f"{state['logging']['unknown'][0]} exists in one process only")
    for place, why in artifacts.unpicklable(state["libraries"], (), shell.user_ns).items():
        raise ValueError(f"it changes {'.'.join(filter(None, place))}: {why}")
    state["execution_count"] = shell.execution_count
    state["printers"] = figures.formatters(shell)
    own = {name for kinds in state["printers"].values() for name in kinds} - {figures.FIGURE}
    if own:
        raise ValueError(f"what shows {min(own)} exists in one process only")
    state["extensions"] = sorted(shell.extension_manager.loaded)
    changed, lost = mutations.collect(shell.user_ns)
    state["options"] = figures.changed(figures.options(shell), options)
    return state, changed, lost


def search() -> dict[str, Any]:
    """Return where modules are found and how figures are shown: needed before unpickling."""
    path = [entry for entry in sys.path if type(entry) is str]
    return {"folder": os.getcwd(), "path": path, "backend": figures.backend()}


def _is_text(value: Any, text: str) -> bool:
    return type(value) is str and value == text


def _prints(variables: Mapping[str, Any], walks: fingerprint.Walks) -> dict[str, Any]:
    """Return fingerprints that have to be the same in the next kernel, and what shares objects."""
    # Classes travel by value; what their metaclasses made has no content to look at.
    texts: dict[str, str] = {}
    reached: dict[str, set[int]] = {}
    for name, (text, walked) in walks.items():
        if isinstance(variables[name], type):
            continue
        if not walked.opaque and not text.startswith(("unknown", "identity")):
            texts[name], reached[name] = text, walked.met
    return {"texts": texts, "shares": fingerprint.pairs(reached)}


def _changed(
    variables: Mapping[str, Any],
    prints: dict[str, Any],
    sets: list[Any] = [],  # noqa: B006
) -> list[tuple[frozenset[str], str]]:
    """Say which variables are not what they were in the kernel before."""
    told = [
        (frozenset({name}), f"`{name}`: a set in it would be iterated in another order")
        for name in set_orders.other(sets)
    ]
    known = {name: value for name, value in variables.items() if name in prints["texts"]}
    now = _prints(known, fingerprint.walks(known, known))
    told += [
        (frozenset({name}), f"`{name}` came back as something else than what was saved")
        for name, text in prints["texts"].items()
        if now["texts"].get(name, text) != text
    ]
    shared = {(one, other): count for one, other, count in now["shares"]}
    told += [
        (
            frozenset({one, other}),
            f"`{one}` and `{other}` share something that they would no longer share",
        )
        for one, other, count in prints["shares"]
        if {one, other} <= now["texts"].keys() and shared.get((one, other), 0) < count
    ]
    return told


def load(
    shell: Any,
    path: str,
    sha256: str,
    search: dict[str, Any],
    prints: dict[str, Any],
    needed: frozenset[str],
) -> dict[str, Any]:
    """Restore a namespace saved by :func:`save` into this fresh kernel.

    What came back as something else is left out if it is none of the variables ``needed``.

    Returns:
        ``{"problems": [...], "changed": [...]}``: ambient state that could not be
        restored, and what came back as something else, in words.
    """
    # An entry "" meant the first folder once, and the later one afterwards.
    sys.path[:] = [*search["path"], search["folder"]]
    figures.use(shell, search["backend"])
    with figures.unseen():
        found = artifacts.load_variables(path, sha256, scope=shell.user_ns)
    state = found["ambient"]
    if state is None:
        raise ValueError("the state of the notebook's process holds a secret")
    observed = found["variables"].pop(_OBSERVED, {"links": [], "fits": []})
    provenance.restore(observed["links"])
    observe.restore(observed["fits"])
    changed = found["variables"].pop(_MODULES, [])
    figures.reopen(found["variables"].pop(_FIGURES, {}))
    shell.user_ns.update(found["variables"])
    mutations.restore(changed)
    problems = restore_state(shell, state, search)
    with ambient.undisturbed():
        told = _changed(found["variables"], prints, found.get("sets", []))
    for names, _ in told:
        for name in names.difference(needed):
            shell.user_ns.pop(name, None)
    return {"problems": problems, "changed": [text for names, text in told if names <= needed]}


def restore_state(shell: Any, state: dict[str, Any], search: dict[str, Any]) -> list[str]:
    """Bring this kernel to a state; return what could not be restored, in words."""
    sys.path[:] = search["path"]
    figures.show_texts(shell, state["options"])
    problems = ambient.restore(state)
    figures.configure(shell, state["options"])
    figures.show_with(shell, state["printers"])
    loaded = set(shell.extension_manager.loaded)
    for name in state["extensions"]:
        if name not in loaded:
            shell.extension_manager.load_extension(name)
    shell.execution_count = state["execution_count"]
    return problems


def naming(variables: Mapping[str, Any], pattern: str) -> dict[str, str]:
    """Return the variables that hold a text or bytes with a name that matches ``pattern``.

    Containers are looked into; tables and objects of classes are not.
    """
    found: dict[str, str] = {}
    search = re.compile(pattern).search
    for name, value in variables.items() if pattern else ():
        said = next(filter(None, map(search, _texts(value))), None)
        if said is not None:
            found[name] = said[0].rstrip(".")
    return found


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts in a value, bytes as texts, each container once."""
    waiting: list[Any] = [value]
    met: set[int] = set()
    while waiting and len(met) < _LOOKED_AT:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, (bytes, bytearray)):
            yield each.decode("latin-1")
        elif isinstance(each, (dict, list, tuple, set, frozenset)) and id(each) not in met:
            met.add(id(each))
            if isinstance(each, dict):
                waiting += [*contents.keys(each), *contents.values(each)]
            else:
                waiting.extend(contents.items(each))


def metrics(variables: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the metrics among ``variables`` as JSON values.

    Numbers, strings, booleans, and small dicts and lists of them; others are left out.
    """
    found: dict[str, Any] = {}
    for name in names:
        if name in variables:
            value = plain(variables[name])
            if value is not None:
                found[name] = value
    return found


def plain(value: Any, depth: int = 0) -> Any:
    """Return ``value`` as a JSON value, or ``None`` if it is none that is small."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.generic, numpy.ndarray)):
        if value.size > 100:
            return None
        value = value.tolist()
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(value, decimal.Decimal):
        value = float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (complex, datetime.timedelta, os.PathLike)):
        return str(value)
    if isinstance(value, (set, frozenset)) and len(value) <= 100:
        value = sorted(value, key=str)
    if isinstance(value, (bool, int, str)):
        return value if len(str(value)) <= 2000 else None
    if isinstance(value, Mapping) and len(value) <= 100 and depth < 4:
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and len(value) <= 100 and depth < 4:
        return [plain(item, depth + 1) for item in value]
    return None
