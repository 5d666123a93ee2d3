"""The processes that compute steps ahead of a run."""

from __future__ import annotations

import json
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from nbprod.events import LogEvent
from nbprod.run.ahead.choice import ancestors, cores, free_memory, side_by_side
from nbprod.run.ahead.job import Answer, Job
from nbprod.run.cache.session import Session
from nbprod.run.folder import RunFolder

_PATIENCE = 10.0
"""Seconds that a process has to end by itself."""


@dataclass
class Worker:
    """A process, and the step that it computes."""

    step: str
    process: subprocess.Popen[bytes]
    folder: RunFolder
    began: float


@dataclass
class Crew:
    """Computes steps ahead, at most so many at a time that cores and memory suffice.

    Attributes:
        jobs: Number of steps at a time.
        kernel: Name of the kernel.
        beside: The folder whose ``.nbprod`` holds the cache.
        sources: The notebook's cells by their numbers.
        peaks: Step -> memory that it needed in an earlier run, in bytes. A step of which that
            is not known runs by itself.
        seconds: Step -> how long it took; the longest begins first.
    """

    jobs: int
    kernel: str
    beside: Path
    sources: Mapping[int, str]
    peaks: Mapping[str, int]
    seconds: Mapping[str, float]
    _tried: set[str] = field(default_factory=set)
    _workers: list[Worker] = field(default_factory=list)

    def compute(self, session: Session) -> bool:
        """Compute the session's current step ahead, if others can run beside it.

        Returns:
            Whether anything was computed.
        """
        before = ancestors(session.around.pipeline)
        possible = {name for name in session.repeatable() if self.peaks.get(name)} - self._tried
        chosen = side_by_side(before, self._reachable(possible, before, session))
        if session.current_step not in chosen:
            return False
        self._tried |= chosen
        listed = ", ".join(sorted(chosen, key=list(before).index))
        session.capture.listener(LogEvent(f"Side by side: {listed}", "info"))
        try:
            return self._work(session, set(chosen), before)
        finally:
            self._end()
            assert session.capture.folder is not None
            shutil.rmtree(session.capture.folder.path / "ahead", ignore_errors=True)

    def _reachable(
        self, possible: set[str], before: Mapping[str, frozenset[str]], session: Session
    ) -> set[str]:
        """Return the steps for which the cache has, or will have, what they need."""
        found: set[str] = set()
        for name in before:  # in the notebook's order
            if name in possible and before[name] <= found | session.kept:
                found.add(name)
        return found

    def _work(
        self, session: Session, waiting: set[str], before: Mapping[str, frozenset[str]]
    ) -> bool:
        done: set[str] = set()
        failed: set[str] = set()
        at_once = min(self.jobs, cores())
        free = free_memory()
        while waiting or self._workers:
            waiting -= {name for name in waiting if before[name] & failed}
            ready = [name for name in waiting if not before[name] & (waiting | self._running())]
            for name in sorted(ready, key=lambda name: -self.seconds.get(name, 0.0)):
                used = sum(self.peaks[each] for each in self._running())
                fits = not self._workers or used + self.peaks[name] <= free
                if len(self._workers) < at_once and fits:
                    waiting.discard(name)
                    self._start(session, name, before[name])
            for worker, answer in self._ended():
                (done if answer.kept else failed).add(worker.step)
                self._tell(session, worker, answer)
            time.sleep(0.02)
        return bool(done)

    def _running(self) -> set[str]:
        return {worker.step for worker in self._workers}

    def _start(self, session: Session, step: str, before: frozenset[str]) -> None:
        capture = session.capture
        assert capture.folder is not None
        assert capture.working_directory is not None
        folder = RunFolder(capture.folder.path / "ahead" / step, capture.folder.run_id)
        folder.make()
        job = Job(
            step=step,
            before=before,
            notebook=json.dumps(_without_outputs(session.notebook)),
            kernel=self.kernel,
            plan=capture.plan,
            sources=dict(self.sources),
            folder=folder,
            working_directory=capture.working_directory,
            observed_folders=capture.observed_folders,
            around=session.around,
            beside=self.beside,
            cell_timeout=capture.cell_timeout,
            hash_seed=capture.hash_seed,
            modules=frozenset(capture.modules),
        )
        with folder.kernel_log.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "nbprod.run.ahead.job"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert process.stdin is not None
        with suppress(BrokenPipeError), process.stdin as pipe:
            pickle.dump(job, pipe)
        self._workers.append(Worker(step, process, folder, time.monotonic()))

    def _ended(self) -> list[tuple[Worker, Answer]]:
        ended = [worker for worker in self._workers if worker.process.poll() is not None]
        self._workers = [worker for worker in self._workers if worker not in ended]
        return [(worker, _answer(worker)) for worker in ended]

    def _tell(self, session: Session, worker: Worker, answer: Answer) -> None:
        seconds = time.monotonic() - worker.began
        text = f"{worker.step}: computed beside others, {seconds:.1f} s"
        if not answer.kept:
            text = f"{worker.step}: runs in its turn, since {answer.reason}"
        session.capture.listener(LogEvent(text, "info"))

    def _end(self) -> None:
        """Stop what still runs."""
        for worker in self._workers:
            worker.process.send_signal(signal.SIGTERM)
        for worker in self._workers:
            with suppress(subprocess.TimeoutExpired):
                worker.process.wait(_PATIENCE)
            worker.process.kill()
            worker.process.wait()
        self._workers.clear()


def _answer(worker: Worker) -> Answer:
    assert worker.process.stdout is not None
    with worker.process.stdout as pipe:
        data = pipe.read()
    try:
        return msgspec.json.decode(data, type=Answer)
    except msgspec.DecodeError:
        return Answer(False, f"its process ended with exit code {worker.process.returncode}")
    finally:
        shutil.rmtree(worker.folder.path, ignore_errors=True)


def _without_outputs(notebook: object) -> dict[str, object]:
    """Return a notebook as a document, without what its cells showed."""
    document: dict[str, object] = json.loads(json.dumps(notebook))
    cells = document["cells"]
    assert isinstance(cells, list)
    for cell in cells:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    return document
