"""Verdicts of earlier comparisons: an unchanged step is not replayed twice.

A step is unchanged if its code, what it reads and what the notebook's cells gave are, in
the same environment. Verdicts are signed like run records; only those of steps that were
equal and stable are kept.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

import nbprod
from nbprod.errors import NbprodError
from nbprod.pipeline.ir import Step
from nbprod.pipeline.naming import function_name
from nbprod.run.folder import state_folder
from nbprod.run.printed import printed_by
from nbprod.run.record import ArtifactRecord, RunRecord, write_atomically
from nbprod.run.replay import OutputComparison, ReplayRequest, StepReplay, cells_of
from nbprod.run.safekeeping import step_files
from nbprod.run.shown import shown_by
from nbprod.run.signing import check_signature, sign

_KEPT = 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of a step: it is equal.

    Attributes:
        step: Its name.
        outputs: What was compared.
        artifact: What the generated code gave.
        folder: Where that lies.
    """

    step: str
    outputs: tuple[OutputComparison, ...]
    artifact: ArtifactRecord
    folder: str


class Verdicts:
    """The verdicts beside a notebook.

    Args:
        request: The replay that is asked for.
    """

    def __init__(self, request: ReplayRequest) -> None:
        self._request = request
        self._folder = state_folder(Path(request.record.working_directory)) / "verified"
        self._keys = {step.name: step_key(request, step) for step in request.pipeline.steps}

    def known(self) -> dict[str, StepReplay]:
        """Return the steps that were found equal before, with what they gave then."""
        found = {}
        for step in self._request.pipeline.steps:
            key = self._keys[step.name]
            replayed = self._read(key) if key else None
            if replayed is not None:
                found[step.name] = replayed
        return found

    def keep(self, found: tuple[StepReplay, ...]) -> None:
        """Keep the verdicts of steps that are equal, without anything unstable."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for step in found:
            key = self._keys[step.step]
            stable = step.error is None and all(output.equal for output in step.outputs)
            if not key or not stable or step.artifact is None or step.cached:
                continue
            folder = str(Path(self._request.record.folder) / "replay")
            verdict = Verdict(step.step, step.outputs, step.artifact, folder)
            data = msgspec.json.encode(verdict)
            write_atomically(self._folder / f"{key}.sig", sign(data).encode())
            write_atomically(self._folder / f"{key}.json", data)
        self._forget()

    def _read(self, key: str) -> StepReplay | None:
        path = self._folder / f"{key}.json"
        try:
            data = path.read_bytes()
            check_signature(data, path.with_suffix(".sig").read_text(), "A verdict")
            verdict = msgspec.json.decode(data, type=Verdict)
            self._bring(verdict)
        except (OSError, NbprodError, msgspec.DecodeError, ValueError):
            return None
        os.utime(path)
        return StepReplay(verdict.step, verdict.outputs, artifact=verdict.artifact, cached=True)

    def _bring(self, verdict: Verdict) -> None:
        """Let this run have what the generated code gave then; both are never changed."""
        target = Path(self._request.record.folder) / "replay"
        source = Path(verdict.folder)
        (target / "blobs").mkdir(parents=True, exist_ok=True)
        with (source / verdict.artifact.file).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != verdict.artifact.sha256:
                raise ValueError(verdict.artifact.file)
        blobs = source / "blobs"
        paths = [Path("blobs") / path.name for path in blobs.iterdir()] if blobs.is_dir() else []
        for path in (Path(verdict.artifact.file), *paths):
            if not (target / path).exists():
                os.link(source / path, target / path)

    def _forget(self) -> None:
        paths = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in paths[:-_KEPT]:
            path.with_suffix(".sig").unlink(missing_ok=True)
            path.unlink(missing_ok=True)


def step_key(request: ReplayRequest, step: Step) -> str:
    """Return the key of a step's verdict; empty if something it reads has no fingerprint."""
    record = request.record
    values = _values(record, step)
    if values is None:
        return ""
    parts = [
        nbprod.__version__,
        request.comparer,
        record.environment.python,
        sorted(record.environment.distributions.items()),
        [(found.path, found.digest) for found in request.pipeline.local_modules],
        [(name, record.literals.get(name)) for name in step.params],
        list(_code(request, step)),
        values,
        list(_effects(record, step)),
    ]
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _values(record: RunRecord, step: Step) -> list[tuple[str, str]] | None:
    """Return the fingerprints of inputs and outputs; ``None`` if one has none."""
    found: list[tuple[str, str]] = []
    for kind, variables in (("inputs", step.inputs), ("outputs", step.outputs)):
        artifact = record.artifact(step.name, kind)
        for variable in variables:
            text = artifact.fingerprints.get(variable.name, "") if artifact else ""
            if not text or " " in text:
                return None
            found.append((variable.name, text))
    return found


def _code(request: ReplayRequest, step: Step) -> Iterator[str]:
    package = request.project / request.package
    text = (package / "steps.py").read_text(encoding="utf-8")
    name = function_name(step.name)
    try:
        nodes = ast.parse(text).body
    except SyntaxError:
        yield text
        return
    for node in nodes:
        if not isinstance(node, ast.FunctionDef) or node.name == name:
            yield ast.get_source_segment(text, node) or ""
    for other in ("definitions.py", "parameters.py"):
        path = package / other
        yield path.read_text(encoding="utf-8") if path.is_file() else ""


def _effects(record: RunRecord, step: Step) -> Iterator[object]:
    """Yield what the notebook's cells did besides computing, and what they read."""
    files = step_files(record, step.name)
    for state in (*files.before, *files.written):
        yield state.path, state.sha256
    digests = {found.path: found.sha256 for found in record.files_read}
    own = [found for found in record.stretches if found.step == step.name]
    for stretch in own:
        yield from ((path, digests.get(path, "")) for path in stretch.read)
        yield stretch.state_before, stretch.state_after
    cells = cells_of(record, step.name)
    yield printed_by(Path(record.output), cells)
    shown = shown_by(Path(record.output), cells)
    yield [hashlib.sha256(png).hexdigest() for png, _ in shown.figures], shown.texts
