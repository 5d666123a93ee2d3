"""What a user asks for, for steps that are computed ahead of a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AheadRequest:
    """Where steps are computed that don't wait for each other.

    Attributes:
        jobs: At most so many at a time, each in a process of this machine; 1 for none.
        scheduler: Address of a Dask scheduler whose workers compute steps; empty for none.
        artifacts: URL of a folder that they and this machine reach; empty for the run's own.
    """

    jobs: int = 1
    scheduler: str = ""
    artifacts: str = ""

    @property
    def option(self) -> str:
        """The command's option that asks for it; empty if nothing is computed ahead."""
        if self.scheduler:
            return "--runner dask"
        return "--jobs" if self.jobs > 1 else ""
