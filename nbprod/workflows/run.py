"""``nbprod run``: a recorded papermill run of a notebook or a project."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbprod.errors import GateError, NbprodError, UsageError
from nbprod.events import Listener, PlanEvent, StageEvent, StageState, ignore_events
from nbprod.origin import Origin
from nbprod.pipeline.ir import Pipeline
from nbprod.run.ahead.request import AheadRequest
from nbprod.run.atomic_write import write_atomically
from nbprod.run.execute import RunRequest, execute
from nbprod.run.gate import GateOutcome, judge, parse_gate
from nbprod.run.history import completed_runs
from nbprod.run.record import RunRecord
from nbprod.run.report import write_report
from nbprod.workflows.learned import unchanged_variables
from nbprod.workflows.stage import ended_by
from nbprod.workflows.subject import Subject, load_subject, resolve, warn_of_history


@dataclass(frozen=True, slots=True)
class RunWorkflowRequest:
    """What to run.

    Attributes:
        target: Notebook, or folder of a project.
        output: Where a copy of the output notebook goes.
        parameters: ``(name, text)`` pairs.
        parameter_files: YAML files.
        isolate: Give each step a kernel of its own.
        ahead: Where steps are computed that don't wait for each other.
        use_cache: Take results of earlier runs where nothing changed.
        kernel: Kernel name instead of the notebook's own.
        cell_timeout: Seconds that one cell may take.
        run_timeout: Seconds that all cells together may take.
        require: Conditions on metrics, such as ``accuracy>=0.9``.
        junit: Where a JUnit report goes; written also if the run fails.
        summary: Where a Markdown summary goes; written also if the run fails.
        report: Where an HTML report goes; written also if the run fails.
    """

    target: Path
    output: Path | None = None
    parameters: tuple[tuple[str, str], ...] = field(default=())
    parameter_files: tuple[Path, ...] = ()
    isolate: bool = False
    ahead: AheadRequest = field(default_factory=AheadRequest)
    use_cache: bool = True
    kernel: str | None = None
    cell_timeout: float | None = None
    run_timeout: float | None = None
    require: tuple[str, ...] = ()
    junit: Path | None = None
    summary: Path | None = None
    report: Path | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """The record of the run.

    Attributes:
        record: The record.
        gates: Conditions on its metrics; all are met.
        report: The HTML report, if one was asked for.
        unchanged: By step, variables that the pipeline hands on as changed and that did
            not change: a hint, see ``nbprod tag``.
    """

    record: RunRecord
    gates: tuple[GateOutcome, ...] = ()
    report: Path | None = None
    unchanged: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return the document of ``nbprod run --json``: the record, gates and report."""
        import msgspec

        document = msgspec.to_builtins(self.record)
        assert isinstance(document, dict)
        gates = [{"required": str(found.gate), "found": found.found} for found in self.gates]
        report = str(self.report) if self.report else None
        unchanged = {step: list(names) for step, names in self.unchanged.items()}
        return {**document, "gates": gates, "report": report, "unchanged": unchanged}


def run(request: RunWorkflowRequest, listener: Listener = ignore_events) -> RunResult:
    """Run a notebook or a project's pipeline notebook, and keep a record.

    Raises:
        UsageError: Wrong target, parameter or kernel.
        UserCodeError: A cell failed, or the kernel died.
        GateError: The metrics do not meet what is required.
    """
    subject = load_subject(request.target, request.kernel)
    parameters = resolve(subject.pipeline, request.parameters, request.parameter_files)
    gates = tuple(parse_gate(text) for text in request.require)
    check_reports(request)
    check_jobs(request, subject)
    warn_of_history(subject.pipeline, request.parameters, listener)
    listener(PlanEvent((("run", f"Run {subject.pipeline.source.notebook}"),)))
    ended: list[RunRecord] = []
    try:
        record = execute_stage(
            subject,
            parameters,
            listener,
            output=request.output,
            isolate=request.isolate,
            ahead=request.ahead,
            use_cache=request.use_cache,
            cell_timeout=request.cell_timeout,
            run_timeout=request.run_timeout,
            on_record=ended.append,
        )
    except NbprodError as error:
        if ended:
            tell(request, subject.pipeline, ended[-1], (), error)
        raise
    outcomes = tuple(judge(gate, record.metrics) for gate in gates)
    tell(request, subject.pipeline, record, outcomes, None)
    missed = [outcome for outcome in outcomes if not outcome.met]
    if missed:
        raise GateError(
            f"The run does not meet what is required: {'; '.join(map(str, missed))}.",
            where=place_of_metric(missed[0].gate.metric, subject.pipeline),
            fix=f"`nbprod show {record.run_id}` shows all its metrics.",
        )
    unchanged = {} if subject.project else unchanged_variables(subject.pipeline, record)
    return RunResult(record, outcomes, request.report, unchanged)


