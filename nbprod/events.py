"""Progress as data: what a long command tells while it works.

A workflow takes a :data:`Listener` and calls it with these; the CLI draws them
(bars on a terminal, lines in CI) or writes them as NDJSON for ``--events``,
which is what the Jupyter server reads. Sequence numbers are the writer's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class StageState(StrEnum):
    """Where a stage of a command stands."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class PlanEvent:
    """The stages a command will go through, in order: (name, title) pairs."""

    stages: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class StageEvent:
    """A stage starts or ends. ``detail`` is one short line for people."""

    stage: str
    state: StageState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """Work done within a stage: ``done`` of ``total`` units, such as cells."""

    stage: str
    done: int
    total: int
    unit: str = "cell"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LogEvent:
    """A line worth reading. ``level`` is ``info``, ``notice`` or ``warning``."""

    text: str
    level: str = "info"


@dataclass(frozen=True, slots=True)
class ResultEvent:
    """The command succeeded; ``result`` is its ``--json`` document."""

    result: dict[str, object]


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """The command failed, with all that a panel needs to show why and where."""

    message: str
    exit_code: int
    fix: str = ""
    cell: int = 0
    line: int = 0
    step: str = ""
    first_line: str = ""
    exception: str = ""
    traceback: str = ""
    diagnostics: tuple[dict[str, object], ...] = field(default=())


Event = PlanEvent | StageEvent | ProgressEvent | LogEvent | ResultEvent | ErrorEvent
Listener = Callable[[Event], None]

_NAMES: dict[type, str] = {
    PlanEvent: "plan",
    StageEvent: "stage",
    ProgressEvent: "progress",
    LogEvent: "log",
    ResultEvent: "result",
    ErrorEvent: "error",
}


def event_as_json(event: Event, sequence: int) -> dict[str, object]:
    """Return the NDJSON document of ``event``: ``event`` names its kind, ``seq`` its order."""
    document: dict[str, object] = {"event": _NAMES[type(event)], "seq": sequence}
    for name in event.__dataclass_fields__:
        document[name] = getattr(event, name)
    return document


def ignore_events(event: Event) -> None:
    """Listen to nothing: the default listener of the Python API."""
