"""``nbprod run``: a recorded papermill run of a notebook or a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbprod.events import Listener, PlanEvent, StageEvent, StageState, ignore_events
from nbprod.run.execute import RunRequest, execute
from nbprod.run.record import RunRecord
from nbprod.workflows.subject import Subject, load_subject, resolve


@dataclass(frozen=True, slots=True)
class RunWorkflowRequest:
    """What to run.

    Attributes:
        target: Notebook, or folder of a project.
        output: Where a copy of the output notebook goes.
        parameters: ``(name, text)`` pairs.
        parameter_files: YAML files.
        isolate: Give each step a kernel of its own.
        use_cache: Take results of earlier runs where nothing changed.
        kernel: Kernel name instead of the notebook's own.
        cell_timeout: Seconds that one cell may take.
    """

    target: Path
    output: Path | None = None
    parameters: tuple[tuple[str, str], ...] = field(default=())
    parameter_files: tuple[Path, ...] = ()
    isolate: bool = False
    use_cache: bool = True
    kernel: str | None = None
    cell_timeout: float | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """The record of the run."""

    record: RunRecord

    def as_json(self) -> dict[str, object]:
        """Return the document of ``nbprod run --json``: the record."""
        import msgspec

        document = msgspec.to_builtins(self.record)
        assert isinstance(document, dict)
        return document


def run(request: RunWorkflowRequest, listener: Listener = ignore_events) -> RunResult:
    """Run a notebook or a project's pipeline notebook, and keep a record.

    Raises:
        UsageError: Wrong target, parameter or kernel.
        UserCodeError: A cell failed, or the kernel died.
    """
    subject = load_subject(request.target, request.kernel)
    parameters = resolve(subject.pipeline, request.parameters, request.parameter_files)
    listener(PlanEvent((("run", f"Run {subject.pipeline.source.notebook}"),)))
    record = execute_stage(
        subject,
        parameters,
        listener,
        output=request.output,
        isolate=request.isolate,
        cell_timeout=request.cell_timeout,
    )
    return RunResult(record)


def execute_stage(
    subject: Subject,
    parameters: Mapping[str, object],
    listener: Listener,
    *,
    output: Path | None = None,
    isolate: bool = False,
    cell_timeout: float | None = None,
    stage: str = "run",
) -> RunRecord:
    """Run the subject itself: the notebook's own cells, or the project's pipeline.ipynb."""
    project = subject.project
    extra: dict[str, object] = {}
    if project is not None:
        extra = {
            "working_directory": str(subject.folder),
            "project_directory": str(project.directory),
        }
    listener(StageEvent(stage, StageState.STARTED))
    try:
        record = execute(
            RunRequest(
                notebook=project.notebook if project is not None else subject.notebook,
                pipeline=subject.pipeline,
                parameters=parameters,
                output=output,
                working_directory=subject.folder,
                kernel_name=subject.kernel,
                isolate=isolate,
                cell_timeout=cell_timeout,
                project=project.directory if project is not None else None,
                extra_parameters=extra,
                places=project.lines().origin if project is not None else None,
                stage=stage,
            ),
            listener,
        )
    except BaseException:
        listener(StageEvent(stage, StageState.FAILED))
        raise
    listener(StageEvent(stage, StageState.DONE, describe_metrics(record)))
    return record


def describe_metrics(record: RunRecord) -> str:
    """Return the run's first metrics in one line, such as ``accuracy 0.91``."""
    numbers = [
        f"{name} {value:.4g}"
        for name, value in record.metrics.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    return ", ".join(numbers[:4])
