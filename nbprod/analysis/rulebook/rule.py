"""One rule of the rulebook."""

from __future__ import annotations

from dataclasses import dataclass

from nbprod.diagnostics import Severity

ERROR, WARNING, HINT = Severity.ERROR, Severity.WARNING, Severity.HINT


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        code: Its stable name.
        severity: How much a finding matters.
        what: What it finds, one sentence.
        fix: What the author can do, one sentence; empty if nothing is needed.
        why: Why that matters, a few sentences; empty where ``what`` says it all.
        bad: A few lines of code that it finds; empty if it is not about code.
        good: The same, mended.
        binding: It says that nbprod cannot go on, so that nobody can switch it off.
    """

    code: str
    severity: Severity
    what: str
    fix: str
    why: str = ""
    bad: str = ""
    good: str = ""
    binding: bool = False
