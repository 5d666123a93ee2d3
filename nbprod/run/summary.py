"""A run as a page of Markdown, for a pull request or a job's summary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nbprod.errors import NbprodError
from nbprod.run.gate import GateOutcome
from nbprod.run.record import RunRecord, is_number
from nbprod.run.report import plain, shown, table


def markdown_summary(
    record: RunRecord,
    last: RunRecord | None = None,
    gates: tuple[GateOutcome, ...] = (),
    error: NbprodError | None = None,
) -> str:
    """Return the summary of a run.

    Args:
        record: The run.
        last: The completed run before it, to compare metrics with.
        gates: Gates and their outcomes.
        error: Why it failed; ``None`` if it did not.
    """
    return "\n".join(_lines(record, last, gates, error)) + "\n"


def _lines(
    record: RunRecord,
    last: RunRecord | None,
    gates: tuple[GateOutcome, ...],
    error: NbprodError | None,
) -> Iterator[str]:
    met = all(outcome.met for outcome in gates)
    mark = "✅" if error is None and met else "❌"
    yield f"## {mark} {plain(Path(record.notebook).name)}"
    yield ""
    yield f"run `{record.run_id}`, {record.state.value} in {record.seconds:.1f} s"
    yield ""
    if error is not None:
        yield f"**{plain(error.message)}**"
        if error.where is not None:
            yield f"at {plain(str(error.where))}"
        yield ""
    yield from _metrics(record, last)
    outcomes = [
        ("✅" if outcome.met else "❌", str(outcome.gate), outcome.found) for outcome in gates
    ]
    yield from table("", ("", "required", "found"), outcomes)
    steps = [
        (step.name or "(no step)", f"{step.seconds:.2f} s", step.outcome) for step in record.steps
    ]
    yield from table("", ("step", "time", "state"), steps)
    yield from table("", ("parameter", "value"), record.literals.items())


def _metrics(record: RunRecord, last: RunRecord | None) -> Iterator[str]:
    if last is None:
        yield from table("", ("metric", "value"), record.metrics.items())
        return
    rows = [
        (name, value, last.metrics.get(name, ""), _change(value, last.metrics.get(name)))
        for name, value in record.metrics.items()
    ]
    yield from table("", ("metric", "value", f"last run ({last.run_id})", "change"), rows)


def _change(now: object, before: object) -> str:
    if now == before:
        return ""
    if not is_number(now) or not is_number(before):
        return "changed"
    return ("+" if now > before else "") + shown(float(now - before))
