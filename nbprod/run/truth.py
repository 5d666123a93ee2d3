"""What a run shows of its variables: which really changed, and where that was not declared.

Around each stretch of cells of one step the kernel fingerprints the variables that a
later step reads. A step's input must come from the step that declares it as an output;
if another one changed it last, the conversion missed that change.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbprod.run.plan import CellPlan, RunPlan
from nbprod.run.record import ChangeRecord, FileState, StretchRecord, WrittenFile


@dataclass
class Truth:
    """The fingerprints of one run so far.

    Attributes:
        plan: Steps, inputs and outputs.
        source: Gives the text of a cell by its number.
        stretches: What each stretch changed, in order.
        undeclared: Changes that no step declares.
        remade: Constants and classes that changed, each with the step that changed it.
        shares: Groups of variables that shared objects or buffers at some boundary.
        incomplete: Fingerprints are missing, so that nobody knows who changed what.
    """

    plan: RunPlan
    source: Callable[[int], str] = lambda _: ""
    stretches: list[StretchRecord] = field(default_factory=list)
    undeclared: list[ChangeRecord] = field(default_factory=list)
    remade: dict[str, str] = field(default_factory=dict)
    shares: set[tuple[str, ...]] = field(default_factory=set)
    incomplete: bool = False
    _step: str | None = None
    _cells: list[int] = field(default_factory=list)
    _known: dict[str, str] = field(default_factory=dict)
    _changed_in: dict[str, int] = field(default_factory=dict)
    _begun: set[str] = field(default_factory=set)
    _opaque: frozenset[str] = frozenset()
    _unlike: frozenset[str] = frozenset()
    _state: dict[str, str] = field(default_factory=dict)

    def move_on(self) -> None:
        """Go on in another kernel, where what counts by its identity is another object."""
        self._unlike = self._opaque

    def boundary(self, cell: CellPlan | None) -> bool:
        """Tell whether a stretch begins with ``cell``, or ends if it is ``None``."""
        return cell is None or cell.step != self._step

    def watched(self, cell: CellPlan | None) -> tuple[str, ...]:
        """Return the variables to fingerprint before ``cell``; ``None`` is after the last."""
        names: dict[str, None] = {}
        for step in self.plan.steps:
            if cell is not None and step.name not in self._begun:
                names.update(dict.fromkeys(step.inputs))
            if step.name == self._step or (cell is not None and step.name == cell.step):
                names.update(dict.fromkeys((*step.inputs, *step.outputs)))
        return tuple(names)

    def take(
        self, survey: Mapping[str, object] | None, cell: CellPlan | None
    ) -> tuple[ChangeRecord, ...]:
        """Take in the fingerprints from before ``cell``; return changes not declared.

        Args:
            survey: What the kernel found; ``None`` if no stretch begins here.
            cell: The cell that runs next; ``None`` after the last.
        """
        found: tuple[ChangeRecord, ...] = ()
        if survey is not None:
            found = self._take(survey, cell)
            self._step, self._cells = (cell.step if cell else None), []
        if cell is not None and cell.number:
            self._cells.append(cell.number)
        return found

    def _take(
        self, survey: Mapping[str, object], cell: CellPlan | None
    ) -> tuple[ChangeRecord, ...]:
        now = survey["fingerprints"]
        shares = survey["shares"]
        assert isinstance(now, dict)
        assert isinstance(shares, list)
        self.shares.update(tuple(group) for group in shares)
        told = survey.get("opaque")
        opaque = frozenset(told if isinstance(told, dict) else ())
        found_state = survey.get("state")
        state = dict(found_state) if isinstance(found_state, dict) else {}
        found: tuple[ChangeRecord, ...] = ()
        if self._step is not None:
            differing = {name for name in now if self._known.get(name) != now[name]}
            changed = tuple(sorted(differing - (self._unlike & opaque)))
            for name in changed:
                self._changed_in[name] = len(self.stretches)
            files = tuple(_written(found) for found in _listed(survey.get("files")))
            read = tuple(map(str, _listed(survey.get("read"))))
            cells = tuple(self._cells)
            self.stretches.append(
                StretchRecord(self._step, cells, changed, files, read, self._state, state)
            )
            found = self._remade(map(str, _listed(survey.get("remade"))))
        self._state = state
        self._known = dict(now)
        self._opaque, self._unlike = opaque, frozenset()
        return (*found, *self._begin(cell)) if cell is not None else found

    def _remade(self, names: Iterable[str]) -> tuple[ChangeRecord, ...]:
        """Take in the constants and classes that the last stretch changed."""
        stretch, found = self.stretches[-1], []
        for name in names:
            if name not in self.remade:
                self.remade[name] = stretch.step
                cell, line = self._place(stretch, name)
                found.append(ChangeRecord(name, stretch.step, cell, line, "", "", stretch.cells))
        self.undeclared += found
        return tuple(found)

    def lose(self, cell: CellPlan | None) -> None:
        """Go on before ``cell`` without the fingerprints that the kernel could not take."""
        self.incomplete = True
        self._step = cell.step if cell is not None else None
        self._cells = [cell.number] if cell is not None and cell.number else []

    def skip(self, stretch: StretchRecord, prints: Mapping[str, str], cell: CellPlan) -> None:
        """Take in a stretch that an earlier run computed.

        Args:
            stretch: Its record.
            prints: Fingerprints of variables after it.
            cell: Its first cell.
        """
        self._begin(cell)
        for name in stretch.changed:
            self._changed_in[name] = len(self.stretches)
        self.stretches.append(stretch)
        self._known.update(prints)
        self._state = dict(stretch.state_after)
        self._step, self._cells = None, []

    def resume(
        self, cell: CellPlan, prints: Mapping[str, str], state: Mapping[str, str]
    ) -> tuple[ChangeRecord, ...]:
        """Begin a stretch behind one that was skipped; return changes not declared.

        Args:
            cell: Its first cell.
            prints: Fingerprints of the variables that it reads.
            state: Fingerprints of the process's state.
        """
        self._known, self._state = dict(prints), dict(state)
        found = self._begin(cell)
        self._step, self._cells = cell.step, [cell.number] if cell.number else []
        return found

    def _begin(self, cell: CellPlan) -> tuple[ChangeRecord, ...]:
        if not cell.step or cell.step in self._begun:
            return ()
        self._begun.add(cell.step)
        found = () if self.incomplete else tuple(self._missed(cell.step))
        self.undeclared += found
        return found

    def _missed(self, reader: str) -> list[ChangeRecord]:
        """Find inputs of a step which another step changed after their producer."""
        found: list[ChangeRecord] = []
        inputs = next(step.inputs for step in self.plan.steps if step.name == reader)
        for name in inputs:
            if name not in self._changed_in:
                continue
            stretch = self.stretches[self._changed_in[name]]
            producer = self._producer(reader, name)
            # What it was when the producer began, the producer got, or was told about then.
            if stretch.step != producer and self._changed_in[name] > self._last(producer):
                cell, line = self._place(stretch, name)
                found.append(
                    ChangeRecord(name, stretch.step, cell, line, producer, reader, stretch.cells)
                )
        return found

    def _last(self, step: str) -> int:
        """Return the position of the last stretch of ``step``; -1 if it has none yet."""
        positions = (n for n, stretch in enumerate(self.stretches) if stretch.step == step)
        return max(positions, default=-1)

    def _producer(self, reader: str, name: str) -> str:
        producer = ""
        for step in self.plan.steps:
            if step.name == reader:
                break
            if name in step.outputs:
                producer = step.name
        return producer

    def _place(self, stretch: StretchRecord, name: str) -> tuple[int, int]:
        """Find the line of a stretch that most likely changed a variable."""
        names = {name}.union(*(group for group in self.shares if name in group))
        for wanted in ({name}, names):
            for cell in reversed(stretch.cells):
                line = _mention(self.source(cell), wanted)
                if line:
                    return cell, line
        return (stretch.cells[-1] if stretch.cells else 0), 0


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _written(found: dict[str, Any]) -> WrittenFile:
    def state(document: dict[str, Any]) -> FileState:
        return FileState(
            document["path"],
            document["sha256"],
            document["size"],
            document["mtime_ns"],
            document["mode"],
            witnessed=bool(found["witnessed"]),
        )

    return WrittenFile(state(found["before"]), state(found))


def _mention(source: str, names: set[str]) -> int:
    """Return the last line of a cell that names one of ``names``; 0 for none."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        lines = source.splitlines()
        found = (n for n, text in enumerate(lines, 1) if any(name in text for name in names))
        return max(found, default=0)
    return max(
        (node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in names),
        default=0,
    )


def describe_change(found: ChangeRecord) -> tuple[str, str]:
    """Return what an undeclared change is, and what mends it."""
    place = f"cell {found.cell}" + (f", line {found.line}" if found.line else "")
    if not found.reader:
        text = (
            f"{place} (step {found.step or 'none'}) changes `{found.variable}`, which the "
            "conversion did not see: it stands outside the steps, which get it as it was defined"
        )
        return text, f"End cell {found.cell} with the line `{found.variable} = {found.variable}`."
    text = (
        f"{place} (step {found.step or 'none'}) changes `{found.variable}`, which the "
        f"conversion did not see: step {found.reader}, which reads it, "
    )
    text += f"would get it as step {found.producer} left it" if found.producer else "may miss that"
    tag = f"step:{found.producer}" if found.producer else f"step:{found.reader}"
    fix = (
        f"End cell {found.cell} with the line `{found.variable} = {found.variable}`, "
        f"or give the cell the tag `{tag}`."
    )
    return text, fix
