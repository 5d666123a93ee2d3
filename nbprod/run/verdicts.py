"""Verdicts of earlier comparisons: an unchanged step is not replayed twice.

What makes a step unchanged, see :mod:`.step_key`. Verdicts are signed like run records;
only those of steps that were equal and stable are kept.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from nbprod.run.atomic_write import write_atomically
from nbprod.run.folder import state_folder
from nbprod.run.record import ArtifactRecord
from nbprod.run.replay import OutputComparison, ReplayRequest, StepReplay
from nbprod.run.signing import read_sealed, seal
from nbprod.run.step_key import step_key

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
        """Keep the verdicts of steps that are equal, without anything unstable.

        Raises:
            OSError: They cannot be written.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for step in found:
            key = self._keys[step.step]
            stable = step.error is None and all(output.equal for output in step.outputs)
            if not key or not stable or step.artifact is None or step.cached:
                continue
            folder = str(Path(self._request.record.folder) / "replay")
            verdict = Verdict(step.step, step.outputs, step.artifact, folder)
            write_atomically(self._folder / f"{key}.json", seal(verdict))
        self._forget()

    def _read(self, key: str) -> StepReplay | None:
        path = self._folder / f"{key}.json"
        verdict = read_sealed(path, Verdict)
        if verdict is None:
            return None
        try:
            self._bring(verdict)
        except (OSError, ValueError):
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
            path.unlink(missing_ok=True)
