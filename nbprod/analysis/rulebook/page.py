"""The rulebook as text: one rule for the terminal, all of them for the documentation."""

from __future__ import annotations

from collections.abc import Iterable

from nbprod.analysis.rulebook.rule import Rule
from nbprod.diagnostics import Severity

_MEANING = {
    Severity.ERROR: "stops a deploy",
    Severity.WARNING: "stops a deploy with `--strict`",
    Severity.HINT: "for information",
}
_HEAD = """\
# Rules

What `nbprod check` finds in a notebook. An **error** stops `convert`, `run`, `verify`, `build` and
`deploy` with exit code 2. A **warning** does so with `--strict`. A **hint** never does.

## Switching a rule off

* in a line: end it with the comment `# nbprod: ignore[CODE]` (several: `ignore[CODE, CODE]`);
* in a cell: put that comment on a line of its own, or list the codes in the cell's metadata,
  `{"nbprod": {"ignore": ["CODE"]}}`, or tag the cell `ignore:CODE`;
* in a notebook: list the codes in the notebook's metadata, `{"nbprod": {"ignore": ["CODE"]}}`.

Rules marked *binding* say that nbprod cannot go on; they cannot be switched off.

This page is written by `make rules`; `nbprod check --explain CODE` prints its sections.
"""


def rule_text(rule: Rule) -> str:
    """Return everything that is known about ``rule``, as Markdown."""
    binding = ", binding" if rule.binding else ""
    parts = [
        f"## {rule.code}",
        f"*{rule.severity.value}{binding}: {_MEANING[rule.severity]}*",
        rule.what,
    ]
    if rule.why:
        parts.append(rule.why)
    if rule.bad:
        parts.append(f"```python\n{rule.bad}\n```")
    if rule.good:
        parts.append(f"Better:\n\n```python\n{rule.good}\n```")
    if rule.fix:
        parts.append(f"**Fix:** {rule.fix}")
    return "\n\n".join(parts) + "\n"


def rules_page(rules: Iterable[Rule]) -> str:
    """Return the documentation of all ``rules`` as one page of Markdown."""
    listed = list(rules)
    table = ["| rule | severity | what it finds |", "|---|---|---|"]
    table += [
        f"| [{rule.code}](#{rule.code}) | {rule.severity.value} | {rule.what} |" for rule in listed
    ]
    return "\n".join([_HEAD, *table, "", *(rule_text(rule) for rule in listed)])
