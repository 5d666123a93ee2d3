"""One call of the command line, as a process in a session of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

LineListener = Callable[[str], None]

# How long output may still come after the process ended. A child that lives on
# (the deployed service) may have inherited the pipe and never closes it.
DRAIN_SECONDS = 2.0


class CliProcess:
    """A running command whose lines and end are told on the event loop.

    Threads read the pipes: asyncio's own subprocesses do not work on the event
    loop that Jupyter uses on Windows.

    Args:
        arguments: Program and arguments; never a shell line.
        directory: Working directory.
        on_stdout: Called on the loop with each line of standard output.
        on_stderr: Called on the loop with each line of standard error.
        on_end: Called on the loop once, after the last line, with the exit code.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        directory: Path,
        *,
        on_stdout: LineListener,
        on_stderr: LineListener,
        on_end: Callable[[int], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._on_end = on_end
        self._process = subprocess.Popen(
            list(arguments),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        readers = [
            self._thread(self._read, self._process.stdout, on_stdout),
            self._thread(self._read, self._process.stderr, on_stderr),
        ]
        self._thread(self._wait, readers)

    @property
    def pid(self) -> int:
        """Process id, which is the process group's too."""
        return self._process.pid

    async def ended(self, seconds: float) -> bool:
        """Wait up to ``seconds`` for the end; tell whether it came."""
        try:
            await asyncio.wait_for(self._ended.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def stop(self, *, interrupt_seconds: float, terminate_seconds: float) -> None:
        """End the process group: interrupt, then terminate, then kill.

        Args:
            interrupt_seconds: Time it has to clean up after the interrupt.
            terminate_seconds: Time it has after that until it is killed.
        """
        if not self._signal(signal.SIGINT) or await self.ended(interrupt_seconds):
            return
        if not self._signal(signal.SIGTERM) or await self.ended(terminate_seconds):
            return
        self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        await self.ended(DRAIN_SECONDS * 2)

    def _signal(self, number: int) -> bool:
        """Signal the group; tell whether the process was still there."""
        # Until poll() has reaped it, the id cannot belong to another process.
        if self._process.poll() is not None:
            return False
        if hasattr(os, "killpg"):
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                return False
        else:
            self._process.terminate()
        return True

    def _thread(self, target: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(
            target=target, args=arguments, name=f"nbprod-{self._process.pid}", daemon=True
        )
        thread.start()
        return thread

    def _read(self, stream: IO[str], listener: LineListener) -> None:
        with stream:
            for line in stream:
                self._tell(listener, line.rstrip("\n"))

    def _wait(self, readers: list[threading.Thread]) -> None:
        code = self._process.wait()
        for reader in readers:
            reader.join(DRAIN_SECONDS)
        self._tell(self._finish, code)

    def _finish(self, code: int) -> None:
        self._on_end(code)
        self._ended.set()

    def _tell(self, listener: Callable[..., None], value: object) -> None:
        try:
            self._loop.call_soon_threadsafe(listener, value)
        except RuntimeError:
            # The loop is closed: the server is gone, nobody is left to tell.
            return
