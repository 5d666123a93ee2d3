"""``nbprod verify``: does the pipeline compute what the notebook computes?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from nbprod.events import Listener, PlanEvent, StageEvent, StageState, ignore_events
from nbprod.run.record import RunRecord
from nbprod.run.replay import StepReplay
from nbprod.workflows.proof import Proof
from nbprod.workflows.run import execute_stage
from nbprod.workflows.service_check import ServiceCheck, check_service
from nbprod.workflows.training import (
    TRAINING_STAGES,
    TrainingRequest,
    generated_project,
    prepare,
    prove_stage,
    replayed_artifacts,
)


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What to verify.

    Attributes:
        target: Notebook, or folder of a project.
        parameters: ``(name, text)`` pairs.
        parameter_files: YAML files.
        kernel: Kernel name instead of the notebook's own.
        strict: Warnings of the analysis count as errors.
        service: Ask the service too, if the notebook has a model.
    """

    target: Path
    parameters: tuple[tuple[str, str], ...] = ()
    parameter_files: tuple[Path, ...] = ()
    kernel: str | None = None
    strict: bool = False
    service: bool = True


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """The comparison of every step, and of the service."""

    record: RunRecord
    proof: Proof
    service: ServiceCheck

    @property
    def steps(self) -> tuple[StepReplay, ...]:
        """The comparison of every step."""
        return self.proof.steps

    @property
    def equivalent(self) -> bool:
        """Notebook, pipeline and service agree, as far as the notebook agrees with itself."""
        return self.proof.equal and self.service.equal is not False

    def as_json(self) -> dict[str, object]:
        """Return the document of ``nbprod verify --json``."""
        return {
            "equivalent": self.equivalent,
            "run_id": self.record.run_id,
            "steps": [_step_as_json(found) for found in self.steps],
            "unstable": [asdict(found) for found in self.proof.unstable],
            "stability_checked": self.proof.stability_checked,
            "undeclared": [asdict(found) for found in self.record.undeclared],
            "service": self.service.as_json(),
        }


def _step_as_json(found: StepReplay) -> dict[str, object]:
    return {
        "name": found.step,
        "equal": found.equal,
        "cached": found.cached,
        "seconds": round(found.seconds, 3),
        "error": found.error.message if found.error else "",
        "reason": found.error.reason if found.error else "",
        "outputs": [
            {
                "name": output.name,
                "equal": output.equal,
                "detail": output.detail,
                "kind": output.kind,
                "unstable": output.unstable,
                "reason": output.reason,
            }
            for output in found.outputs
        ],
    }


def verify(request: VerifyRequest, listener: Listener = ignore_events) -> VerifyResult:
    """Run the notebook, replay the generated steps from its values, and compare.

    Then the model that the generated code made is packaged, and a service answers the
    run's rows with it, over HTTP.

    Raises:
        UsageError: Wrong target, parameter or kernel.
        RefusedError: The notebook has errors.
        UserCodeError: A cell failed.
    """
    listener(PlanEvent(TRAINING_STAGES))
    training = TrainingRequest(
        request.target,
        request.parameters,
        request.parameter_files,
        kernel=request.kernel,
        strict=request.strict,
    )
    prepared = prepare(training, listener, serves=False)
    project = generated_project(prepared, listener)
    record = execute_stage(prepared.notebook_subject, prepared.parameters, listener)
    proof = prove_stage(prepared, project, record, listener)
    if proof.equal and request.service:
        artifacts = replayed_artifacts(proof.steps)
        service = check_service(prepared, project, record, artifacts, listener)
    else:
        reason = "the steps differ" if request.service else "--no-service was given"
        listener(StageEvent("package", StageState.SKIPPED, reason))
        service = ServiceCheck(detail=f"not asked, since {reason}")
    return VerifyResult(record, proof, service)
