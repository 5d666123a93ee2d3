"""The runs recorded beside a notebook: all of them, or one by its name."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

from nbprod.errors import UsageError
from nbprod.run.folder import RunFolder, run_folders
from nbprod.run.process_name import is_gone
from nbprod.run.record import RECORD, FailureRecord, RunRecord, RunState, read_record

LAST = "last"


def recorded_runs(beside: Path) -> Iterator[RunRecord]:
    """Yield the records of the runs in a folder's ``.nbprod``, newest first, each when read.

    They are for reading only: signatures are not looked at. A folder without a record that
    can be read is left out.
    """
    for folder in reversed(run_folders(beside.absolute())):
        with suppress(UsageError):
            yield _as_it_is(read_record(folder, signed=False))


def _as_it_is(record: RunRecord) -> RunRecord:
    """Return a record that says it runs, although its process is gone, as interrupted."""
    if record.state is not RunState.RUNNING or not is_gone(record.process):
        return record
    failure = FailureRecord("Its process was killed. The next run goes on with what it kept.")
    return replace(record, state=RunState.INTERRUPTED, failure=failure)


def tidy(beside: Path) -> None:
    """Remove what runs that were killed left for themselves alone."""
    for folder in run_folders(beside.absolute()):
        run = RunFolder(folder, folder.name)
        if not run.reserve.exists() and not run.ahead.exists():
            continue
        with suppress(UsageError):
            if is_gone(read_record(folder, signed=False).process):
                run.release_reserve()
                run.remove_parts()
                shutil.rmtree(run.ahead, ignore_errors=True)


def completed_runs(notebook: str, beside: Path) -> Iterator[RunRecord]:
    """Yield the runs of one notebook that came to their end, newest first.

    Args:
        notebook: Absolute path.
        beside: Folder whose ``.nbprod`` is looked through.
    """
    for record in runs_of(notebook, recorded_runs(beside)):
        if record.state is RunState.COMPLETED:
            yield record


def find_run(name: str, beside: Path) -> RunRecord:
    """Return the record that a user means.

    Args:
        name: A run's id, any part of it that no other run has, ``last``, or the path of
            its folder.
        beside: Folder whose ``.nbprod`` is looked through.

    Raises:
        UsageError: If there is none, or more than one.
    """
    if (Path(name) / RECORD).is_file():
        return _as_it_is(read_record(Path(name).absolute(), signed=False))
    runs = list(islice(recorded_runs(beside), 1 if name == LAST else None))
    if not runs:
        raise UsageError(
            f"No run is recorded in {beside.absolute()}.",
            fix="Go to the notebook's folder, or name the notebook with --of.",
        )
    if name == LAST:
        return runs[0]
    matching = [record for record in runs if name in record.run_id]
    exact = [record for record in matching if record.run_id == name]
    if len(exact or matching) == 1:
        return (exact or matching)[0]
    if matching:
        listed = ", ".join(record.run_id for record in matching[:5])
        raise UsageError(f"{name} may be any of {listed}.", fix="Give more of the id.")
    raise UsageError(
        f"There is no run {name} in {beside.absolute()}.",
        fix=f"`nbprod runs` lists them; the last one is {runs[0].run_id}.",
    )


def runs_of(notebook: str, runs: Iterable[RunRecord]) -> Iterator[RunRecord]:
    """Yield the runs of one notebook, in the given order."""
    return (record for record in runs if record.notebook == notebook)
