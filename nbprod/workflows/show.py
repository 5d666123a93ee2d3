"""``nbprod show``: all that is known of one run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nbprod.run.history import find_run
from nbprod.run.record import RunRecord
from nbprod.workflows.place import place_of_runs


@dataclass(frozen=True, slots=True)
class ShowRequest:
    """Which run to show.

    Attributes:
        run: Its id, a part of it, ``last``, or its folder.
        of: Notebook, project or folder beside which it is recorded; ``None`` for the
            current folder.
        report: Write the HTML report anew.
    """

    run: str
    of: Path | None = None
    report: bool = False


@dataclass(frozen=True, slots=True)
class ShowResult:
    """A run's record, and its report if there is one."""

    record: RunRecord
    report: Path | None

    def as_json(self) -> dict[str, object]:
        """Return the document of ``nbprod show --json``: the record."""
        import msgspec

        document = msgspec.to_builtins(self.record)
        assert isinstance(document, dict)
        return {**document, "report": str(self.report) if self.report else None}


def show(request: ShowRequest) -> ShowResult:
    """Find a run; write its report if that is asked for.

    Raises:
        UsageError: If there is no such run, or it left no output notebook to report on.
    """
    from nbprod.run.report import report_of, write_report

    record = find_run(request.run, place_of_runs(request.of)[0])
    if request.report:
        write_report(record)
    return ShowResult(record, report_of(record))
