"""What the image has to install, at the versions that are installed here."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable

from nbprod.errors import UsageError
from nbprod.pipeline.closure import closure, normalized

# What the vendored part of nbprod imports.
SERVICE_DISTRIBUTIONS = (
    "bentoml",
    "cloudpickle",
    "msgspec",
    "numpy",
    "pandas",
    "pluggy",
    "prometheus-client",
    "psutil",
    "scikit-learn",
    "skops",
    "starlette",
    "threadpoolctl",
)
# What a notebook imports to be a notebook; no model needs it to answer.
NOTEBOOK_DISTRIBUTIONS = frozenset(
    {
        "ipykernel", "ipython", "ipywidgets", "jupyter", "jupyter-client", "jupyter-core",
        "jupyter-server", "jupyterlab", "nbclient", "nbconvert", "nbformat", "nbprod",
        "notebook", "papermill",
    }
)  # fmt: skip
_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)")


def image_requirements(own: Iterable[str]) -> tuple[str, ...]:
    """Join the model's requirements with those of the service.

    Args:
        own: ``name==version`` of what the model's code imports.

    Returns:
        Sorted ``name==version`` lines, of what these need in turn too; without anything
        of Jupyter, unless the model's own code needs it.

    Raises:
        UsageError: A line is no pinned requirement, or a package is not installed here,
            or installed in another version than the line says.
    """
    pinned = {name: importlib.metadata.version(name) for name in SERVICE_DISTRIBUTIONS}
    for line in own:
        text = line.partition("#")[0].strip()
        if not text:
            continue
        match = _PINNED.fullmatch(text)
        if match is None:
            raise UsageError(
                f"the requirement {text!r} is not of the form name==version",
                fix="Convert the notebook again, or pin it in requirements.txt.",
            )
        name, version = normalized(match[1]), match[2]
        if name in NOTEBOOK_DISTRIBUTIONS:
            continue
        if pinned.setdefault(name, version) != version:
            raise UsageError(
                f"the model was fitted with {name} {version}, and nbprod runs with {pinned[name]}",
                fix="Install nbprod in the kernel's environment, or run the notebook in nbprod's.",
            )
    for name in closure(pinned, _declared):
        pinned.setdefault(name, importlib.metadata.version(name))
    return tuple(f"{name}=={version}" for name, version in sorted(pinned.items()))


def _declared(name: str) -> list[str] | None:
    try:
        return importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return None
