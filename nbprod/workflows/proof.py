"""The proof that a project computes what its notebook computes: what verify and deploy share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from nbprod.emit.load import Project
from nbprod.errors import NbprodError, ResultsDifferError
from nbprod.events import Event, Listener, LogEvent, StageEvent
from nbprod.origin import Origin
from nbprod.pipeline.ir import Pipeline
from nbprod.run.outside import with_outside
from nbprod.run.record import RunRecord
from nbprod.run.replay import OutputComparison, ReplayRequest, StepReplay, replay
from nbprod.run.safekeeping import bring, first_states, safe_files
from nbprod.run.secrets import NO_SECRETS, GivenSecrets
from nbprod.run.stability import mark_unstable
from nbprod.run.verdicts import Verdicts
from nbprod.workflows.reason import error_reason, likely_reason, unstable_reason
from nbprod.workflows.stage import stage

RunAgain = Callable[[Listener], RunRecord]


@dataclass(frozen=True, slots=True)
class Unstable:
    """A result that the notebook itself gives differently each time."""

    step: str
    name: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Proof:
    """The comparison of every step of a project with a run of its notebook.

    Attributes:
        steps: In the notebook's order.
        stability_checked: The notebook was run once more, because something differed.
    """

    steps: tuple[StepReplay, ...]
    stability_checked: bool = False

    @property
    def equal(self) -> bool:
        """Every step ran, and gave what the notebook gave, as far as that is stable."""
        return all(found.equal for found in self.steps)

    @property
    def unstable(self) -> tuple[Unstable, ...]:
        """What the notebook itself gives differently each time."""
        return tuple(
            Unstable(found.step, output.name, output.reason, output.detail)
            for found in self.steps
            for output in found.outputs
            if output.unstable
        )

    @property
    def first(self) -> tuple[StepReplay, OutputComparison | None] | None:
        """The first step that differs, and what of it; ``None`` if all are equal."""
        for found in self.steps:
            if not found.equal:
                differing = (o for o in found.outputs if not (o.equal or o.unstable))
                return found, next(differing, None)
        return None


def prove(
    pipeline: Pipeline,
    project: Project,
    record: RunRecord,
    run_again: RunAgain,
    listener: Listener,
    secrets: GivenSecrets = NO_SECRETS,
) -> Proof:
    """Replay the project's step functions and compare them with the run.

    Args:
        pipeline: Its steps.
        project: Whose code is replayed.
        record: A captured run of the notebook.
        run_again: Runs the notebook once more; called only if something differs.
        listener: Gets the ``verify`` stage.
        secrets: What the run was given.
    """
    request = ReplayRequest(
        project=project.directory,
        package=project.package,
        pipeline=pipeline,
        record=record,
        places=project.lines().origin,
        secrets=secrets,
    )
    with stage("verify", listener) as detail:
        verdicts = Verdicts(request)
        steps = _replay_unknown(request, verdicts.known(), listener)
        checked = any(_may_be_unstable(found) for found in steps)
        if checked:
            steps = _without_unstable(request, steps, run_again, listener)
        steps = with_outside(record, pipeline, steps)
        steps = tuple(_explained(pipeline, record, found, project.edited) for found in steps)
        with suppress(OSError):  # then they are replayed next time
            verdicts.keep(steps)
        proof = Proof(steps, checked)
        cached = sum(found.cached for found in steps)
        equal = sum(found.equal for found in steps)
        detail.append(f"{equal} of {len(steps)} steps equal")
        if cached:
            detail.append(f"{cached} known from before")
        if proof.unstable:
            detail.append(f"{len(proof.unstable)} results unstable in the notebook itself")
    return proof


def _replay_unknown(
    request: ReplayRequest, known: Mapping[str, StepReplay], listener: Listener
) -> tuple[StepReplay, ...]:
    """Replay the steps without a verdict; return all, in the notebook's order."""
    names = tuple(step.name for step in request.pipeline.steps)
    unknown = tuple(name for name in names if name not in known)
    found = dict(known)
    if unknown or not names:
        new = replay(replace(request, steps=unknown), listener)
        found.update({step.step: step for step in new})
    return tuple(found[name] for name in names)


def _may_be_unstable(found: StepReplay) -> bool:
    return any(
        not output.equal and output.comparable and output.kind not in {"input", "ambient"}
        for output in found.outputs
    )


def _without_unstable(
    request: ReplayRequest,
    steps: tuple[StepReplay, ...],
    run_again: RunAgain,
    listener: Listener,
) -> tuple[StepReplay, ...]:
    listener(LogEvent("something differs: the notebook runs once more, to see what it repeats"))

    def quiet(event: Event) -> None:
        # Its run is a part of this stage, and has warned already.
        if not isinstance(event, StageEvent | LogEvent):
            listener(event)

    record = request.record
    with safe_files(record, listener):
        # As before the first run, for what that is known of.
        bring(first_states(record), record, listener)
        try:
            again = run_again(quiet)
        except NbprodError as error:
            listener(
                LogEvent(f"the notebook does not run a second time: {error.message}", "warning")
            )
            return steps
        return mark_unstable(request, steps, again, listener)


def _explained(
    pipeline: Pipeline, record: RunRecord, found: StepReplay, edited: tuple[str, ...]
) -> StepReplay:
    outputs = []
    for output in found.outputs:
        reason = ""
        if output.unstable:
            reason = unstable_reason(pipeline, found.step)
        elif not output.equal:
            reason = likely_reason(pipeline, record, found, output, edited)
        outputs.append(replace(output, reason=reason))
    error = found.error
    if error is not None:
        error = replace(error, reason=error_reason(record, found))
    return replace(found, outputs=tuple(outputs), error=error)


def require_equal(proof: Proof, record: RunRecord) -> None:
    """Stop at the first step that differs.

    Raises:
        ResultsDifferError: A generated step failed, or gave something else than the notebook.
    """
    first = proof.first
    if first is None:
        return
    found, output = first
    advice = "`nbprod verify` shows all steps; --no-verify skips the comparison"
    if found.error is not None:
        raise ResultsDifferError(
            f"step {found.step} runs in the notebook, but not as generated code: "
            f"{found.error.message}",
            where=found.error.where,
            fix=f"Likely reason: {found.error.reason}. {advice}",
        )
    assert output is not None
    if output.kind == "input":
        what = f"step {found.step} would not get `{output.name}` as it is in the notebook"
    elif output.kind == "ambient":
        what = f"step {found.step} leaves another {output.name} than the notebook"
    else:
        what = f"step {found.step} gives another {output.name} than the notebook"
    raise ResultsDifferError(
        f"{what}: {output.detail}",
        where=_place_of(record, found.step, output),
        fix=f"Likely reason: {output.reason}. {advice}",
    )


def _place_of(record: RunRecord, step: str, output: OutputComparison) -> Origin | None:
    places: Mapping[str, Origin] = {
        change.variable: Origin(record.notebook.rpartition("/")[2], change.cell, line=change.line)
        for change in record.undeclared
        if change.reader == step
    }
    return places.get(output.name) if output.kind == "input" else None
