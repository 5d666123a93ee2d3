"""The user's files while steps are replayed: each step finds them as the notebook did.

A replayed step writes where the notebook wrote. So files are brought back, to what they
were before a step, and at the end to what the notebook left. A journal under
``NBPROD_HOME`` lets the next command do so if this one is killed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nbprod.errors import UsageError
from nbprod.events import Listener, LogEvent, ignore_events
from nbprod.run.atomic_write import write_atomically
from nbprod.run.folder_lock import folder_lock
from nbprod.run.home import home
from nbprod.run.kernel import filestate
from nbprod.run.record import FileState, RunRecord, read_record


@dataclass(frozen=True, slots=True)
class StepFiles:
    """Files of one step.

    Attributes:
        exclusive: The notebook writes files, so that no other step may run beside it.
        before: All files that the notebook writes, as they were before the step.
        written: What the notebook's step left of those that it wrote.
    """

    exclusive: bool
    before: tuple[FileState, ...] = ()
    written: tuple[FileState, ...] = ()


def step_files(record: RunRecord, step: str) -> StepFiles:
    """Return the files of a step, from what the run of the notebook wrote."""
    touched = {found.after.path for each in record.stretches for found in each.files}
    # Listing a folder, or asking whether a file is there, leaves no trace: any step may.
    if not touched:
        return StepFiles(exclusive=False)
    before = _first_states(record)
    written: dict[str, FileState] = {}
    begun = False
    for stretch in record.stretches:
        begun = begun or stretch.step == step
        for found in stretch.files:
            if not begun:
                before[found.after.path] = found.after
            if stretch.step == step:
                written[found.after.path] = found.after
    return StepFiles(True, tuple(before.values()), tuple(written.values()))


def _first_states(record: RunRecord) -> dict[str, FileState]:
    found: dict[str, FileState] = {}
    for stretch in record.stretches:
        for each in stretch.files:
            found.setdefault(each.after.path, each.before)
    return found


def first_states(record: RunRecord) -> tuple[FileState, ...]:
    """Return the files that a run wrote as they were before it."""
    return tuple(_first_states(record).values())


def last_states(record: RunRecord) -> tuple[FileState, ...]:
    """Return the files that a run wrote as it left them."""
    found = {each.after.path: each.after for stretch in record.stretches for each in stretch.files}
    return tuple(found.values())


def kept_folder(record: RunRecord) -> Path:
    """Return the folder of the contents of files that a run wrote."""
    return Path(record.folder) / "files"


def bring(states: tuple[FileState, ...], record: RunRecord, listener: Listener) -> None:
    """Bring files to given states, and say which could not be brought there.

    Somebody else's are left as they are, see :func:`filestate.bring`.
    """
    failed = filestate.bring(map(asdict, states), str(kept_folder(record)))
    if failed:
        listener(LogEvent(f"left as it is now: {', '.join(failed[:5])}", "warning"))


@contextmanager
def safe_files(record: RunRecord, listener: Listener = ignore_events) -> Iterator[Path]:
    """Undo what is done to files inside, whatever happens; yields the journal's folder.

    Processes append to ``*.jsonl`` in that folder the state of each file before they
    change it for the first time.
    """
    folder = home() / "replays" / record.run_id
    with _alone(record, listener):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        note = {"pid": os.getpid(), "run": record.folder}
        write_atomically(folder / "journal.json", json.dumps(note).encode())
        try:
            yield folder
        finally:
            _undo(folder, record, listener)


@contextmanager
def _alone(record: RunRecord, listener: Listener) -> Iterator[None]:
    """Let no other command work on the files that the notebook writes meanwhile."""
    if not any(stretch.files for stretch in record.stretches):
        yield
        return
    with folder_lock(Path(record.working_directory), listener, shared=False):
        yield


def _undo(folder: Path, record: RunRecord, listener: Listener) -> None:
    last = {state.path: state for state in last_states(record)}
    unexpected: dict[str, FileState] = {}
    for journal in sorted(folder.glob("*.jsonl")):
        for line in journal.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError, TypeError):
                found = FileState(**json.loads(line))
                if found.path not in last:
                    unexpected.setdefault(found.path, found)
    bring((*unexpected.values(), *last.values()), record, listener)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def recover(listener: Listener = ignore_events) -> None:
    """Put back the files of replays whose command was killed."""
    import psutil

    for journal in (home() / "replays").glob("*/journal.json"):
        try:
            note: dict[str, Any] = json.loads(journal.read_bytes())
            if psutil.pid_exists(int(note["pid"])):
                continue
            record = read_record(str(note["run"]))
        except (OSError, ValueError, KeyError, UsageError):
            continue
        _undo(journal.parent, record, listener)
        listener(
            LogEvent(
                f"An earlier comparison was interrupted; the files of {record.working_directory} "
                "are as the notebook left them again. What they held until now is kept in "
                f"{kept_folder(record)}.",
                "warning",
            )
        )
