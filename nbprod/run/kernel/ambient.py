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
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


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
    ):
        if name in state:
            try:
                apply(state[name])
            except Exception as error:
                problems.append(f"{name}: {type(error).__name__}: {error}")
    return problems


def _random_state() -> dict[str, Any]:
    state: dict[str, Any] = {"python": random.getstate()}
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "random"):
        state["numpy"] = numpy.random.get_state()
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_rng_state"):
        state["torch"] = torch.get_rng_state()
    return state


def _restore_random(state: dict[str, Any]) -> None:
    random.setstate(state["python"])
    if "numpy" in state:
        import numpy

        numpy.random.set_state(state["numpy"])
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
