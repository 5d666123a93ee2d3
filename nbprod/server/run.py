"""One deploy: its process, its state, and those who wait for news of it."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nbprod.errors import ExitCode
from nbprod.server.process import CliProcess
from nbprod.server.run_state import RunPhase, RunState

STDERR_LINES = 40


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a cancelled run has to clean up.

    Attributes:
        interrupt: After the interrupt (as Ctrl-C).
        terminate: After SIGTERM, before it is killed.
    """

    interrupt: float = 30.0
    terminate: float = 10.0


class DeployRun:
    """A ``nbprod deploy`` that belongs to the server, not to a browser tab.

    Args:
        run_id: The run's id in this server.
        path: The notebook as the browser names it.
        arguments: The command to run; it writes NDJSON events to stdout.
        directory: Working directory of the command.
    """

    def __init__(self, run_id: str, path: str, arguments: Sequence[str], directory: Path) -> None:
        self.state = RunState(run_id, path)
        self._changed = asyncio.Event()
        self._cancelled = False
        self._stop: asyncio.Task[None] | None = None
        self._stderr: deque[str] = deque(maxlen=STDERR_LINES)
        self._process = CliProcess(
            arguments,
            directory,
            on_stdout=self._hear,
            on_stderr=self._stderr.append,
            on_end=self._end,
        )

    async def news(self, after: int, seconds: float) -> dict[str, object]:
        """Return the snapshot as soon as it is newer than ``after``.

        Args:
            after: ``seq`` of the snapshot that the reader has.
            seconds: How long to wait for something newer; then the present one is returned.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self.state.seq <= after and not self.state.finished:
            try:
                await asyncio.wait_for(self._changed.wait(), deadline - loop.time())
            except TimeoutError:
                break
        return self.state.as_json()

    def cancel(self, patience: Patience) -> asyncio.Task[None]:
        """Begin to stop the process; the task is done when it has ended."""
        if self._stop is None:
            self._cancelled = True
            self.state.cancel()
            self._wake()
            self._stop = asyncio.create_task(
                self._process.stop(
                    interrupt_seconds=patience.interrupt, terminate_seconds=patience.terminate
                )
            )
        return self._stop

    def _hear(self, line: str) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if isinstance(event, dict):
            self.state.apply(event)
        elif line.strip():
            # Not an event: something printed past the CLI. Better shown than lost.
            self.state.log(line)
        self._wake()

    def _end(self, code: int) -> None:
        if code == ExitCode.DONE and self.state.result is not None:
            self.state.end(RunPhase.SUCCEEDED)
        elif self._cancelled or code == ExitCode.INTERRUPTED:
            self.state.end(RunPhase.CANCELLED)
        else:
            self.state.end(RunPhase.FAILED, self.state.error or self._unexplained(code))
        self._wake()

    def _unexplained(self, code: int) -> dict[str, object]:
        """Make an error of a process that ended without telling one."""
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return {
            "message": f"nbprod deploy {how} without giving a reason",
            "fix": "run `nbprod deploy` in a terminal, and read the server's log",
            "exit_code": code,
            "traceback": "\n".join(self._stderr),
        }

    def _wake(self) -> None:
        """Wake all who wait, and let the next ones wait anew."""
        self._changed.set()
        self._changed = asyncio.Event()
