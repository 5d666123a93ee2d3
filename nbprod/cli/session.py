"""What every verb does around its workflow: show progress, the result, or the error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path
from typing import BinaryIO

import click

from nbprod.cli.annotations import annotate_error
from nbprod.cli.progress import progress_listener
from nbprod.errors import (
    ExitCode,
    InterruptedRunError,
    NbprodError,
    RefusedError,
    SystemFailedError,
    UsageError,
    UserCodeError,
)
from nbprod.events import ErrorEvent, Event, Listener, ResultEvent, event_as_json
from nbprod.run.kernel import withheld
from nbprod.run.secrets import redact_error, redacted_event


class Session:
    """One call of one verb: where its events, its result and its errors go.

    Use it as a context manager through :func:`session`.

    Args:
        as_json: The result is one JSON document on stdout.
        events: File that gets the NDJSON events, ``-`` for stdout.
        quiet: Draw no progress.
        target: What the verb was pointed at.
    """

    def __init__(
        self,
        *,
        as_json: bool,
        events: Path | None,
        quiet: bool,
        target: Path | None,
        stack: ExitStack,
    ) -> None:
        self._target = target
        self._as_json = as_json
        self._stack = stack
        self._events_on_stdout = events is not None and str(events) == "-"
        self._listeners: list[Listener] = []
        if not quiet and not self._events_on_stdout:
            self._listeners.append(stack.enter_context(progress_listener()))
        if events is not None:
            self._listeners.append(stack.enter_context(_ndjson_writer(events)))

    def listen(self, event: Event) -> None:
        """Hand an event to the progress display and to ``--events``."""
        event = redacted_event(event)
        for listener in self._listeners:
            listener(event)

    def finish(self, document: dict[str, object], text: str) -> None:
        """Show the result: ``document`` for machines, or ``text`` for people."""
        document, text = withheld.given.redacted(document), withheld.given.redact(text)
        self.listen(ResultEvent(document))
        self._stack.close()  # the live display goes before anything else is written
        if self._as_json and not self._events_on_stdout:
            click.echo(json.dumps(document, indent=2, allow_nan=False))
        elif not self._events_on_stdout and text:
            click.echo(text)

    def fail(
        self, error: NbprodError, document: dict[str, object] | None = None, text: str = ""
    ) -> None:
        """Show an error where the caller looks for it.

        Args:
            error: The error.
            document: What there is nevertheless, for machines.
            text: The same for people.
        """
        redact_error(error)
        document, text = withheld.given.redacted(document or {}), withheld.given.redact(text)
        self.listen(error_event(error))
        self._stack.close()
        if self._as_json and not self._events_on_stdout:
            document = {**document, **error_document(error)}
            click.echo(json.dumps(document, indent=2, allow_nan=False))
        elif not self._events_on_stdout and text:
            click.echo(text)
        click.echo(describe_error(error), err=True)
        annotate_error(error, self._target)


@contextmanager
def session(
    *,
    as_json: bool = False,
    events: Path | None = None,
    quiet: bool = False,
    target: Path | None = None,
) -> Iterator[Session]:
    """Run a verb's body; an :class:`NbprodError` becomes a message and its exit code.

    Raises:
        click.exceptions.Exit: With the error's exit code.
    """
    try:
        with ExitStack() as stack:
            opened = Session(
                as_json=as_json, events=events, quiet=quiet, target=target, stack=stack
            )
            try:
                yield opened
            except NbprodError as error:
                opened.fail(error)
                raise click.exceptions.Exit(int(error.exit_code)) from None
            except KeyboardInterrupt:
                opened.fail(InterruptedRunError("interrupted"))
                raise click.exceptions.Exit(int(ExitCode.INTERRUPTED)) from None
            except OSError as error:
                opened.fail(_system_error(error))
                raise click.exceptions.Exit(int(ExitCode.SYSTEM_FAILED)) from None
            except (click.exceptions.Exit, click.ClickException):
                raise
            except Exception as error:  # noqa: BLE001 - a door shows no traceback
                opened.fail(_defect(error))
                raise click.exceptions.Exit(int(ExitCode.SYSTEM_FAILED)) from None
    except NbprodError as error:
        # The events file itself could not be opened: there is no session to tell it.
        click.echo(describe_error(error), err=True)
        raise click.exceptions.Exit(int(error.exit_code)) from None


def _system_error(error: OSError) -> SystemFailedError:
    """Say what the operating system refused."""
    place = f" {error.filename}" if error.filename else ""
    return SystemFailedError(
        f"the system refused{place}: {error.strerror or error}",
        fix="check free space and permissions there",
    )


def _defect(error: Exception) -> SystemFailedError:
    """Keep the traceback of a defect of ours in a file, out of the user's sight."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="nbprod-defect-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(withheld.given.redact("".join(traceback.format_exception(error))))
    return SystemFailedError(
        f"nbprod itself failed: {type(error).__name__}: {error}",
        fix=f"this is a defect; please report it with the traceback in {file.name}",
    )


