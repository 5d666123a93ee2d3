"""What a notebook set up for logging: levels, and handlers that write to streams and files."""

from __future__ import annotations

import logging
import sys
from typing import Any

_Handlers = tuple[logging.Handler, ...]
_start: dict[str, tuple[int, bool, _Handlers]] = {}


def note_start() -> None:
    """Note how logging is set up before the first cell."""
    _start.update(
        {name: (each.level, each.propagate, tuple(each.handlers)) for name, each in _loggers()}
    )


def _loggers() -> list[tuple[str, logging.Logger]]:
    found: list[tuple[str, logging.Logger]] = [("", logging.getLogger())]
    for name, each in list(logging.root.manager.loggerDict.items()):
        if isinstance(each, logging.Logger):
            found.append((name, each))
    return found


def snapshot() -> dict[str, Any]:
    """Return what is set up otherwise than at the start.

    Returns:
        ``{"loggers": {name: (level, propagate, [handler, ...])}, "unknown": [text, ...]}``.
    """
    found: dict[str, Any] = {}
    unknown: list[str] = []
    for name, each in _loggers():
        level, propagate, before = _start.get(name, (logging.NOTSET, True, ()))
        handlers = []
        for handler in (one for one in each.handlers if one not in before):
            described = _described(handler)
            if described is None:
                unknown.append(f"a {type(handler).__name__} of the logger {name or 'root'}")
            else:
                handlers.append(described)
        if handlers or (each.level, each.propagate) != (level, propagate):
            found[name] = (each.level, each.propagate, handlers)
    return {"loggers": found, "unknown": unknown}


def _described(handler: logging.Handler) -> dict[str, Any] | None:
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
    return None


def restore(state: dict[str, Any]) -> None:
    """Set logging up as :func:`snapshot` found it in another process."""
    for name, (level, propagate, handlers) in state["loggers"].items():
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.propagate = propagate
        for described in handlers:
            handler = _made(described)
            handler.setLevel(described["level"])
            handler.setFormatter(described["formatter"])
            logger.addHandler(handler)


def _made(described: dict[str, Any]) -> logging.Handler:
    if described["kind"] == "stream":
        return logging.StreamHandler(getattr(sys, described["stream"]))
    if described["kind"] == "file":
        # Never anew: what earlier steps have written stays.
        return logging.FileHandler(described["path"], "a", described["encoding"])
    return logging.NullHandler()
