"""The record of a run: what ran, with what, and what came of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeGuard

from nbprod.errors import UsageError
from nbprod.run.atomic_write import write_atomically
from nbprod.run.folder import STATE_FOLDER
from nbprod.run.signing import check_signature, sign

RECORD = "record.json"
RECORD_SCHEMA = 1


class RunState(StrEnum):
    """How a run ended."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A data file the run read: absolute path, sha256 (hex) and size in bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step's execution.

    Attributes:
        name: The step; empty for cells that belong to none.
        cells: Numbers of its cells in the notebook that ran.
        started: When its first cell began, ISO 8601 in UTC.
        seconds: Time its cells took, without capture.
        state: ``completed``, ``failed`` or ``interrupted``.
        peak_memory: Largest resident size of the kernel meanwhile, in bytes; 0 if unknown.
        cached: The run that computed it, if nothing of it ran in this one; else empty.
        uncached: Why later runs cannot take it from this one; empty if they can, or if the
            run keeps nothing for them.
    """

    name: str
    cells: tuple[int, ...]
    started: str
    seconds: float
    state: str = "completed"
    peak_memory: int = 0
    cached: str = ""
    uncached: str = ""

    @property
    def outcome(self) -> str:
        """Its state in words, and what the cache has to do with it."""
        if self.cached:
            return f"unchanged since run {self.cached}"
        if self.uncached:
            return f"{self.state}; runs each time, since {self.uncached}"
        return self.state


@dataclass(frozen=True, slots=True)
class FileState:
    """What is at a path; the content lies in the run's ``files`` folder under its digest.

    Attributes:
        path: Absolute path.
        sha256: Digest (hex), or a word of ``run/kernel/filestate.py``: empty for nothing,
            ``folder``, ``link:`` and a target, ``?`` for what is not known.
        size: In bytes.
        mtime_ns: Time of its last change.
        mode: Its permissions.
        witnessed: The notebook's process was seen to change it; else it was only found
            changed in the working directory, which may have been somebody else.
    """

    path: str
    sha256: str = ""
    size: int = 0
    mtime_ns: int = 0
    mode: int = 0
    witnessed: bool = True


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A path that a stretch of cells changed: what was there before, and what is now."""

    before: FileState
    after: FileState