def place_of_metric(name: str, pipeline: Pipeline) -> Origin | None:
    """Return the last line of the notebook that names a metric; ``None`` if there is none."""
    root = name.partition(".")[0]
    blocks = [block for step in pipeline.steps for block in step.blocks]
    for block in reversed(blocks):
        lines = block.source.splitlines()
        for number in reversed(range(len(lines))):
            if re.search(rf"\b{re.escape(root)}\b", lines[number]):
                return replace(block.origin, line=block.lines[number] if block.lines else 0)
    return None


def check_jobs(request: RunWorkflowRequest, subject: Subject) -> None:
    """Check that what is asked for can run steps side by side.

    Raises:
        UsageError: If it cannot.
    """
    asked = request.ahead.option
    if not asked:
        return
    if request.isolate or not request.use_cache:
        other = "--isolate" if request.isolate else "--no-cache"
        raise UsageError(
            f"{asked} does not go with {other}.",
            fix="Steps computed so have kernels of their own, and hand on what they give "
            "through the cache.",
        )
    if subject.project is not None:
        raise UsageError(
            f"{asked} is for notebooks; a project's steps run one after another.",
            fix=f"Run {subject.pipeline.source.notebook} itself.",
        )


def check_reports(request: RunWorkflowRequest) -> None:
    """Check, before anything runs, that the reports can be written where they should go.

    Raises:
        UsageError: If one cannot.
    """
    for path in (request.junit, request.summary, request.report):
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise UsageError(
                f"{path} cannot be written.", fix="Give a file name in a folder that is there."
            )


def tell(
    request: RunWorkflowRequest,
    pipeline: Pipeline,
    record: RunRecord,
    gates: tuple[GateOutcome, ...],
    error: NbprodError | None,
) -> None:
    """Write what the request asks for about a run that ended, well or not."""
    from nbprod.run.junit import junit, suite_of
    from nbprod.run.summary import markdown_summary

    if request.junit is not None:
        steps = tuple(step.name for step in pipeline.steps)
        write_atomically(request.junit.absolute(), junit([suite_of(record, steps, gates, error)]))
    if request.summary is not None:
        text = markdown_summary(record, _last(record), gates, error)
        write_summary(request.summary, text)
    if request.report is not None:
        write_report(record, request.report)


def write_summary(path: Path, text: str) -> None:
    """Write a Markdown summary; GitHub's own file, which other commands use too, is added to."""
    if str(path) == os.environ.get("GITHUB_STEP_SUMMARY"):
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    else:
        write_atomically(path.absolute(), text.encode())


def _last(record: RunRecord) -> RunRecord | None:
    """Return the completed run of the same notebook before this one."""
    earlier = completed_runs(record.notebook, Path(record.working_directory))
    return next((found for found in earlier if found.started < record.started), None)


def execute_stage(
    subject: Subject,
    parameters: Mapping[str, object],
    listener: Listener,
    *,
    output: Path | None = None,
    isolate: bool = False,
    ahead: AheadRequest | None = None,
    hash_seed: str = "",
    use_cache: bool = False,
    cell_timeout: float | None = None,
    run_timeout: float | None = None,
    stage: str = "run",
    on_record: Callable[[RunRecord], None] | None = None,
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
                ahead=ahead or AheadRequest(),
                hash_seed=hash_seed,
                use_cache=use_cache,
                cell_timeout=cell_timeout,
                run_timeout=run_timeout,
                project=project.directory if project is not None else None,
                package=project.package if project is not None else "",
                extra_parameters=extra,
                places=project.lines().origin if project is not None else None,
                stage=stage,
                on_record=on_record,
            ),
            listener,
        )
    except BaseException as error:
        listener(StageEvent(stage, ended_by(error)))
        raise
    listener(StageEvent(stage, StageState.DONE, describe_metrics(record)))
    return record


def describe_metrics(record: RunRecord) -> str:
    """Return the run's first metrics in one line, such as ``accuracy 0.91``."""
    numbers = [f"{name} {value:.4g}" for name, value in record.numbers.items()]
    return ", ".join(numbers[:4])
