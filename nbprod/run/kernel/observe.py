"""What the rewritten calls report to: fitted estimators and where their data came from.

``begin``, ``positional``, ``keywords`` and ``done`` are the hooks that
:mod:`.rewrite` puts around a call. They only take notes, and never raise. The
costly part, describing the data, waits for the end of the cell, when estimators
fitted in a loop and thrown away are gone already.
"""

from __future__ import annotations

import dataclasses
import glob
import itertools
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from . import callers, provenance
from .rewrite import CHANGERS, GENERATORS, MOMENTS, NOW, READERS, WRITERS

_FITS = frozenset({"fit", "partial_fit", "fit_predict", "fit_transform"})
_TRANSFORMS = frozenset({"transform", "fit_transform"})


@dataclass
class Call:
    """A call that began and is not done yet."""

    receiver: Any
    frame: int
    site: str
    positional: tuple[Any, ...] = ()
    keywords: dict[str, Any] = field(default_factory=dict)


@dataclass
class Fit:
    """The last fit of one estimator.

    Attributes:
        estimator: Weak reference to it.
        features: The data as ``fit`` received it, until it is described.
        target: The labels as ``fit`` received them, until described; may be ``None``.
        cell: Number of the cell that fitted it.
        order: Position among all fits of the run, from 1.
        chain: The transformations behind ``features``, if any were observed.
        partial: The fit was a ``partial_fit``: its data is one part of all.
        description: What :func:`facts.describe` made of it, once described.
        problem: Why it could not be described.
    """

    estimator: Any
    features: Any
    target: Any
    cell: int
    order: int
    chain: provenance.Chain | None = None
    partial: bool = False
    description: dict[str, Any] | None = None
    problem: str = ""


on_write: Callable[[str, bool], None] = lambda _path, _all: None  # noqa: E731
"""Called with each file that a call of :data:`.rewrite.WRITERS` is given, and whether it replaces
all of it."""
on_read: Callable[[str], None] = lambda _: None  # noqa: E731
"""Called with each file that a call of :data:`.rewrite.READERS` is given."""

on_remote: Callable[[], None] = lambda: None  # noqa: E731
"""Called when such a call is given an address elsewhere."""

on_unseeded: Callable[[], None] = lambda: None  # noqa: E731
"""Called when a call of :data:`.rewrite.GENERATORS` was given no seed."""

on_moment: Callable[[], None] = lambda: None  # noqa: E731
"""Called when a call of :data:`.rewrite.MOMENTS` was given a text for the time that it is."""

_pending = threading.local()
_fits: dict[int, Fit] = {}
_order = itertools.count(1)
_cell = 0


def enter_cell(cell: int) -> None:
    """Note the number of the notebook's cell that runs next."""
    global _cell
    _cell = cell
    _pending.calls = []


def _calls() -> list[Call]:
    if not hasattr(_pending, "calls"):
        _pending.calls = []
    found: list[Call] = _pending.calls
    return found


def begin(receiver: Any, site: str) -> Any:
    """Note that a method of ``receiver`` is about to be called; return it unchanged."""
    calls = _calls()
    frame = id(sys._getframe(1))
    # A call that raised left its note behind: the same place begins anew.
    for position, call in enumerate(calls):
        if call.site == site and call.frame == frame:
            del calls[position:]
            break
    calls.append(Call(receiver, frame, site))
    return receiver


def positional(*arguments: Any) -> tuple[Any, ...]:
    """Note the positional arguments of the call that began last."""
    calls = _calls()
    if calls and calls[-1].frame == id(sys._getframe(1)):
        calls[-1].positional = arguments
        _note_files(calls[-1].site, arguments)
    return arguments


def keywords(**arguments: Any) -> dict[str, Any]:
    """Note the keyword arguments of the call that began last."""
    calls = _calls()
    if calls and calls[-1].frame == id(sys._getframe(1)):
        calls[-1].keywords = arguments
        _note_files(calls[-1].site, tuple(arguments.values()))
    return arguments


def done(result: Any, site: str) -> Any:
    """Note that a call returned ``result``; return it unchanged."""
    try:
        calls = _calls()
        frame = id(sys._getframe(1))
        for position in range(len(calls) - 1, -1, -1):
            if calls[position].site == site and calls[position].frame == frame:
                call = calls[position]
                del calls[position:]
                _note(call, result, site.partition(":")[0])
                break
    except Exception:
        return result
    return result


def _note(call: Call, result: Any, method: str) -> None:
    receiver = call.receiver
    given = (*call.positional, *call.keywords.values())
    if method in GENERATORS:
        if all(value is None for value in given):
            on_unseeded()
        return
    if method in MOMENTS:
        if any(type(value) is str and value.lower() in NOW for value in given):
            on_moment()
        return
    if isinstance(receiver, (super, type)) or not hasattr(type(receiver), method):
        return
    features = call.positional[0] if call.positional else call.keywords.get("X")
    if features is None or _is_authors(features):
        return
    if method in _TRANSFORMS:
        provenance.remember(result, receiver, features)
    if method in _FITS and hasattr(type(receiver), "predict"):
        target = call.positional[1] if len(call.positional) > 1 else call.keywords.get("y")
        _remember_fit(receiver, features, target, partial=method == "partial_fit")


