"""Turns a run, however it ends, into its record."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbprod.errors import NbprodError
from nbprod.pipeline.ir import Pipeline
from nbprod.run.atomic_write import write_atomically
from nbprod.run.capture import Capture
from nbprod.run.environment import collect_environment, kernel_interpreter
from nbprod.run.injection import as_json
from nbprod.run.literals import literal
from nbprod.run.process_name import process_name
from nbprod.run.record import (
    FailureRecord,
    FileRecord,
    FileState,
    GitState,
    RunEnvironment,
    RunRecord,
    RunState,
    write_record,
)
from nbprod.run.redaction import redacted_record

_DIGEST = 64
"""Characters of a digest; what else a file's state may say is shorter."""

LOCK = "lock.txt"
"""In a run's folder: what was installed where it ran."""


@dataclass(frozen=True, slots=True)
class RunSubject:
    """What runs, and with what."""

    notebook: Path
    notebook_digest: str
    pipeline: Pipeline
    working_directory: Path
    kernel_name: str
    parameters: Mapping[str, object] = field(default_factory=dict)


class Recording:
    """Writes ``record.json`` when a run starts and when it ends.

    Args:
        subject: What runs.
        capture: What is learned on the way; it has a folder.
    """

    def __init__(self, subject: RunSubject, capture: Capture) -> None:
        assert capture.folder is not None
        self.subject = subject
        self.capture = capture
        self.output_notebook: Any = None
        self._folder = capture.folder
        self._started = datetime.now(UTC)
        self._clock = time.monotonic()
        self._git = git_state(subject.working_directory)
        self._lock = lock_of(subject.kernel_name)
        if self._lock:
            write_atomically(self._folder.path / LOCK, self._lock.encode())

    @property
    def installed(self) -> str:
        """Digest (hex) of all that is installed for the kernel; empty if that is unknown."""
        return digest_of(self._lock)

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Write the record around a run: running, then how it ended."""
        write_record(self.record(RunState.RUNNING))
        try:
            yield
        except KeyboardInterrupt:
            self.finish(RunState.INTERRUPTED)
            raise
        except BaseException as error:
            self.finish(RunState.FAILED, FailureRecord(f"{type(error).__name__}: {error}"))
            raise
        failed = any(step.state == "failed" for step in self.capture.steps.values())
        self.finish(RunState.FAILED if failed else RunState.COMPLETED)

    def finish(self, state: RunState, failure: FailureRecord | None = None) -> RunRecord:
        """Write and return the final record."""
        if state is not RunState.RUNNING:
            self._folder.release_reserve()
            self._folder.remove_parts()
        if self.output_notebook is not None:
            from nbprod.run.autosave import notebook_bytes

            write_atomically(self._folder.output, notebook_bytes(self.output_notebook))
        record = self.record(state, failure)
        write_record(record)
        return record

    def record(self, state: RunState, failure: FailureRecord | None = None) -> RunRecord:
        """Return the record as of now."""
        capture, subject = self.capture, self.subject
        record = RunRecord(
            run_id=self._folder.run_id,
            state=state,
            notebook=str(subject.notebook),
            notebook_digest=subject.notebook_digest,
            source_digest=subject.pipeline.source.digest,
            folder=str(self._folder.path),
            working_directory=str(subject.working_directory),
            kernel=subject.kernel_name,
            started=self._started.isoformat(),
            seconds=round(time.monotonic() - self._clock, 4),
            parameters={name: as_json(value) for name, value in subject.parameters.items()},
            literals={name: literal(value) for name, value in subject.parameters.items()},
            git=self._git,
            environment=self._environment(),
            files_read=tuple(_files_read(capture)),
            modules=tuple(_file_records(sorted(capture.modules))),
            files_written=tuple(sorted(capture.written | _written(capture))),
            steps=capture.step_records(),
            metrics=capture.metrics,
            artifacts=tuple(capture.artifacts),
            models=tuple(capture.models),
            output=str(self._folder.output),
            captured=capture.artifacts_wanted,
            isolated=capture.isolate,
            problems=tuple(capture.problems),
            failure=failure,
            stretches=tuple(capture.truth.stretches) if capture.truth else (),
            undeclared=tuple(capture.truth.undeclared) if capture.truth else (),
            shares=tuple(sorted(capture.truth.shares)) if capture.truth else (),
            secrets=capture.secrets.names,
            withheld=tuple(capture.withheld),
            hash_seed=capture.hash_seed,
            process=process_name(),
        )
        return redacted_record(record)

    def _environment(self) -> RunEnvironment:
        try:
            interpreter = kernel_interpreter(self.subject.kernel_name)
        except NbprodError:
            interpreter = ""
        return RunEnvironment(
            python=self.capture.python or self.subject.pipeline.python,
            interpreter=interpreter,
            platform=platform.platform(),
            distributions={
                found.distribution: found.version for found in self.subject.pipeline.requirements
            },
            installed=self.installed,
            processor=_processor(),
            cores=os.cpu_count() or 0,
            memory=_memory(),
        )


def digest_of(lock: str) -> str:
    """Return the digest (hex) of what :func:`lock_of` gave; empty for nothing."""
    return hashlib.sha256(lock.encode()).hexdigest() if lock else ""


def lock_of(kernel_name: str) -> str:
    """Return all that is installed for a kernel: a line of name, version and digest each.

    The digest is that of the installation's own list of files, which holds theirs. It is
    empty for what was installed without one. Nothing is returned if the kernel cannot tell.
    """
    try:
        environment = collect_environment(kernel_name)
    except NbprodError:
        return ""
    lines = [f"# Python {environment.python}"]
    for name, (distribution, version) in sorted(environment.versions.items()):
        digest = environment.records.get(name, "")
        lines.append(f"{distribution}=={version}" + (f"  # sha256 {digest}" if digest else ""))
    return "\n".join(lines) + "\n"


@functools.cache
def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.processor()


def _memory() -> int:
    import psutil

    return int(psutil.virtual_memory().total)


def _files_read(capture: Capture) -> Iterator[FileRecord]:
    """Yield what the cells read, as it was then: they may have changed it afterwards."""
    earlier = {path: state for path, state in _before_changes(capture) if state is not None}
    for path in sorted(capture.read):
        if path in earlier:
            yield FileRecord(path, earlier[path].sha256, earlier[path].size)
        else:
            yield from _file_records([path])


def _before_changes(capture: Capture) -> Iterator[tuple[str, FileState | None]]:
    """Yield each file that was changed, and its content before if the cells had read that."""
    read: set[str] = set()
    changed: set[str] = set()
    for stretch in capture.truth.stretches if capture.truth else ():
        read.update(stretch.read)
        for found in stretch.files:
            path = found.after.path
            if path not in changed:
                known = path in read and len(found.before.sha256) == _DIGEST
                yield path, found.before if known else None
            changed.add(path)


def _written(capture: Capture) -> set[str]:
    """Return the files that were there after a stretch, and not before or with other content."""
    return {
        found.after.path
        for stretch in (capture.truth.stretches if capture.truth else ())
        for found in stretch.files
        if len(found.after.sha256) == _DIGEST
    }


def _file_records(paths: Iterable[str]) -> Iterator[FileRecord]:
    for path in paths:
        with suppress(OSError), Path(path).open("rb") as file:  # it may be gone, or be a folder
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            yield FileRecord(path, digest, os.fstat(file.fileno()).st_size)


def git_state(folder: Path) -> GitState | None:
    """Return the commit that ``folder`` is at, ``None`` outside a repository or without git."""
    try:
        commit = _git(folder, "rev-parse", "--verify", "HEAD").strip()
        dirty = bool(_git(folder, "status", "--porcelain", "--untracked-files=no").strip())
    except (OSError, subprocess.SubprocessError):
        return None
    return GitState(commit, dirty)


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    ).stdout
