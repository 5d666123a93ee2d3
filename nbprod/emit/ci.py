"""Workflows for CI systems: install from a lock, check, run, verify, build, publish."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

import nbprod
from nbprod.emit.project import ProjectFile
from nbprod.emit.template import render
from nbprod.errors import UsageError
from nbprod.pipeline.closure import normalized
from nbprod.pipeline.environment import Environment
from nbprod.pipeline.ir import Pipeline
from nbprod.pipeline.secret import secret_variables

REPORTS = "nbprod-report"
"""Folder beside the notebook that the workflow publishes."""


class Provider(StrEnum):
    """A CI system."""

    GITHUB = "github"
    GITLAB = "gitlab"


@dataclass(frozen=True, slots=True)
class CiRequest:
    """What a workflow does.

    Attributes:
        provider: For which system.
        notebook: Path of the notebook from the repository's root, forward slashes.
        require: Conditions on metrics that a run has to meet.
        parameters: ``(name, text)`` pairs.
        builds: Build a Bento at the end.
    """

    provider: Provider
    notebook: PurePosixPath
    require: tuple[str, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    builds: bool = True


@dataclass(frozen=True, slots=True)
class CiStep:
    """A step of the job.

    Attributes:
        title: Its title.
        command: Its shell command, one line.
        has_secrets: It runs the notebook; no other step is given the secrets.
    """

    title: str
    command: str
    has_secrets: bool = False


@dataclass(frozen=True, slots=True)
class Workflow:
    """Context of the templates; every field is YAML or shell already."""

    command: str
    name: str
    job: str
    folder: str
    python: str
    lock_path: str
    runs_path: str
    reports_path: str
    junit_path: str
    steps: tuple[CiStep, ...]
    secrets: tuple[tuple[str, str], ...] = ()


def render_ci(
    request: CiRequest, pipeline: Pipeline, environment: Environment
) -> tuple[ProjectFile, ...]:
    """Return the workflow and the lock that it installs from, paths from the root.

    Raises:
        UsageError: If a path or value could end a line or begin an expression there.
    """
    for name, _ in request.parameters:
        if name in pipeline.secrets:
            raise UsageError(
                f"{name} is a secret: a workflow is no place for its value.",
                fix="Leave it out; the workflow takes it from the CI system's own secrets.",
            )
    values = (value for pair in request.parameters for value in pair)
    for word in (str(request.notebook), *request.require, *values):
        if any(sign in word for sign in ("\n", "\r", "${{")):
            raise UsageError(f"{word!r} cannot stand in a workflow.", fix="Give another name.")
    folder = request.notebook.parent
    slug = normalized(pipeline.service)
    lock = folder / f"{slug}.lock.txt"
    workflow = Workflow(
        command=shlex.join(_command(request)),
        name=slug,
        job=f"job-{slug}" if slug[:1].isdigit() else slug,
        folder=_yaml(folder),
        python=".".join((environment.python or pipeline.python).split(".")[:2]),
        lock_path=_yaml(lock),
        # Without the artifacts, which can be large.
        runs_path=_yaml(folder / ".nbprod" / "runs" / "*" / "record.json"),
        reports_path=_yaml(folder / REPORTS),
        junit_path=_yaml(folder / REPORTS / "junit.xml"),
        steps=tuple(_steps(request, lock.name)),
        secrets=tuple((name, name.upper()) for name in secret_variables(pipeline)),
    )
    path = (
        PurePosixPath(".github", "workflows", f"{slug}.yml")
        if request.provider is Provider.GITHUB
        else PurePosixPath(".gitlab", f"{slug}.yml")
    )
    text = render(f"ci/{request.provider.value}.yml.jinja", workflow)
    return (
        ProjectFile(path, text.encode()),
        ProjectFile(lock, lock_text(pipeline, environment).encode()),
    )


def _command(request: CiRequest) -> Iterator[str]:
    yield from ("nbprod", "ci", str(request.notebook), "--provider", request.provider.value)
    for condition in request.require:
        yield from ("--require", condition)
    for name, value in request.parameters:
        yield from ("-p", name, value)
    if not request.builds:
        yield "--no-build"


def _yaml(path: PurePosixPath) -> str:
    # A JSON string is a YAML string, whatever is in it.
    return json.dumps(str(path), ensure_ascii=False)


def _steps(request: CiRequest, lock: str) -> Iterator[CiStep]:
    notebook = shlex.quote(request.notebook.name)
    parameters = [word for name, value in request.parameters for word in ("-p", name, value)]
    options = shlex.join(parameters)
    if request.provider is Provider.GITLAB:
        yield CiStep("Go to the notebook", f"cd {shlex.quote(str(request.notebook.parent))}")
    yield CiStep("Install what the lock names", f"python -m pip install -r {shlex.quote(lock)}")
    yield CiStep("Check the notebook", f"nbprod check {notebook}")
    summary = (
        '"$GITHUB_STEP_SUMMARY"' if request.provider is Provider.GITHUB else f"{REPORTS}/summary.md"
    )
    required = shlex.join(word for each in request.require for word in ("--require", each))
    run = (
        f"mkdir -p {REPORTS} && nbprod run {notebook} {REPORTS}/{notebook} {options} {required} "
        f"--junit {REPORTS}/junit.xml --summary {summary} --report {REPORTS}/report.html"
    )
    yield CiStep("Run it", " ".join(run.split()), has_secrets=True)
    yield CiStep(
        "Prove that the pipeline gives what the notebook gives",
        f"nbprod verify {notebook} {options}".rstrip(),
        has_secrets=True,
    )
    if request.builds:
        build = f"nbprod build {notebook} {options}".rstrip()
        yield CiStep("Build the Bento", build, has_secrets=True)


def lock_text(pipeline: Pipeline, environment: Environment) -> str:
    """Return the lock: what the notebook imports, nbprod, and all that these need, pinned."""
    wanted = [found.distribution for found in pipeline.requirements if found.version]
    needed = environment.needed_by([*wanted, "nbprod", "ipykernel"])
    pinned = {"nbprod": f"nbprod=={nbprod.__version__}"}
    for name, (distribution, version) in needed.items():
        pinned[name] = f"{distribution}=={version}"
    head = (
        f"# Locked from the environment of the notebook's kernel, Python {environment.python}: "
        "what the notebook imports, nbprod, and all that these need."
    )
    return "\n".join([head, *(pinned[name] for name in sorted(pinned))]) + "\n"
