"""pyproject.toml, requirements.txt and the other files around the code."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from nbprod.emit.formatting import LintFinding
from nbprod.emit.modules import Layout
from nbprod.emit.prose import prose
from nbprod.emit.template import render
from nbprod.emit.typing_gap import TypingGap, returns_untyped
from nbprod.pipeline.closure import normalized
from nbprod.pipeline.environment import Environment
from nbprod.pipeline.ir import Pipeline

# Rules that point to code that would fail when it runs: never switched off.
NEVER_IGNORED = frozenset({"E999", "F821", "F822", "F823", "I001"})
# A notebook computes values only to look at them; what certainly only showed them was left out.
HABITS = frozenset({"B018", "F841"})
# What runs pipeline.ipynb, whatever the notebook imports: (import name, distribution).
_RUNNERS = (("ipykernel", "ipykernel"), ("papermill", "papermill"))


@dataclass(frozen=True, slots=True)
class LintException:
    """Ruff rules that one file of the project is exempt from."""

    path: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TypingException:
    """Mypy options that differ for one module, and why."""

    module: str
    reason: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProjectToml:
    """Context of ``pyproject.toml``; strings are TOML literals already."""

    name: str
    description: str
    requires_python: str
    copied_paths: tuple[str, ...]
    copied_modules: tuple[str, ...]
    mypy_files: tuple[str, ...]
    libraries: tuple[str, ...]
    author_paths: tuple[str, ...]
    habits: tuple[str, ...]
    lint_exceptions: tuple[LintException, ...]
    typing_exceptions: tuple[TypingException, ...]


def project_toml(
    layout: Layout,
    findings: Sequence[LintFinding] = (),
    gaps: Sequence[TypingGap] = (),
    libraries: Sequence[str] = (),
    copied: Collection[str] = (),
) -> str:
    """Write ``pyproject.toml``.

    Args:
        layout: The project.
        findings: What ruff reports on the author's lines.
        gaps: What keeps mypy's strict mode from passing on the author's lines.
        libraries: Top-level modules of third parties that the package imports.
        copied: Paths of the author's modules. A package comes whole, whether or not the
            notebook imports each of its modules.
    """
    pipeline = layout.pipeline
    title = " ".join(prose(pipeline.source.title, 10_000).split()).rstrip(".")
    modules = pipeline.local_modules
    return render(
        "project/pyproject.toml.jinja",
        ProjectToml(
            name=_toml(distribution_name(pipeline)),
            description=_toml(title or f"Pipeline made from {layout.notebook}"),
            requires_python=_toml(f">={_minor(pipeline.python)}"),
            copied_paths=tuple(_toml(path) for path in sorted(copied)),
            copied_modules=tuple(
                _toml(name) for name in sorted({module.name for module in modules})
            ),
            mypy_files=tuple(_toml(path) for path in (layout.package, "service.py", "tests")),
            libraries=tuple(_toml(f"{name}.*") for name in libraries),
            author_paths=tuple(
                _toml(f"{layout.package}/{name}.py") for name in ("definitions", "steps")
            ),
            habits=tuple(sorted(HABITS)),
            lint_exceptions=_lint_exceptions(findings),
            typing_exceptions=(*_typing_exceptions(layout, gaps), *_untyped_returns(layout)),
        ),
    )


def _lint_exceptions(findings: Sequence[LintFinding]) -> tuple[LintException, ...]:
    codes: dict[str, set[str]] = {}
    for found in findings:
        if found.code not in NEVER_IGNORED | HABITS:
            codes.setdefault(found.path, set()).add(found.code)
    return tuple(LintException(_toml(path), tuple(sorted(codes[path]))) for path in sorted(codes))


def _typing_exceptions(layout: Layout, gaps: Sequence[TypingGap]) -> tuple[TypingException, ...]:
    options: dict[str, set[str]] = {}
    for gap in gaps:
        options.setdefault(gap.module, set()).update(gap.options)
    return tuple(
        TypingException(
            _toml(f"{layout.package}.{module}"),
            "The notebook's own lines, kept as they were written; README.md lists them.",
            _merged(options[module]),
        )
        for module in sorted(options)
        if options[module]
    )


def _merged(options: set[str]) -> tuple[str, ...]:
    """Sort options, and make one list of all error codes: TOML takes a key once."""
    codes = sorted(re.findall(r'"([\w-]+)"', " ".join(options)))
    plain = sorted(option for option in options if not option.startswith("disable_error_code"))
    return (*plain, f"disable_error_code = {json.dumps(codes)}") if codes else tuple(plain)


def _untyped_returns(layout: Layout) -> list[TypingException]:
    """Signatures say more than mypy can see: the value comes from a library."""
    for step in layout.pipeline.steps:
        annotation = layout.annotations.returned(step).text
        if len(step.outputs) == 1 and returns_untyped(step, layout.pipeline, annotation):
            return [
                TypingException(
                    _toml(f"{layout.package}.steps"),
                    "Signatures name types that libraries return without declaring them.",
                    ("warn_return_any = false",),
                )
            ]
    return []


def _toml(text: str) -> str:
    """Return ``text`` as a TOML basic string; JSON's escapes are TOML's."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _minor(python: str) -> str:
    found = re.match(r"\d+\.\d+", python)
    return found[0] if found else "3.11"


