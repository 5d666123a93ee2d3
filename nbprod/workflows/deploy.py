"""``nbprod deploy``: from a notebook to a service that answers as its model does."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbprod.bento.store import delete_bento, find_bento
from nbprod.counting import counted
from nbprod.deploy.check import ServedComparison, configured_key
from nbprod.deploy.curl import curl_example
from nbprod.deploy.deployment import Deployment
from nbprod.deploy.switch import Candidate, Switch, switching
from nbprod.errors import SystemFailedError, UsageError
from nbprod.events import (
    Listener,
    LogEvent,
    PlanEvent,
    ProgressEvent,
    ignore_events,
)
from nbprod.workflows.build import BUILD_STAGES, build_stage
from nbprod.workflows.served_truth import ServedTruth, read_truth, require_served
from nbprod.workflows.stage import stage
from nbprod.workflows.target import VersionTarget, resolve_deploy_target
from nbprod.workflows.training import TrainingRequest, prepare, train

SERVICE_STAGES = (
    ("start", "Start the service"),
    ("compare", "Compare served answers with the notebook's"),
    ("switch", "Let it take over"),
)


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """What to deploy, and where it listens.

    Attributes:
        target: Notebook, folder of a project, or ``NAME:VERSION``.
        parameters: ``(name, text)`` pairs.
        parameter_files: YAML files.
        host: Address to listen on; ``None`` keeps the present one, else loopback.
        port: Port; ``None`` keeps the present one, else takes a free one.
        model: Variable of the model, if not chosen by the rule.
        verify: Compare the generated steps with the notebook.
        kernel: Kernel name instead of the notebook's own.
        strict: Warnings of the analysis count as errors.
    """

    target: Path
    parameters: tuple[tuple[str, str], ...] = ()
    parameter_files: tuple[Path, ...] = ()
    host: str | None = None
    port: int | None = None
    model: str | None = None
    verify: bool = True
    kernel: str | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class DeployResult:
    """A service that answers.

    Attributes:
        deployment: Where it listens, and what runs.
        run_id: The run that made its model; empty if unknown.
        checked_rows: Rows whose served answers were compared.
        curl: A command that asks it for a prediction.
        expected: The notebook's own prediction for the row in ``curl``.
        model: The model's variable; empty for an earlier version.
        metrics: The run's metrics.
        verified_steps: Steps whose results were compared with the notebook's.
    """

    deployment: Deployment
    run_id: str
    checked_rows: int
    curl: str
    expected: object = None
    model: str = ""
    metrics: dict[str, object] | None = None
    verified_steps: int = 0

    @property
    def url(self) -> str:
        """The service's URL."""
        return self.deployment.url

    @property
    def summary(self) -> str:
        """One line: the version, and what was compared."""
        parts = [f"{self.deployment.name}:{self.deployment.version}"]
        if self.verified_steps:
            parts.append(f"{counted(self.verified_steps, 'step')} verified")
        elif self.model:
            parts.append("steps not verified (--no-verify)")
        parts.append(
            f"{self.checked_rows} served rows equal to the notebook's"
            if self.checked_rows
            else "no rows at hand to compare"
        )
        return ", ".join(parts)

    def as_json(self) -> dict[str, object]:
        """Return the document of ``nbprod deploy --json``."""
        return {
            "name": self.deployment.name,
            "version": self.deployment.version,
            "url": self.url,
            "run_id": self.run_id,
            "checked_rows": self.checked_rows,
            "verified_steps": self.verified_steps,
            "curl": self.curl,
            "expected": self.expected,
            "model": self.model,
            "metrics": self.metrics or {},
        }


def deploy(request: DeployRequest, listener: Listener = ignore_events) -> DeployResult:
    """Train, verify, package and serve; or bring an earlier version back.

    Whatever goes wrong, what served before goes on serving, and nothing of the
    candidate is left: no process, no Bento.

    Raises:
        NbprodError: What went wrong, with its exit code.
    """
    target = resolve_deploy_target(request.target)
    if isinstance(target, VersionTarget):
        _refuse_training_options(request)
        return _deploy_version(target, request, listener)
    return _deploy_training(request, listener)