@dataclass(frozen=True, slots=True)
class StretchRecord:
    """Consecutive cells of one step, and which variables they really changed.

    Attributes:
        step: The step; empty for cells that belong to none.
        cells: Their numbers in the notebook that ran.
        changed: Variables, among those that a step reads or gives, with another
            fingerprint afterwards.
        files: Files and folders that they wrote, made or deleted.
        read: Files that they read, absolute paths.
        state_before: Fingerprints before them: ``options`` (and environment, folders) and
            random states.
        state_after: The same after them.
    """

    step: str
    cells: tuple[int, ...]
    changed: tuple[str, ...] = ()
    files: tuple[WrittenFile, ...] = ()
    read: tuple[str, ...] = ()
    state_before: dict[str, str] = field(default_factory=dict)
    state_after: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """A change of a variable that the conversion did not see.

    Attributes:
        variable: Its name.
        step: The step whose cells changed it; empty for none.
        cell: The cell that most likely did.
        line: Its line; 0 if unknown.
        producer: The step that the conversion takes to have made it last; may be empty.
        reader: The next step that reads it; empty for what stands outside the steps.
        cells: The cells of that stretch of ``step``.
    """

    variable: str
    step: str
    cell: int
    line: int
    producer: str
    reader: str
    cells: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ArtifactRecord:
    """Variables saved at a step boundary.

    Attributes:
        step: The step whose boundary it is.
        kind: ``inputs`` (before the step) or ``outputs`` (after it).
        file: File name in the run's ``artifacts`` folder.
        sha256: Digest (hex) of the file.
        size: In bytes.
        members: Names of the variables it holds.
        unsaved: Variables that could not be saved, with the reason.
        fingerprints: Fingerprints of its variables, see ``run/kernel/fingerprint.py``;
            those that count by identity in part are left out.
        local: Variables that hold functions of the notebook's, or instances of its classes.
        code: Those among them that hold the functions or classes themselves.
    """

    step: str
    kind: str
    file: str
    sha256: str
    size: int
    members: tuple[str, ...] = ()
    unsaved: dict[str, str] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)
    local: tuple[str, ...] = ()
    code: tuple[str, ...] = ()

    @property
    def prints(self) -> dict[str, str]:
        """Fingerprints that its variables have to have in any process that loads them."""
        return {
            name: text
            for name, text in self.fingerprints.items()
            if name not in self.code and " " not in text
        }


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A fitted model that a variable held at the end of the run.

    Attributes:
        variable: The variable bound first; ``aliases`` are other names of the object.
        class_name: Dotted name of its class.
        cell: Cell of its last fit; 0 if the fit was not seen.
        fit_order: Position among the run's fits, from 1; 0 if it was not seen.
        folder: Its folder below the run's ``models``; empty if there are no facts.
        problem: Why there are none.
        chain: Variables of the transformers applied before it, in order.
        chain_note: Why an observed transformer is not in the chain.
    """

    variable: str
    class_name: str
    aliases: tuple[str, ...] = ()
    cell: int = 0
    fit_order: int = 0
    folder: str = ""
    problem: str = ""
    chain: tuple[str, ...] = ()
    chain_note: str = ""


@dataclass(frozen=True, slots=True)
class RunEnvironment:
    """Where a run took place.

    Attributes:
        python: Version of the kernel's Python.
        interpreter: Its path.
        platform: System and machine.
        distributions: Versions of what the notebook imports.
        installed: Digest (hex) of the versions of all that is installed there; they are
            listed in the run's ``lock.txt``.
        processor: Its name.
        cores: Logical ones.
        memory: Of the machine, in bytes.
    """

    python: str = ""
    interpreter: str = ""
    platform: str = ""
    distributions: dict[str, str] = field(default_factory=dict)
    installed: str = ""
    processor: str = ""
    cores: int = 0
    memory: int = 0


@dataclass(frozen=True, slots=True)
class GitState:
    """Commit of the notebook's repository, and whether the working tree differed."""

    commit: str
    dirty: bool


@dataclass(frozen=True, slots=True)
class FailureRecord:
    """Why a run failed."""

    message: str
    step: str = ""
    cell: int = 0
    exception: str = ""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """All about one run; it lies in ``record.json`` of the run's folder.

    Attributes:
        run_id: ``YYYYmmddTHHMMSSZ-xxxxxx``.
        state: How it ended.
        notebook: Absolute path of the notebook that ran.
        notebook_digest: sha256 of its bytes.
        source_digest: sha256 of the notebook the pipeline came from.
        folder: Absolute path of the run's folder.
        working_directory: Where the kernel ran.
        kernel: Name of the kernel.
        started: ISO 8601 in UTC.
        seconds: Wall-clock time, capture included.
        parameters: All values as JSON (dates as ISO text).
        literals: The same as Python expressions, exact.
        git: ``None`` outside a repository.
        environment: Python, platform, versions of what the notebook imports.
        files_read: Data files with their digests.
        modules: The user's own modules and scripts that were imported or read; in a run
            of a project, all of its code.
        files_written: Absolute paths.
        steps: In the order of execution.
        metrics: Final values of the metrics.
        artifacts: Empty without capture.
        models: Models found at the end.
        output: Absolute path of the output notebook in the run's folder.
        captured: Whether artifacts were captured.
        isolated: Whether each step had a kernel of its own.
        problems: What capture could not do, for people.
        failure: ``None`` if it did not fail.
        stretches: Which variables each stretch of cells really changed, in order.
        undeclared: Changes among them that the conversion did not see.
        shares: Groups of variables that shared objects or buffers at a boundary.
        secrets: Names of the secrets that it was given.
        withheld: What was not saved since it holds one, in words.
        hash_seed: ``PYTHONHASHSEED`` of its kernels; empty if nbprod did not choose it.
        process: Who runs it, see ``run/process_name.py``.
    """

    run_id: str
    state: RunState
    notebook: str
    notebook_digest: str
    source_digest: str
    folder: str
    working_directory: str
    kernel: str
    started: str
    seconds: float = 0.0
    parameters: dict[str, object] = field(default_factory=dict)
    literals: dict[str, str] = field(default_factory=dict)
    git: GitState | None = None
    environment: RunEnvironment = field(default_factory=RunEnvironment)
    files_read: tuple[FileRecord, ...] = ()
    modules: tuple[FileRecord, ...] = ()
    files_written: tuple[str, ...] = ()
    steps: tuple[StepRecord, ...] = ()
    metrics: dict[str, object] = field(default_factory=dict)
    artifacts: tuple[ArtifactRecord, ...] = ()
    models: tuple[ModelRecord, ...] = ()
    output: str = ""
    captured: bool = False
    isolated: bool = False
    problems: tuple[str, ...] = ()
    failure: FailureRecord | None = None
    stretches: tuple[StretchRecord, ...] = ()
    undeclared: tuple[ChangeRecord, ...] = ()
    shares: tuple[tuple[str, ...], ...] = ()
    secrets: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    hash_seed: str = ""
    process: str = ""
    schema_version: int = RECORD_SCHEMA

    @property
    def numbers(self) -> dict[str, int | float]:
        """The metrics that are numbers."""
        return {name: value for name, value in self.metrics.items() if is_number(value)}

    def artifact(self, step: str, kind: str) -> ArtifactRecord | None:
        """Return the artifact of a step's boundary, ``None`` if there is none."""
        for found in self.artifacts:
            if found.step == step and found.kind == kind:
                return found
        return None


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether a metric is a number; truth values are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def write_record(record: RunRecord) -> None:
    """Write ``record.json`` and its signature, each moved into place when complete.

    Raises:
        OSError: If the run's folder cannot be written.
        SystemFailedError: If the signing key cannot be read or written.
    """
    import msgspec

    data = msgspec.json.format(msgspec.json.encode(record), indent=2)
    folder = Path(record.folder)
    write_atomically(folder / RECORD, data)
    write_atomically(folder / f"{RECORD}.sig", sign(data).encode())


