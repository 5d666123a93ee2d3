"""State that is no variable: random generators, options, environment, folders.

A snapshot travels with the artifacts of a step boundary, so that a fresh kernel or
step process starts where the notebook's kernel stood. Only libraries that are
loaded are asked.
"""

from __future__ import annotations

import importlib
import os
import random
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import (
    as_imported,
    filters,
    libraries,
    loggers,
    plotting,
    seeding,
    setters,
    settings,
    unseeded,
    withheld,
)
from .when_imported import when_imported

_plan: list[int] = []
"""Seed that numpy's global generator gets once it is imported; empty for none."""


def plan_numpy(seed: list[int] | None = None) -> None:
    """Decide now what state numpy's global generator will have when it is imported.

    So the state before a step that imports numpy is known, although numpy is not
    loaded yet: loading it early would make settings like ``OMP_NUM_THREADS`` that the
    notebook makes before its import come too late.

    Args:
        seed: An earlier plan; without it the seed comes from the system's entropy.
    """
    if seed is None:
        entropy = os.urandom(64)
        seed = [int.from_bytes(entropy[at : at + 4], "little") for at in range(0, 64, 4)]
    _plan[:] = seed
    when_imported("numpy.random", _seed_as_planned)


def _seed_as_planned(random: Any) -> None:
    random.seed(_plan)
    unseeded.watch_numpy()


def note_start() -> None:
    """Note that this process begins: nobody has seeded its random generators.

    A numpy that is loaded already (by IPython's startup files) keeps its state: they may
    have seeded it.
    """
    filters.note_start()
    if "numpy.random" not in sys.modules:
        plan_numpy()
    seeding.start(_random_state())


def environment() -> dict[str, str]:
    """Return a copy of the environment variables."""
    return dict(os.environ)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the global random generators as they are, whatever runs inside."""
    state = _random_state()
    try:
        yield
    finally:
        _restore_random(state)


def snapshot(start: dict[str, str]) -> dict[str, Any]:
    """Return the ambient state.

    Args:
        start: Environment variables when the kernel started; only changes are kept.
    """
    now = dict(os.environ)
    changed = {name: value for name, value in now.items() if start.get(name) != value}
    removed = [name for name in start if name not in now]
    random_states = _random_state()
    state: dict[str, Any] = {
        "random": random_states,
        "unseeded": seeding.unseeded(random_states),
        "environment": {**_withheld_from(changed), "removed": removed},
        "folder": os.getcwd(),
        "path": list(sys.path),
        "warnings": list(warnings.filters),
        "imported": filters.imported(list(warnings.filters)),
        "zone": time.tzname,
        "recursion": sys.getrecursionlimit(),
        "logging": loggers.snapshot(),
        "settings": settings.snapshot(),
        "libraries": libraries.snapshot(),
        "setters": setters.snapshot(),
    }
    if "decimal" in sys.modules:
        state["decimal"] = importlib.import_module("decimal").getcontext().copy()
    if "locale" in sys.modules:
        locale: Any = sys.modules["locale"]
        state["locale"] = locale.setlocale(locale.LC_ALL)
    if hasattr(sys.modules.get("sklearn"), "get_config"):
        state["sklearn"] = sys.modules["sklearn"].get_config()
    pandas = sys.modules.get("pandas")
    if pandas is not None:
        state["pandas"] = _pandas_options()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        options = numpy.get_printoptions()
        state["numpy"] = {"print": options, "errors": numpy.geterr()}
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib is not None:
        state["matplotlib"] = {
            name: value for name, value in dict.items(matplotlib.rcParams) if name != "backend"
        }
        state["plotting"] = plotting.snapshot()
    return state


def _withheld_from(changed: dict[str, str]) -> dict[str, Any]:
    """Part what a notebook put into the environment: secrets travel by their names alone."""
    secrets: dict[str, str] = {}
    for variable, value in changed.items():
        for name, text in withheld.given.pairs:
            if value == text:
                secrets[variable] = name
    rest = {name: value for name, value in changed.items() if name not in secrets}
    return {"set": rest, "secrets": secrets} if secrets else {"set": rest}


def state_fingerprints(state: dict[str, Any]) -> dict[str, str]:
    """Return fingerprints of a snapshot: ``options`` for all but random states.

    What libraries set when they are imported does not count, see :mod:`.as_imported`. A
    random state that nobody drew from keeps its fingerprint, also while numpy is imported.
    With a space in it, ``options`` holds what has no content to look at.
    """
    from . import fingerprint

    state = as_imported.left_out(state)
    random_states = state.pop("random")
    state.pop("unseeded", None)
    state.pop("imported", None)
    state.pop("own_modules", None)
    state["warnings"] = repr(state["warnings"])
    found = {name: fingerprint.fingerprint(each)[0] for name, each in random_states.items()}
    seed = found.pop("numpy_seed", "")
    if seed or found.get("numpy", "") == _planned_state():
        found["numpy"] = f"planned {_plan}"
    options, walked = fingerprint.walk(state)
    unsure = walked.opaque or walked.local
    return {**found, "options": f"{options} unsure" if unsure else options}


def _planned_state() -> str:
    """Return the fingerprint of numpy's global generator as it was planned; empty without."""
    from . import fingerprint

    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is None or not _plan:
        return ""
    planned = numpy_random.RandomState(_plan)
    return fingerprint.fingerprint(planned.get_state())[0]


