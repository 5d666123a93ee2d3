"""The folder that becomes the Bento's ``src``: the project and the part of nbprod it runs on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import nbprod
from nbprod.emit.load import load_project
from nbprod.emit.manifest import MANIFEST, decode_manifest
from nbprod.errors import NbprodError, SystemFailedError, UsageError
from nbprod.serving.notebook_lines import LINES_FILE, NotebookLines, lines_as_json

# The part of nbprod that runs inside the service; it imports nothing else of nbprod.
VENDORED = ("errors.py", "diagnostics.py", "origin.py", "model", "monitor", "serving")
# Folders beside the code that hold Python files which nothing of the service imports.
_LEFT_OUT = frozenset({"tests"})
_LEFT_OUT_WITHOUT_INIT = frozenset({"build", "dist", "node_modules", "outputs"})


def fill_build_folder(project: Path, folder: Path) -> None:
    """Copy the project's code and the vendored part of nbprod.

    Copied are what ``nbprod.json`` lists, tests and notebooks apart, and every Python file
    that can be imported from the project's folder. Nothing else: what else lies there may be
    data or a secret. Symbolic links that lead outside or in circles are not followed.

    Raises:
        UsageError: The project has no ``service.py``, or a module of nbprod's name, or
            its ``nbprod.json`` is damaged.
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
        _copy_project(project.resolve(), folder)
        _write_lines(project.resolve(), folder)
        _vendor(folder)
    except OSError as error:
        raise SystemFailedError(f"the build folder cannot be written: {error}") from error


def _copy_project(project: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted({*_generated(project), *_modules(project)}):
        target = folder / path.relative_to(project)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _write_lines(project: Path, folder: Path) -> None:
    """Write which cell each line came from, so that the service's log can tell."""
    try:
        found = load_project(project).lines()
    except NbprodError:
        return  # a service can do without
    text = lines_as_json(NotebookLines(found.notebook, found.places))
    (folder / LINES_FILE).write_bytes(text)


def _generated(project: Path) -> Iterator[Path]:
    """Yield what the manifest lists and is still there; files that are links are not."""
    manifest = project / MANIFEST
    if manifest.is_symlink() or not manifest.is_file():
        return
    yield manifest
    for name in decode_manifest(manifest.read_bytes(), MANIFEST).files:
        parts = PurePosixPath(name).parts
        wanted = parts and parts[0] not in _LEFT_OUT and not name.endswith(".ipynb")
        if not wanted or any(part.startswith(".") for part in parts):
            continue
        path = project.joinpath(*parts)
        if path.is_file() and path.resolve() == path and path.is_relative_to(project):
            yield path


def _modules(project: Path) -> Iterator[Path]:
    """Yield the Python files that can be imported from the project's folder."""
    for path in project.iterdir():
        if path.is_dir() and path.name.isidentifier() and path.name not in _LEFT_OUT:
            if (path / "__init__.py").is_file() or path.name not in _LEFT_OUT_WITHOUT_INIT:
                yield from _package_files(path, project, ())
        elif path.stem.isidentifier() and _is_module(path, project):
            yield path


def _package_files(folder: Path, project: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    real = folder.resolve()
    if not real.is_relative_to(project) or real == project or real in above:
        return
    if (folder / "pyvenv.cfg").is_file():
        return
    for path in folder.iterdir():
        if path.is_dir() and path.name.isidentifier() and path.name != "__pycache__":
            yield from _package_files(path, project, (*above, real))
        elif _is_module(path, project):
            yield path


def _is_module(path: Path, project: Path) -> bool:
    real = path.resolve()  # a link named module.py may lead to anything
    return path.suffix == real.suffix == ".py" and path.is_file() and real.is_relative_to(project)


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
