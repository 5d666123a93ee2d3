"""A run in progress, as the host sees it: asks the kernel's runtime, keeps its answers."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from nbprod.events import Listener, LogEvent, ProgressEvent, ignore_events
from nbprod.run.ahead.wanted import Wanted
from nbprod.run.folder import RunFolder
from nbprod.run.module_names import locals_of, name_pattern
from nbprod.run.plan import CellPlan, RunPlan
from nbprod.run.record import ArtifactRecord, ChangeRecord, ModelRecord, StepRecord
from nbprod.run.secrets import GivenSecrets
from nbprod.run.truth import Truth, describe_change

MUCH_OUTPUT = 20_000_000
"""Characters of a cell's output from which most programs open the notebook no longer."""

Ask = Callable[[str, dict[str, object]], dict[str, object]]
OpenCache = Callable[[Any, list[CellPlan]], Any]


class Phase(StrEnum):
    """What a run does with the cell that it came to last."""

    RUNS = "runs"
    IS_SAVED = "is saved"
    ENDED = "ended"


@dataclass
class StepProgress:
    """A step while it runs."""

    cells: list[int] = field(default_factory=list)
    started: str = ""
    seconds: float = 0.0
    state: str = "completed"
    peak: int = 0
    cached: str = ""
    uncached: str = ""
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class Save:
    """An artifact that the kernel is to write.

    Attributes:
        step: The step that it belongs to.
        kind: ``inputs`` or ``outputs``.
        names: The variables.
        path: Where it goes.
    """

    step: str
    kind: str
    names: tuple[str, ...]
    path: Path


