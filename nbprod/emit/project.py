"""The generated project: a pipeline as files, computed and not yet written."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from nbprod.diagnostics import Diagnostic
from nbprod.emit.configuration import (
    HABITS,
    ignore_file,
    project_toml,
    requirements_text,
    service_module,
)
from nbprod.emit.formatting import LintFinding, format_python
from nbprod.emit.generated_test import generated_test
from nbprod.emit.line_map import line_map
from nbprod.emit.manifest import MANIFEST, encode_manifest
from nbprod.emit.modules import (
    Layout,
    definitions_module,
    package_module,
    parameters_module,
    pipeline_module,
    steps_module,
)
from nbprod.emit.notebook import pipeline_notebook
from nbprod.emit.readme import readme
from nbprod.emit.typing_gap import author_typing_gaps
from nbprod.errors import UsageError
from nbprod.pipeline.environment import Environment
from nbprod.pipeline.ir import Pipeline
from nbprod.pipeline.naming import package_name


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """One file of a project.

    Attributes:
        path: Relative to the project's folder.
        content: Its bytes.
    """

    path: PurePosixPath
    content: bytes


def render_project(
    pipeline: Pipeline,
    *,
    local_sources: Mapping[str, bytes] | None = None,
    environment: Environment | None = None,
    diagnostics: Sequence[Diagnostic] = (),
) -> tuple[ProjectFile, ...]:
    """Render ``pipeline`` as a project: the same input gives the same bytes, wherever it runs.

    Args:
        pipeline: The pipeline.
        local_sources: The author's own modules: path relative to the notebook's folder,
            with forward slashes, to bytes. They come along unchanged.
        environment: The kernel's environment; it pins papermill and ipykernel, and keeps
            the package's name clear of what is installed.
        diagnostics: What the conversion found; warnings are listed in the README.

    Returns:
        The files, sorted by path, ``nbprod.json`` among them.

    Raises:
        UsageError: If a name in the notebook leaves no room for a generated one.
    """
    environment = environment or Environment(python=pipeline.python)
    package = package_name(pipeline, environment.distributions)
    layout = Layout.of(pipeline, package)
    copied = dict(local_sources or {})
    gaps = author_typing_gaps(pipeline)
    python = _python_files(layout)
    formatted, findings = format_python(
        {**python, **_readable(copied)}, project_toml(layout, copied=copied), tuple(python)
    )
    # The project's own configuration excepts these; there is nothing to list.
    findings = tuple(found for found in findings if found.code not in HABITS)
    mapped = line_map(
        pipeline, {path: text for path, text in formatted.items() if _is_authors(layout, path)}
    )
    texts = {
        **formatted,
        ".gitignore": ignore_file(),
        "README.md": readme(
            layout, findings=findings, gaps=gaps, line_map=mapped, diagnostics=diagnostics
        ),
        "pyproject.toml": project_toml(
            layout, _authors(layout, findings), gaps, _libraries(layout, formatted), copied
        ),
        "requirements.txt": requirements_text(layout, environment),
    }
    files = {path: text.encode() for path, text in texts.items()}
    _add_copied(files, copied, package)
    files[MANIFEST] = encode_manifest(pipeline, package, files)
    return tuple(ProjectFile(PurePosixPath(path), files[path]) for path in sorted(files))


def _python_files(layout: Layout) -> dict[str, str]:
    package = layout.package
    files = {
        f"{package}/__init__.py": package_module(layout),
        f"{package}/parameters.py": parameters_module(layout),
        f"{package}/definitions.py": definitions_module(layout),
        f"{package}/steps.py": steps_module(layout),
        f"{package}/pipeline.py": pipeline_module(layout),
        "service.py": service_module(layout.pipeline),
        "tests/test_pipeline.py": generated_test(layout),
        "pipeline.ipynb": pipeline_notebook(layout),
    }
    return {path: text for path, text in files.items() if text}


def _is_authors(layout: Layout, path: str) -> bool:
    return path in (f"{layout.package}/steps.py", f"{layout.package}/definitions.py")


def _authors(layout: Layout, findings: Sequence[LintFinding]) -> list[LintFinding]:
    """Leave out findings outside the author's code: those must fail, they are our defects.

    But the names of variables are the author's in the wiring too.
    """
    return [found for found in findings if _is_authors(layout, found.path) or found.code == "E741"]


def _libraries(layout: Layout, formatted: Mapping[str, str]) -> tuple[str, ...]:
    """Return the top-level modules of third parties that the package imports."""
    own = {layout.package} | {
        found.name.partition(".")[0] for found in layout.pipeline.local_modules
    }
    found: set[str] = set()
    for path, text in formatted.items():
        if not path.startswith(f"{layout.package}/"):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                found.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                found.add((node.module or "").partition(".")[0])
    return tuple(sorted(found - own - sys.stdlib_module_names))


def _readable(copied: Mapping[str, bytes]) -> dict[str, str]:
    """Return the copied modules as empty files: enough for ruff to know them as first-party."""
    return {path: "" for path in copied if _is_inside(path)}


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and ".." not in parts and not path.startswith("/") and "\\" not in path


def _add_copied(files: dict[str, bytes], copied: Mapping[str, bytes], package: str) -> None:
    for path, content in copied.items():
        if not _is_inside(path):
            raise UsageError(
                f"the local module {path} lies outside the notebook's folder",
                fix="move it beside the notebook",
            )
        if path in files or path == MANIFEST or path.startswith(f"{package}/"):
            raise UsageError(
                f"the local module {path} has the name of a file that is generated",
                fix="rename the module, and its import in the notebook",
            )
        files[path] = content