def restore(state: dict[str, Any], *, folder: bool = True) -> list[str]:
    """Bring this process to a snapshot's state; return what could not be restored.

    Args:
        state: As :func:`snapshot` gave it.
        folder: Change the working directory and ``sys.path`` too.
    """
    problems: list[str] = []
    if "random" in state:
        seeding.resume(state["random"], state.get("unseeded", []))
    filters.resume(state.get("imported", []))
    changes = state.get("environment", {})
    os.environ.update(changes.get("set", {}))
    known = dict(withheld.given.pairs)
    for variable, secret in changes.get("secrets", {}).items():
        os.environ[variable] = known[secret]
    for name in changes.get("removed", ()):
        os.environ.pop(name, None)
    _restore_zone(state.get("zone"))
    if folder:
        os.chdir(state["folder"])
        sys.path[:] = _searched_like(state["path"])
    sys.setrecursionlimit(state.get("recursion", sys.getrecursionlimit()))
    warnings.filters[:] = state.get("warnings", warnings.filters)  # type: ignore[index]
    getattr(warnings, "_filters_mutated", lambda: None)()
    for name, apply in (
        ("random", _restore_random),
        ("pandas", _restore_pandas),
        ("numpy", _restore_numpy),
        # Importing the inline backend sets options, and options may name registered colors.
        ("plotting", plotting.restore),
        ("matplotlib", _restore_matplotlib),
        ("sklearn", _restore_sklearn),
        ("decimal", _restore_decimal),
        ("locale", _restore_locale),
        ("logging", loggers.restore),
    ):
        if name in state:
            try:
                apply(state[name])
            except Exception as error:
                problems.append(f"{name}: {type(error).__name__}: {error}")
    problems.extend(settings.restore(state.get("settings", {})))
    problems.extend(libraries.restore(state.get("libraries", {})))
    problems.extend(setters.restore(state.get("setters", {})))
    return problems


def _searched_like(path: list[str]) -> list[str]:
    """Return where modules are looked for: as a notebook does, and where this process did.

    A replay has the generated project in place of the notebook's folder, which a kernel
    knows as ``""``: what the notebook put before that stays before it.
    """
    own = [entry for entry in sys.path if entry not in path]
    place = path.index("") if "" in path else 0
    return [*path[:place], *own, *path[place:]]


def _random_state() -> dict[str, Any]:
    state: dict[str, Any] = {"python": random.getstate()}
    numpy_random = sys.modules.get("numpy.random")
    if hasattr(numpy_random, "get_state"):
        state["numpy"] = numpy_random.get_state()  # type: ignore[union-attr]
    elif _plan:
        state["numpy_seed"] = list(_plan)
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_rng_state"):
        state["torch"] = torch.get_rng_state()
    return state


