"""``nbprod runs``: which runs are recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nbprod.run.history import recorded_runs, runs_of
from nbprod.run.record import RunRecord
from nbprod.workflows.place import place_of_runs


@dataclass(frozen=True, slots=True)
class RunsRequest:
    """Whose runs to list.

    Attributes:
        target: Notebook, project or folder; ``None`` for the current folder.
        limit: At most so many, the newest; 0 for all.
    """

    target: Path | None = None
    limit: int = 0


@dataclass(frozen=True, slots=True)
class RunsResult:
    """Runs, newest first.

    Attributes:
        folder: Beside whose notebooks they are recorded.
        runs: Their records.
        left_out: How many older ones there are.
    """

    folder: Path
    runs: tuple[RunRecord, ...]
    left_out: int = 0

    def as_json(self) -> dict[str, object]:
        """Return the document of ``nbprod runs --json``."""
        return {
            "runs": [
                {
                    "run_id": record.run_id,
                    "notebook": record.notebook,
                    "state": record.state.value,
                    "started": record.started,
                    "seconds": record.seconds,
                    "parameters": record.parameters,
                    "metrics": record.metrics,
                    "folder": record.folder,
                }
                for record in self.runs
            ],
            "left_out": self.left_out,
        }


def runs(request: RunsRequest) -> RunsResult:
    """List the recorded runs.

    Raises:
        UsageError: If there is nothing at the target.
    """
    folder, notebook = place_of_runs(request.target)
    found = recorded_runs(folder)
    if notebook is not None:
        found = runs_of(str(notebook), found)
    every = tuple(found)
    shown = every[: request.limit] if request.limit else every
    return RunsResult(folder, shown, len(every) - len(shown))
