"""Steps computed ahead by the workers of a Dask cluster.

A worker starts a process for each step, as this machine does (see :mod:`.job`), and that one a
kernel. What steps give and need goes through a folder that all can reach.
"""

from __future__ import annotations

import math
import secrets
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec

from nbprod.errors import SystemFailedError, UsageError
from nbprod.events import LogEvent
from nbprod.run.ahead.choice import Room, roomiest
from nbprod.run.ahead.exchange import Parcel, receive, send
from nbprod.run.ahead.job import Answer, Job, RemoteJob, answer_of, give, start_process
from nbprod.run.cache.key import own_code
from nbprod.run.cache.session import Session
from nbprod.run.recording import lock_of

_PATIENCE = "10s"
_processes: dict[str, list[subprocess.Popen[bytes]]] = {}
"""On a worker: the processes of each run that compute a step."""

_idle: dict[str, list[subprocess.Popen[bytes]]] = {}
"""On a worker: the processes of each run that wait for one, as the next step soon comes."""


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker says of itself.

    Attributes:
        lock: What is installed for the kernel, as in a run's record.
        code: Digest of nbprod's own code.
        reaches: It reads the notebook's folder.
        exchanges: It reads the folder of artifacts.
        room: What it has for steps.
    """

    lock: str
    code: str
    reaches: bool
    exchanges: bool
    room: Room


@dataclass
class RemoteStep:
    """A step that a worker computes."""

    step: str
    began: float
    future: Any
    session: Session
    cluster: Cluster

    def answer(self) -> Answer | None:
        """Return how it went; ``None`` while it is computed."""
        if not self.future.done():
            return None
        self.cluster.free(self.step)
        if self.future.status != "finished":
            return Answer(False, self.cluster.reason(self.future))
        answer: Answer = self.future.result()
        if answer.parcel is None:
            return answer
        try:
            receive(answer.parcel, self.session.store)
        except (OSError, ValueError) as error:
            return Answer(False, f"what it gave did not arrive: {error}")
        self.cluster.parcels[self.step] = answer.parcel
        return answer

    def stop(self) -> None:
        """Let the worker stop."""
        self.future.cancel()
        self.cluster.free(self.step)


@dataclass
class Cluster:
    """A Dask cluster that is there.

    Attributes:
        scheduler: Address of its scheduler.
        artifacts: URL of a folder that this machine and the workers reach; empty for the
            run's own.
    """

    scheduler: str
    artifacts: str = ""
    parcels: dict[str, Parcel] = field(default_factory=dict)
    _client: Any = None
    _workers: dict[str, Worker] = field(default_factory=dict)
    _run: str = field(default_factory=lambda: secrets.token_hex(8))
    _exchange: str = ""
    _given: dict[str, tuple[str, Room]] = field(default_factory=dict)

    everything = True
    """What is computed there needs no memory here."""

    def warm_up(self) -> None:
        """Workers start a process when there is a step for it."""

    def takes(self, peak: int, beside: Sequence[int]) -> bool:
        """Tell whether a worker has room for a step, beside those that it was given."""
        del beside
        return self._worker_for(peak) is not None

    def _worker_for(self, peak: int) -> str | None:
        rooms = {name: worker.room for name, worker in self._workers.items()}
        for name, taken in self._given.values():
            rooms[name] -= taken
        return roomiest(peak, rooms)

    def connect(self) -> None:
        """Connect.

        Raises:
            UsageError: The extra ``nbprod[dask]`` is not installed.
            SystemFailedError: The scheduler does not answer.
        """
        if self._client is not None:
            return
        try:
            from distributed import Client
        except ImportError as error:
            raise UsageError(
                "--runner dask needs Dask.", fix="pip install 'nbprod[dask]'"
            ) from error
        try:
            self._client = Client(  # type: ignore[no-untyped-call, unused-ignore]
                self.scheduler, timeout=_PATIENCE, set_as_default=False
            )
        except (OSError, ValueError, TimeoutError) as error:
            raise SystemFailedError(
                f"The Dask scheduler {self.scheduler} does not answer: {error}.",
                fix="Check the address; `dask scheduler` prints it when it starts.",
            ) from error

    def open(self, session: Session, kernel: str) -> None:
        """Look which workers can be used.

        Raises:
            SystemFailedError: The scheduler does not answer, or no worker can be used.
        """
        if self._workers:
            return
        self.connect()
        assert session.capture.folder is not None
        folder = session.capture.folder.ahead
        folder.mkdir(exist_ok=True)
        self._exchange = f"{(self.artifacts or folder.as_uri()).rstrip('/')}/nbprod-{self._run}"
        self._examine(session, kernel, folder)

    def _examine(self, session: Session, kernel: str, folder: Path) -> None:
        token = secrets.token_hex(8)
        (folder / "token").write_text(token)
        try:
            system, root = fsspec.core.url_to_fs(self._exchange)
            system.makedirs(root, exist_ok=True)
            system.pipe_file(f"{root}/token", token.encode())
        except Exception as error:
            raise SystemFailedError(
                f"Nothing can be written to {self._exchange}: {error}.",
                fix="Give --artifacts the URL of a folder that you may write to.",
            ) from error
        arguments = (kernel, str(folder / "token"), self._exchange, token)
        answers = self._client.run(examine, *arguments, on_error="return")
        ours = lock_of(kernel)
        for name, answer in answers.items():
            reason = _reason_against(answer, ours, session, self._exchange)
            if reason:
                text = f"Worker {name} is not used: {reason}."
                session.capture.listener(LogEvent(text, "warning"))
            else:
                self._workers[name] = answer
        if not self._workers:
            raise SystemFailedError(
                f"No worker of {self.scheduler} can be used.",
                fix="Start workers with the packages of this environment, where they can read "
                "the notebook's folder.",
            )

    def start(self, job: Job, session: Session, peak: int) -> RemoteStep:
        """Let a worker compute a step."""
        for step in job.before:
            if step in session.kept and step not in self.parcels:
                self.parcels[step] = send(session.kept[step], session.store, self._exchange)
        parcels = tuple(self.parcels[step] for step in sorted(job.before) if step in self.parcels)
        remote = RemoteJob(job, parcels, self._exchange)
        worker = self._worker_for(peak)
        assert worker is not None
        self._given[job.step] = (worker, Room(1, peak))
        # If the worker dies, Dask lets another one do it.
        future = self._client.submit(
            work, remote, self._run, pure=False, workers=[worker], allow_other_workers=True
        )
        return RemoteStep(job.step, time.monotonic(), future, session, self)

    def free(self, step: str) -> None:
        """Note that a step's worker has room again."""
        self._given.pop(step, None)

    def reason(self, future: Any) -> str:  # noqa: ANN401
        """Return why a worker did not compute a step."""
        error = future.exception() if future.status == "error" else None
        if type(error).__name__ == "KilledWorker":
            return "its workers died"
        return f"{type(error).__name__}: {error}" if error is not None else future.status

    def close(self) -> None:
        """Let the workers stop what they do for this run, and disconnect."""
        if self._client is None:
            return
        with suppress(Exception):
            self._client.run(stop, self._run, on_error="ignore")
            self._client.close(timeout=_PATIENCE)
        with suppress(Exception):
            system, root = fsspec.core.url_to_fs(self._exchange)
            system.rm(root, recursive=True)
        self._client = None
        self.parcels.clear()
        self._workers.clear()


