"""The cache in one run: which stretches it takes from earlier runs, and what it keeps."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from nbprod.events import LogEvent
from nbprod.notebook.automagic import as_magic
from nbprod.notebook.magics import plain_code
from nbprod.notebook.tags import PARAMETERS_TAGS
from nbprod.pipeline.ir import Definition, Effect, Step
from nbprod.run.cache.depends import are_met, dependencies
from nbprod.run.cache.entry import Dependencies, Entry, SavedFile, SavedGroup
from nbprod.run.cache.key import (
    Code,
    Input,
    NoKeyError,
    Surroundings,
    all_modules,
    code_of,
    defined_in,
    doubts_in_file,
    named_files,
    named_modules,
    own_module,
    stretch_key,
)
from nbprod.run.cache.model_facts import known_facts, write_model_facts
from nbprod.run.cache.repeatable import only_assigns, seeds_first
from nbprod.run.cache.store import LIMIT_VARIABLE, Store, StoredEntry, limit_of, link
from nbprod.run.capture import Ask, Capture, StepProgress
from nbprod.run.kernel import artifacts, filestate
from nbprod.run.plan import INJECTED_TAG, CellPlan
from nbprod.run.record import ModelRecord, StretchRecord, WrittenFile

MARK = "cached"
"""In a cell's ``metadata.nbprod``: the run that computed its outputs."""


class StartOverError(Exception):
    """What was taken from earlier runs does not do: the notebook runs again, all of it."""


@dataclass
class Stretch:
    """Consecutive cells of one step.

    Attributes:
        number: Its position among the stretches.
        step: Its step; ``None`` for cells that belong to none.
        cells: The cells that run.
        parameters: They give parameters their values, and do nothing else.
        only: No other cells belong to its step.
        code: What it executes.
    """

    number: int
    step: Step | None
    cells: list[CellPlan]
    parameters: bool
    only: bool
    code: Code

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of what it reads; those of no step read nothing."""
        return tuple(each.name for each in self.step.inputs) if self.step is not None else ()

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what it gives to later steps."""
        return tuple(each.name for each in self.step.outputs) if self.step is not None else ()


@dataclass(frozen=True)
class Ended:
    """A stretch that ran, and what the kernel found then.

    Attributes:
        stretch: The stretch.
        record: Its part of the run's record.
        survey: Fingerprints of variables and state, see ``run/kernel/bootstrap.py``.
        kept: What was saved of it, see ``run/kernel/transfer.py``; empty for nothing.
        randoms: Random generators that it set or drew from.
    """

    stretch: Stretch
    record: StretchRecord
    survey: Mapping[str, Any]
    kept: Mapping[str, Any]
    randoms: tuple[str, ...]


@dataclass
class Version:
    """What a variable is at this point of the run.

    Attributes:
        value: How it counts as an input.
        folder: Where its group lies; ``None`` if it was not saved.
        group: The group.
        live: The kernel has it.
    """

    value: Input
    folder: Path | None = None
    group: SavedGroup | None = None
    live: bool = False


Pairs = dict[tuple[str, str], int]
"""How many objects two variables share."""


