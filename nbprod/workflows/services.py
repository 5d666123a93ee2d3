"""``nbprod status``, ``logs`` and ``stop``: look after what is deployed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nbprod.deploy import logs, stopping, store
from nbprod.deploy.deployment import Deployment


@dataclass(frozen=True, slots=True)
class StatusResult:
    """All deployments, sorted by name."""

    deployments: tuple[Deployment, ...]

    def as_json(self) -> dict[str, object]:
        """Return the document of ``nbprod status --json``."""
        return {"deployments": [found.as_json() for found in self.deployments]}


@dataclass(frozen=True, slots=True)
class StopResult:
    """A deployment that was stopped."""

    name: str
    version: str

    def as_json(self) -> dict[str, object]:
        """Return the document of ``nbprod stop --json``."""
        return {"name": self.name, "version": self.version, "state": "stopped"}


def status() -> StatusResult:
    """List the deployments with their state as their processes show it."""
    return StatusResult(store.read_all())


def stop(name: str) -> StopResult:
    """Stop a deployed service; requests under way are answered first.

    Raises:
        UsageError: There is no such deployment, or a deploy of it is under way.
    """
    stopped = stopping.stop(name)
    return StopResult(stopped.name, stopped.version)


def read_log(name: str, *, lines: int = 100, follow: bool = False) -> Iterator[str]:
    """Yield the last lines of a deployment's log, and new ones if asked.

    Raises:
        UsageError: There is no such deployment.
    """
    return logs.read_log(name, lines=lines, follow=follow)
