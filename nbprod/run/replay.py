"""Replay generated step functions from captured inputs, each in a process of its own.

Architecture invariant: no captured object is loaded in this process. A step process
loads them, calls the function, compares, and answers with text.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nbprod.errors import InterruptedRunError, UsageError
from nbprod.events import Listener, ProgressEvent, ignore_events
from nbprod.origin import Origin
from nbprod.pipeline.ir import Effect, Pipeline, Step
from nbprod.pipeline.naming import function_name
from nbprod.run.excused import excused_difference, parts_of
from nbprod.run.kernel import set_orders
from nbprod.run.module_names import modules_of
from nbprod.run.printed import (
    CLEARED,
    cleared_difference,
    left_out_magics_print,
    printed_by,
    printed_difference,
)
from nbprod.run.record import ArtifactRecord, RunRecord, read_record
from nbprod.run.safekeeping import kept_folder, safe_files, step_files
from nbprod.run.secrets import NO_SECRETS, GivenSecrets
from nbprod.run.shown import shown_by

PROCESS = Path(__file__).with_name("replay_process.py")
PRINTED = "printed text"
RANDOM_STATES = {
    "random state of `random`": "python",
    "random state of `numpy.random`": "numpy",
    "random state of `torch`": "torch",
}
GENERATORS = frozenset(RANDOM_STATES.values())


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What to replay.

    Attributes:
        project: Folder of the generated project.
        package: Name of its package.
        pipeline: The pipeline it was generated from.
        record: A captured run of the notebook itself.
        steps: Names of the steps to replay; empty for all.
        jobs: Processes at a time; 0 for one per core.
        timeout: Seconds that a step may take; ``None`` for no limit.
        places: Finds the notebook's place of a line of the package: (path relative to
            the project, line) to an origin. ``None`` shows the package's own lines.
        comparer: ``module:function`` that compares two values in the step process.
        stage: Stage name of the progress events.
        secrets: What the run was given; step processes get it through a pipe.
    """

    project: Path
    package: str
    pipeline: Pipeline
    record: RunRecord
    steps: tuple[str, ...] = ()
    jobs: int = 0
    timeout: float | None = None
    places: Callable[[str, int], Origin | None] | None = None
    comparer: str = "nbprod.compare.values:compare"
    stage: str = "verify"
    secrets: GivenSecrets = NO_SECRETS


@dataclass(frozen=True, slots=True)
class OutputComparison:
    """One value of a step, compared with the notebook's own.

    Attributes:
        name: The variable, file, figure or option, or ``printed text``.
        equal: It equals the notebook's, within the tolerances.
        detail: The first difference, or why it could not be compared.
        kind: ``output``; ``input`` for a variable that changed between its producer
            and this step without being declared; ``printed``; ``figure``; ``display``;
            ``file``; ``ambient`` for random states, options and the like after it.
        comparable: False if the two could not be compared at all.
        unstable: Two runs of the notebook itself differ here in the same way.
        reason: Why it likely differs, for people.
    """

    name: str
    equal: bool
    detail: str = ""
    kind: str = "output"
    comparable: bool = True
    unstable: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StepError:
    """Why a generated step failed.

    Attributes:
        message: The exception's last line, or what happened to the process.
        where: The notebook's place, if the failing line came from there.
        traceback: Python's traceback, plain text.
        reason: Why it likely fails, for people.
    """

    message: str
    where: Origin | None = None
    traceback: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StepReplay:
    """A step function's replay.

    Attributes:
        step: The step's name.
        outputs: Its comparisons; empty if it failed.
        seconds: Time that the function took.
        error: Why it failed, ``None`` if it did not.
        artifact: What the generated code produced, saved in the run's ``replay`` folder.
        cached: It was found equal before, and nothing changed since.
        printed: What it printed.
    """

    step: str
    outputs: tuple[OutputComparison, ...] = ()
    seconds: float = 0.0
    error: StepError | None = None
    artifact: ArtifactRecord | None = None
    cached: bool = False
    printed: str = ""

    @property
    def equal(self) -> bool:
        """The step ran, and gave what the notebook gave, as far as that is stable."""
        return self.error is None and all(found.equal or found.unstable for found in self.outputs)


