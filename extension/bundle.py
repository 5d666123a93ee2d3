"""Builds the lab extension's bundle when a wheel, an sdist or an editable install is made.

Called by hatch-jupyter-builder (see pyproject.toml), with the repository as the
working directory. Node is needed only here: an sdist carries the bundle.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

SOURCES = ("src", "style", "schema", "package.json", "yarn.lock", "tsconfig.json")
SKIP = "NBPROD_SKIP_LABEXTENSION"


class BundleError(RuntimeError):
    """The bundle cannot be built here; the message says what to do."""


def build_bundle(target: str, version: str) -> None:  # noqa: ARG001  hatch's arguments
    """Make sure that ``nbprod/labextension`` is there and newer than its sources.

    Args:
        target: ``wheel`` or ``sdist``.
        version: ``standard`` or ``editable``.

    Raises:
        BundleError: There is no bundle, and none can be built.
    """
    root = Path.cwd()
    bundle = root / "nbprod" / "labextension"
    built = (bundle / "package.json").is_file()
    if built and ((root / "PKG-INFO").is_file() or not _is_stale(bundle, root / "extension")):
        # An unpacked sdist (PKG-INFO) brings its bundle; times in it mean nothing.
        return
    if version == "editable" and os.environ.get(SKIP) == "1":
        # hatchling wants the folder that pyproject.toml names.
        bundle.mkdir(exist_ok=True)
        return
    try:
        _run_build(root / "extension")
    except BundleError as error:
        if version != "editable" or not built:
            raise
        warnings.warn(f"the older lab extension is kept: {error}", stacklevel=2)


def _is_stale(bundle: Path, extension: Path) -> bool:
    made = (bundle / "package.json").stat().st_mtime
    for name in SOURCES:
        source = extension / name
        files = source.rglob("*") if source.is_dir() else [source]
        if any(file.stat().st_mtime > made for file in files if file.is_file()):
            return True
    return False


def _run_build(extension: Path) -> None:
    # An interpreter that is called by its path has its scripts beside it, not on PATH.
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), beside])
    jlpm = shutil.which("jlpm", path=path)
    if shutil.which("node", path=path) is None or jlpm is None:
        raise BundleError(
            "building the lab extension needs Node.js 20 or newer, and jlpm of jupyter-builder. "
            "Install Node.js, or install nbprod from a wheel or an sdist, which carry the built "
            f"extension. For an editable install without the button, set {SKIP}=1."
        )
    for arguments in (["install", "--immutable"], ["run", "build:prod"]):
        ended = subprocess.run([jlpm, *arguments], cwd=extension, env={**os.environ, "PATH": path})
        if ended.returncode != 0:
            raise BundleError(f"`jlpm {' '.join(arguments)}` failed in {extension.name}/")
