"""Which cells form which step: by the author's tags, else inferred."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from nbprod.analysis import backends
from nbprod.analysis.blocks import CellBlock
from nbprod.analysis.clearing import clears
from nbprod.analysis.headings import Outline
from nbprod.analysis.roles import Role, cell_roles, main_role
from nbprod.analysis.survey import CellFacts


@dataclass(slots=True)
class Draft:
    """A step in the making.

    Attributes:
        cells: Facts of its cells, in the order in which they run.
        tag: Name from the author's tag; empty if inferred.
        name: Its name, once it has one.
        heading: The heading it stands under.
        role: What it is for.
        maker: The cell that makes the notebook's first table, where none is loaded.
    """

    cells: list[CellFacts] = field(default_factory=list)
    tag: str = ""
    name: str = ""
    heading: str = ""
    role: Role = Role.OTHER
    maker: CellFacts | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        """Numbers of its cells."""
        return tuple(facts.cell.number for facts in self.cells)


def draft_steps(
    cells: Sequence[CellFacts],
    blocks: dict[int, CellBlock],
    outline: Outline,
    backend_changes: Iterable[int] = (),
) -> list[Draft]:
    """Group cells into steps.

    Args:
        cells: Those that leave a block or a display.
        blocks: What remains of each cell, by number.
        outline: The notebook's prose.
        backend_changes: Cells that change how figures are shown, which no step can do midway.
    """
    if any(facts.role.step for facts in cells):
        drafts = _tagged(cells, blocks)
    else:
        drafts = _cut(_inferred(cells, blocks, outline), blocks, backend_changes)
    for draft in drafts:
        draft.role = draft_role(draft)
    return drafts


def draft_role(draft: Draft) -> Role:
    """Return the role that counts most in a step."""
    if draft.cells and all(facts.role.metrics for facts in draft.cells):
        return Role.METRICS
    found: set[Role] = set()
    for facts in draft.cells:
        found |= cell_roles(facts) | ({Role.LOAD} if facts is draft.maker else set())
    return main_role(frozenset(found))


def _tagged(cells: Sequence[CellFacts], blocks: dict[int, CellBlock]) -> list[Draft]:
    """Group by tag; a cell without one joins the step before it, or the one it feeds."""
    drafts: list[Draft] = []
    waiting: list[CellFacts] = []
    for facts in cells:
        tag = facts.role.step
        if not tag:
            if not drafts:
                waiting.append(facts)
            else:
                drafts[-1].cells.append(facts)
            continue
        if not drafts or drafts[-1].tag != tag:
            drafts.append(Draft(tag=tag))
        drafts[-1].cells.extend([*waiting, facts])
        waiting = []
    return _feeding(drafts, blocks)


def _feeding(drafts: list[Draft], blocks: dict[int, CellBlock]) -> list[Draft]:
    """Move untagged cells at the end of a step to the next one, where only that uses them."""
    for before, after in pairwise(drafts):
        wanted = {name for facts in after.cells for name in facts.names.reads}
        while len(before.cells) > 1 and not before.cells[-1].role.step:
            last = before.cells[-1]
            needs = last.names.reads.keys()
            made_here = {name for facts in before.cells[:-1] for name in facts.names.maybe}
            feeds = bool(last.names.maybe & wanted) and not needs & made_here
            if not feeds or blocks[last.cell.number].empty:
                break
            after.cells.insert(0, before.cells.pop())
            wanted |= set(needs)
    return drafts


# Untagged ----------------------------------------------------------------------------

_STARTS = frozenset({Role.LOAD, Role.SPLIT, Role.TRAIN, Role.EVALUATE})
_PREPARES = frozenset({Role.CLEAN, Role.FEATURES})


def _inferred(
    cells: Sequence[CellFacts], blocks: dict[int, CellBlock], outline: Outline
) -> list[Draft]:
    drafts: list[Draft] = []
    role = Role.OTHER
    maker = _maker(cells)
    for facts in cells:
        markdown = outline.before.get(facts.cell.number)
        heading = markdown.heading if markdown else ""
        own = Role.LOAD if facts is maker else main_role(cell_roles(facts))
        empty = blocks[facts.cell.number].empty
        # A heading may stand above cells that only display: what comes next is its section too.
        hollow = bool(drafts) and all(blocks[number].empty for number in drafts[-1].numbers)
        if not drafts or heading or (not empty and not hollow and _starts_step(own, role)):
            drafts.append(Draft(heading=heading, maker=maker))
            role = Role.OTHER if empty else own
        elif not empty:
            role = _continued(own, role)
        drafts[-1].cells.append(facts)
    return _tidied(drafts, blocks)


def _maker(cells: Sequence[CellFacts]) -> CellFacts | None:
    """Return the first cell that makes a table, where none loads any."""
    if any(Role.LOAD in cell_roles(facts) for facts in cells):
        return None
    return next((each for each in cells if "pandas.DataFrame" in each.trace.calls), None)


def _starts_step(own: Role, current: Role) -> bool:
    """Whether a cell of role ``own`` begins a step after cells of role ``current``."""
    if own is Role.OTHER or own is current:
        return False
    if own in _STARTS:
        return current is not Role.OTHER or own is not Role.LOAD
    if own in _PREPARES:
        return current not in _PREPARES and current is not Role.OTHER
    return own is Role.EXPLORE and current is not Role.OTHER


def _continued(own: Role, current: Role) -> Role:
    if current is Role.OTHER or (own is Role.FEATURES and current is Role.CLEAN):
        return own
    return current


_FEW = 12


def _tidied(drafts: list[Draft], blocks: dict[int, CellBlock]) -> list[Draft]:
    """Join steps that say nothing of their own with their neighbours."""
    kept: list[Draft] = []
    for draft in drafts:
        draft.role = draft_role(draft)
        nothing = all(blocks[number].empty for number in draft.numbers)
        same = bool(kept) and not draft.heading and kept[-1].role is draft.role
        if kept and (nothing or same):
            kept[-1].cells.extend(draft.cells)
        else:
            kept.append(draft)
    _at_least_three(kept, blocks)
    while len(kept) > _FEW:
        position = _least(kept)
        if position is None:
            break
        kept[position - 1].cells.extend(kept.pop(position).cells)
    return kept


def _cut(
    drafts: list[Draft], blocks: dict[int, CellBlock], backend_changes: Iterable[int]
) -> list[Draft]:
    """End a step where figures are shown in another way, or what was shown is cleared."""
    found: list[Draft] = []
    for draft in drafts:
        begins = {facts.cell.number for facts in backends.cuts(draft.cells, backend_changes)}
        begins |= {facts.cell.number for facts in clears(draft.cells, blocks)}
        found.append(Draft(heading=draft.heading, maker=draft.maker))
        for facts in draft.cells:
            if facts.cell.number in begins:
                found.append(Draft(maker=draft.maker))
            found[-1].cells.append(facts)
    return found


_WHOLE = frozenset({Role.LOAD, Role.TRAIN, Role.EVALUATE})


def _at_least_three(drafts: list[Draft], blocks: dict[int, CellBlock]) -> None:
    """Cut a step in two if a notebook that loads, fits and evaluates has fewer than three."""
    roles = {role for draft in drafts for facts in draft.cells for role in cell_roles(facts)}
    if not roles >= _WHOLE:
        return
    while len(drafts) < 3:
        cuts = [
            (-len(draft.cells), position, cut)
            for position, draft in enumerate(drafts)
            for cut in range(1, len(draft.cells))
            if main_role(cell_roles(draft.cells[cut])) is not draft.role
            and not blocks[draft.cells[cut].cell.number].empty
            and main_role(cell_roles(draft.cells[cut - 1])) is draft.role
        ]
        if not cuts:
            return
        _, position, cut = min(cuts)
        rest = Draft(cells=drafts[position].cells[cut:])
        rest.role = draft_role(rest)
        del drafts[position].cells[cut:]
        drafts[position].role = draft_role(drafts[position])
        drafts.insert(position + 1, rest)


def _least(drafts: list[Draft]) -> int | None:
    """Return the step best joined with the one before it, when there are too many."""
    candidates = [
        (len(draft.cells), position)
        for position, draft in enumerate(drafts)
        if position
        and draft.role in {Role.OTHER, Role.EXPLORE, Role.CLEAN, Role.FEATURES}
        and drafts[position - 1].role not in {Role.TRAIN, Role.EVALUATE, Role.SPLIT}
    ]
    return min(candidates)[1] if candidates else None