def read_record(folder: Path | str, *, signed: bool = True) -> RunRecord:
    """Read the record of a run.

    Args:
        folder: The run's folder. Was it moved since with the notebook, the record's paths
            are those of today.
        signed: Refuse a record that was not written under this NBPROD_HOME. Its
            digests then tell whether an artifact may be loaded.

    Raises:
        UsageError: If there is none, or it is not a record, or its signature is wrong.
    """
    import msgspec

    path = Path(folder) / RECORD
    try:
        data = path.read_bytes()
        signature = path.with_name(f"{RECORD}.sig").read_text() if signed else ""
    except OSError as error:
        raise UsageError(
            f"There is no record of a run in {folder}.", fix="Run the notebook first."
        ) from error
    if signed:
        check_signature(data, signature, f"The run in {folder}")
    try:
        record = msgspec.json.decode(data, type=RunRecord)
        before, now = _place_of_runs(Path(record.folder)), _place_of_runs(path.parent.absolute())
        if before in {None, now} or now is None or (before.exists() and before.samefile(now)):
            return record
        document = _moved(msgspec.json.decode(data), str(before), str(now))
        return msgspec.convert(document, RunRecord)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise UsageError(
            f"{path} is not the record of a run: {error}.", fix="Run the notebook again."
        ) from error


def _place_of_runs(folder: Path) -> Path | None:
    """Return the folder beside which a run was recorded."""
    *_, state, runs, _run = ("", "", *folder.parts)
    return folder.parents[2] if (state, runs) == (STATE_FOLDER, "runs") else None


_VALUES = frozenset({"parameters", "literals", "metrics"})


def _moved(found: Any, before: str, now: str) -> Any:  # noqa: ANN401
    """Return a record's document as it would be if the run's folder had always been there."""
    if isinstance(found, dict):
        return {
            key: value if key in _VALUES else _moved(value, before, now)
            for key, value in found.items()
        }
    if isinstance(found, list):
        return [_moved(each, before, now) for each in found]
    if isinstance(found, str) and (found == before or found.startswith(before + os.sep)):
        return now + found.removeprefix(before)
    return found
