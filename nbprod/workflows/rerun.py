"""``nbprod rerun``: a recorded run once more, and whether it gives the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbprod.errors import UsageError
from nbprod.events import Listener, PlanEvent, ignore_events
from nbprod.run.history import find_run
from nbprod.run.parameter_types import evaluate
from nbprod.run.record import RunRecord, RunState
from nbprod.run.recording import LOCK, digest_of, lock_of
from nbprod.run.replay import OutputComparison, ReplayRequest, compare_again
from nbprod.run.secrets import Secret, split_secrets
from nbprod.run.stability import printed_comparison
from nbprod.workflows.place import place_of_runs
from nbprod.workflows.run import execute_stage
from nbprod.workflows.stage import stage
from nbprod.workflows.subject import Subject, load_subject, resolve
from nbprod.workflows.training import Prepared, generated_project


@dataclass(frozen=True, slots=True)
class RerunRequest:
    """Which run to repeat.

    Attributes:
        run: Its id, a part of it, ``last``, or its folder.
        of: Notebook, project or folder beside which it is recorded.
        check: Compare what the two runs gave.
    """

    run: str
    of: Path | None = None
    check: bool = False


@dataclass(frozen=True, slots=True)
class ChangedInput:
    """Something the run used that is another now.

    Attributes:
        kind: ``code``, ``data`` or ``environment``.
        name: Its path, or a package with its version.
        gone: A file that is not there any more.
    """

    kind: str
    name: str
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Repeated:
    """One result of both runs, compared.

    Attributes:
        step: The step that gave it; empty for cells of none, and for metrics.
        comparison: Of the second run's result with the first one's.
    """

    step: str
    comparison: OutputComparison


@dataclass(frozen=True, slots=True)
class RerunResult:
    """The two runs.

    Attributes:
        first: The run that was repeated.
        again: Its repetition.
        changed: What it used that is another now.
        results: Every result, compared; empty if that was not asked for.
    """

    first: RunRecord
    again: RunRecord
    changed: tuple[ChangedInput, ...] = ()
    results: tuple[Repeated, ...] = ()

    @property
    def same(self) -> bool:
        """Every result that was compared is the same."""
        return all(found.comparison.equal for found in self.results)

    def as_json(self) -> dict[str, object]:
        """Return the document of ``nbprod rerun --json``."""
        return {
            "run_id": self.again.run_id,
            "repeats": self.first.run_id,
            "checked": bool(self.results),
            "same": self.same,
            "changed_inputs": [
                {"kind": e.kind, "name": e.name, "gone": e.gone} for e in self.changed
            ],
            "results": [
                {
                    "step": found.step,
                    "name": found.comparison.name,
                    "kind": found.comparison.kind,
                    "equal": found.comparison.equal,
                    "detail": found.comparison.detail,
                }
                for found in self.results
            ],
            "metrics": self.again.metrics,
        }


def rerun(request: RerunRequest, listener: Listener = ignore_events) -> RerunResult:
    """Run a notebook or project again as a record tells: same parameters, same kernel.

    Raises:
        UsageError: There is no such run, or, for a check, what it used is another now.
        UserCodeError: A cell failed.
    """
    first = find_run(request.run, place_of_runs(request.of)[0])
    changed = tuple(changed_inputs(first))
    if request.check:
        _require_comparable(first, changed)
    subject = load_subject(_target(first), first.kernel)
    known = {parameter.name for parameter in subject.pipeline.parameters}
    recorded = {name: evaluate(text) for name, text in first.literals.items() if name in known}
    given = resolve(subject.pipeline, (), ())
    secrets = {name: each for name, each in given.items() if isinstance(each, Secret)}
    parameters = {**recorded, **secrets}
    stages = [("run", f"Run {subject.pipeline.source.notebook} again")]
    if request.check:
        stages.append(("verify", "Compare the two runs"))
    listener(PlanEvent(tuple(stages)))
    again = execute_stage(
        subject, parameters, listener, isolate=first.isolated, hash_seed=first.hash_seed
    )
    if not request.check:
        return RerunResult(first, again, changed)
    with stage("verify", listener) as detail:
        results = tuple(_results(subject, parameters, first, again, listener))
        same = sum(found.comparison.equal for found in results)
        detail.append(f"{same} of {len(results)} results the same")
    return RerunResult(first, again, changed, results)


def changed_inputs(record: RunRecord) -> Iterator[ChangedInput]:
    """Yield what a run used that is another now: code, data files, packages."""
    from nbprod.run.environment import collect_environment

    if _digest(Path(record.notebook)) != record.notebook_digest:
        yield ChangedInput("code", record.notebook)
    for kind, files in (("code", record.modules), ("data", record.files_read)):
        for found in files:
            if _digest(Path(found.path)) != found.sha256:
                yield ChangedInput(kind, found.path, gone=not Path(found.path).exists())
    environment = collect_environment(record.kernel)
    installed = dict(environment.versions.values())
    if environment.python != record.environment.python:
        yield ChangedInput("environment", f"Python {record.environment.python}")
    versions = record.environment.distributions.items()
    packages = [f"{name} {version}" for name, version in versions if installed.get(name) != version]
    known = record.environment.installed
    if known and not packages and digest_of(lock_of(record.kernel)) != known:
        packages = [f"a package of {Path(record.folder) / LOCK}"]
    for name in packages:
        yield ChangedInput("environment", name)


def _require_comparable(record: RunRecord, changed: tuple[ChangedInput, ...]) -> None:
    if record.state is not RunState.COMPLETED:
        raise UsageError(
            f"The run {record.run_id} is {record.state.value}: there is nothing to compare with.",
            fix="Choose one that completed; `nbprod runs` lists them.",
        )
    if changed:
        words = {found.gone: "gone" if found.gone else "another now" for found in changed}
        how = " or ".join(words[gone] for gone in sorted(words))
        listed = "; ".join(f"{found.name} ({found.kind})" for found in changed[:5])
        raise UsageError(
            f"What the run {record.run_id} used is {how}: {listed}.",
            fix="Bring it back, or leave out --check to run with what is there now. The "
            f"notebook's cells as they ran are in {record.output}.",
        )


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _target(record: RunRecord) -> Path:
    notebook = Path(record.notebook)
    return notebook.parent if (notebook.parent / "nbprod.json").is_file() else notebook


def _results(
    subject: Subject,
    parameters: dict[str, object],
    first: RunRecord,
    again: RunRecord,
    listener: Listener,
) -> Iterator[Repeated]:
    """Yield every result of the two runs, compared in processes of their own."""
    project = generated_project(Prepared(subject, parameters, "", verify=True), lambda _: None)
    request = ReplayRequest(
        project=project.directory,
        package=project.package,
        pipeline=subject.pipeline,
        record=first,
        secrets=split_secrets(parameters)[1],
    )
    for found in compare_again(request, again, listener):
        if found.error is not None:
            failed = OutputComparison(found.step, False, found.error.message)
            yield Repeated(found.step, failed)
        for output in found.outputs:
            yield Repeated(found.step, output)
    for step in first.steps:
        printed = printed_comparison(again, first, step.cells)
        if printed is not None:
            yield Repeated(step.name, printed)
    for name in dict.fromkeys((*first.metrics, *again.metrics)):
        one, other = again.metrics.get(name), first.metrics.get(name)
        detail = "" if one == other else f"{one} vs {other}"
        yield Repeated("", OutputComparison(name, not detail, detail, "metric"))