def _is_authors(data: Any) -> bool:
    """Tell whether data is of a class of the author's, which may do anything when it is asked."""
    kind = type(data)
    if not callers.is_of_author(kind):
        return False
    return not any(each.__module__.startswith(("pandas.", "numpy")) for each in kind.__mro__)


def _note_files(site: str, arguments: tuple[Any, ...]) -> None:
    """Note the files that are about to be read or written; the first one read may be missing."""
    function = site.partition(":")[0]
    try:
        if function in WRITERS and not (function in READERS and _only_reads(function, arguments)):
            for path in filter(None, map(_written, arguments)):
                on_write(path, function not in CHANGERS)
        if function in READERS:
            for number, value in enumerate(arguments):
                for path in _files(value, missing=number == 0):
                    on_read(path)
    except OSError:
        raise  # what cannot be put back is not overwritten
    except Exception:
        return


def _only_reads(function: str, arguments: tuple[Any, ...]) -> bool:
    """Tell whether what opens a file for either is told to read, or not told and reads then."""
    modes = {each for each in arguments if isinstance(each, str)}
    return "r" in modes or "rb" in modes or (function != "HDFStore" and not modes & _WRITING)


_WRITING = frozenset({"w", "a", "x", "w-", "r+", "wb", "ab", "r+b"})


def _written(value: Any) -> str:
    """Return the file that an argument names, be it there or not; empty for none."""
    if not isinstance(value, (str, os.PathLike)):
        return ""
    scheme, found, rest = os.fsdecode(value).partition("://")
    if found and scheme != "file":
        on_remote()
        return ""
    path = os.path.abspath(unquote(rest) if found else scheme)
    return path if os.path.isdir(os.path.dirname(path)) and not os.path.isdir(path) else ""


def _files(value: Any, *, missing: bool = False) -> Iterator[str]:
    """Yield the files that an argument names: by a path, a pattern, a folder, or several.

    Args:
        value: The argument.
        missing: Yield a path at which nothing is, too.
    """
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from _files(each, missing=missing)
    elif isinstance(value, (str, os.PathLike)):
        text = os.fsdecode(value)
        scheme, found, rest = text.partition("://")
        if found and scheme.isalnum():
            if scheme != "file":
                on_remote()
                return
            text = unquote(rest)
        path = os.path.abspath(text)
        if os.path.isdir(path):
            for folder, _, names in os.walk(path):
                yield from (os.path.join(folder, name) for name in names)
        elif glob.has_magic(path) and not os.path.isfile(path):
            yield from glob.glob(path, recursive=True)
        elif os.path.isfile(path) or missing:
            yield path


def _remember_fit(estimator: Any, features: Any, target: Any, *, partial: bool) -> None:
    key = id(estimator)
    try:
        reference = _reference(estimator)
    except TypeError:
        return
    _fits[key] = Fit(
        estimator=reference,
        features=provenance.frozen(features),
        target=provenance.frozen(target),
        chain=provenance.trace(features),
        cell=_cell,
        order=next(_order),
        partial=partial,
    )


def describe_pending() -> None:
    """Describe the data of the fits since the last cell, and let go of it."""
    from . import facts

    for fit in list(_fits.values()):
        if fit.features is None:
            continue
        estimator = fit.estimator()
        if estimator is not None:
            try:
                fit.description = facts.describe(estimator, fit.features, fit.target, fit.chain)
            except Exception as error:
                fit.problem = f"{type(error).__name__}: {error}"
        fit.features = fit.target = None
        if fit.chain is not None:
            fit.chain.features = None


def export() -> list[tuple[Any, Fit]]:
    """Return what is known of the fits, so that it can travel with the estimators."""
    found = []
    for fit in _fits.values():
        estimator = fit.estimator()
        if estimator is not None:
            found.append((estimator, dataclasses.replace(fit, estimator=None, chain=None)))
    return found


def restore(entries: list[tuple[Any, Fit]]) -> None:
    """Take in what :func:`export` gave in another kernel."""
    global _order
    for estimator, fit in entries:
        fit.estimator = _reference(estimator)
        _fits[id(estimator)] = fit
    last = max((fit.order for _, fit in entries), default=0)
    _order = itertools.count(last + 1)


def _reference(estimator: Any) -> Any:
    key = id(estimator)
    return weakref.ref(estimator, lambda _: _fits.pop(key, None))


def fit_of(estimator: Any) -> Fit | None:
    """Return the last observed fit of ``estimator``."""
    fit = _fits.get(id(estimator))
    return fit if fit is not None and fit.estimator() is estimator else None