def replay(request: ReplayRequest, listener: Listener = ignore_events) -> tuple[StepReplay, ...]:
    """Replay step functions and compare what they give with what the notebook gave.

    Returns:
        One result per step, in the notebook's order.

    Raises:
        UsageError: If the run captured nothing, its record or artifacts were changed,
            or a named step does not exist.
        InterruptedRunError: Ctrl-C; all step processes are gone.
    """
    record = read_record(request.record.folder)
    if not request.pipeline.steps:
        return ()  # a notebook that only imports and defines
    if not record.artifacts:
        raise UsageError(
            f"The run {record.run_id} captured nothing to compare with.",
            fix="Run the notebook itself, with capture.",
        )
    steps = _chosen(request)
    found = {step.name: _unsaved_inputs(record, step) for step in steps}
    ready = [step for step in steps if found[step.name] is None]
    (Path(record.folder) / "replay").mkdir(exist_ok=True)
    if ready:
        with (
            tempfile.TemporaryDirectory(prefix="nbprod-replay-") as scratch,
            safe_files(record, listener) as journal,
        ):
            jobs = {
                step.name: _job(request, record, step, Path(scratch), journal) for step in ready
            }
            ends = _run_processes(request, record, list(jobs.values()), Path(scratch), listener)
            for step in ready:
                found[step.name] = _result(
                    request, record, step, jobs[step.name], ends.get(step.name)
                )
    return tuple(result for step in steps if (result := found[step.name]) is not None)


def compare_again(
    request: ReplayRequest, again: RunRecord, listener: Listener = ignore_events
) -> tuple[StepReplay, ...]:
    """Compare what steps gave in two runs of the notebook, in processes of their own.

    Args:
        request: The first run, and which steps.
        again: The second run.
        listener: Gets progress.
    """
    first, second = read_record(request.record.folder), read_record(again.folder)
    found: list[StepReplay] = []
    with tempfile.TemporaryDirectory(prefix="nbprod-replay-") as scratch:
        jobs = {}
        for step in _chosen(request):
            if _unsaved_inputs(first, step) is None and second.artifact(step.name, "outputs"):
                job = _job(request, first, step, Path(scratch), Path(scratch))
                other = _job(request, second, step, Path(scratch) / "again", Path(scratch))
                job["again"] = {key: other[key] for key in _COMPARED_AGAIN}
                jobs[step.name] = {**job, "exclusive": False}
        ends = _run_processes(request, first, list(jobs.values()), Path(scratch), listener)
        for name, job in jobs.items():
            answer = Path(str(job["answer"]))
            if answer.exists():
                document = json.loads(answer.read_bytes())
                found.append(StepReplay(name, _comparisons(document.get("compared", ()))))
            else:
                found.append(StepReplay(name, error=_no_answer(request, job, ends.get(name))))
    return tuple(found)


_COMPARED_AGAIN = ("outputs", "files", "kept", "figures", "displayed")


def _comparisons(documents: Iterable[dict[str, Any]]) -> tuple[OutputComparison, ...]:
    names = ("name", "equal", "detail", "kind", "comparable")
    return tuple(OutputComparison(*(found[name] for name in names)) for found in documents)


