"""State that is no variable: random generators, options, environment, folders.

A snapshot travels with the artifacts of a step boundary, so that a fresh kernel or
step process starts where the notebook's kernel stood. Only libraries that are
loaded are asked.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_plan: list[int] = []
"""Seed that numpy's global generator gets once it is imported; empty for none."""


class _SeededLoader(importlib.machinery.SourceFileLoader):
    """Loads ``numpy.random`` and seeds its global generator as planned."""

    def exec_module(self, module: Any) -> None:
        super().exec_module(module)
        if _plan:
            module.seed(_plan)


class _SeededFinder:
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != "numpy.random":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or type(spec.loader) is not importlib.machinery.SourceFileLoader:
            return None
        spec.loader = _SeededLoader(name, spec.origin or "")
        return spec


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
    loaded = sys.modules.get("numpy.random")
    if loaded is not None:
        loaded.seed(_plan)
    elif not any(isinstance(finder, _SeededFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _SeededFinder())


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
    state: dict[str, Any] = {
        "random": _random_state(),
        "environment": {"set": changed, "removed": removed},
        "folder": os.getcwd(),
        "path": list(sys.path),
        "warnings": list(warnings.filters),
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
            name: value
            for name, value in dict.items(matplotlib.rcParams)
            if name != "backend" and not name.startswith("_")
        }
    return state


def restore(state: dict[str, Any], *, folder: bool = True) -> list[str]:
    """Bring this process to a snapshot's state; return what could not be restored.

    Args:
        state: As :func:`snapshot` gave it.
        folder: Change the working directory and ``sys.path`` too.
    """
    problems: list[str] = []
    changes = state.get("environment", {})
    os.environ.update(changes.get("set", {}))
    for name in changes.get("removed", ()):
        os.environ.pop(name, None)
    if folder:
        os.chdir(state["folder"])
        sys.path.extend(entry for entry in state["path"] if entry not in sys.path)
    warnings.filters[:] = state.get("warnings", warnings.filters)  # type: ignore[index]
    getattr(warnings, "_filters_mutated", lambda: None)()
    for name, apply in (
        ("random", _restore_random),
        ("pandas", _restore_pandas),
        ("numpy", _restore_numpy),
        ("matplotlib", _restore_matplotlib),
        ("sklearn", _restore_sklearn),
        ("decimal", lambda value: importlib.import_module("decimal").setcontext(value)),
        ("locale", _restore_locale),
    ):
        if name in state:
            try:
                apply(state[name])
            except Exception as error:
                problems.append(f"{name}: {type(error).__name__}: {error}")
    return problems


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


def _pandas_options() -> dict[str, Any]:
    config: Any = importlib.import_module("pandas._config.config")

    found: dict[str, Any] = {}
    for name in config._select_options("all"):
        if name in config._deprecated_options:
            continue
        value = config.get_option(name)
        default = config._registered_options[name].defval
        if isinstance(value, (bool, int, float, str, type(None))) and value != default:
            found[name] = value
    return found


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
