"""Would the service answer as the notebook's model does? Asked without deploying anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nbprod.bento.score_process import ScoreRequest
from nbprod.emit.load import Project
from nbprod.errors import NbprodError, ResultsDifferError, UsageError
from nbprod.events import Listener
from nbprod.model.choice import Choice
from nbprod.run.environment import require_same_environment
from nbprod.run.process import call_process
from nbprod.run.record import RunRecord
from nbprod.workflows.packaging import own_modules, package_model
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
    """Package the model that the generated code made, and let it answer the run's rows."""
    with stage("package", listener) as detail:
        try:
            refuse_serve_cells(prepared.subject)
            choice = choose(prepared, record)
            require_same_environment(prepared.subject.kernel)
        except NbprodError as error:
            detail.append("no service to compare")
            return ServiceCheck(detail=error.message)
        found = _check(prepared, project, record, choice, artifacts)
        detail.append(f"{found.checked_rows} rows answered" if found.equal else found.detail)
    return found


def _check(
    prepared: Prepared,
    project: Project,
    record: RunRecord,
    choice: Choice,
    artifacts: tuple[ArtifactPart, ...],
) -> ServiceCheck:
    variable = choice.candidate.variable
    try:
        package = package_model(prepared.pipeline, project, record, choice, artifacts, [])
    except ResultsDifferError as error:
        return ServiceCheck(variable, 0, equal=False, detail=f"{error.message}. {error.fix}")
    except UsageError as error:
        return ServiceCheck(variable, detail=error.message)
    folder = Path(record.folder)
    request = ScoreRequest(
        package=str(package),
        model_folder=str(folder / "models" / variable),
        project=str(project.directory),
        own_modules=own_modules(project),
    )
    answer = call_process("nbprod.bento.score_process", request, folder / "score-request.json")
    if not answer.get("ok"):
        reason = f"it cannot answer the run's rows: {answer.get('message')}"
        return ServiceCheck(variable, 0, equal=False, detail=reason)
    difference = str(answer["detail"])
    rows = int(str(answer["checked_rows"]))
    return ServiceCheck(variable, rows, equal=not difference, detail=difference)
