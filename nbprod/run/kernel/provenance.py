"""Where data came from: the chain of observed ``transform`` calls behind an object.

An output is recognised by identity, or, where the notebook wrapped it or took rows
of it (``pd.DataFrame(scaled)``, ``train_test_split(scaled)``), by its values.
Inputs are kept only as long as the output that came from them lives; frames are
kept as shallow copies, which later changes of the notebook's own do not reach.
"""

from __future__ import annotations

import sys
import weakref
from dataclasses import dataclass
from typing import Any


@dataclass
class Link:
    """One observed transformation.

    Attributes:
        output: Weak reference to what came out.
        transformer: The estimator that made it.
        features: What went in, frozen.
        before: The transformation that made ``features``, if one was observed.
    """

    output: Any
    transformer: Any
    features: Any
    before: Link | None


@dataclass
class Chain:
    """The transformations behind the data of a fit.

    Attributes:
        features: The data that entered the first of them, same number of rows.
        transformers: In the order in which they are applied.
    """

    features: Any
    transformers: tuple[Any, ...]


_links: dict[int, Link] = {}


def frozen(value: Any) -> Any:
    """Return ``value`` such that columns set later do not show; no data is copied."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series)):
        return value.copy(deep=False)
    return value


def remember(output: Any, transformer: Any, features: Any) -> None:
    """Note that ``output`` is what ``transformer`` made of ``features``."""
    key = id(output)
    if output is features or not _is_table(output):
        return
    try:
        reference = _reference(output)
    except TypeError:
        return
    _links[key] = Link(reference, transformer, frozen(features), _link_of(features))


def trace(features: Any) -> Chain | None:
    """Return the chain behind ``features``, or ``None`` if there is none."""
    link = _link_of(features)
    rows: Any = None
    if link is None:
        link, rows = _link_by_values(features)
    if link is None:
        return None
    origin = link.features
    transformers = [link.transformer]
    while link.before is not None:
        link = link.before
        origin = link.features
        transformers.insert(0, link.transformer)
    if rows is not None:
        origin = origin.iloc[rows] if hasattr(origin, "iloc") else origin[rows]
    if _length(origin) != _length(features):
        return None
    return Chain(origin, tuple(transformers))


def export() -> list[tuple[Any, Any, Any, int | None]]:
    """Return what is known, so that it can travel with the objects themselves.

    One entry per link, in order: output, transformer, features, position of the link
    before it.
    """
    links = [link for link in _links.values() if link.output() is not None]
    places = {id(link): place for place, link in enumerate(links)}
    return [
        (link.output(), link.transformer, link.features, places.get(id(link.before)))
        for link in links
    ]


def restore(entries: list[tuple[Any, Any, Any, int | None]]) -> None:
    """Take in what :func:`export` gave in another kernel."""
    links: list[Link] = []
    for output, transformer, features, place in entries:
        before = links[place] if place is not None and place < len(links) else None
        link = Link(_reference(output), transformer, features, before)
        _links[id(output)] = link
        links.append(link)


def _reference(output: Any) -> Any:
    key = id(output)
    return weakref.ref(output, lambda _: _links.pop(key, None))


def _link_of(value: Any) -> Link | None:
    link = _links.get(id(value))
    return link if link is not None and link.output() is value else None


def _is_table(value: Any) -> bool:
    shape = getattr(value, "shape", None)
    return isinstance(shape, tuple) and len(shape) == 2


def _length(value: Any) -> int:
    shape = getattr(value, "shape", None)
    return int(shape[0]) if shape else len(value)


def _link_by_values(features: Any) -> tuple[Link | None, Any]:
    """Find an output whose rows hold all rows of ``features``, and which rows those are."""
    numpy = sys.modules.get("numpy")
    wanted = _numbers(features)
    if numpy is None or wanted is None or not wanted.size:
        return None, None
    for link in reversed(list(_links.values())):
        output = link.output()
        held = None if output is None else _numbers(output)
        if held is None or held.shape[1] != wanted.shape[1] or len(held) < len(wanted):
            continue
        if (
            hasattr(output, "columns")
            and hasattr(features, "columns")
            and (list(output.columns) != list(features.columns))
        ):
            continue
        rows = _rows_of(held, wanted)
        if rows is not None:
            return link, rows
    return None, None


def _numbers(table: Any) -> Any:
    """Return a table of floats as a contiguous array; ``None`` for any other."""
    numpy: Any = sys.modules["numpy"]
    if not _is_table(table) or type(table).__module__.startswith("scipy"):
        return None
    dtypes = set(table.dtypes) if hasattr(table, "dtypes") else {getattr(table, "dtype", None)}
    if len(dtypes) != 1 or getattr(next(iter(dtypes)), "kind", "") != "f":
        return None
    return numpy.ascontiguousarray(table)


def _rows_of(held: Any, wanted: Any) -> Any:
    numpy: Any = sys.modules["numpy"]
    if held.dtype != wanted.dtype:
        return None
    first = {row.tobytes() for row in wanted[:5]}
    if not first <= {row.tobytes() for row in held}:
        return None
    width = numpy.dtype((numpy.void, held.dtype.itemsize * held.shape[1]))
    flat = held.view(width).ravel()
    order = numpy.argsort(flat)
    found = numpy.searchsorted(flat, wanted.view(width).ravel(), sorter=order)
    rows = order[numpy.minimum(found, len(order) - 1)]
    return rows if (flat[rows] == wanted.view(width).ravel()).all() else None