def _restore_random(state: dict[str, Any]) -> None:
    random.setstate(state["python"])
    if "numpy" in state:
        import numpy

        numpy.random.set_state(state["numpy"])
    elif "numpy_seed" in state:
        plan_numpy(state["numpy_seed"])
    if "torch" in state:
        import torch  # type: ignore[import-not-found, unused-ignore]

        torch.set_rng_state(state["torch"])


def restore_random(part: str, states: dict[str, Any]) -> None:
    """Give one of the generators its state: ``python``, ``numpy`` or ``torch``."""
    _restore_random({**_random_state(), part: states[part]})


def _restore_zone(names: Any) -> None:
    """Let ``TZ`` take effect if it had: setting the variable alone changes nothing."""
    if names is not None and names != time.tzname and hasattr(time, "tzset"):
        time.tzset()


def _restore_decimal(saved: Any) -> None:
    """Change the present context, which the notebook may know by a name."""
    context: Any = importlib.import_module("decimal").getcontext()
    for name in ("prec", "rounding", "Emin", "Emax", "capitals", "clamp", "flags", "traps"):
        setattr(context, name, getattr(saved, name))


def _pandas_options() -> dict[str, Any]:
    config: Any = importlib.import_module("pandas._config.config")

    found: dict[str, Any] = {}
    for name in config._select_options("all"):
        if name in config._deprecated_options:
            continue
        value = config.get_option(name)
        default = config._registered_options[name].defval
        known = callable(value) or (isinstance(value, _COMPARED) and value != default)
        if known and value is not default:
            found[name] = value
    return found


_COMPARED = (bool, int, float, str, type(None), list, tuple, dict)


def _restore_pandas(options: dict[str, Any]) -> None:
    import pandas

    for name, value in options.items():
        pandas.set_option(name, value)


def _restore_numpy(options: dict[str, Any]) -> None:
    import numpy

    numpy.set_printoptions(**options["print"])
    numpy.seterr(**options["errors"])


def _restore_matplotlib(options: dict[str, Any]) -> None:
    matplotlib: Any = importlib.import_module("matplotlib")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        matplotlib.rcParams.update(options)


def _restore_sklearn(options: dict[str, Any]) -> None:
    importlib.import_module("sklearn").set_config(**options)


def _restore_locale(name: str) -> None:
    locale: Any = importlib.import_module("locale")
    if locale.setlocale(locale.LC_ALL) != name:
        locale.setlocale(locale.LC_ALL, name)


# Set by libraries when they are imported, or by whoever starts the process.
_OTHERS_VARIABLES = ("KMP_", "MPL", "OMP_", "MKL_", "TF_", "PYTORCH", "JPY_", "COLUMNS", "LINES")
_UNSHOWN = "os.putenv."
_OTHERS_OPTIONS = frozenset({"interactive", "mode.sim_interactive", "display.max_columns"})


def differences(
    before: dict[str, Any], after: dict[str, Any], began: dict[str, Any], ended: dict[str, Any]
) -> dict[str, str]:
    """Compare what a step did to the ambient state in the notebook and in its replay.

    Args:
        before: The notebook's state before the step.
        after: The notebook's state after it.
        began: The replay's state before it, restored from ``before``.
        ended: The replay's state after it.

    Returns:
        What differs -> how, in words; empty if nothing does.
    """
    found: dict[str, str] = {}
    for name, what in _GENERATORS:
        ours, theirs = ended["random"].get(name), after["random"].get(name)
        if ours is None or theirs is None or _same(ours, theirs):
            continue
        if name in after.get("unseeded", ()):
            continue  # another in each run: an import drew, which was done before the replay
        if (
            name == "numpy"
            and "numpy" not in before["random"]
            and not before["random"].get("numpy_seed")
        ):
            continue  # numpy was first imported in between, with a state of its own
        found[what] = "another number of random numbers was drawn than in the notebook"
    if ended["folder"] != after["folder"]:
        found["working directory"] = f"{ended['folder']} vs {after['folder']}"
    _compare_environment(before, after, began, ended, found)
    for name, what in (("path", "sys.path"), ("warnings", "warnings filters")):
        ours = [each for each in ended[name] if each not in began[name]]
        theirs = [each for each in after[name] if each not in before[name]]
        extra = [
            each
            for each in ours
            if each not in after[name] and each not in ended.get("imported", ())
        ]
        missing = [
            each
            for each in theirs
            if each not in ended[name] and each not in after.get("imported", ())
        ]
        if extra or missing:
            words = f"{extra[0]!r} is new" if extra else f"{missing[0]!r} is missing"
            found[what] = words
    for name in ("decimal", "locale"):
        if name in ended and name in after and not _same_context(ended[name], after[name]):
            found[f"{name} settings"] = f"{ended[name]} vs {after[name]}"
    for library in ("pandas", "numpy", "matplotlib", "sklearn", "settings"):
        _compare_options(library, before, after, began, ended, found)
    return found