def _cores() -> int:
    """Return the cores this process may use; where that cannot be told, all of them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _chosen(request: ReplayRequest) -> list[Step]:
    names = {step.name for step in request.pipeline.steps}
    unknown = [name for name in request.steps if name not in names]
    if unknown:
        raise UsageError(
            f"There is no step {unknown[0]}.", fix=f"The steps are: {', '.join(sorted(names))}."
        )
    return [s for s in request.pipeline.steps if not request.steps or s.name in request.steps]


def _unsaved_inputs(record: RunRecord, step: Step) -> StepReplay | None:
    """Return the failure of a step whose inputs could not be captured."""
    inputs = record.artifact(step.name, "inputs")
    if inputs is None:
        return StepReplay(step.name, error=StepError("the run did not reach this step"))
    for variable in step.inputs:
        if variable.name in inputs.unsaved:
            reason = f"its input {variable.name} was not captured: {inputs.unsaved[variable.name]}"
            return StepReplay(step.name, error=StepError(reason))
    return None


def _run_processes(
    request: ReplayRequest,
    record: RunRecord,
    jobs: list[dict[str, object]],
    scratch: Path,
    listener: Listener,
) -> dict[str, dict[str, Any]]:
    """Run the step processes; return how each step's process ended."""
    job = scratch / "job.json"
    job.write_text(
        json.dumps(
            {
                "project": str(request.project.absolute()),
                "package": request.package,
                "modules": modules_of(request.package),
                "comparer": request.comparer,
                "hash_seed": record.hash_seed,
                "jobs": request.jobs or _cores(),
                "timeout": request.timeout,
                "steps": jobs,
                "secrets": bool(request.secrets),
            }
        )
    )
    given = dict(request.secrets.variables)
    if record.hash_seed:
        given[set_orders.VARIABLE] = record.hash_seed
    with (scratch / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            [record.environment.interpreter, str(PROCESS), str(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=record.working_directory,
            env={**os.environ, **given, "MPLBACKEND": "Agg", "COLUMNS": "80"},
            text=True,
            start_new_session=True,
        )
        running: dict[str, int] = {}
        try:
            _hand_over(process, request.secrets)
            return _follow(request, process, running, len(jobs), listener)
        except KeyboardInterrupt:
            raise InterruptedRunError("Interrupted while steps were replayed.") from None
        finally:
            for group in (process.pid, *running.values()):
                _kill(group)
            process.wait()


def _hand_over(process: subprocess.Popen[str], secrets: GivenSecrets) -> None:
    """Give the secrets to the step processes, by a pipe that is read before anything else."""
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as pipe:
        if secrets:
            pipe.write(json.dumps(secrets.document()))


def _follow(
    request: ReplayRequest,
    process: subprocess.Popen[str],
    running: dict[str, int],
    total: int,
    listener: Listener,
) -> dict[str, dict[str, Any]]:
    ends: dict[str, dict[str, Any]] = {}
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            try:
                told = json.loads(line)
            except ValueError:
                continue  # an import that prints
            if not isinstance(told, dict):
                continue
            if "started" in told:
                running[told["started"]] = int(told["pid"])
            elif "ended" in told:
                name = told["ended"]
                running.pop(name, None)
                ends[name] = told
                listener(ProgressEvent(request.stage, len(ends), total, unit="step", detail=name))
    return ends


def _kill(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _job(
    request: ReplayRequest, record: RunRecord, step: Step, scratch: Path, journal: Path
) -> dict[str, object]:
    inputs = record.artifact(step.name, "inputs")
    outputs = record.artifact(step.name, "outputs")
    assert inputs is not None
    return {
        "step": step.name,
        "function": function_name(step.name),
        "inputs": _artifact(record, inputs),
        "outputs": None if outputs is None else _artifact(record, outputs),
        "input_names": [variable.name for variable in step.inputs],
        "prints": inputs.prints,
        "output_names": [variable.name for variable in step.outputs],
        "unsaved": {} if outputs is None else outputs.unsaved,
        "producers": {
            name: {**_artifact(record, found), "step": found.step}
            for name, found in producers(record, request.pipeline, step).items()
        },
        "parameters": record.literals,
        "parameter_names": list(step.params),
        "answer": str(scratch / f"{step.name}.json"),
        "stdout": str(scratch / f"{step.name}.stdout"),
        "stderr": str(scratch / f"{step.name}.stderr"),
        "save": str(Path(record.folder) / "replay" / f"{step.name}.outputs.pkl"),
        "contiguous": sum(found.step == step.name for found in record.stretches) == 1,
        "touched": str(journal / f"{step.name}.jsonl"),
        **_files(record, step),
        "inline": step.backend in {"", "inline"},
        "interactive": step.backend == "inline",
        **_shown(record, step, scratch),
    }


def _files(record: RunRecord, step: Step) -> dict[str, object]:
    found = step_files(record, step.name)
    return {
        "exclusive": found.exclusive,
        "before": [asdict(state) for state in found.before],
        "files": [asdict(state) for state in found.written],
        "kept": str(kept_folder(record)),
        "root": os.path.realpath(record.working_directory),
        "temporary": os.path.realpath(tempfile.gettempdir()) + os.sep,
    }


def _shown(record: RunRecord, step: Step, scratch: Path) -> dict[str, object]:
    found = shown_by(Path(record.output), cells_of(record, step.name))
    figures = []
    scratch.mkdir(exist_ok=True)
    for number, (image, form) in enumerate(found.figures):
        path = scratch / f"{step.name}.{number}.{form}"
        path.write_bytes(image)
        figures.append({"path": str(path), "form": form})
    return {"figures": figures, "displayed": list(found.texts)}


def cells_of(record: RunRecord, step: str) -> set[int]:
    """Return the numbers of the cells of a step that ran."""
    return {n for found in record.steps if found.name == step for n in found.cells}


def _artifact(record: RunRecord, artifact: ArtifactRecord) -> dict[str, str]:
    path = Path(record.folder) / "artifacts" / artifact.file
    return {"path": str(path), "sha256": artifact.sha256}


def producers(record: RunRecord, pipeline: Pipeline, step: Step) -> dict[str, ArtifactRecord]:
    """Find for each input of a step the artifact of the step that made it last."""
    found: dict[str, ArtifactRecord] = {}
    wanted = {variable.name for variable in step.inputs}
    for earlier in pipeline.steps:
        if earlier.name == step.name:
            break
        artifact = record.artifact(earlier.name, "outputs")
        for variable in earlier.outputs:
            if variable.name in wanted and artifact and variable.name in artifact.members:
                found[variable.name] = artifact
    return found


def _result(
    request: ReplayRequest,
    record: RunRecord,
    step: Step,
    job: Mapping[str, object],
    end: Mapping[str, Any] | None,
) -> StepReplay:
    answer = Path(str(job["answer"]))
    if not answer.exists():
        return StepReplay(step.name, error=_no_answer(request, job, end))
    document = json.loads(answer.read_bytes())
    seconds = float(document.get("seconds", 0.0))
    if "error" in document:
        error = document["error"]
        place = _place(request, error["frames"])
        return StepReplay(
            step.name, (), seconds, StepError(error["message"], place, error["traceback"])
        )
    begin, stop = document["printed"]
    printed = Path(str(job["stdout"])).read_bytes()[begin:stop].decode(errors="replace")
    matter = states_that_matter(record, request.pipeline, step)
    outputs = [
        found
        for found in _comparisons(document["compared"])
        if found.kind != "ambient" or RANDOM_STATES.get(found.name) not in GENERATORS - matter
    ]
    cells = cells_of(record, step.name)
    expected = printed_by(Path(record.output), cells)
    if CLEARED in printed:
        difference = cleared_difference(printed, expected, one_cell=len(cells) == 1)
    elif left_out_magics_print(Path(record.output), cells):
        difference = excused_difference(printed, parts_of(Path(record.output), cells))
    else:
        difference = printed_difference(printed, expected)
    if printed.strip() or expected.strip():
        outputs.append(OutputComparison(PRINTED, not difference, difference, "printed"))
    saved = document["saved"]
    artifact = ArtifactRecord(
        step=step.name,
        kind="replay",
        file=Path(saved["path"]).name,
        sha256=saved["sha256"],
        size=saved["size"],
        members=tuple(saved["members"]),
        unsaved=dict(saved["unsaved"]),
    )
    return StepReplay(step.name, tuple(outputs), seconds, None, artifact, printed=printed)


_READS_STATES = re.compile(r"get_?state|set_?state|rng_state|jobs|multiprocess|Parallel|fork|Pool")
"""Code that may depend on a random state without moving it: it puts it back, or its children
draw from theirs."""


def states_that_matter(record: RunRecord, pipeline: Pipeline, step: Step) -> frozenset[str]:
    """Tell which random states that a step leaves can show in a later step.

    The last one is nobody's. Of each generator by itself: ``random.seed(0)`` in a notebook
    that then draws from numpy's only changes nothing.

    Returns:
        Names of the generators, as in ``state_before`` of the record's stretches.
    """
    own = [place for place, found in enumerate(record.stretches) if found.step == step.name]
    later = record.stretches[own[-1] + 1 :] if own else record.stretches
    after = pipeline.steps[pipeline.steps.index(step) + 1 :]
    draws = any(Effect.RANDOM in each.effects for each in after)
    sources = [found.source for found in pipeline.definitions]
    sources += [block.source for each in after for block in each.blocks]
    if draws and (
        any(_READS_STATES.search(source) for source in sources)
        or not all(found.state_before and found.state_after for found in later)
    ):
        return GENERATORS
    return frozenset(
        name
        for name in GENERATORS
        for found in later
        if found.state_before.get(name) != found.state_after.get(name)
    )


def _no_answer(
    request: ReplayRequest, job: Mapping[str, object], end: Mapping[str, Any] | None
) -> StepError:
    """Describe a step process that ended without an answer."""
    if end is not None and end["late"]:
        return StepError(f"it took longer than {request.timeout or 0:g} s")
    errors = Path(str(job["stderr"]))
    lines = errors.read_text(errors="replace").strip().splitlines() if errors.exists() else []
    code = end["code"] if end is not None else "no answer"
    return StepError(f"its process ended with {code}", traceback="\n".join(lines[-20:]))


def _place(request: ReplayRequest, frames: list[tuple[str, int]]) -> Origin | None:
    """Find the notebook's place of the innermost line that came from it."""
    if request.places is None:
        return None
    for path, line in reversed(frames):
        origin = request.places(path, line)
        if origin is not None:
            return origin
    return None