@dataclass
class Capture:
    """What one run is to capture, and what it learned so far.

    Attributes:
        plan: Steps and their boundaries.
        folder: The run's folder; ``None`` captures nothing.
        listener: Gets progress and log events.
        stage: Stage name of the progress events.
        working_directory: Where the kernel runs.
        artifacts_wanted: Save variables at step boundaries.
        isolate: Each stretch of one step runs in a kernel of its own.
        cell_timeout: Seconds per cell; ``None`` for no limit.
        run_timeout: Seconds for all cells; ``None`` for no limit.
        deadline: When those are over, as ``time.monotonic()`` tells.
        truth: Fingerprints of the variables; ``None`` takes none.
        secrets: What each kernel is given, and nothing may hold that is written.
        paths: ``input_path`` and ``output_path``, as papermill notes them in the notebook.
        package: Name of the generated package, in a run of a project.
        naming: Variables whose text names a module of that package, and which.
        hash_seed: ``PYTHONHASHSEED`` of the run's kernels, which the notebook does not see.
        cache: Opens the cache for the notebook that runs and its cells; ``None`` for none.
        compute_ahead: Computes steps ahead of the run, given the cache's session; ``None`` for
            none. Tells whether there is anything new in the cache.
        ahead: The one step that is wanted, in a process that computes it ahead.
        blobs: Large buffers of each artifact file, by their digests.
        showed_elsewhere: The current stretch changed what a cell before it showed.
        showed_widget: It showed a widget, which lives in its kernel.
        current: The cell that runs, or ran last.
        phase: What is done with it.
        overwritten: Variables whose memory the last stretch changed, each with one that showed
            it in an earlier kernel, and does not in this one.
        side_by_side: Steps that are computed ahead of the run just now.
    """

    plan: RunPlan
    folder: RunFolder | None
    listener: Listener = ignore_events
    stage: str = "run"
    working_directory: Path | None = None
    artifacts_wanted: bool = True
    isolate: bool = False
    cell_timeout: float | None = None
    run_timeout: float | None = None
    deadline: float = math.inf
    truth: Truth | None = None
    secrets: GivenSecrets = field(default_factory=GivenSecrets)
    withheld: list[str] = field(default_factory=list)
    paths: dict[str, str] = field(default_factory=dict)
    package: str = ""
    naming: dict[str, str] = field(default_factory=dict)
    hash_seed: str = ""
    cache: OpenCache | None = None
    compute_ahead: Callable[[Any], bool] | None = None
    ahead: Wanted | None = None
    blobs: dict[str, list[str]] = field(default_factory=dict)
    showed_elsewhere: bool = False
    showed_widget: bool = False
    steps: dict[str, StepProgress] = field(default_factory=dict)
    artifacts: list[ArtifactRecord] = field(default_factory=list)
    models: list[ModelRecord] = field(default_factory=list)
    metrics: dict[str, object] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    unsaved: dict[str, str] = field(default_factory=dict)
    python: str = ""
    overhead: float = 0.0
    kernel_exit: int | None = None
    current: CellPlan | None = None
    phase: Phase = Phase.ENDED
    overwritten: tuple[tuple[str, str], ...] = ()
    side_by_side: tuple[str, ...] = ()
    _begun: float = 0.0
    _done: int = 0

    def warn(self, text: str) -> None:
        """Note something that capture could not do, and say it."""
        if text not in self.problems:
            self.problems.append(text)
            self.listener(LogEvent(text, "warning"))

    def cell_begins(self, cell: CellPlan, cells: list[CellPlan]) -> None:
        """Note that a cell starts, and tell the listener."""
        self.current, self.phase = cell, Phase.RUNS
        self._begun = time.monotonic()
        step = self.steps.setdefault(cell.step, StepProgress())
        step.started = step.started or datetime.now(UTC).isoformat()
        if cell.number:
            step.cells.append(cell.number)
        self._tell(cells, cell.step)

    def cell_skipped(self, cell: CellPlan, cells: list[CellPlan]) -> None:
        """Note that a cell's outputs came from an earlier run, and tell the listener."""
        self._done += 1
        self._tell(cells, cell.step)

    def cell_ends(self, cell: CellPlan, cells: list[CellPlan], state: str) -> None:
        """Note that a cell ended as ``state`` says."""
        step = self.steps[cell.step]
        step.seconds += time.monotonic() - self._begun
        step.state = state
        if state == "completed":
            self.phase = Phase.ENDED
        self._done += 1
        if state == "completed":
            self._tell(cells, cell.step)

    def _tell(self, cells: list[CellPlan], detail: str) -> None:
        total = sum(cell.runs for cell in cells)
        self.listener(ProgressEvent(self.stage, self._done, total, detail=detail))

    def before_cell(self, ask: Ask, cell: CellPlan, earlier: CellPlan | None) -> None:
        """Do in the kernel what is due between two cells."""
        saves = self._saves(earlier, cell)
        arguments: dict[str, object] = {"cell": cell.number, "described": earlier is not None}
        self._ask_boundary(ask, arguments, saves, cell)

    def leave(
        self,
        ask: Ask,
        earlier: CellPlan,
        cell: CellPlan | None,
        keep: dict[str, object] | None,
    ) -> dict[str, object]:
        """Do what is due when a stretch that ran has ended.

        Args:
            ask: Asks the kernel.
            earlier: Its last cell.
            cell: The cell behind it; ``None`` after the last.
            keep: What later runs need, see ``run/kernel/transfer.py``; ``None`` for nothing.
        """
        arguments: dict[str, object] = {"described": True}
        if keep is not None:
            arguments["keep"] = keep
        saves = self._saves(earlier, None)
        return self._ask_boundary(ask, arguments, saves, cell, border=True)

    def look(self, ask: Ask) -> dict[str, object]:
        """Return what the kernel is like before the first cell."""
        survey = ask("boundary", {"watched": []}).get("survey")
        return survey if isinstance(survey, dict) else {}

    def enter(self, ask: Ask, cell: CellPlan, watched: tuple[str, ...]) -> dict[str, object] | None:
        """Do what is due before a stretch runs; return a survey of ``watched`` variables."""
        self.showed_elsewhere = self.showed_widget = False
        saves = self._saves(None, cell)
        arguments = {"cell": cell.number, "saves": _wanted(saves), "watched": list(watched)}
        answer = ask("boundary", dict(arguments))
        self._withhold(answer)
        self._keep(answer, saves)
        survey = answer.get("survey")
        return survey if isinstance(survey, dict) else None

    def _ask_boundary(
        self,
        ask: Ask,
        arguments: dict[str, object],
        saves: list[Save],
        cell: CellPlan | None,
        *,
        border: bool = False,
    ) -> dict[str, object]:
        """Let the kernel do what is due before ``cell``, and take in what it found."""
        truth = self.truth
        if truth is not None and (border or truth.boundary(cell)):
            arguments["watched"] = list(truth.watched(cell))
        if saves or "keep" in arguments:
            self.phase = Phase.IS_SAVED
        answer = ask("boundary", {**arguments, "saves": _wanted(saves)})
        self.phase = Phase.ENDED
        self._withhold(answer)
        if self.current is not None:
            step = self.steps[self.current.step]
            step.peak = max(step.peak, int(str(answer.get("peak", 0))))
        found = answer.get("overwritten")
        self.overwritten = tuple(map(tuple, found)) if isinstance(found, list) else ()
        survey = answer.get("survey")
        if truth is not None and "watched" in arguments and not isinstance(survey, dict):
            truth.lose(cell)
        elif truth is not None:
            self.tell(truth.take(survey if isinstance(survey, dict) else None, cell))
        self._keep(answer, saves)
        return answer

    def tell(self, changes: Iterable[ChangeRecord]) -> None:
        """Say which changes the conversion did not see."""
        for change in changes:
            self.listener(LogEvent(". ".join(describe_change(change)), "warning"))

    def _withhold(self, answer: dict[str, object]) -> None:
        """Say what the kernel refused to save, because it holds a secret."""
        for text in _names(answer.get("withheld")):
            if text not in self.withheld:
                self.withheld.append(text)
                where = f"After cell {self.current.number}, " if self.current else ""
                self.warn(
                    f"{where}{text}: nothing of it is saved, so `verify` and `--isolate` refuse "
                    "this notebook. Use the secret in the step that needs it."
                )

    def note_output(self, cell: CellPlan, size: int) -> None:
        """Say so if a cell printed more than people read, and programs open."""
        if size >= MUCH_OUTPUT:
            self.warn(
                f"Cell {cell.number} printed {size / 1e6:,.0f} MB, and the output notebook keeps "
                "them. Print less, or write them to a file."
            )

    def inner_names(self) -> tuple[str, ...]:
        """Return what names of things begin with that a project's steps define."""
        return locals_of((step.name for step in self.plan.steps), self.plan.hoisted)

    def after_last_cell(self, ask: Ask, earlier: CellPlan) -> None:
        """Save the last step's outputs and collect what the run learned."""
        if self.folder is not None:
            self.leave(ask, earlier, None, None)
            self.finish(ask)

    def finish(self, ask: Ask, known: Iterable[ModelRecord] = ()) -> None:
        """Collect what the run learned.

        Args:
            ask: Asks the kernel.
            known: Models of which that is known already.
        """
        assert self.folder is not None
        names = [name for model in known for name in (model.variable, *model.aliases)]
        arguments = {
            "folder": str(self.folder.models),
            "metrics": list(self.plan.metrics),
            "generated": name_pattern(self.package, self.inner_names()) if self.package else "",
            "known": names,
        }
        answer = ask("finish", dict(arguments))
        self._withhold(answer)
        if "error" in answer:
            self.warn(f"Facts about the models could not be learned: {answer['error']}")
            return
        found = answer["models"]
        assert isinstance(found, list)
        self.models = [_model(document) for document in found]
        naming = answer["naming"]
        assert isinstance(naming, dict)
        self.naming = naming
        metrics = answer["metrics"]
        assert isinstance(metrics, dict)
        self.metrics = metrics

    def begin_again(self) -> None:
        """Forget what was learned: the notebook runs from its first cell again."""
        if self.truth is not None:
            self.truth = Truth(self.plan, self.truth.source)
        self.steps.clear()
        self.artifacts.clear()
        self.blobs.clear()
        self.models, self.metrics, self.naming = [], {}, {}
        for paths in (self.read, self.written, self.modules):
            paths.clear()
        self.current = None
        self._done = 0

    def ask_files(self, ask: Ask) -> None:
        """Collect which files the kernel's code opened."""
        answer = ask("files", {})
        self.read.update(_names(answer.get("read")))
        self.written.update(_names(answer.get("written")))
        self.modules.update(_names(answer.get("modules")))

    def _saves(self, earlier: CellPlan | None, cell: CellPlan | None) -> list[Save]:
        """Return what is to be saved of the step that ends, and of the one that begins."""
        found: list[Save] = []
        if not self.artifacts_wanted or self.folder is None:
            return found
        folder = self.folder.artifacts
        for step in self.plan.steps:
            if step.cells and earlier is not None and earlier.number == step.cells[-1]:
                path = folder / f"{step.name}.outputs.pkl"
                found.append(Save(step.name, "outputs", step.outputs, path))
            if step.cells and cell is not None and cell.number == step.cells[0]:
                path = folder / f"{step.name}.inputs.pkl"
                found.append(Save(step.name, "inputs", step.inputs, path))
        return found

    def _keep(self, answer: dict[str, object], saves: list[Save]) -> None:
        if "error" in answer:
            steps = ", ".join(sorted({save.step for save in saves}))
            self.warn(f"Variables around {steps or 'a cell'} were not saved: {answer['error']}")
            return
        saved = answer.get("saved")
        survey = answer.get("survey")
        looked = survey if isinstance(survey, dict) else {}
        opaque, local = looked.get("opaque", {}), looked.get("local", [])
        code = looked.get("code", [])
        prints = {
            name: text
            for name, text in looked.get("fingerprints", {}).items()
            if name not in opaque
        }
        for save, document in zip(saves, saved if isinstance(saved, list) else [], strict=True):
            self.blobs[Path(document["path"]).name] = document["blobs"]
            self.artifacts.append(
                ArtifactRecord(
                    step=save.step,
                    kind=save.kind,
                    file=Path(document["path"]).name,
                    sha256=document["sha256"],
                    size=document["size"],
                    members=tuple(document["members"]),
                    unsaved=dict(document["unsaved"]),
                    fingerprints={
                        name: prints[name] for name in document["members"] if name in prints
                    },
                    local=tuple(name for name in document["members"] if name in local),
                    code=tuple(name for name in document["members"] if name in code),
                )
            )

    def step_records(self) -> tuple[StepRecord, ...]:
        """Return the record of each step that ran, in order of execution."""
        return tuple(
            StepRecord(
                name,
                tuple(step.cells),
                step.started,
                round(step.seconds, 4),
                step.state,
                step.peak,
                step.cached,
                step.uncached,
            )
            for name, step in self.steps.items()
        )


def _wanted(saves: Iterable[Save]) -> list[dict[str, object]]:
    return [{"names": list(save.names), "path": str(save.path)} for save in saves]


def _names(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _model(document: dict[str, object]) -> ModelRecord:
    return ModelRecord(
        variable=str(document["variable"]),
        class_name=str(document["class"]),
        aliases=tuple(_names(document["aliases"])),
        cell=int(str(document["cell"])),
        fit_order=int(str(document["fit_order"])),
        folder=str(document["folder"]),
        problem=str(document["problem"]),
        chain=tuple(_names(document.get("chain"))),
        chain_note=str(document.get("chain_note", "")),
    )
