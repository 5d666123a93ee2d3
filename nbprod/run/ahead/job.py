"""One step computed ahead, in a process of its own: ``python -P -m nbprod.run.ahead``.

Reads a pickled :class:`Job` from stdin, and writes an :class:`Answer` to stdout as JSON.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from nbprod.notebook.quick_import import skip_iri_grammar
from nbprod.run.ahead.exchange import Parcel, receive, send
from nbprod.run.ahead.wanted import NotThereError, Wanted
from nbprod.run.cache.key import Surroundings
from nbprod.run.folder import RunFolder, state_folder
from nbprod.run.meaning import library_variables
from nbprod.run.plan import RunPlan


@dataclass(frozen=True, slots=True)
class Job:
    """What the process needs to know.

    Attributes:
        step: The step that it computes.
        before: Steps of which the cache has what they gave.
        notebook: The notebook that runs, as JSON, with its parameters.
        kernel: Name of the kernel.
        plan: What the run captures.
        sources: The notebook's cells by their numbers.
        folder: Of this job.
        working_directory: Where the kernel runs.
        around: What all stretches have in common.
        beside: The folder whose ``.nbprod`` holds the cache.
        cell_timeout: Seconds per cell; ``None`` for no limit.
        hash_seed: ``PYTHONHASHSEED`` of the run's kernels.
        modules: Code that is known to run besides the notebook's.
        variables: Environment variables of the run that libraries read.
    """

    step: str
    before: frozenset[str]
    notebook: str
    kernel: str
    plan: RunPlan
    sources: Mapping[int, str]
    folder: RunFolder
    working_directory: Path
    around: Surroundings
    beside: Path
    cell_timeout: float | None
    hash_seed: str
    modules: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A job for another machine.

    Attributes:
        job: The job.
        parcels: What the steps before it gave.
        artifacts: URL of the folder that what it gives goes to.
    """

    job: Job
    parcels: tuple[Parcel, ...]
    artifacts: str


@dataclass(frozen=True, slots=True)
class Answer:
    """How it went.

    Attributes:
        kept: The cache has the step now.
        reason: Why not.
        parcel: What it gave, if it was computed elsewhere.
    """

    kept: bool
    reason: str = ""
    parcel: Parcel | None = None


def compute(job: Job) -> Answer:
    """Run one step, and let the cache have what it gave."""
    import nbformat
    from papermill.engines import NotebookExecutionManager

    from nbprod.run.cache.session import open_session
    from nbprod.run.cache.store import Store
    from nbprod.run.capture import Capture
    from nbprod.run.engine import NbprodEngine
    from nbprod.run.truth import Truth

    capture = Capture(
        plan=job.plan,
        folder=job.folder,
        working_directory=job.working_directory,
        cell_timeout=job.cell_timeout,
        truth=Truth(job.plan, job.sources.__getitem__),
        hash_seed=job.hash_seed,
        modules=set(job.modules),
        ahead=Wanted(job.step, job.before),
    )
    store = Store(job.beside)
    capture.cache = partial(open_session, capture=capture, around=job.around, store=store)
    notebook: Any = nbformat.reads(job.notebook, as_version=4)  # type: ignore[no-untyped-call]
    manager = NotebookExecutionManager(notebook, progress_bar=False)
    try:
        NbprodEngine.run_captured(manager, capture, job.kernel)
    except NotThereError as missing:
        return Answer(False, str(missing))
    except Exception as error:  # noqa: BLE001 - the run itself will meet it, and tell
        return Answer(False, f"{type(error).__name__}: {error}")
    progress = capture.steps.get(job.step)
    if progress is None or progress.state != "completed":
        return Answer(False, _why_failed(notebook))
    return Answer(not progress.uncached, progress.uncached)


def _why_failed(notebook: Any) -> str:  # noqa: ANN401
    """Return why the last cell that ran failed."""
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", ())]
    names = [each["ename"] for each in outputs if each.output_type == "error"]
    if "AheadError" in names:
        return "it changes something outside"
    return f"a cell failed ({names[-1]})" if names else "a cell failed"


def compute_remotely(remote: RemoteJob) -> Answer:
    """Run one step with a cache of its own, and send what it gave."""
    from nbprod.run.cache.store import Store

    # Dask's workers have variables of their own, such as OMP_NUM_THREADS.
    for name in library_variables():
        del os.environ[name]
    os.environ.update(remote.job.variables)
    with tempfile.TemporaryDirectory(prefix="nbprod-ahead-") as place:
        os.environ["NBPROD_HOME"] = f"{place}/home"
        store = Store(Path(place))
        for parcel in remote.parcels:
            receive(parcel, store)
        folder = RunFolder(state_folder(Path(place)) / "step", remote.job.folder.run_id)
        folder.make()
        answer = compute(replace(remote.job, folder=folder, beside=Path(place)))
        if not answer.kept:
            return answer
        found = next(each for each in store.entries() if each.entry.step == remote.job.step)
        return Answer(True, parcel=send(found, store, remote.artifacts))


def start_process() -> subprocess.Popen[bytes]:
    """Start a process that waits for a job; it ends when this one does."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "nbprod.run.ahead"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def give(process: subprocess.Popen[bytes], job: Job | RemoteJob) -> None:
    """Let a process that waits do a job."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(pickle.dumps(job))
        process.stdin.flush()  # it stays open: when it closes, the process ends


def answer_of(process: subprocess.Popen[bytes]) -> Answer:
    """Wait for a job's process, and return its answer."""
    assert process.stdout is not None
    data = process.stdout.read()
    code = process.wait()
    process.communicate()  # closes the pipes
    try:
        return msgspec.json.decode(data, type=Answer)
    except msgspec.DecodeError:
        return Answer(False, f"its process ended with exit code {code}")


def main() -> None:
    """Do the job that comes on stdin, if one comes."""
    signal.signal(signal.SIGTERM, _stop)
    skip_iri_grammar()
    for name in ("nbformat", "papermill.engines", "nbprod.run.engine", "nbprod.run.cache.session"):
        import_module(name)  # while there is nothing to do
    try:
        job: Job | RemoteJob = pickle.load(sys.stdin.buffer)  # noqa: S301 - from who started this
    except EOFError:
        return
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    with contextlib.redirect_stdout(sys.stderr):
        answer = compute_remotely(job) if isinstance(job, RemoteJob) else compute(job)
    sys.stdout.buffer.write(msgspec.json.encode(answer))


def _stop_with_parent() -> None:
    os.read(0, 1)  # who started this holds the other end, and writes nothing more
    os.kill(os.getpid(), signal.SIGTERM)


def _stop(number: int, frame: object) -> None:  # noqa: ARG001
    raise KeyboardInterrupt
