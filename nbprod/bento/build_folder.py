"""The folder that becomes the Bento's ``src``: the project and the part of nbprod it runs on."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbprod
from nbprod.errors import SystemFailedError, UsageError

# The part of nbprod that runs inside the service; it imports nothing else of nbprod.
VENDORED = ("errors.py", "diagnostics.py", "origin.py", "model", "monitor", "serving")
_LEFT_OUT = frozenset(
    {"tests", ".nbprod", ".git", ".venv", "venv", "node_modules", "outputs", "build", "dist"}
)
_LEFT_OUT_SUFFIXES = frozenset({".pyc", ".pyo"})


def fill_build_folder(project: Path, folder: Path) -> None:
    """Copy the project and the vendored part of nbprod.

    Left out: tests, runs, caches, hidden files, symbolic links that lead outside.

    Raises:
        UsageError: The project has no ``service.py``, or a module of nbprod's name.
        SystemFailedError: A file cannot be copied.
    """
    if not (project / "service.py").is_file():
        raise UsageError(
            f"{project.name} has no service.py, so it is not a project of nbprod's",
            fix="Convert the notebook first: `nbprod convert NOTEBOOK -o DIR`.",
        )
    if (project / "nbprod").exists() or (project / "nbprod.py").exists():
        raise UsageError(
            "the project has a module named nbprod, which would hide the service's own",
            fix="Rename it.",
        )
    try:
        _copy(project, folder, project.resolve())
        _vendor(folder)
    except OSError as error:
        raise SystemFailedError(f"the build folder cannot be written: {error}") from error


def _copy(source: Path, target: Path, root: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        if _is_left_out(path) or not path.resolve().is_relative_to(root):
            continue
        if path.is_dir():
            _copy(path, target / path.name, root)
        elif path.is_file():
            shutil.copyfile(path, target / path.name)


def _is_left_out(path: Path) -> bool:
    name = path.name
    return (
        name.startswith(".")
        or name in _LEFT_OUT
        or name == "__pycache__"
        or name.endswith(".egg-info")
        or path.suffix in _LEFT_OUT_SUFFIXES
        or (path.suffix == ".ipynb")
    )


def _vendor(folder: Path) -> None:
    source, target = Path(nbprod.__file__).parent, folder / "nbprod"
    target.mkdir()
    shutil.copyfile(source / "__init__.py", target / "__init__.py")
    shutil.copyfile(source / "py.typed", target / "py.typed")
    for name in VENDORED:
        path = source / name
        if path.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
            shutil.copytree(path, target / name, ignore=ignored)
        else:
            shutil.copyfile(path, target / name)
    _write_metadata(folder)


def _write_metadata(folder: Path) -> None:
    """Name the built-in monitoring plugins, so that they are found as any others are."""
    info = folder / f"nbprod-{nbprod.__version__}.dist-info"
    info.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: nbprod\nVersion: {nbprod.__version__}\n"
    (info / "METADATA").write_text(metadata, "utf-8")
    (info / "entry_points.txt").write_text(
        "[nbprod.monitor]\n"
        "metrics = nbprod.monitor.metrics:Metrics\n"
        "prediction-log = nbprod.monitor.prediction_log:PredictionLog\n",
        "utf-8",
    )
