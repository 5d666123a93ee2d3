"""Deployments on disk: one folder per name under ``NBPROD_HOME/deployments``."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from nbprod.deploy.deployment import Deployment, DeploymentState
from nbprod.deploy.ports import LOOPBACK
from nbprod.deploy.process import ProcessMark
from nbprod.errors import SystemFailedError, UsageError
from nbprod.run.home import home

RECORD = "deployment.json"
_CANDIDATE = "candidate.json"
# The names that BentoML takes; they also keep a name from being a path.
_NAME = re.compile(r"[a-z0-9]([-._a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class CandidateRecord:
    """A version on trial: written down so that status can show it and nothing is lost."""

    name: str
    version: str
    bento_tag: str
    backend: ProcessMark
    backend_port: int
    notebook: str
    run_id: str
    log_path: str
    started_at: str


def now() -> str:
    """Return the time as it stands in every record: ISO 8601, UTC, seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def deployment_folder(name: str, *, make: bool = False) -> Path:
    """Return the folder of a deployment (mode 0700).

    Raises:
        UsageError: ``name`` cannot name a service.
        SystemFailedError: The folder cannot be made.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' cannot name a service.",
            fix="Use small letters, digits, '-', '_' and '.', at most 63, no sign at the ends.",
        )
    folder = home() / "deployments" / name
    if make:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.parent.chmod(0o700)
        except OSError as failed:
            raise SystemFailedError(
                f"The folder {folder} cannot be made: {failed.strerror}.",
                fix="Set NBPROD_HOME to a folder that you may write.",
            ) from failed
    return folder


def read(name: str) -> Deployment | None:
    """Return a deployment with its state as its processes show it, or ``None``.

    Raises:
        UsageError: ``name`` cannot name a service.
        SystemFailedError: The record is damaged.
    """
    folder = deployment_folder(name)
    record = _decode(folder / RECORD, Deployment)
    if record is not None:
        return replace(record, state=state_of(record))
    return _on_trial(folder)


def read_all() -> tuple[Deployment, ...]:
    """Return every deployment, sorted by name, with its present state."""
    root = home() / "deployments"
    names = sorted(path.name for path in root.iterdir()) if root.is_dir() else []
    found = (_read_or_failed(name) for name in names if _NAME.fullmatch(name))
    return tuple(deployment for deployment in found if deployment is not None)


def _read_or_failed(name: str) -> Deployment | None:
    """Read one of several: a damaged record must not hide the others."""
    try:
        return read(name)
    except SystemFailedError:
        return Deployment(
            name=name,
            version="",
            bento_tag="",
            host=LOOPBACK,
            port=0,
            front=None,
            backend=None,
            backend_port=0,
            notebook="",
            run_id="",
            log_path="",
            started_at="",
            state=DeploymentState.FAILED,
        )


def write(deployment: Deployment) -> None:
    """Replace the record of a deployment at once. The front follows it: this is the switch.

    Raises:
        SystemFailedError: The record cannot be written; the old one stands.
    """
    _replace(deployment_folder(deployment.name, make=True) / RECORD, deployment)


def write_candidate(candidate: CandidateRecord) -> None:
    """Write down the version on trial."""
    _replace(deployment_folder(candidate.name, make=True) / _CANDIDATE, candidate)


def read_candidate(name: str) -> CandidateRecord | None:
    """Return the version on trial, also one that a killed command left behind."""
    return _decode(deployment_folder(name) / _CANDIDATE, CandidateRecord)


def forget_candidate(name: str) -> None:
    """Remove the note about the version on trial."""
    with contextlib.suppress(FileNotFoundError):
        (deployment_folder(name) / _CANDIDATE).unlink()


def state_of(deployment: Deployment) -> DeploymentState:
    """Compute the state from the live processes; the file is not believed."""
    front = deployment.front is not None and deployment.front.alive()
    backend = deployment.backend is not None and deployment.backend.alive()
    if front and backend:
        accepts = _accepts(deployment.backend_port)
        return DeploymentState.RUNNING if accepts else DeploymentState.FAILED
    if deployment.stopped_at and not front and not backend:
        return DeploymentState.STOPPED
    return DeploymentState.FAILED


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2):
            return True
    except OSError:
        return False


def _on_trial(folder: Path) -> Deployment | None:
    trial = _decode(folder / _CANDIDATE, CandidateRecord)
    if trial is None or not trial.backend.alive():
        return None
    return Deployment(
        name=trial.name,
        version=trial.version,
        bento_tag=trial.bento_tag,
        host=LOOPBACK,
        port=0,
        front=None,
        backend=trial.backend,
        backend_port=trial.backend_port,
        notebook=trial.notebook,
        run_id=trial.run_id,
        log_path=trial.log_path,
        started_at=trial.started_at,
        state=DeploymentState.STARTING,
    )


_Record = TypeVar("_Record")


def _decode(path: Path, kind: type[_Record]) -> _Record | None:
    import msgspec

    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as failed:
        raise SystemFailedError(f"{path} cannot be read: {failed.strerror}.") from failed
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as damaged:
        raise SystemFailedError(
            f"The record {path} is damaged: {damaged}.",
            fix="Move it away, end what still serves by its process id, and deploy again.",
        ) from damaged


def _replace(path: Path, record: object) -> None:
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(record), indent=2)
    try:
        descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text + b"\n")
                file.flush()
                os.fsync(descriptor)
            Path(beside).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(beside).unlink()
            raise
    except OSError as failed:
        raise SystemFailedError(f"{path} cannot be written: {failed.strerror}.") from failed