def _reason_against(answer: Any, lock: str, session: Session, artifacts: str) -> str:  # noqa: ANN401
    """Return why a worker cannot be used; empty if it can."""
    if not isinstance(answer, Worker):
        return f"nbprod does not run there ({type(answer).__name__}: {answer})"
    if not answer.reaches:
        return f"it does not reach {session.around.folder}"
    if not answer.exchanges:
        return f"it does not reach {artifacts}"
    if answer.code != own_code():
        return "it has another version of nbprod"
    if answer.lock != lock:
        theirs, ours = set(answer.lock.splitlines()), set(lock.splitlines())
        differing = sorted(line.partition("  #")[0] for line in theirs ^ ours)
        return f"its environment differs: {', '.join(dict.fromkeys(differing[:4]))}"
    return ""


# On a worker


def examine(
    kernel: str,
    token_file: str,
    artifacts: str,
    token: str,
    dask_worker: Any = None,  # noqa: ANN401
) -> Worker:
    """Say what a worker has and reaches.

    Args:
        kernel: Name of the kernel.
        token_file: A file in the notebook's folder.
        artifacts: URL of the folder of artifacts.
        token: What both hold.
        dask_worker: The worker, as Dask gives it to functions that ask for it.
    """
    reaches = exchanges = False
    with suppress(OSError):
        reaches = Path(token_file).read_text() == token
    with suppress(Exception):
        system, root = fsspec.core.url_to_fs(artifacts)
        exchanges = system.cat_file(f"{root}/token") == token.encode()
    memory = dask_worker.memory_manager.memory_limit or math.inf
    room = Room(dask_worker.state.nthreads, memory)
    return Worker(lock_of(kernel), own_code(), reaches, exchanges, room)


def work(remote: RemoteJob, run: str) -> Answer:
    """Compute a step in a process of its own; return its answer.

    Args:
        remote: What to do.
        run: Name under which :func:`stop` stops it.
    """
    idle = _idle.setdefault(run, [])
    try:
        process = idle.pop()
    except IndexError:
        process = start_process()
    _processes.setdefault(run, []).append(process)
    try:
        give(process, remote)
        if not idle:
            idle.append(start_process())
        return answer_of(process)
    finally:
        _processes[run].remove(process)


def stop(run: str) -> None:
    """Stop the processes of a run."""
    for process in _processes.get(run, ()):
        process.terminate()
    for process in _idle.pop(run, ()):
        process.kill()
        process.communicate()
