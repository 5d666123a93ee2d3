"""Does the service answer as the notebook's model does? Asked without deploying anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nbprod.bento.trial import trial_service
from nbprod.counting import counted
from nbprod.emit.load import Project
from nbprod.errors import NbprodError, ResultsDifferError, UsageError
from nbprod.events import Listener, ProgressEvent
from nbprod.model.choice import Choice
from nbprod.run.environment import require_same_environment
from nbprod.run.record import RunRecord
from nbprod.workflows.packaging import package_model
from nbprod.workflows.served_truth import read_truth, require_served
from nbprod.workflows.stage import stage
from nbprod.workflows.training import Prepared, choose, refuse_serve_cells

ArtifactPart = tuple[str, str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ServiceCheck:
    """The answers of the packaged model compared with the notebook's.

    Attributes:
        model: Variable of the model; empty if there is none.
        checked_rows: Rows whose answers were compared.
        equal: They agree; ``None`` if nothing could be compared.
        detail: The first difference, or why nothing was compared.
    """

    model: str = ""
    checked_rows: int = 0
    equal: bool | None = None
    detail: str = ""

    def as_json(self) -> dict[str, object]:
        """Return the part ``service`` of the document of ``nbprod verify --json``."""
        return {
            "model": self.model,
            "checked_rows": self.checked_rows,
            "equal": self.equal,
            "detail": self.detail,
        }


def check_service(
    prepared: Prepared,
    project: Project,
    record: RunRecord,
    artifacts: tuple[ArtifactPart, ...],
    listener: Listener,
) -> ServiceCheck:
    """Package the model that the generated code made, and let a service answer the run's rows.

    The service is the application of a Bento, on a loopback port for as long as that takes.
    """
    with stage("package", listener) as detail:
        try:
            refuse_serve_cells(prepared.subject)
            choice = choose(prepared, record)
            require_same_environment(prepared.subject.kernel)
        except NbprodError as error:
            detail.append("no service to compare")
            return ServiceCheck(detail=error.message)
        found = _check(prepared, project, record, choice, artifacts, listener)
        detail.append(
            f"{counted(found.checked_rows, 'row')} answered" if found.equal else found.detail
        )
    return found


def _check(
    prepared: Prepared,
    project: Project,
    record: RunRecord,
    choice: Choice,
    artifacts: tuple[ArtifactPart, ...],
    listener: Listener,
) -> ServiceCheck:
    variable = choice.candidate.variable
    truth = read_truth(Path(record.folder), variable)
    if not truth.comparable:
        return ServiceCheck(variable, detail=f"the run kept no rows for its model `{variable}`")

    def progress(done: int, total: int) -> None:
        listener(ProgressEvent("package", done, total, unit="row"))

    pipeline = prepared.pipeline
    try:
        package = package_model(pipeline, project, record, choice, artifacts, [])
        with trial_service(pipeline.service, record.run_id, package, project.directory) as service:
            compared = require_served(service.url, service.token, truth, "", progress)
    except ResultsDifferError as error:
        reason = f"{error.message}. {error.fix}".rstrip(". ")
        return ServiceCheck(variable, 0, equal=False, detail=reason)
    except UsageError as error:
        return ServiceCheck(variable, detail=error.message)
    return ServiceCheck(variable, compared.checked_rows, equal=True)
