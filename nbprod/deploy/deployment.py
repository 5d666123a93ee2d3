"""A deployment: a name, the version that serves, and the processes that do it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nbprod.deploy.ports import service_url
from nbprod.deploy.process import ProcessMark


class DeploymentState(StrEnum):
    """Whether a deployment serves, as its processes show it."""

    RUNNING = "running"
    STARTING = "starting"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class DeployedVersion:
    """One version that served under a name, oldest first in a history.

    Attributes:
        version: Version of the Bento.
        bento_tag: ``name:version``.
        run_id: The run that trained the model; empty if unknown.
        deployed_at: When it took over, ISO 8601 in UTC.
    """

    version: str
    bento_tag: str
    run_id: str
    deployed_at: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """What serves under a name.

    Attributes:
        name: Name of the service and of its folder.
        version: Version of the Bento that serves.
        bento_tag: ``name:version``.
        host: Public host as the user gave it.
        port: Public port.
        front: The process that listens there.
        backend: The process that supervises ``bentoml serve``.
        backend_port: Loopback port of the backend.
        notebook: Absolute path of the notebook that owns the name; may be empty.
        run_id: The run that trained the model; empty if unknown.
        log_path: Absolute path of the backend's log.
        started_at: When this version took over, ISO 8601 in UTC.
        stopped_at: When it was stopped on purpose; empty while it serves.
        history: Versions that served, this one last.
        retiring: Processes that were replaced and may still be ending.
        state: Computed from the live processes when the record is read.
    """

    name: str
    version: str
    bento_tag: str
    host: str
    port: int
    front: ProcessMark | None
    backend: ProcessMark | None
    backend_port: int
    notebook: str
    run_id: str
    log_path: str
    started_at: str
    stopped_at: str = ""
    history: tuple[DeployedVersion, ...] = ()
    retiring: tuple[ProcessMark, ...] = ()
    state: DeploymentState = DeploymentState.STOPPED

    @property
    def url(self) -> str:
        """The URL of the service, as it works on this machine."""
        return service_url(self.host, self.port)

    @property
    def previous(self) -> DeployedVersion | None:
        """The version that served before this one: the way back."""
        others = [old for old in self.history if old.version != self.version]
        return others[-1] if others else None

    def as_json(self) -> dict[str, object]:
        """Return the JSON shape that ``nbprod status --json`` promises, and more."""
        return {
            "name": self.name,
            "version": self.version,
            "state": self.state.value,
            "url": self.url if self.port else "",
            "pid": self.front.pid if self.front and self.state != DeploymentState.STOPPED else None,
            "backend_pid": (
                self.backend.pid if self.backend and self.state != DeploymentState.STOPPED else None
            ),
            "notebook": self.notebook,
            "run_id": self.run_id,
            "started_at": self.started_at,
            "stopped_at": self.stopped_at,
            "log": self.log_path,
            "history": [
                {"version": old.version, "run_id": old.run_id, "deployed_at": old.deployed_at}
                for old in self.history
            ],
        }