def _deploy_training(request: DeployRequest, listener: Listener) -> DeployResult:
    listener(PlanEvent((*BUILD_STAGES, *SERVICE_STAGES)))
    training = TrainingRequest(
        request.target,
        request.parameters,
        request.parameter_files,
        request.model,
        request.verify,
        request.kernel,
        request.strict,
    )
    prepared = prepare(training, listener)
    name, notebook = prepared.pipeline.service, prepared.subject.notebook
    # The port and the name are taken before anything expensive begins.
    with switching(name, notebook=notebook, host=request.host, port=request.port) as switch:
        trained = train(prepared, listener)
        variable = trained.choice.candidate.variable
        truth = read_truth(Path(trained.record.folder), variable)
        if not truth.comparable:
            raise SystemFailedError(
                f"There are no rows to compare with: the run {trained.record.run_id} kept none "
                f"for its model '{variable}'.",
                fix="Deploy again; nothing else may tidy up the runs meanwhile.",
            )
        built = build_stage(trained, listener)
        with _kept_only_if_deployed(switch, built.tag):
            deployment, compared = _serve(switch, built.tag, trained.record.run_id, truth, listener)
    row, prediction = truth.example
    return DeployResult(
        deployment=deployment,
        run_id=trained.record.run_id,
        checked_rows=compared.checked_rows,
        curl=curl_example(deployment.url, row, key_needed=bool(configured_key())),
        expected=prediction,
        model=variable,
        metrics=trained.record.metrics,
        verified_steps=len(trained.compared),
    )


@contextlib.contextmanager
def _kept_only_if_deployed(switch: Switch, tag: str) -> Iterator[None]:
    """Delete a Bento that did not make it into service; what serves is kept, whatever fails."""
    try:
        yield
    except BaseException:
        if not switch.adopted:
            with contextlib.suppress(Exception):  # what went wrong is told, not this
                delete_bento(tag)
        raise


def _serve(
    switch: Switch, tag: str, run_id: str, truth: ServedTruth, listener: Listener
) -> tuple[Deployment, ServedComparison]:
    """Start a candidate, compare its answers, and let it take over.

    Raises:
        ResultsDifferError: It answers differently from the notebook's model.
        SystemFailedError: It did not start, or did not answer.
    """
    with stage("start", listener) as detail:
        candidate = switch.start_candidate(tag, run_id=run_id)
        detail.append(f"ready after {candidate.ready_seconds:.1f} s")
    with stage("compare", listener) as detail:
        compared = _compare(candidate, truth, listener)
        rows = compared.checked_rows
        detail.append(f"{counted(rows, 'row')} equal" if rows else "no rows at hand")
    with stage("switch", listener) as detail:
        deployment = switch.promote(candidate)
        detail.append(deployment.url)
    return deployment, compared


def _compare(candidate: Candidate, truth: ServedTruth, listener: Listener) -> ServedComparison:
    if truth.expected is None or not truth.comparable:
        return ServedComparison(0)  # an earlier version whose run is gone

    def progress(done: int, total: int) -> None:
        listener(ProgressEvent("compare", done, total, unit="row"))

    return require_served(candidate.url, candidate.check_token, truth, configured_key(), progress)


def _refuse_training_options(request: DeployRequest) -> None:
    """Refuse what would only matter if an earlier version were trained again.

    Raises:
        UsageError: An option of that kind was given.
    """
    given = {
        "-p": request.parameters,
        "-f": request.parameter_files,
        "--model": request.model,
        "--kernel": request.kernel,
        "--no-verify": not request.verify,
        "--strict": request.strict,
    }
    useless = [option for option, value in given.items() if value]
    if useless:
        raise UsageError(
            f"{request.target} is a built version, which is not trained again: "
            f"{', '.join(useless)} cannot change it",
            fix="leave the option out, or deploy the notebook",
        )


def _deploy_version(
    target: VersionTarget, request: DeployRequest, listener: Listener
) -> DeployResult:
    """Bring a version back from the store, checked against its run if that is still there."""
    listener(PlanEvent((("check", "Find the version"), *SERVICE_STAGES)))
    with stage("check", listener) as detail:
        bento = find_bento(f"{target.name}:{target.version}")
        detail.append(bento.tag)
    run_id = bento.labels.get("run_id", "")
    with switching(bento.name, host=request.host, port=request.port) as switch:
        owner = switch.current.notebook if switch.current else ""
        truth = _truth_of_version(Path(owner), run_id) if owner and run_id else ServedTruth()
        if not truth.comparable:
            text = "its run is no longer here, so its answers cannot be compared"
            listener(LogEvent(text, level="warning"))
        deployment, compared = _serve(switch, bento.tag, run_id, truth, listener)
    row, prediction = truth.example
    return DeployResult(
        deployment=deployment,
        run_id=run_id,
        checked_rows=compared.checked_rows,
        curl=curl_example(deployment.url, row, key_needed=bool(configured_key())),
        expected=prediction,
    )


def _truth_of_version(notebook: Path, run_id: str) -> ServedTruth:
    from nbprod.run.folder import STATE_FOLDER
    from nbprod.run.record import read_record

    folder = notebook.parent / STATE_FOLDER / "runs" / run_id
    package = folder / "package" / "package.json"
    try:
        read_record(folder)
        variable = json.loads(package.read_bytes())["variable"]
    except (UsageError, OSError, ValueError, KeyError):
        return ServedTruth()
    return read_truth(folder, str(variable))