def distribution_name(pipeline: Pipeline) -> str:
    """Return the project's name for package tools: letters, digits, hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", pipeline.service.lower()).strip("-") or "pipeline"


@dataclass(frozen=True, slots=True)
class RequirementsText:
    """Context of ``requirements.txt``."""

    heading: str
    comments: tuple[str, ...]
    lines: tuple[str, ...]


def requirements_text(layout: Layout, environment: Environment) -> str:
    """Write ``requirements.txt``: what the code imports, and what runs the notebook, pinned.

    What those need in turn follows, pinned too, as far as the environment tells.
    A distribution that the kernel's environment lacks stands there as a comment: its name
    is a guess, and installing a guessed name is how a stranger's package gets in.
    """
    pipeline = layout.pipeline
    locked: dict[str, str] = {}
    missing: list[str] = []
    for requirement in pipeline.requirements:
        if requirement.version:
            locked[requirement.distribution] = f"{requirement.distribution}=={requirement.version}"
        else:
            missing.append(requirement.import_name)
    for import_name, distribution in _RUNNERS:
        name, version = environment.distributions.get(import_name, (distribution, ""))
        locked.setdefault(name, f"{name}=={version}" if version else name)
    comments = ["Locked from the environment of the notebook's kernel: what the code imports, and"]
    comments.append("papermill and ipykernel, which run pipeline.ipynb.")
    comments += [f"Not installed there, so not locked: {name}" for name in sorted(missing)]
    return render(
        "project/requirements.txt.jinja",
        RequirementsText(
            f"Python {pipeline.python or '3.11 or newer'}",
            tuple(comments),
            (
                *(locked[name] for name in sorted(locked, key=str.lower)),
                *_needed_in_turn(locked, environment),
            ),
        ),
    )


def _needed_in_turn(direct: Collection[str], environment: Environment) -> list[str]:
    own = {normalized(name) for name in direct}
    needed = environment.needed_by(direct)
    lines = [f"{name}=={version}" for key, (name, version) in needed.items() if key not in own]
    return ["# What those need in turn, as it is installed there:", *lines] if lines else []


@dataclass(frozen=True, slots=True)
class ServiceText:
    """Context of ``service.py``."""

    service: str
    service_literal: str


def service_module(pipeline: Pipeline) -> str:
    """Write ``service.py``, which plain ``bentoml serve`` accepts too."""
    return render(
        "project/service.py.jinja", ServiceText(pipeline.service, _toml(pipeline.service))
    )


@dataclass(frozen=True, slots=True)
class NoContext:
    """Context of templates without variables."""


def ignore_file() -> str:
    """Write ``.gitignore``."""
    return render("project/gitignore.jinja", NoContext())
