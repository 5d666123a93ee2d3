"""``nbprod build``: the model and its service in the BentoML store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nbprod.bento.build import build_bento
from nbprod.bento.spec import BuiltBento, ServiceSpec
from nbprod.counting import counted
from nbprod.events import Listener, PlanEvent, ignore_events
from nbprod.workflows.stage import stage
from nbprod.workflows.training import (
    TRAINING_STAGES,
    Trained,
    TrainingRequest,
    prepare,
    train,
)

BUILD_STAGES = (*TRAINING_STAGES, ("build", "Build the Bento"))


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What to build.

    Attributes:
        target: Notebook, or folder of a project.
        parameters: ``(name, text)`` pairs.
        parameter_files: YAML files.
        model: Variable of the model, if not chosen by the rule.
        verify: Compare the generated steps with the notebook.
        kernel: Kernel name instead of the notebook's own.
        strict: Warnings of the analysis count as errors.
    """

    target: Path
    parameters: tuple[tuple[str, str], ...] = ()
    parameter_files: tuple[Path, ...] = ()
    model: str | None = None
    verify: bool = True
    kernel: str | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class BuildResult:
    """The Bento, the model in it, and why it was that model."""

    tag: str
    path: Path
    model: str
    reason: str
    run_id: str
    metrics: dict[str, object]
    verified_steps: int = 0

    def as_json(self) -> dict[str, object]:
        """Return the document of ``nbprod build --json``."""
        name, _, version = self.tag.partition(":")
        return {
            "name": name,
            "version": version,
            "tag": self.tag,
            "path": str(self.path),
            "model": self.model,
            "reason": self.reason,
            "run_id": self.run_id,
            "metrics": self.metrics,
            "verified_steps": self.verified_steps,
        }


def build(request: BuildRequest, listener: Listener = ignore_events) -> BuildResult:
    """Train, verify, package and build.

    Raises:
        NbprodError: What went wrong, with its exit code; nothing is left in the store.
    """
    listener(PlanEvent(BUILD_STAGES))
    training = TrainingRequest(
        request.target,
        request.parameters,
        request.parameter_files,
        request.model,
        request.verify,
        request.kernel,
        request.strict,
    )
    trained = train(prepare(training, listener), listener)
    built = build_stage(trained, listener)
    return BuildResult(
        tag=built.tag,
        path=built.path,
        model=trained.choice.candidate.variable,
        reason=trained.choice.reason,
        run_id=trained.record.run_id,
        metrics=trained.record.metrics,
        verified_steps=len(trained.compared),
    )


def build_stage(trained: Trained, listener: Listener) -> BuiltBento:
    """Build the Bento of a trained model; its version is the run's id."""
    pipeline, record = trained.pipeline, trained.record
    spec = ServiceSpec(
        name=pipeline.service,
        version=record.run_id,
        model_package=trained.package,
        project=trained.project.directory,
        requirements=tuple(
            f"{needed.distribution}=={needed.version}"
            for needed in pipeline.requirements
            if needed.version
        ),
        python=".".join(pipeline.python.split(".")[:2]),
        run_id=record.run_id,
        notebook=pipeline.source.notebook,
        source_digest=pipeline.source.digest,
        labels={"verified": counted(steps, "step") if (steps := len(trained.compared)) else "no"},
    )
    with stage("build", listener) as detail:
        built = build_bento(spec)
        detail.append(built.tag)
    return built
