"""``nbprod verify``: does the pipeline compute what the notebook computes?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nbprod.events import Listener, PlanEvent, ignore_events
from nbprod.run.record import RunRecord
from nbprod.run.replay import StepReplay
from nbprod.workflows.run import execute_stage
from nbprod.workflows.training import (
    TRAINING_STAGES,
    TrainingRequest,
    generated_project,
    prepare,
    replay_stage,
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
    """

    target: Path
    parameters: tuple[tuple[str, str], ...] = ()
    parameter_files: tuple[Path, ...] = ()
    kernel: str | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """The comparison of every step."""

    record: RunRecord
    steps: tuple[StepReplay, ...]

    @property
    def equivalent(self) -> bool:
        """Every step ran, and everything it gave equals the notebook's."""
        return all(found.equal for found in self.steps)

    def as_json(self) -> dict[str, object]:
        """Return the document of ``nbprod verify --json``."""
        return {
            "equivalent": self.equivalent,
            "run_id": self.record.run_id,
            "steps": [
                {
                    "name": found.step,
                    "equal": found.equal,
                    "seconds": round(found.seconds, 3),
                    "error": found.error.message if found.error else "",
                    "outputs": [
                        {
                            "name": output.name,
                            "equal": output.equal,
                            "detail": output.detail,
                            "kind": output.kind,
                        }
                        for output in found.outputs
                    ],
                }
                for found in self.steps
            ],
            # The notebook is not run a second time yet, so nothing is known to be unstable.
            "unstable": [],
            "stability_checked": False,
        }


def verify(request: VerifyRequest, listener: Listener = ignore_events) -> VerifyResult:
    """Run the notebook, replay the generated steps from its values, and compare.

    Raises:
        UsageError: Wrong target, parameter or kernel.
        RefusedError: The notebook has errors.
        UserCodeError: A cell failed.
    """
    listener(PlanEvent(tuple(stage for stage in TRAINING_STAGES if stage[0] != "package")))
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
    steps = replay_stage(prepared.pipeline, project, record, listener)
    return VerifyResult(record, steps)