def error_event(error: NbprodError) -> ErrorEvent:
    """Turn an error into the event that a panel shows."""
    diagnostics: tuple[dict[str, object], ...] = ()
    if isinstance(error, RefusedError):
        diagnostics = tuple(found.as_json() for found in error.diagnostics)
    user = error if isinstance(error, UserCodeError) else None
    return ErrorEvent(
        message=error.message,
        exit_code=int(error.exit_code),
        fix=error.fix,
        cell=error.where.cell if error.where else 0,
        line=error.where.line if error.where else 0,
        step=user.step if user else "",
        first_line=user.first_line if user else "",
        exception=user.exception if user else "",
        traceback=user.traceback if user else "",
        diagnostics=diagnostics,
    )


def error_document(error: NbprodError) -> dict[str, object]:
    """Return an error as the one document that ``--json`` prints."""
    document = event_as_json(error_event(error), 0)
    for name in ("event", "seq"):
        del document[name]
    return {"error": document}


def describe_error(error: NbprodError) -> str:
    """Return an error as people read it: what, where, why, what to do."""
    lines = [click.style("error: ", fg="red", bold=True) + error.message]
    if error.where is not None:
        lines.append(f"  where: {error.where}")
    if isinstance(error, UserCodeError):
        if error.step:
            lines.append(f"  step: {error.step}")
        if error.first_line:
            lines.append(f"  first line: {error.first_line}")
        if error.traceback:
            lines.extend(f"  | {line}" for line in error.traceback.rstrip().splitlines())
        elif error.exception:
            lines.append(f"  exception: {error.exception}")
    if isinstance(error, RefusedError):
        from nbprod.cli.diagnostics import describe_diagnostics

        lines.append(describe_diagnostics(error.diagnostics))
    if error.fix:
        lines.append(f"  fix: {error.fix}")
    return "\n".join(lines)


@contextmanager
def _ndjson_writer(target: Path) -> Iterator[Listener]:
    """Open ``--events`` and yield the listener that writes to it."""
    sequence = 0
    with ExitStack() as stack:
        if str(target) == "-":
            stream: BinaryIO | FileIO = sys.stdout.buffer
        else:
            try:
                stream = stack.enter_context(target.open("wb", buffering=0))
            except OSError as error:
                misnamed = isinstance(
                    error, FileNotFoundError | NotADirectoryError | IsADirectoryError
                )
                raise (UsageError if misnamed else SystemFailedError)(
                    f"cannot write events to {target}: {error.strerror}",
                    fix="name a file in a folder that you may write to",
                ) from error

        gone = False

        def write(event: Event) -> None:
            nonlocal sequence, gone
            sequence += 1
            if gone:
                return
            try:
                line = json.dumps(event_as_json(event, sequence), default=str) + "\n"
                stream.write(line.encode())
                stream.flush()
            except OSError as error:
                # Whoever watched has left, or the disk is full: the work goes on to its end.
                gone = True
                if str(target) == "-":
                    sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
                click.echo(f"no more events: {error.strerror or error}", err=True)

        yield write
