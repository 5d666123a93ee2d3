"""Progress for people: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from nbprod.events import (
    ErrorEvent,
    Event,
    Listener,
    LogEvent,
    PlanEvent,
    ProgressEvent,
    StageEvent,
    StageState,
)

MARKS = {
    StageState.DONE: ("✓", "green"),
    StageState.FAILED: ("✗", "red"),
    StageState.CANCELLED: ("✗", "yellow"),
    StageState.SKIPPED: ("-", "bright_black"),
}


@contextmanager
def progress_listener() -> Iterator[Listener]:
    """Yield the listener that suits stderr: a live display, or plain lines in CI."""
    if sys.stderr.isatty():
        with _live() as listener:
            yield listener
    else:
        yield PlainLines().listen


class Titles:
    """Stage titles and clocks, as the plan event announces them."""

    def __init__(self) -> None:
        self._titles: dict[str, str] = {}
        self._started: dict[str, float] = {}

    def plan(self, event: PlanEvent) -> None:
        """Remember the titles."""
        self._titles = dict(event.stages)

    def title(self, stage: str) -> str:
        """Return the title of a stage, or its name."""
        return self._titles.get(stage, stage)

    def start(self, stage: str) -> None:
        """Start a stage's clock."""
        self._started[stage] = time.monotonic()

    def elapsed(self, stage: str) -> str:
        """Return the time since a stage started, such as ``3.2 s``."""
        began = self._started.get(stage)
        return "" if began is None else f"{time.monotonic() - began:.1f} s"


class PlainLines:
    """One line per thing that happened; what a CI log wants."""

    def __init__(self) -> None:
        self._titles = Titles()
        self._shown = ("", 0)

    def listen(self, event: Event) -> None:
        """Print one line for an event that people care about."""
        match event:
            case PlanEvent():
                self._titles.plan(event)
            case StageEvent(state=StageState.STARTED):
                self._titles.start(event.stage)
                self._say(f"{self._titles.title(event.stage)} …")
            case StageEvent():
                title = self._titles.title(event.stage)
                rest = ", ".join(
                    part for part in (event.detail, self._titles.elapsed(event.stage)) if part
                )
                stopped = event.state is StageState.CANCELLED
                state = "interrupted" if stopped else event.state.value
                self._say(f"{title}: {state}" + (f" ({rest})" if rest else ""))
            case ProgressEvent():
                if not event.done or self._shown == (event.stage, event.done):
                    return
                self._shown = (event.stage, event.done)
                detail = f" · {event.detail}" if event.detail else ""
                self._say(f"  {event.unit} {event.done} of {event.total}{detail}")
            case LogEvent():
                self._say(event.text if event.level == "info" else f"{event.level}: {event.text}")

    @staticmethod
    def _say(line: str) -> None:
        click.echo(line, err=True)


@contextmanager
def _live() -> Iterator[Listener]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
    )

    titles = Titles()
    tasks: dict[str, TaskID] = {}
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:

        def listen(event: Event) -> None:
            match event:
                case PlanEvent():
                    titles.plan(event)
                case StageEvent(state=StageState.STARTED):
                    titles.start(event.stage)
                    tasks[event.stage] = bars.add_task(
                        titles.title(event.stage), total=None, note=event.detail
                    )
                case StageEvent():
                    if event.stage in tasks:
                        bars.remove_task(tasks.pop(event.stage))
                    mark, colour = MARKS[event.state]
                    detail = f"  [dim]{_plain(event.detail)}[/dim]" if event.detail else ""
                    clock = titles.elapsed(event.stage)
                    bars.console.print(
                        f"[{colour}]{mark}[/{colour}] {titles.title(event.stage)}{detail}"
                        f"  [dim]{clock}[/dim]",
                        highlight=False,
                    )
                case ProgressEvent() if event.stage in tasks:
                    note = f"{event.unit} {event.done} of {event.total} {event.detail}"
                    bars.update(
                        tasks[event.stage],
                        completed=event.done,
                        total=event.total,
                        note=_plain(note.strip()),
                    )
                case LogEvent():
                    colour = "yellow" if event.level == "warning" else "dim"
                    bars.console.print(
                        f"[{colour}]{_plain(event.text)}[/{colour}]", highlight=False
                    )
                case ErrorEvent():
                    for stage in list(tasks):
                        bars.remove_task(tasks.pop(stage))

        yield listen


def _plain(text: str) -> str:
    """Keep rich from reading markup in text that came from a notebook."""
    from rich.markup import escape

    return escape(text)
