"""``nbprod diff``: what is different between two runs."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from nbprod.run.history import find_run
from nbprod.run.plan import INJECTED_TAG
from nbprod.run.record import FileRecord, RunRecord
from nbprod.run.recording import LOCK
from nbprod.workflows.place import place_of_runs


@dataclass(frozen=True, slots=True)
class DiffRequest:
    """Which runs to compare.

    Attributes:
        one: A run's id, a part of it, ``last``, or its folder.
        other: Another's.
        of: Notebook, project or folder beside which they are recorded.
    """

    one: str
    other: str
    of: Path | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the runs do not share.

    Attributes:
        kind: ``parameter``, ``code``, ``module``, ``data``, ``environment``, ``git`` or ``metric``.
        name: Of the parameter, cell, file, package or metric.
        one: Its value in the first run; ``None`` if it has none there.
        other: Its value in the second.
        lines: For code, a unified diff.
    """

    kind: str
    name: str
    one: object = None
    other: object = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DiffResult:
    """Two runs and their differences."""

    one: RunRecord
    other: RunRecord
    differences: tuple[Difference, ...]

    def of_kind(self, kind: str) -> tuple[Difference, ...]:
        """Return the differences of one kind."""
        return tuple(found for found in self.differences if found.kind == kind)

    def as_json(self) -> dict[str, object]:
        """Return the document of ``nbprod diff --json``."""
        return {
            "one": self.one.run_id,
            "other": self.other.run_id,
            "differences": [asdict(found) for found in self.differences],
        }


def diff(request: DiffRequest) -> DiffResult:
    """Compare two runs by parameters, code, data, environment and metrics.

    Raises:
        UsageError: If there are no such runs.
    """
    folder = place_of_runs(request.of)[0]
    one, other = find_run(request.one, folder), find_run(request.other, folder)
    return DiffResult(one, other, tuple(_differences(one, other)))


def _differences(one: RunRecord, other: RunRecord) -> Iterator[Difference]:
    yield from _between("parameter", one.literals, other.literals)
    yield from _code(one, other)
    yield from _between("module", _files(one, one.modules), _files(other, other.modules))
    yield from _between("data", _files(one, one.files_read), _files(other, other.files_read))
    environment = tuple(_between("environment", _environment(one), _environment(other)))
    yield from environment
    told = {found.name for found in environment}
    yield from (found for found in _packages(one, other) if found.name not in told)
    git = [{"commit": record.git.commit} if record.git else {} for record in (one, other)]
    yield from _between("git", git[0], git[1])
    yield from _between("metric", one.metrics, other.metrics)


def _between(
    kind: str, one: Mapping[str, object], other: Mapping[str, object]
) -> Iterator[Difference]:
    for name in dict.fromkeys((*one, *other)):
        if name not in one or name not in other or one[name] != other[name]:
            yield Difference(kind, name, one.get(name), other.get(name))


def _files(record: RunRecord, files: Iterable[FileRecord]) -> dict[str, object]:
    """Return the digests of files, by their paths as seen from the notebook."""
    return {os.path.relpath(file.path, record.working_directory): file.sha256 for file in files}


def _environment(record: RunRecord) -> dict[str, object]:
    found = record.environment
    return {"Python": found.python, "platform": found.platform, **found.distributions}


def _packages(one: RunRecord, other: RunRecord) -> Iterator[Difference]:
    """Compare all that was installed, by versions and digests."""
    locks = [_lock(record) for record in (one, other)]
    if not all(locks):
        locks = [{"all packages": record.environment.installed} for record in (one, other)]
    yield from _between("environment", locks[0], locks[1])


def _lock(record: RunRecord) -> dict[str, str]:
    try:
        lines = (Path(record.folder) / LOCK).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = [line.partition("==") for line in lines if "==" in line]
    return {name: version.replace("  # sha256", ",") for name, _, version in pairs}


def _code(one: RunRecord, other: RunRecord) -> Iterator[Difference]:
    """Compare the cells that ran, matched by their content."""
    if one.notebook_digest == other.notebook_digest:
        return
    sources = [code_cells(record) for record in (one, other)]
    texts = [[text for _, text in cells] for cells in sources]
    matcher = difflib.SequenceMatcher(None, texts[0], texts[1], autojunk=False)
    for what, start, stop, first, last in matcher.get_opcodes():
        if what == "equal":
            continue
        ours, theirs = sources[0][start:stop], sources[1][first:last]
        for place in range(max(len(ours), len(theirs))):
            number, text = ours[place] if place < len(ours) else (0, "")
            number_there, text_there = theirs[place] if place < len(theirs) else (0, "")
            lines = difflib.unified_diff(
                text.splitlines(), text_there.splitlines(), lineterm="", n=1
            )
            yield Difference(
                "code",
                f"cell {number or number_there}",
                number or None,
                number_there or None,
                tuple(lines)[2:],
            )


def code_cells(record: RunRecord) -> list[tuple[int, str]]:
    """Return (number, source) of the code cells that a run executed, injected ones left out."""
    try:
        document = json.loads((Path(record.folder) / "output.ipynb").read_bytes())
    except (OSError, ValueError):
        return []
    found = []
    number = 0
    for cell in document["cells"]:
        if INJECTED_TAG in cell.get("metadata", {}).get("tags", ()):
            continue
        number += 1
        if cell["cell_type"] == "code":
            found.append((number, "".join(cell["source"])))
    return found
