"""What the engine captures when plain papermill runs it, without nbprod's commands."""

from __future__ import annotations

import ast
import dataclasses
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbprod.diagnostics import Severity, has_errors
from nbprod.errors import NbprodError, UsageError
from nbprod.events import Event, LogEvent
from nbprod.pipeline.secret import PREFIX
from nbprod.run.capture import Capture
from nbprod.run.plan import INJECTED_TAG, RunPlan, plan_run
from nbprod.run.secrets import (
    GivenSecrets,
    Secret,
    refuse_secrets_in_sources,
    split_secrets,
)


@contextmanager
def standalone_run(
    nb: Any,  # noqa: ANN401
    kernel_name: str,
    input_path: str | None,
    output_path: str | None,
) -> Iterator[Capture]:
    """Plan, capture and record a run that papermill started.

    Where analysis refuses the notebook, or it is no local file, the cells run plainly
    and a warning says so.
    """
    from nbprod.run.recording import Recording

    secrets = take_secrets(nb)
    recording = None
    if os.environ.get("NBPROD_CAPTURE", "1") != "0":
        try:
            recording = _recording(nb, kernel_name, input_path)
        except NbprodError as error:
            _warn(LogEvent(f"It runs plainly, without a record: {error.message}", "warning"))
    if recording is None:
        yield _with_options(Capture(RunPlan(), None, secrets=secrets))
        return
    assert isinstance(recording, Recording)
    recording.capture.secrets = secrets
    capture = _with_options(recording.capture)
    if not capture.isolate and os.environ.get("NBPROD_CACHE", "1") != "0":
        _open_cache(recording)
    with recording.recorded():
        yield capture
        if output_path:
            recording.output_notebook = nb


def take_secrets(nb: Any) -> GivenSecrets:  # noqa: ANN401
    """Take a notebook's secrets out of what papermill put into it, before it is saved.

    Raises:
        UsageError: One is missing, or a cell holds one.
    """
    own = nb.metadata.get("nbprod", {})
    names = own.get("secrets", ()) if isinstance(own, dict) else ()
    given = nb.metadata.get("papermill", {}).get("parameters", {})
    found: dict[str, Secret] = {}
    for name in names if isinstance(names, list) else ():
        parameter = given.pop(name, os.environ.get(f"{PREFIX}{name}"))
        text = os.environ.get(name) if parameter is None else parameter
        if not isinstance(text, str):
            raise UsageError(
                f"The notebook's secret {name} was not given.",
                fix=f"Set {PREFIX}{name}, or {name} if it is an environment variable.",
            )
        found[name] = Secret(name, text, variable=parameter is None)
    for cell in nb.cells:
        if INJECTED_TAG in cell.get("metadata", {}).get("tags", ()):
            cell.source = without_assignments(cell.source, found)
    _, secrets = split_secrets(found)
    refuse_secrets_in_sources(
        (f"Cell {number}", cell.source) for number, cell in enumerate(nb.cells, start=1)
    )
    return secrets


def without_assignments(source: str, names: Collection[str]) -> str:
    """Return a cell of assignments without those to some names."""
    lines = source.splitlines()
    for node in reversed(ast.parse(source).body):
        targets = node.targets if isinstance(node, ast.Assign) else ()
        if any(isinstance(each, ast.Name) and each.id in names for each in targets):
            lines[node.lineno - 1 : node.end_lineno] = []
    return "\n".join(lines)


def _with_options(capture: Capture) -> Capture:
    capture.isolate = os.environ.get("NBPROD_ISOLATE", "0") == "1" and capture.folder is not None
    for attribute, variable in (
        ("cell_timeout", "NBPROD_CELL_TIMEOUT"),
        ("run_timeout", "NBPROD_RUN_TIMEOUT"),
    ):
        text = os.environ.get(variable)
        if text:
            setattr(capture, attribute, _seconds(variable, text))
    return capture


def _open_cache(recording: Any) -> None:  # noqa: ANN401
    """Let the run use the cache beside the notebook, if its parameters are of their types."""
    from nbprod.run.execute import open_cache
    from nbprod.run.parameters import resolve_parameters

    subject = recording.subject
    try:
        given = resolve_parameters(
            subject.pipeline, files=[subject.parameters], environment={}, runs=False
        )
    except UsageError as error:
        _warn(LogEvent(f"It runs without the cache: {error.message}", "warning"))
        return
    subject = dataclasses.replace(subject, parameters=given)
    beside = subject.notebook.parent
    open_cache(subject, recording.capture, recording.installed, beside)


def _seconds(variable: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not seconds > 0:
        raise UsageError(f"{variable} is {text!r}.", fix="Give a number of seconds above 0.")
    return seconds


def _recording(nb: Any, kernel_name: str, input_path: str | None) -> Any:  # noqa: ANN401
    from nbprod.notebook.local_sources import read_local_sources
    from nbprod.notebook.read import read_notebook
    from nbprod.pipeline.build import build
    from nbprod.run.environment import collect_environment
    from nbprod.run.folder import create_run_folder
    from nbprod.run.recording import Recording, RunSubject
    from nbprod.run.truth import Truth

    path = _started_in(input_path or "") / (input_path or "")
    if not input_path or not path.is_file():
        raise NbprodError("it is not a local file")
    notebook = read_notebook(path)
    environment = collect_environment(kernel_name)
    code = [cell.source for cell in notebook.cells if cell.kind == "code"]
    working_directory = Path.cwd()
    local_sources = read_local_sources(working_directory, code, environment.distributions)
    try:
        pipeline, findings = build(notebook, environment, local_sources)
    except NbprodError:
        raise
    except Exception as error:
        raise NbprodError(f"its analysis failed ({type(error).__name__}: {error})") from error
    if pipeline is None or has_errors(findings):
        first = next((found for found in findings if found.severity is Severity.ERROR), None)
        raise NbprodError(first.message if first else "its analysis was refused")
    tags = tuple(
        tuple(cell.get("metadata", {}).get("tags", ()))
        for cell in nb.cells
        if INJECTED_TAG not in cell.get("metadata", {}).get("tags", ())
    )
    folder = create_run_folder(path.absolute().parent)
    plan = plan_run(pipeline, tags, own=True)
    capture = Capture(
        plan=plan,
        truth=Truth(plan, {cell.number: cell.source for cell in notebook.cells}.__getitem__),
        folder=folder,
        listener=_warn,
    )
    subject = RunSubject(
        notebook=path.absolute(),
        notebook_digest=notebook.digest,
        pipeline=pipeline,
        working_directory=working_directory,
        kernel_name=kernel_name,
        parameters=dict(nb.metadata.get("papermill", {}).get("parameters", {})),
    )
    return Recording(subject, capture)


def _started_in(input_path: str) -> Path:
    """Return the folder that papermill was started in, with ``--cwd`` another than the current.

    Its own handler of local files keeps it, to find the notebooks by relative paths.
    """
    from papermill.iorw import papermill_io

    keeper = getattr(papermill_io.get_handler(input_path), "cwd", None)
    if keeper is None:
        return Path.cwd()
    folder = keeper(None)  # it gives what was there before
    keeper(folder)
    return Path(folder or ".").absolute()


def _warn(event: Event) -> None:
    if isinstance(event, LogEvent) and event.level == "warning":
        from papermill.log import logger

        logger.warning("nbprod: %s", event.text)
