"""What is known of one deploy: the events it told, folded into one document."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

LOG_LINES = 200

Clock = Callable[[], float]


class RunPhase(StrEnum):
    """Where a run as a whole stands."""

    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(slots=True)
class StageRecord:
    """A stage as the panel shows it; ``state`` is a StageState or ``pending``."""

    name: str
    title: str
    state: str = "pending"
    detail: str = ""
    progress: dict[str, object] | None = None
    started: float | None = None
    ended: float | None = None

    def as_json(self, now: float) -> dict[str, object]:
        """Return the stage's part of the snapshot."""
        elapsed = None if self.started is None else (self.ended or now) - self.started
        return {
            "name": self.name,
            "title": self.title,
            "state": self.state,
            "detail": self.detail,
            "progress": self.progress,
            "elapsed": elapsed,
        }


@dataclass
class RunState:
    """One run, changed by events only; every change raises ``seq``.

    Attributes:
        id: The run's id in this server.
        path: The notebook as the browser names it.
        clock: Monotonic seconds; replaced in tests.
        seq: Number of changes so far; a reader keeps the snapshot with the highest.
        phase: Where the run stands.
        result: The result document of ``nbprod deploy``, once it succeeded.
        error: The error event's fields, once it failed.
    """

    id: str
    path: str
    clock: Clock = time.monotonic
    seq: int = 1
    phase: RunPhase = RunPhase.RUNNING
    result: dict[str, object] | None = None
    error: dict[str, object] | None = None
    started_at: float = field(default_factory=time.time)
    _stages: dict[str, StageRecord] = field(default_factory=dict)
    _log: deque[dict[str, object]] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    _began: float = field(init=False)
    _ended: float | None = None

    def __post_init__(self) -> None:
        self._began = self.clock()

    @property
    def finished(self) -> bool:
        """Whether nothing more will change."""
        return self._ended is not None

    def apply(self, event: Mapping[str, object]) -> None:
        """Take in one event document; an unknown kind or a broken one changes nothing."""
        if self.finished:
            return
        match event:
            case {"event": "plan", "stages": list(stages)}:
                self._plan(stages)
            case {"event": "stage", "stage": str(name), "state": str(state)}:
                self._stage(name, state, str(event.get("detail", "")))
            case {"event": "progress", "stage": str(name), "done": int(), "total": int()}:
                known = ("done", "total", "unit", "detail")
                self._record(name).progress = {key: event.get(key, "") for key in known}
            case {"event": "log", "text": str(text)}:
                self.log(text, str(event.get("level", "info")))
                return
            case {"event": "result", "result": dict(result)}:
                self.result = result
            case {"event": "error", "message": str()}:
                self.error = {key: event[key] for key in event if key not in ("event", "seq")}
            case _:
                return
        self.seq += 1

    def log(self, text: str, level: str = "info") -> None:
        """Add a line to the log's tail."""
        self._log.append({"text": text, "level": level})
        self.seq += 1

    def cancel(self) -> None:
        """Note that the user asked to stop it."""
        if not self.finished:
            self.phase = RunPhase.CANCELLING
            self.seq += 1

    def end(self, phase: RunPhase, error: dict[str, object] | None = None) -> None:
        """Close the run; a stage that was under way ends with it."""
        self.phase = phase
        self.error = error if error is not None else self.error
        self._ended = self.clock()
        for stage in self._stages.values():
            if stage.state == "started":
                stage.state = "cancelled" if phase is RunPhase.CANCELLED else "failed"
                stage.ended = self._ended
        self.seq += 1

    def as_json(self) -> dict[str, object]:
        """Return the snapshot: everything that the panel shows."""
        now = self.clock()
        return {
            "id": self.id,
            "path": self.path,
            "phase": self.phase.value,
            "seq": self.seq,
            "started_at": self.started_at,
            "elapsed": (self._ended or now) - self._began,
            "stages": [stage.as_json(now) for stage in self._stages.values()],
            "log": list(self._log),
            "result": self.result,
            "error": self.error,
        }

    def _plan(self, stages: list[object]) -> None:
        for stage in stages:
            match stage:
                case [str(name), str(title)]:
                    self._record(name).title = title

    def _stage(self, name: str, state: str, detail: str) -> None:
        record = self._record(name)
        record.state = state
        record.detail = detail
        now = self.clock()
        if state == "started":
            record.started = now
        elif record.started is not None:
            record.ended = now

    def _record(self, name: str) -> StageRecord:
        return self._stages.setdefault(name, StageRecord(name, name))
