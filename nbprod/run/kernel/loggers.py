"""What a notebook set up for logging: levels, and handlers that write to streams and files."""

from __future__ import annotations

import functools
import io
import logging
import sys
from typing import Any

from . import filters

_Handlers = tuple[logging.Handler, ...]
_start: dict[str, tuple[int, bool, _Handlers]] = {}
_quiet: set[str] = set()
"""Names of the loggers that were given a handler which does nothing by importing a library."""


def note_start() -> None:
    """Note how logging is set up before the first cell, and from now on what imports add."""
    _start.update(
        {name: (each.level, each.propagate, tuple(each.handlers)) for name, each in _loggers()}
    )
    add = logging.Logger.addHandler
    if add.__module__ == __name__:
        return

    @functools.wraps(add, assigned=("__name__", "__qualname__", "__doc__"))
    def noted(self: logging.Logger, hdlr: logging.Handler) -> None:
        add(self, hdlr)
        if type(hdlr) is logging.NullHandler and filters.is_by_import(sys._getframe(1)):
            _quiet.add(self.name)

    logging.Logger.addHandler = noted  # type: ignore[method-assign]


def _loggers() -> list[tuple[str, logging.Logger]]:
    found: list[tuple[str, logging.Logger]] = [("", logging.getLogger())]
    for name, each in list(logging.root.manager.loggerDict.items()):
        if isinstance(each, logging.Logger):
            found.append((name, each))
    return found


def snapshot() -> dict[str, Any]:
    """Return what is set up otherwise than at the start.

    Returns:
        ``{"loggers": {name: (level, propagate, [handler, ...])}, "unknown": [text, ...],
        "quiet": [name, ...]}``; the quiet ones are as importing libraries left them.
    """
    found: dict[str, Any] = {}
    unknown: list[str] = []
    for name, each in _loggers():
        level, propagate, before = _start.get(name, (logging.NOTSET, True, ()))
        handlers = []
        for handler in _without_doubles([one for one in each.handlers if one not in before]):
            described = _described(handler)
            if described is None:
                unknown.append(f"a {type(handler).__name__} of the logger {name or 'root'}")
            else:
                handlers.append(described)
        if handlers or (each.level, each.propagate) != (level, propagate):
            found[name] = (each.level, each.propagate, handlers)
    return {"loggers": found, "unknown": unknown, "quiet": sorted(_quiet)}


def _without_doubles(handlers: list[logging.Handler]) -> list[logging.Handler]:
    """Leave out what does nothing beside another that does nothing.

    Libraries add one when they are imported, and what is restored may have had it already.
    """
    nothing = [each for each in handlers if type(each) is logging.NullHandler]
    return [each for each in handlers if each not in nothing[1:]]


def _described(handler: logging.Handler) -> dict[str, Any] | None:
    made = description(handler)
    # The object itself, so that a variable that holds it goes on holding the logger's own.
    return None if made is None else {**made, "handler": handler}


def description(handler: Any) -> dict[str, Any] | None:
    """Return what it takes to make a handler again, ``None`` if that cannot be done."""
    common = {"level": handler.level, "formatter": handler.formatter}
    if handler.filters:
        return None
    if type(handler) is logging.NullHandler:
        return {"kind": "null", **common}
    if type(handler) is logging.FileHandler:
        return {
            "kind": "file",
            "path": handler.baseFilename,
            "encoding": handler.encoding,
            **common,
        }
    if type(handler) is logging.StreamHandler:
        for name in ("stdout", "stderr"):
            if handler.stream is getattr(sys, name):
                return {"kind": "stream", "stream": name, **common}
        if type(handler.stream) is io.StringIO:
            return {"kind": "text", "stream": handler.stream, **common}
    return None


def without_objects(state: dict[str, Any]) -> dict[str, Any]:
    """Return what :func:`snapshot` found without the handlers themselves, which hold locks."""
    return {
        **state,
        "loggers": {
            name: (level, propagate, [{**each, "handler": None} for each in handlers])
            for name, (level, propagate, handlers) in sorted(state["loggers"].items())
        },
    }


def reduce(value: Any) -> Any:
    """Return what a pickler's ``reducer_override`` returns for a handler, ``None`` for others."""
    if not isinstance(value, logging.Handler):
        return None
    described = description(value)
    return None if described is None else (made, (described,))


def restore(state: dict[str, Any]) -> None:
    """Set logging up as :func:`snapshot` found it in another process."""
    _quiet.update(state.get("quiet", ()))
    for name, (level, propagate, handlers) in state["loggers"].items():
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.propagate = propagate
        has_nothing = any(type(each) is logging.NullHandler for each in logger.handlers)
        for described in handlers:
            if not (has_nothing and described["kind"] == "null"):
                logger.addHandler(described["handler"])


def made(described: dict[str, Any]) -> logging.Handler:
    """Return a handler of a description; pickled artifacts call this by name."""
    handler: logging.Handler
    if described["kind"] == "stream":
        handler = logging.StreamHandler(getattr(sys, described["stream"]))
    elif described["kind"] == "text":
        handler = logging.StreamHandler(described["stream"])
    elif described["kind"] == "file":
        # Never anew: what earlier steps have written stays. Opened when something is logged.
        path, encoding = described["path"], described["encoding"]
        handler = logging.FileHandler(path, "a", encoding, delay=True)
    else:
        handler = logging.NullHandler()
    handler.setLevel(described["level"])
    handler.setFormatter(described["formatter"])
    return handler