_GENERATORS = (
    ("python", "random state of `random`"),
    ("numpy", "random state of `numpy.random`"),
    ("torch", "random state of `torch`"),
)


def _compare_environment(
    before: dict[str, Any],
    after: dict[str, Any],
    began: dict[str, Any],
    ended: dict[str, Any],
    found: dict[str, str],
) -> None:
    def value(state: dict[str, Any], name: str) -> Any:
        changes = state["environment"]
        if name in changes.get("secrets", {}):
            return "secret", changes["secrets"][name]
        return None if name in changes["removed"] else changes["set"].get(name)

    names = {
        name
        for one, other in ((before, after), (began, ended))
        for state in (one, other)
        for names in state["environment"].values()
        for name in names
        if value(one, name) != value(other, name)
    }
    for name in sorted(names):
        if name.startswith(_OTHERS_VARIABLES):
            continue
        if value(ended, name) != value(after, name):
            # The value itself may be a secret.
            found[f"environment variable {name}"] = "its value is not the notebook's"


def _compare_options(
    library: str,
    before: dict[str, Any],
    after: dict[str, Any],
    began: dict[str, Any],
    ended: dict[str, Any],
    found: dict[str, str],
) -> None:
    if library not in after or library not in ended:
        return
    ours, theirs = _flat(ended[library]), _flat(after[library])
    names = _changed(began, ended, library) | _changed(before, after, library)
    for name in sorted(names - _OTHERS_OPTIONS):
        if library == "settings" and name.startswith(settings.REGISTRY):
            continue  # of the notebook's own classes, which are others in generated code
        if callable(ours.get(name)) and callable(theirs.get(name)):
            continue  # functions of the notebook's, which are others in every process
        if name.startswith(_UNSHOWN):
            variable = name.removeprefix(_UNSHOWN)
            same = variable.startswith(_OTHERS_VARIABLES) or ours.get(name) == theirs.get(name)
            if not same:
                found[f"environment variable {variable}"] = "its value is not the notebook's"
        elif not _same(ours.get(name), theirs.get(name)):
            found[f"{library} option {name}"] = f"{ours.get(name)!r} vs {theirs.get(name)!r}"


def _changed(one: dict[str, Any], other: dict[str, Any], library: str) -> set[str]:
    if library not in one:
        return set()  # it was imported in between, with whatever options that gives
    first, second = _flat(one[library]), _flat(other[library])
    return {name for name in {*first, *second} if not _same(first.get(name), second.get(name))}


def _flat(options: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in options.items():
        if isinstance(value, dict):
            found.update({f"{name}.{inner}": each for inner, each in value.items()})
        else:
            found[name] = value
    return found


def _same_context(one: Any, other: Any) -> bool:
    # The flags of a decimal context tell what happened, not what is set.
    names = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp", "traps")
    return all(getattr(one, name, one) == getattr(other, name, other) for name in names)


def _same(one: Any, other: Any) -> bool:
    from . import fingerprint

    return fingerprint.fingerprint(one)[0] == fingerprint.fingerprint(other)[0]
