"""What a value of the notebook has to do with rows of data: an abstract value for the lint.

A *row set* is named by a text: ``all:…`` what was loaded, ``train:…`` and ``test:…`` what a
split made of it, and ``NAME/…`` a part of the row set NAME.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

_SPLIT = ("train:", "test:")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something was done, and what: ``df.mean()`` in line 3 of cell 5."""

    cell: int
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of one table.

    Attributes:
        table: Which table: a number.
        only: The columns it has; ``None`` if all of the table.
        without: Columns that were taken out of all.
        single: It is one column, not a table of one.
    """

    table: int
    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()
    single: bool = False

    def has(self, other: Columns) -> bool:
        """Whether the one column ``other`` certainly stands in this table."""
        if self.table != other.table or not other.single or not other.only:
            return False
        (name,) = other.only
        if self.only is not None:
            return not self.single and name in self.only and len(self.only) > 1
        return name not in self.without


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a value.

    Attributes:
        rows: The row sets it holds numbers of.
        columns: Its columns, where they are known.
        leaks: Where it learnt from rows beyond its own: rule and place.
        statistics: It is a statistic, computed there over rows that are not split yet.
        extremes: As statistics, but a minimum or maximum.
        random: Draws without a seed that it depends on.
        estimators: Numbers of the estimators that it is or holds.
        predicted: For predictions: ``seen`` or ``other`` rows.
        literal: Its value, if it stands in the source; a tuple for each display of several.
        parts: What unpacking it gives.
    """

    rows: frozenset[str] = frozenset()
    columns: Columns | None = None
    leaks: frozenset[tuple[str, Place]] = frozenset()
    statistics: frozenset[Place] = frozenset()
    extremes: frozenset[Place] = frozenset()
    random: frozenset[Place] = frozenset()
    estimators: frozenset[int] = frozenset()
    predicted: frozenset[str] = frozenset()
    literal: Hashable = None
    parts: tuple[Facts, ...] = ()

    @property
    def split(self) -> bool:
        """Whether all its rows came out of a split."""
        return bool(self.rows) and all(each.startswith(_SPLIT) for each in self.rows)

    @property
    def presplit(self) -> bool:
        """Whether it holds rows, and none came out of a split."""
        return bool(self.rows) and not any(each.startswith(_SPLIT) for each in self.rows)

    @property
    def held_back(self) -> bool:
        """Whether all its rows are those that a split holds back."""
        return bool(self.rows) and all(each.startswith("test:") for each in self.rows)

    @property
    def training(self) -> bool:
        """Whether it holds rows that a split gives to training."""
        return any(each.startswith("train:") for each in self.rows)

    def part(self, name: str) -> Facts:
        """Return what is known of a part of it, the same part each time for the same name."""
        return replace(
            self, rows=frozenset(f"{each}/{name}" for each in self.rows), parts=(), literal=None
        )


NOTHING = Facts()


def joined(values: Iterable[Facts]) -> Facts:
    """Return what is known of something made of all ``values``."""
    items = [value for value in values if value is not NOTHING]
    if len(items) == 1:
        return replace(items[0], literal=None, parts=())
    empty: frozenset[str] = frozenset()
    return Facts(
        rows=empty.union(*(each.rows for each in items)),
        leaks=frozenset().union(*(each.leaks for each in items)),
        statistics=frozenset().union(*(each.statistics for each in items)),
        extremes=frozenset().union(*(each.extremes for each in items)),
        random=frozenset().union(*(each.random for each in items)),
        estimators=frozenset().union(*(each.estimators for each in items)),
        predicted=empty.union(*(each.predicted for each in items)),
    )


def mixed(values: Iterable[Facts], *, divided: bool = False) -> Facts:
    """Return what comes of computing with ``values``: a statistic among rows leaks into them.

    Args:
        values: The operands.
        divided: It is a division, where a minimum or maximum scales the rows.
    """
    items = list(values)
    result = joined(items)
    if not any(each.rows and not each.statistics for each in items):
        return result
    places = result.statistics | (result.extremes if divided else frozenset())
    leaks = result.leaks | {("statistics-before-split", place) for place in places}
    kept = frozenset() if divided else result.extremes
    return replace(result, leaks=leaks, statistics=frozenset(), extremes=kept)
