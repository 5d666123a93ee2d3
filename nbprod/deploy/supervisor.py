"""The supervisor: runs one ``bentoml serve`` and makes sure that nothing of it is left behind.

A process of its own (``python -m nbprod.deploy.supervisor``). BentoML gives every
worker a session of its own, so neither a process group nor a dead parent ends
them: killed with SIGKILL, its arbiter leaves workers that go on serving. The
supervisor therefore adopts orphans (Linux), ends the whole family together, and
keeps the log within its size. It lives as long as the command that started it,
unless the deployment's record names it: then it stays.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from nbprod.deploy.process import ProcessMark, kill_all
from nbprod.deploy.rotation import RotatingLog

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
# A candidate serves nobody: no request is worth waiting for.
_CANDIDATE_GRACE_SECONDS = 3.0
_RETIRING_SECONDS = 15.0


class Supervisor:
    """Runs a command until it ends, is told to, or its owner dies.

    Args:
        command: What to run.
        record: The deployment's record: it tells whether we were adopted.
        log: Where the command's output goes; ``None`` leaves it on our own.
        owner: Descriptor of a pipe that the starting command holds; ``None`` for no owner.
        grace: Seconds that requests under way may take after SIGTERM.
        environment: Of the command; our own by default.
        folder: Working directory of the command; our own by default.

    Attributes:
        told_to_end: A signal or the owner's end asked us to stop.
    """

    def __init__(
        self,
        command: Sequence[str],
        record: Path,
        log: RotatingLog | None,
        owner: int | None,
        grace: float,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.told_to_end = False
        self._environment = environment
        self._folder = folder
        self._command = list(command)
        self._record = record
        self._log = log
        self._owner = owner
        self._grace = grace
        self._child: subprocess.Popen[bytes] | None = None
        self._deadline: float | None = None
        self._retire_at: float | None = None
        self._selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Run to the end and return the command's exit code."""
        wake, waker = os.pipe()
        for descriptor in (wake, waker):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        _adopt_orphans()
        self._selector.register(wake, selectors.EVENT_READ, self._signalled)
        if self._owner is not None:
            self._selector.register(self._owner, selectors.EVENT_READ, self._owner_left)
        self._child = self._start()
        try:
            while self._child.poll() is None:
                self._wait()
        finally:
            self._end_family()
            signal.set_wakeup_fd(-1)
        return self._child.returncode

    def _start(self) -> subprocess.Popen[bytes]:
        output = None if self._log is None else subprocess.PIPE
        parent = os.getpid()
        child = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            cwd=self._folder,
            env=self._environment,
            process_group=0,  # a Ctrl-C at a terminal reaches us only, once
            preexec_fn=lambda: _die_with(parent),
        )
        if child.stdout is not None:
            os.set_blocking(child.stdout.fileno(), False)
            self._selector.register(child.stdout, selectors.EVENT_READ, self._output)
        return child

    def _wait(self) -> None:
        limits = [limit for limit in (self._deadline, self._retire_at) if limit is not None]
        pause = max(0.0, min(limits) - time.monotonic()) if limits else None
        for key, _ in self._selector.select(pause):
            key.data(key.fd)
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self._deadline = None
            self._end_family()
        if self._retire_at is not None and time.monotonic() >= self._retire_at:
            self._retire_at = None
            self._retire_others()

    def _output(self, descriptor: int) -> None:
        data = b""
        with contextlib.suppress(BlockingIOError):
            data = os.read(descriptor, 65536)
            if not data:
                self._selector.unregister(descriptor)
        if self._log is not None and data:
            self._log.write(data)

    def _signalled(self, descriptor: int) -> None:
        numbers = os.read(descriptor, 256)
        if signal.SIGTERM in numbers or signal.SIGINT in numbers:
            self._stop(self._grace)

    def _owner_left(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)
        os.close(descriptor)
        if self._adopted():
            # The command may have died right after the switch: finish its work.
            self._retire_at = time.monotonic() + _RETIRING_SECONDS
        else:
            self._stop(_CANDIDATE_GRACE_SECONDS)

    def _stop(self, grace: float) -> None:
        self.told_to_end = True
        limit = time.monotonic() + grace
        self._deadline = limit if self._deadline is None else min(limit, self._deadline)
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.terminate()

    def _adopted(self) -> bool:
        backend = self._read_record().get("backend")
        return isinstance(backend, dict) and backend.get("pid") == os.getpid()

    def _retire_others(self) -> None:
        record = self._read_record()
        named = record.get("retiring")
        if not isinstance(named, list) or not self._adopted():
            return
        for entry in named:
            process = ProcessMark(int(entry["pid"]), str(entry["started"])).process()
            if process is not None:
                with contextlib.suppress(psutil.Error):
                    process.terminate()

    def _read_record(self) -> dict[str, object]:
        import json

        try:
            record = json.loads(self._record.read_bytes())
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def _end_family(self) -> None:
        """Kill whatever is left, orphans that we adopted included, until nothing is."""
        myself = psutil.Process()
        for _ in range(20):
            left = myself.children(recursive=True)
            if not left:
                break
            kill_all(left)
        if self._child is not None:
            self._child.wait()
            self._read_rest(self._child)
        if self._log is not None:
            self._log.close()

    def _read_rest(self, child: subprocess.Popen[bytes]) -> None:
        """Take what the pipe still holds: the reason of a failure is in the last lines."""
        if child.stdout is None or self._log is None:
            return
        with contextlib.suppress(BlockingIOError, ValueError):
            while data := os.read(child.stdout.fileno(), 65536):
                self._log.write(data)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _die_with(parent: int) -> None:
    """In the child: be told to end when the supervisor is killed (Linux)."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a supervisor.

    Args:
        arguments: Command line; the process's own by default.

    Returns:
        The exit code of what it ran; 128 + number if a signal ended it.
    """
    parser = argparse.ArgumentParser(prog="python -m nbprod.deploy.supervisor")
    parser.add_argument("--record", type=Path, required=True, help="the deployment's record")
    parser.add_argument("--log", type=Path, help="log file; the terminal by default")
    parser.add_argument("--owner-fd", type=int, help="a pipe that the starting command holds")
    parser.add_argument("--grace", type=float, default=30.0, help="seconds for requests under way")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal may close
    log = RotatingLog(options.log) if options.log else None
    code = Supervisor(options.command, options.record, log, options.owner_fd, options.grace).run()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
