"""What cannot go on: every exception that nbprod raises on purpose.

The exit codes are the command line's contract. A door (CLI, server, exporter)
catches :class:`NbprodError`, shows ``message``, ``where`` and ``fix``, and never
a traceback: a traceback means a defect in nbprod.
"""

from __future__ import annotations

from enum import IntEnum

from nbprod.diagnostics import Diagnostic
from nbprod.origin import Origin


class ExitCode(IntEnum):
    """Exit codes of every ``nbprod`` command."""

    DONE = 0
    USER_CODE_FAILED = 1
    USAGE = 2
    RESULTS_DIFFER = 3
    SYSTEM_FAILED = 4
    INTERRUPTED = 130


class NbprodError(Exception):
    """Base of all errors that a user may meet.

    Args:
        message: What happened, one sentence without a trailing traceback.
        where: The place in the notebook, if there is one.
        fix: What the user can do about it.
    """

    exit_code = ExitCode.SYSTEM_FAILED

    def __init__(self, message: str, *, where: Origin | None = None, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.fix = fix


class UsageError(NbprodError):
    """Wrong input or usage: not a notebook, unknown parameter, port in use."""

    exit_code = ExitCode.USAGE


class RefusedError(UsageError):
    """The notebook has findings that stop what was asked.

    Args:
        message: One sentence that sums up.
        diagnostics: All findings, errors among them.
    """

    def __init__(
        self,
        message: str,
        *,
        diagnostics: tuple[Diagnostic, ...],
        where: Origin | None = None,
        fix: str = "",
    ) -> None:
        super().__init__(message, where=where, fix=fix)
        self.diagnostics = diagnostics


class UserCodeError(NbprodError):
    """The notebook's own code failed, or its kernel died or ran out of time.

    Args:
        message: One sentence.
        step: Name of the step that the failing cell belongs to.
        first_line: First line of the failing cell's source.
        exception: Type and text of the exception, as Python prints its last line.
        traceback: The user's part of the traceback, plain text without colours.
    """

    exit_code = ExitCode.USER_CODE_FAILED

    def __init__(
        self,
        message: str,
        *,
        where: Origin | None = None,
        fix: str = "",
        step: str = "",
        first_line: str = "",
        exception: str = "",
        traceback: str = "",
    ) -> None:
        super().__init__(message, where=where, fix=fix)
        self.step = step
        self.first_line = first_line
        self.exception = exception
        self.traceback = traceback


class ResultsDifferError(NbprodError):
    """Two results that must agree do not: pipeline and notebook, or service and model."""

    exit_code = ExitCode.RESULTS_DIFFER


class GateError(NbprodError):
    """The run completed, but its metrics do not meet what was required."""

    exit_code = ExitCode.USER_CODE_FAILED


class SystemFailedError(NbprodError):
    """Disk, service, store or cluster failed; the notebook is not to blame."""

    exit_code = ExitCode.SYSTEM_FAILED


class InterruptedRunError(NbprodError):
    """The user stopped it (Ctrl-C, SIGTERM, a closed terminal)."""

    exit_code = ExitCode.INTERRUPTED