@dataclass
class Session:
    """What one run knows of the cache.

    Attributes:
        store: The cache.
        capture: The run.
        around: What all stretches have in common.
        notebook: The notebook that runs (a NotebookNode).
        stretches: By the index of their first cell.
        reading: Take stretches from earlier runs.
        kept: Steps that later runs can take, and what the cache has of them.
    """

    store: Store
    capture: Capture
    around: Surroundings
    notebook: Any
    stretches: dict[int, Stretch]
    reading: bool = True
    kept: dict[str, StoredEntry] = field(default_factory=dict)
    _current: Stretch | None = None
    _key: str = ""
    _reason: str = ""
    _state: dict[str, str] = field(default_factory=dict)
    _unseeded: set[str] = field(default_factory=set)
    _versions: dict[str, Version] = field(default_factory=dict)
    _pairs: Pairs = field(default_factory=dict)
    _earlier: tuple[dict[str, str], Pairs] = field(default_factory=lambda: ({}, {}))
    _stale: set[str] = field(default_factory=set)
    _pending: list[Stretch] = field(default_factory=list)
    _skipped: list[Stretch] = field(default_factory=list)
    _taken: list[tuple[StoredEntry, Path]] = field(default_factory=list)
    _random_from: dict[str, tuple[Path, SavedFile]] = field(default_factory=dict)
    _metrics: dict[str, object] = field(default_factory=dict)
    _handed: list[StoredEntry] = field(default_factory=list)
    _live: bool = False
    _blind: bool = False
    _executed: int = 0

    # Before a stretch

    @property
    def started(self) -> bool:
        """A stretch was looked for already."""
        return self._current is not None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of what the current stretch reads."""
        return self._current.inputs if self._current is not None else ()

    @property
    def current_step(self) -> str:
        """Name of the current stretch's step; empty for none."""
        step = self._current.step if self._current is not None else None
        return step.name if step is not None else ""

    def repeatable(self) -> frozenset[str]:
        """Return the steps from the current one on that may run apart, and be kept then."""
        first = self._current.number if self._current is not None else 0
        return frozenset(
            each.step.name
            for each in self.stretches.values()
            if each.step is not None
            and each.number >= first
            and each.only
            and not each.code.reasons
            and Effect.WRITES_FILES not in each.step.effects
        )

    def begins(self, cell: CellPlan) -> bool:
        """Tell whether a stretch begins with ``cell``."""
        return cell.index in self.stretches

    def note_state(self, survey: Mapping[str, Any]) -> None:
        """Take in the state of the process, as its kernel fingerprinted it.

        If it could not do so, nothing can be told of any later stretch.
        """
        self._blind = self._blind or "state" not in survey
        self._state = dict(survey.get("state", {}))
        self._unseeded = set(survey.get("unseeded", ()))

    def find(self, cell: CellPlan) -> StoredEntry | None:
        """Look for the stretch that begins with ``cell`` in earlier runs.

        Afterwards it is the current one.
        """
        stretch = self._current = self.stretches[cell.index]
        self._earlier = self.known_prints(), dict(self._pairs)
        self._key = self._reason = ""
        handed = self._handed_on()
        if handed is not None:
            return handed
        if self._blind:
            self._reason = "the kernel could not be looked at before it"
            return None
        if not stretch.only:
            self._reason = "its cells stand apart"
            return None
        self._reason = next(self._remade(), "")
        if self._reason:
            return None
        if stretch.parameters:
            return None
        try:
            self._key = self._key_of(stretch)
        except NoKeyError as reason:
            self._reason = str(reason)
            return None
        for found in self.store.candidates(self._key) if self.reading else ():
            if self._fits(found.entry):
                return found
        return None

    def _handed_on(self) -> StoredEntry | None:
        """Return what the run that this process works for has of the current stretch."""
        if self.capture.ahead is None or self.current_step not in self.capture.ahead.before:
            return None
        found = self.store.candidates(self._key_in_run())
        return next((each for each in found if self._suits_kernel(each.entry)), None)

    def _key_in_run(self) -> str:
        """Return the key of what only this run may take the current stretch from."""
        assert self.capture.folder is not None
        parts = [self.capture.folder.run_id, self.current_step]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _key_of(self, stretch: Stretch) -> str:
        pairs = [(one, other, count) for (one, other), count in self._pairs.items()]
        inputs = self._inputs(stretch)
        others = [each.value for name, each in self._versions.items() if name not in stretch.inputs]
        return stretch_key(self.around, stretch.code, inputs, pairs, self._state, others)

    def _inputs(self, stretch: Stretch) -> tuple[Input, ...]:
        return tuple(
            self._versions[name].value if name in self._versions else Input(name, "unbound")
            for name in stretch.inputs
        )

    def _suits_kernel(self, entry: Entry) -> bool:
        # A kernel in which cells ran has options of its own.
        return not (self._live and entry.changes_options)

    def _fits(self, entry: Entry) -> bool:
        if not self._suits_kernel(entry):
            return False
        before = entry.stretch.state_before
        randoms = set(entry.randoms) - set(entry.seeded)
        if any(before.get(name) != self._state.get(name) for name in randoms):
            return False
        if not self._suits_bystanders(entry):
            return False
        left = {found.after.path: found.after for found in entry.stretch.files}
        return are_met(entry.depends, left)

    def _suits_bystanders(self, entry: Entry) -> bool:
        """Tell whether what shares something with what it gives is as it was before it.

        It comes back with these, although the stretch does not name it, and changes with them.
        """
        assert self._current is not None
        for name, text in entry.earlier_prints.items():
            known = self._versions.get(name)
            if known is None or known.value.fingerprint != text:
                return False
        names = entry.given - _fresh(self._current)
        return _touching(self._pairs, names) == _touching(_counts(entry.earlier_pairs), names)

    def defers(self, cell: CellPlan) -> bool:
        """Tell whether the stretch of ``cell`` only gives parameters their values, later."""
        return self.stretches[cell.index].parameters and bool(self._skipped)

    def defer(self) -> None:
        """Let the current stretch wait until something needs what it defines."""
        assert self._current is not None
        self._note_skipped(self._current)

    def passes_over(self) -> bool:
        """Tell whether the current stretch is left out, since only a later step is wanted.

        Raises:
            NotThereError: That step waits for it.
        """
        ahead = self.capture.ahead
        return ahead is not None and ahead.passes_over(self.current_step)

    def take(self, found: StoredEntry) -> None:
        """Take the current stretch from an earlier run.

        Raises:
            OSError: The entry is gone.
            ValueError: It is not what was kept.
        """
        stretch, entry = self._current, found.entry
        assert stretch is not None
        assert self.capture.folder is not None
        cells = self.store.cells(found)
        if len(cells) != len(stretch.cells):
            raise ValueError("it has another number of cells")
        folder = self.capture.folder.artifacts / f"taken-{stretch.number}"
        self.store.take(found, folder)
        self._bring_files(entry)
        self._read_modules_again(entry.stretch.files)
        self._take_artifacts(entry, folder)
        self._taken.append((found, folder))
        for cell, kept in zip(stretch.cells, cells, strict=True):
            self._fill(cell, kept, entry.run_id)
        self._take_variables(entry, folder)
        self._state = {**self._state, "options": entry.stretch.state_after.get("options", "")}
        for name in entry.randoms:
            self._state[name] = entry.stretch.state_after.get(name, "")
            self._random_from[name] = (folder, entry.state)
            self._unseeded.discard(name)
        self._note_skipped(stretch)
        capture = self.capture
        capture.read.update(entry.read)
        capture.written.update(entry.written)
        capture.modules.update(entry.modules)
        self._note_progress(stretch, entry)
        self.kept[entry.step] = found
        if capture.truth is not None:
            numbers = tuple(cell.number for cell in stretch.cells if cell.number)
            given = {name for group in entry.groups for name in group.names}
            prints = {name: entry.prints[name] for name in given}
            capture.truth.shares.update(entry.shares)
            capture.truth.skip(replace(entry.stretch, cells=numbers), prints, stretch.cells[0])

    def _note_progress(self, stretch: Stretch, entry: Entry) -> None:
        name = stretch.step.name if stretch.step is not None else ""
        progress = self.capture.steps.setdefault(name, StepProgress())
        progress.started = progress.started or datetime.now(UTC).isoformat()
        progress.cells += [cell.number for cell in stretch.cells if cell.number]
        progress.peak = max(progress.peak, entry.peak_memory)
        assert self.capture.folder is not None
        if entry.run_id == self.capture.folder.run_id:  # it was computed ahead
            progress.seconds = entry.seconds
            progress.ahead = True
        elif stretch.step is not None:
            progress.cached = entry.run_id

    def _note_skipped(self, stretch: Stretch) -> None:
        self._pending.append(stretch)
        self._skipped.append(stretch)
        self._executed += len(stretch.cells)

    def _fill(self, cell: CellPlan, kept: Mapping[str, Any], run_id: str) -> None:
        from nbformat import from_dict

        node = self.notebook.cells[cell.index]
        node["outputs"] = [from_dict(output) for output in kept["outputs"]]  # type: ignore[no-untyped-call]
        place = self._place(cell)
        node["execution_count"] = place
        for output in node["outputs"]:
            if "execution_count" in output:
                output["execution_count"] = place
        assert self.capture.folder is not None
        if run_id != self.capture.folder.run_id:
            node.metadata.setdefault("nbprod", from_dict({}))[MARK] = run_id  # type: ignore[no-untyped-call]

    def _place(self, cell: CellPlan) -> int:
        """Return the number that IPython gives a cell which it executes, from 1."""
        assert self._current is not None
        return self._executed + self._current.cells.index(cell) + 1

    def _bring_files(self, entry: Entry) -> None:
        assert self.capture.folder is not None
        kept = self.capture.folder.files
        states = [found.after for found in entry.stretch.files]
        for digest in entry.contents():
            path = self.store.files_folder / digest
            if path.is_file() and not (kept / digest).exists():
                link(path, kept / digest)
        failed = filestate.bring(map(asdict, states), str(kept))
        if failed:
            raise ValueError(f"{failed[0]} could not be written")

    def _take_artifacts(self, entry: Entry, folder: Path) -> None:
        assert self.capture.folder is not None
        target = self.capture.folder.artifacts
        for artifact in entry.artifacts:
            link(folder / artifact.file, target / artifact.file)
        if entry.artifacts:
            (target / "blobs").mkdir(exist_ok=True)
            for blob in (folder / "blobs").iterdir():
                link(blob, target / "blobs" / blob.name)
        self.capture.artifacts.extend(entry.artifacts)

    def _take_variables(self, entry: Entry, folder: Path) -> None:
        for name in entry.gone:
            self._forget(name)
        for group in entry.groups:
            for name in group.names:
                self._forget(name)
                value = Input(
                    name,
                    entry.prints[name],
                    name in entry.opaque,
                    entry.local.get(name, ()),
                    entry.own.get(name, ()),
                    entry.orders.get(name, ""),
                )
                self._versions[name] = Version(value, folder, group)
        self._take_pairs(entry)
        self._metrics.update(entry.metrics)

    def _forget(self, name: str) -> None:
        known = self._versions.pop(name, None)
        if known is not None and known.live:
            self._stale.add(name)

    def _note_pairs(self, pairs: Iterable[tuple[str, str, int]], names: Iterable[str]) -> None:
        looked = set(names)
        self._pairs = {
            pair: count for pair, count in self._pairs.items() if not looked.issuperset(pair)
        }
        self._pairs.update({(one, other): count for one, other, count in pairs})

    def _take_pairs(self, entry: Entry) -> None:
        """Take in what variables share after a stretch of an earlier run.

        Others than it gives may share something now that they did not share then.
        """
        then, after, given = _counts(entry.earlier_pairs), _counts(entry.pairs), entry.given
        for pair in {*self._pairs, *after}:
            as_then = entry.prints.keys() >= {*pair} and self._pairs.get(pair) == then.get(pair)
            if as_then or not given.isdisjoint(pair):
                self._pairs.pop(pair, None)
                if pair in after:
                    self._pairs[pair] = after[pair]

    # A stretch that really runs

    def prepare(self, ask: Ask) -> bool:
        """Let the kernel have what the current stretch needs; tell whether it was given any.

        Raises:
            StartOverError: It cannot have that.
        """
        stretch = self._current
        assert stretch is not None
        looked_up = stretch.code.names_in_pickles.intersection(self._versions)
        names = [*stretch.inputs, *sorted(looked_up.difference(stretch.inputs))]
        given = self._give(ask, names, stretch.step.definitions if stretch.step else ())
        # What only gives parameters their values leaves the kernel as it was.
        self._live = self._live or not stretch.parameters
        return given

    def _give(self, ask: Ask, names: list[str], definitions: tuple[str, ...] = ()) -> bool:
        if not self._skipped:
            return False
        pending, self._pending = self._pending, []
        if pending:
            self._ask(
                ask, "define", {"cells": [self._definitions(each) for each in _cells(pending)]}
            )
            if any(each.parameters for each in pending):
                # The cell of the parameters has just given those that are secrets their default.
                secrets = list(self.capture.secrets.parameters)
                self._ask(ask, "bind_secrets", {"names": secrets})
            state = self._last_state() if not self._live else None
            randoms = {
                name: {"path": str(folder / saved.file), "sha256": saved.sha256}
                for name, (folder, saved) in self._random_from.items()
            }
            self._random_from = {}
            arguments: dict[str, object] = {
                "state": state,
                "randoms": randoms,
                "executed": self._executed,
            }
            answer = self._ask(ask, "restore_state", arguments)
            if answer["problems"]:
                raise StartOverError(f"state of the process: {answer['problems']}")
        self._load(ask, names)
        later = [
            {"source": self._source(cell), "parts": [[_line(each), self._own_text(cell, each)]]}
            for stretch in self._skipped
            for cell in stretch.cells
            for each in defined_in(self.around.pipeline, cell.number, hoisted=False)
            if each.name in definitions
        ]
        if later:
            self._ask(ask, "define", {"cells": later})
        return True

    def _load(self, ask: Ask, names: list[str]) -> None:
        wanted = [self._versions[name] for name in names if name in self._versions]
        groups: dict[str, tuple[Path, SavedGroup]] = {}
        for version in wanted:
            if not version.live:
                if version.group is None or version.folder is None:
                    raise StartOverError(f"`{version.value.name}` was not saved")
                path = version.folder / version.group.saved.file
                groups[str(path)] = (version.folder, version.group)
        if not groups and not self._stale:
            return
        loaded = []
        for place, (folder, group) in groups.items():
            bound = [
                name
                for name in group.names
                if name in self._versions
                and self._versions[name].group is group
                and self._versions[name].folder == folder
            ]
            for name in bound:
                self._versions[name].live = True
                self._stale.discard(name)
            shown = [each for each in group.shown if {*bound}.issuperset(each[:2])]
            digest = group.saved.sha256
            loaded.append({"path": place, "sha256": digest, "names": bound, "shown": shown})
        self._ask(ask, "load", {"groups": loaded, "gone": sorted(self._stale)})
        self._stale.clear()

    def _ask(self, ask: Ask, verb: str, arguments: dict[str, object]) -> dict[str, Any]:
        answer = ask(verb, arguments)
        if "error" in answer:
            raise StartOverError(f"{verb}: {answer['error']}")
        return answer

    def _definitions(self, cell: CellPlan) -> dict[str, object]:
        if cell.number == 0 or self._is_parameters(cell):
            return {"source": self._source(cell), "parts": None}
        found = defined_in(self.around.pipeline, cell.number, hoisted=True)
        parts = [[_line(each), each.source] for each in found]
        return {"source": self._source(cell), "parts": parts}

    def _own_text(self, cell: CellPlan, definition: Definition) -> str:
        """Return a definition as it stands in its cell; in a step it says ``nonlocal``."""
        plain = plain_code(self._source(cell)).source
        for statement in ast.parse(plain).body:
            decorators = getattr(statement, "decorator_list", ())
            if min([statement.lineno, *(each.lineno for each in decorators)]) == _line(definition):
                lines = plain.split("\n")[_line(definition) - 1 : statement.end_lineno]
                return "\n".join(lines)
        return definition.source

    def _is_parameters(self, cell: CellPlan) -> bool:
        return any(cell in each.cells for each in self.stretches.values() if each.parameters)

    def _source(self, cell: CellPlan) -> str:
        return str(self.notebook.cells[cell.index].source)

    def _last_state(self) -> dict[str, object] | None:
        if not self._taken:
            return None
        found, folder = self._taken[-1]
        saved = found.entry.state
        path = str(folder / saved.file)
        return {"path": path, "sha256": saved.sha256, "search": found.entry.search}

    def check(self, survey: Mapping[str, Any] | None) -> None:
        """Compare what the kernel has now with what it was given.

        Raises:
            StartOverError: Something came back as something else.
        """
        if survey is None:
            raise StartOverError("the kernel could not be looked at")
        for name, text in survey["fingerprints"].items():
            version = self._versions.get(name)
            sure = version is not None and not version.value.opaque and not version.value.local
            if version is not None and sure and version.value.fingerprint != text:
                raise StartOverError(f"`{name}` came back as something else than what was saved")
        self.note_state(survey)
        assert self._current is not None
        if self._key:
            try:
                self._key = self._key_of(self._current)
            except NoKeyError as reason:
                self._key, self._reason = "", str(reason)

    def known_prints(self) -> dict[str, str]:
        """Return the fingerprints of all variables."""
        return {name: version.value.fingerprint for name, version in self._versions.items()}

    @property
    def state(self) -> dict[str, str]:
        """Fingerprints of the process's state."""
        return self._state

    def may_be_ours(self, name: str) -> bool:
        """Tell whether a name that the notebook does not find was bound in a skipped stretch."""
        sources = [source for each in self._skipped for source in each.code.sources]
        return any(name in source for source in sources) or (name == "design_info" and any(sources))

    # After a stretch that ran

    def keep_request(self) -> dict[str, object] | None:
        """Return what the kernel is to save of the current stretch; ``None`` for nothing."""
        stretch = self._current
        if stretch is None or self.capture.folder is None or stretch.parameters:
            return None
        return {
            "names": list(stretch.outputs),
            "saves": bool(self._key) or self.capture.compute_ahead is not None,
            "known": {
                name: version.value.fingerprint
                for name, version in self._versions.items()
                if version.live
            },
            "prefix": str(self.capture.folder.artifacts / f"kept-{stretch.number}-"),
            "metrics": list(self.capture.plan.metrics),
        }

    def ran(self, answer: Mapping[str, Any]) -> None:
        """Take in what the kernel found when the current stretch had run, and keep it.

        Raises:
            StartOverError: It overwrote memory that others showed in the kernel where they were
                made, and do not show here.
        """
        kept, survey = answer.get("kept"), answer.get("survey")
        if isinstance(kept, dict):
            self._learn_modules(kept["module_names"])
        stretch = self._current
        assert stretch is not None
        needed = {*stretch.inputs, *stretch.outputs} | self._read_after(stretch)
        for changed, asked in self.capture.overwritten:
            if asked in needed:
                raise StartOverError(f"`{asked}` shows the memory of `{changed}`, which changed")
        self._executed += len(stretch.cells)
        before, unseeded = self._state, set(self._unseeded)
        self.note_state(survey if isinstance(survey, dict) else {})
        if not isinstance(survey, dict):
            return
        randoms = sorted({*before, *self._state} - {"options"})
        assert self.capture.truth is not None
        ended = Ended(
            stretch=stretch,
            record=self.capture.truth.stretches[-1],
            survey=survey,
            kept=kept if isinstance(kept, dict) else {},
            randoms=tuple(name for name in randoms if before.get(name) != self._state.get(name)),
        )
        self._read_modules_again(ended.record.files)
        if not ended.kept:
            self._note_variables(ended, ())
            return
        try:
            entry = self._entry(ended, unseeded)
            self._note_variables(ended, entry.groups)
            self.kept[entry.step] = self._keep(stretch, entry)
        except (NoKeyError, OSError) as reason:
            self._note_variables(ended, ())
            if stretch.step is not None:
                words = str(reason) if isinstance(reason, NoKeyError) else f"{reason.strerror}"
                self.capture.steps[stretch.step.name].uncached = words
                if stretch.only and self.capture.compute_ahead is not None:
                    self._hand_on(ended)

    def _learn_modules(self, loaded: Mapping[str, str]) -> None:
        """Take in the author's modules that analysis did not find, as soon as they are loaded.

        From now on they count like those that it found: by what their code means, and for the
        steps that use them. So they do in later runs, whose keys must be the same. Those that
        no code names are left, see :meth:`_unknown_modules`.
        """
        known = {module.path for module in self.around.modules}
        strange = [own_module(name, Path(path)) for path, name in loaded.items()]
        texts = [text for each in self.stretches.values() for text in each.code.texts]
        texts += [module.source for module in self.around.modules]
        named = named_modules([each for each in strange if each.path not in known], texts)
        new = {each.path: each.name for each in named}
        if not new:
            return
        with contextlib.suppress(OSError):
            self.store.learn_modules(new)
        elsewhere = {**self.around.elsewhere, **new}
        modules = all_modules(self.around.pipeline, self.around.folder, elsewhere)
        self._know(replace(self.around, modules=modules, elsewhere=elsewhere))
        assert self._current is not None
        self._current = self.stretches[self._current.cells[0].index]
        if self._key:
            try:
                self._key = self._key_of(self._current)
            except NoKeyError as reason:
                self._key, self._reason = "", str(reason)

    def _know(self, around: Surroundings) -> None:
        """Go on with other modules of the author's."""
        self.around = around
        for index, each in self.stretches.items():
            code = code_of(around, each.step, each.code.sources, each.code.tags, each.code.earlier)
            self.stretches[index] = replace(each, code=code)

    def _read_modules_again(self, written: Iterable[WrittenFile]) -> None:
        """Take in what the notebook has made of its own modules."""
        modules = self.around.modules
        if {each.path for each in modules}.intersection(each.after.path for each in written):
            now = tuple(own_module(each.name, Path(each.path)) for each in modules)
            self._know(replace(self.around, modules=now))

    def _note_variables(self, ended: Ended, saved: tuple[SavedGroup, ...]) -> None:
        assert self.capture.folder is not None
        stretch, survey, kept = ended.stretch, ended.survey, ended.kept
        groups = {name: group for group in saved for name in group.names}
        for name, text in survey["fingerprints"].items():
            local, own = (tuple(survey[kind].get(name, ())) for kind in ("local", "own"))
            order = survey["orders"].get(name, "")
            value = Input(name, text, name in survey["opaque"], local, own, order)
            known = self._versions.get(name)
            if name in groups:
                folder = self.capture.folder.artifacts
                self._versions[name] = Version(value, folder, groups[name], live=True)
            elif known is None or known.value != value or name in stretch.outputs:
                self._versions[name] = Version(value, live=True)
        for name in kept.get("gone", ()):
            self._versions.pop(name, None)
        pairs = [(str(a), str(b), int(n)) for a, b, n in kept.get("pairs", ())]
        self._note_pairs(pairs, survey["fingerprints"])
        for name in stretch.outputs:
            self._metrics.pop(name, None)

    def _hand_on(self, ended: Ended) -> None:
        """Let steps that are computed ahead in this run have what later runs cannot."""
        with contextlib.suppress(NoKeyError, OSError):
            for problem in self._obstacles(ended):
                raise NoKeyError(problem)
            entry = self._new_entry(ended, self._key_in_run(), Dependencies(), ())
            found = self.kept[self.current_step] = self._keep(ended.stretch, entry)
            self._handed.append(found)

    def _seeded(self, ended: Ended, unseeded: set[str]) -> tuple[Ended, tuple[str, ...]]:
        """Return which generators a stretch seeded; without those that only an import drew from.

        Raises:
            NoKeyError: What it drew from was not seeded.
        """
        stretch, changed = ended.stretch, ended.randoms
        seeded = [name for name in changed if name in unseeded and name not in self._unseeded]
        drawn = [name for name in changed if name in unseeded and name in self._unseeded]
        if stretch.step is None:
            ended = replace(ended, randoms=tuple(name for name in changed if name not in drawn))
        elif drawn:
            raise NoKeyError("it draws random numbers without a seed")
        if seeded and not _seeds_before_it_draws(stretch):
            raise NoKeyError(
                "it sets the seed after other code that might draw random numbers: "
                "set it in the first line of a cell before"
            )
        return ended, tuple(seeded)

    def _entry(self, ended: Ended, unseeded: set[str]) -> Entry:
        """Return what later runs can take the stretch from.

        Args:
            ended: What it left.
            unseeded: Generators that nobody had seeded before it.

        Raises:
            NoKeyError: They cannot.
        """
        if self._reason:
            raise NoKeyError(self._reason)
        ended, seeded = self._seeded(ended, unseeded)
        for problem in (*self._doubts(ended), *self._obstacles(ended)):
            raise NoKeyError(problem)
        stretch, record, kept = ended.stretch, ended.record, ended.kept
        modules = self._unknown_modules(kept)
        named = named_files(self.around, stretch.code) if stretch.step is not None else set()
        unseen = (
            named - {found.after.path for found in record.files} - set(kept["touched"]["fresh"])
        )
        depends = dependencies(
            kept["touched"], record.files, (*modules, *sorted(unseen)), self._imported(ended)
        )
        _check_written(record.files)
        return self._new_entry(ended, self._key, depends, seeded)

    def _unknown_modules(self, kept: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the author's code that is loaded, and that no cell and no module names."""
        known = {module.path for module in self.around.modules}
        return tuple(path for path in kept["modules"] if path not in known)

    def _imported(self, ended: Ended) -> Mapping[str, Any]:
        """Return what own modules noted when they were imported, if the stretch may use one."""
        uses = (
            ended.stretch.code.modules
            or self._unknown_modules(ended.kept)
            or any(each.own for each in self._inputs(ended.stretch))
        )
        return ended.kept["touched"]["imported"] if uses else {}

    def _new_entry(
        self, ended: Ended, key: str, depends: Dependencies, seeded: tuple[str, ...]
    ) -> Entry:
        capture = self.capture
        assert capture.folder is not None
        stretch, record, survey, kept = ended.stretch, ended.record, ended.survey, ended.kept
        name = stretch.step.name if stretch.step is not None else ""
        progress = capture.steps[name]
        return Entry(
            key=key,
            run_id=capture.folder.run_id,
            step=name,
            seconds=progress.seconds,
            peak_memory=progress.peak,
            cells_sha256="",
            depends=depends,
            groups=tuple(
                SavedGroup(
                    tuple(group["names"]),
                    _saved_file(group),
                    tuple(group["models"]),
                    tuple((one, other, tuple(prints)) for one, other, prints in group["shown"]),
                )
                for group in kept["groups"]
            ),
            prints=dict(survey["fingerprints"]),
            opaque=tuple(survey["opaque"]),
            local={name: tuple(code) for name, code in survey["local"].items()},
            pairs=tuple((str(a), str(b), int(n)) for a, b, n in kept["pairs"]),
            gone=tuple(kept["gone"]),
            state=_saved_file(kept["state"]),
            search=kept["state"]["search"],
            randoms=ended.randoms,
            seeded=seeded,
            stretch=record,
            shares=tuple(tuple(group) for group in survey["shares"]),
            artifacts=tuple(found for found in capture.artifacts if name and found.step == name),
            metrics=dict(kept["metrics"]),
            read=tuple(record.read),
            written=tuple(found.after.path for found in record.files),
            modules=tuple(kept["modules"]),
            own={name: tuple(modules) for name, modules in survey["own"].items()},
            orders=dict(survey["orders"]),
            earlier_prints=self._earlier_prints(stretch, kept),
            earlier_pairs=tuple((one, other, n) for (one, other), n in self._earlier[1].items()),
        )

    def _earlier_prints(self, stretch: Stretch, kept: Mapping[str, Any]) -> dict[str, str]:
        given = {*kept["gone"], *(name for group in kept["groups"] for name in group["names"])}
        beside = given.difference(stretch.inputs, stretch.outputs)
        return {name: text for name, text in self._earlier[0].items() if name in beside}

    def _doubts(self, ended: Ended) -> Iterator[str]:
        """Yield why a stretch that ran might do something else another time."""
        kept, record = ended.kept, ended.record
        yield from kept["touched"]["outside"]
        for path in self._unknown_modules(kept) if ended.stretch.step is not None else ():
            yield from doubts_in_file(path)
        yield from self._imported(ended).get("outside", ())
        observed = {name for group in kept["groups"] for name in group["models"]}
        missed = {*record.changed} & self._read_after(ended.stretch)
        for name in sorted(missed - {*ended.stretch.outputs} - observed):
            yield f"it changes `{name}`, which the conversion did not see"
        if self.capture.ahead is not None and not all(f.after.witnessed for f in record.files):
            yield "files changed while it ran"
        if self.capture.showed_elsewhere:
            yield "it changes what an earlier cell showed"
        if self.capture.showed_widget:
            yield "it shows a widget"

    def _obstacles(self, ended: Ended) -> Iterator[str]:
        """Yield why what a stretch gave cannot be handed on."""
        survey, kept = ended.survey, ended.kept
        yield from self._remade()
        if "problem" in kept["state"]:
            yield str(kept["state"]["problem"])
        if self.capture.withheld:
            yield "something that it gave holds a secret"
        for name, why in kept["unsaved"].items():
            if why != artifacts.UNBOUND:
                yield f"`{name}`: {why}"
        for group in kept["groups"]:
            for name in group["names"]:
                if name in survey["opaque"] or " " in survey["fingerprints"][name]:
                    yield f"`{name}` has no content that could be compared"

    def _remade(self) -> Iterator[str]:
        """Yield why what stands outside the steps is no longer what they all find."""
        assert self.capture.truth is not None
        for name, step in self.capture.truth.remade.items():
            yield f"step {step or 'none'} changes `{name}`, which the conversion did not see"

    def _read_after(self, stretch: Stretch) -> set[str]:
        """Return the variables that later stretches read."""
        return {
            name
            for other in self.stretches.values()
            if other.number > stretch.number
            for name in other.inputs
        }

    def _keep(self, stretch: Stretch, entry: Entry) -> StoredEntry:
        assert self.capture.folder is not None
        folder = self.capture.folder.artifacts
        cells = msgspec.json.encode(
            [{"outputs": self.notebook.cells[cell.index].outputs} for cell in stretch.cells]
        )
        entry = replace(entry, cells_sha256=hashlib.sha256(cells).hexdigest())
        files = [(folder / name, name) for name in entry.file_names()]
        blobs = {blob for saved in entry.files() for blob in saved.blobs}
        blobs |= {blob for each in entry.artifacts for blob in self.capture.blobs[each.file]}
        files += [(folder / "blobs" / blob, f"blobs/{blob}") for blob in sorted(blobs)]
        self.store.keep_contents(self.capture.folder.files, entry.contents())
        return self.store.add(entry, cells, files)

    # At the end

    def finish(self, ask: Ask) -> None:
        """Collect what the run gave: metrics, and what is known of its models.

        Raises:
            StartOverError: The kernel cannot have a model of which nothing is known.
        """
        capture = self.capture
        assert capture.folder is not None
        known = self._known_models()
        missing = self._unknown_models(known) if capture.ahead is None else []
        if missing:
            self._give(ask, missing)
            self._live = True
            known = self._known_models()
        if self._live:
            capture.finish(ask, [record for record, _ in known])
        capture.metrics = {
            name: found[name]
            for name in capture.plan.metrics
            for found in ({**capture.metrics, **self._metrics},)
            if name in found
        }
        for record, folder in known:
            if record.folder:
                target = capture.folder.models / record.folder
                target.mkdir(exist_ok=True)
                for path in sorted(folder.glob("*.json")):
                    (target / path.name).write_bytes(path.read_bytes())
        models = [*capture.models, *(record for record, _ in known)]
        capture.models = sorted(models, key=lambda found: (found.cell, found.fit_order))
        with contextlib.suppress(OSError):
            write_model_facts(
                self.store.facts_folder, capture.models, capture.folder.models, self._digests()
            )
            for found in self._handed:
                self.store.forget(found)
            self.store.trim(limit_of(os.environ.get(LIMIT_VARIABLE)))

    def _unknown_models(self, facts: Iterable[tuple[ModelRecord, Path]]) -> list[str]:
        """Return models that the kernel has not, and of which nothing is known."""
        known = {name for record, _ in facts for name in (record.variable, *record.aliases)}
        return [
            name
            for name, version in self._versions.items()
            if version.group is not None
            and name in version.group.models
            and not version.live
            and name not in known
        ]

    def _known_models(self) -> list[tuple[ModelRecord, Path]]:
        return known_facts(self.store.facts_folder, self._digests(), everything=not self._live)

    def _digests(self) -> dict[str, str]:
        return {
            name: version.group.saved.sha256
            for name, version in self._versions.items()
            if version.group is not None
        }

    def undo(self) -> None:
        """Put files back as they were before stretches were taken from earlier runs."""
        assert self.capture.folder is not None
        for found, _ in reversed(self._taken):
            states = [asdict(each.before) for each in found.entry.stretch.files]
            filestate.bring(states, str(self.capture.folder.files))

    def tell_start_over(self, reason: str) -> None:
        """Say that the notebook runs again from its first cell."""
        text = f"What earlier runs kept does not do ({reason}): every step runs again."
        self.capture.listener(LogEvent(text, "warning"))

    def anew(self) -> Session:
        """Return a session that takes nothing from earlier runs."""
        for cell in _cells(self._skipped):
            self.notebook.cells[cell.index].metadata.get("nbprod", {}).pop(MARK, None)
        return Session(
            self.store, self.capture, self.around, self.notebook, self.stretches, reading=False
        )


def open_session(
    notebook: Any,  # noqa: ANN401
    cells: list[CellPlan],
    *,
    capture: Capture,
    around: Surroundings,
    store: Store,
) -> Session:
    """Open the cache for a run.

    Args:
        notebook: The notebook that runs.
        cells: Its cells.
        capture: The run.
        around: What its stretches have in common.
        store: The cache.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    manager = TransformerManager()  # type: ignore[no-untyped-call]
    running = [cell for cell in cells if cell.runs]
    sources = {
        cell.index: str(manager.transform_cell(as_magic(notebook.cells[cell.index].source)))
        for cell in running
    }
    steps = {step.name: step for step in around.pipeline.steps}
    parts: list[tuple[str, bool, list[CellPlan]]] = []
    for cell in running:
        kind = (cell.step, _only_parameters(cell, sources[cell.index], notebook, around))
        if not parts or parts[-1][:2] != kind:
            parts.append((*kind, []))
        parts[-1][2].append(cell)
    names = [name for name, _, _ in parts]
    found: dict[int, Stretch] = {}
    for number, (name, is_parameters, own) in enumerate(parts):
        step = steps.get(name)
        tags = tuple(tuple(notebook.cells[cell.index].metadata.get("tags", ())) for cell in own)
        found[own[0].index] = Stretch(
            number=number,
            step=step,
            cells=own,
            parameters=is_parameters,
            only=step is None or names.count(name) == 1,
            code=code_of(
                around,
                step,
                tuple(sources[cell.index] for cell in own),
                tags,
                earlier=tuple(text for index, text in sources.items() if index < own[0].index),
            ),
        )
    for cell in running:
        notebook.cells[cell.index].metadata.get("nbprod", {}).pop(MARK, None)
    return Session(store, capture, around, notebook, found)


def _fresh(stretch: Stretch) -> frozenset[str]:
    """Return what a stretch binds without looking at what it was."""
    return frozenset(stretch.outputs) - frozenset(stretch.inputs)


def _counts(pairs: Iterable[tuple[str, str, int]]) -> Pairs:
    return {(one, other): count for one, other, count in pairs}


def _touching(pairs: Pairs, names: frozenset[str]) -> Pairs:
    return {pair: count for pair, count in pairs.items() if not names.isdisjoint(pair)}


def _only_parameters(
    cell: CellPlan,
    source: str,
    notebook: Any,  # noqa: ANN401
    around: Surroundings,
) -> bool:
    """Tell whether a cell only gives parameters literal values, so that it may run later."""
    tags = notebook.cells[cell.index].metadata.get("tags", ())
    if cell.step or not {*PARAMETERS_TAGS, INJECTED_TAG}.intersection(tags):
        return False
    names = {parameter.name for parameter in around.pipeline.parameters}
    return only_assigns(source, names) or INJECTED_TAG in tags


def _cells(stretches: Iterable[Stretch]) -> list[CellPlan]:
    return [cell for stretch in stretches for cell in stretch.cells]


def _line(definition: Any) -> int:  # noqa: ANN401
    return definition.origin.line if definition.origin is not None else 1


def _saved_file(document: Mapping[str, Any]) -> SavedFile:
    name = Path(document["path"]).name
    return SavedFile(name, document["sha256"], document["size"], tuple(document["blobs"]))


def _check_written(files: Iterable[WrittenFile]) -> None:
    for found in files:
        if found.after.sha256 == filestate.UNKNOWN:
            raise NoKeyError(f"what it wrote to {found.after.path} is not known")


def _seeds_before_it_draws(stretch: Stretch) -> bool:
    return bool(stretch.code.sources) and seeds_first("\n".join(stretch.code.sources))
