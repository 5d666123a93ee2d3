"""One command at a time changes a notebook's folder: replays put files back and forth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nbprod.errors import InterruptedRunError
from nbprod.events import Listener, LogEvent
from nbprod.run.folder import state_folder

_held: set[str] = set()


@contextmanager
def folder_lock(folder: Path, listener: Listener, *, shared: bool) -> Iterator[None]:
    """Hold the folder while inside; wait until whoever has it is done.

    Runs share it, replays that write files have it alone. The system lets go of it when
    the process ends, however that happens. Where there are no such locks, nothing waits.

    Args:
        folder: The notebook's folder.
        listener: Is told that it waits.
        shared: Others that share it may go on.

    Raises:
        InterruptedRunError: Ctrl-C while waiting.
    """
    name = str(folder.resolve())
    if name in _held:  # a run within a replay of our own
        yield
        return
    try:
        import fcntl

        file = (state_folder(folder) / "lock").open("ab")
    except (ImportError, OSError):
        yield
        return
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    with file:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            text = f"another nbprod command is at work on files in {folder}: waiting for it"
            listener(LogEvent(text))
            try:
                fcntl.flock(file, kind)
            except KeyboardInterrupt:
                raise InterruptedRunError(
                    "Interrupted while waiting for another command."
                ) from None
        except OSError:  # a file system without locks
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_UN)
        _held.add(name)
        try:
            yield
        finally:
            _held.discard(name)
