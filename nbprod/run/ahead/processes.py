"""Steps computed ahead by processes of this machine, see :mod:`.job`."""

from __future__ import annotations

import pickle
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from nbprod.run.ahead.choice import cores, free_memory
from nbprod.run.ahead.job import Answer, Job
from nbprod.run.cache.session import Session

_PATIENCE = 10.0
"""Seconds that a process has to end by itself."""


@dataclass
class LocalStep:
    """A step that a process computes."""

    step: str
    began: float
    peak: int
    job: Job
    process: subprocess.Popen[bytes]

    def answer(self) -> Answer | None:
        """Return how it went; ``None`` while it is computed."""
        if self.process.poll() is None:
            return None
        data, _ = self.process.communicate()
        shutil.rmtree(self.job.folder.path, ignore_errors=True)
        try:
            return msgspec.json.decode(data, type=Answer)
        except msgspec.DecodeError:
            return Answer(False, f"its process ended with exit code {self.process.returncode}")

    def stop(self) -> None:
        """Stop the process, and its kernel with it."""
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_PATIENCE)
        self.process.kill()
        self.process.communicate()


@dataclass
class Processes:
    """This machine.

    Attributes:
        jobs: At most so many steps at a time.
    """

    jobs: int
    _running: list[LocalStep] = field(default_factory=list)
    _free: int = 0

    everything = False
    """Only what runs beside something else is worth a process of its own."""

    def open(self, session: Session, kernel: str) -> None:
        """See how much memory there is."""
        del session, kernel
        self._free = free_memory()

    def takes(self, peak: int) -> bool:
        """Tell whether a step that needs ``peak`` bytes of memory can begin now."""
        self._running = [each for each in self._running if each.process.returncode is None]
        if not self._running:
            return True
        used = sum(each.peak for each in self._running)
        return len(self._running) < min(self.jobs, cores()) and used + peak <= self._free

    def start(self, job: Job, session: Session, peak: int) -> LocalStep:
        """Let a process compute a step."""
        del session
        job.folder.make()
        with job.folder.kernel_log.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "nbprod.run.ahead"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(pickle.dumps(job))
            process.stdin.flush()  # it stays open: when it closes, the process ends
        step = LocalStep(job.step, time.monotonic(), peak, job, process)
        self._running.append(step)
        return step

    def close(self) -> None:
        """Nothing is left to do."""
        self._running.clear()
