"""Recorded runs as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import click

from nbprod.cli.columns import aligned
from nbprod.run.record import RunRecord, RunState, is_number
from nbprod.run.report import hardware, relative, shown
from nbprod.workflows.diff import Difference, DiffResult
from nbprod.workflows.rerun import RerunResult
from nbprod.workflows.runs import RunsResult
from nbprod.workflows.show import ShowResult

COLOURS = {
    RunState.COMPLETED: "green",
    RunState.FAILED: "red",
    RunState.INTERRUPTED: "yellow",
    RunState.RUNNING: "cyan",
}


def describe_runs(result: RunsResult) -> str:
    """Return one line per run, newest first: id, notebook, state, time, metrics."""
    if not result.runs:
        return f"no run is recorded in {result.folder}; record one with: nbprod run NB"
    rows = [
        (
            record.run_id,
            Path(record.notebook).name,
            click.style(record.state.value, fg=COLOURS[record.state]),
            f"{record.seconds:.1f} s",
            ", ".join(f"{name} {shown(value)}" for name, value in [*record.numbers.items()][:3]),
        )
        for record in result.runs
    ]
    lines = aligned(rows)
    if result.left_out:
        lines.append(f"… and {result.left_out} older ones")
    return "\n".join(lines)


def describe_shown(result: ShowResult) -> str:
    """Return all that a record tells, in sections."""
    record = result.record
    state = click.style(record.state.value, fg=COLOURS[record.state])
    lines = [f"run {record.run_id}: {state} in {record.seconds:.1f} s"]
    lines += _facts(record, result)
    if record.failure is not None:
        lines += ["", "failure", f"  {record.failure.message}"]
    secrets = [(name, "(secret)") for name in record.secrets]
    lines += _section("parameters", [*record.literals.items(), *secrets])
    steps = [
        (
            step.name or "(no step)",
            _cells(step.cells),
            f"{step.seconds:.2f} s",
            f"{step.peak_memory / 2**20:.0f} MB" if step.peak_memory else "",
            step.outcome,
        )
        for step in record.steps
    ]
    lines += _section("steps", steps)
    lines += _section("metrics", [(name, shown(value)) for name, value in record.metrics.items()])
    data = [
        (
            relative(file.path, record.working_directory),
            f"{file.size:,} bytes",
            f"sha256 {file.sha256[:12]}",
        )
        for file in record.files_read
    ]
    lines += _section("data files", data)
    written = [(relative(path, record.working_directory),) for path in record.files_written]
    lines += _section("files written", written)
    lines += _section("packages", sorted(record.environment.distributions.items()))
    lines += _section("notes", [(problem,) for problem in record.problems])
    return "\n".join(lines)


def _facts(record: RunRecord, result: ShowResult) -> Iterator[str]:
    started = datetime.fromisoformat(record.started).astimezone()
    rows = [
        ("notebook", f"{record.notebook} (sha256 {record.notebook_digest[:12]})"),
        ("started", f"{started:%Y-%m-%d %H:%M:%S %Z}"),
        ("Python", f"{record.environment.python}, kernel {record.kernel}"),
        ("platform", record.environment.platform),
        ("hardware", hardware(record)),
    ]
    if record.git is not None:
        changes = ", with changes" if record.git.dirty else ""
        rows.append(("git", f"{record.git.commit[:12]}{changes}"))
    if record.isolated:
        rows.append(("isolated", "each step had a kernel of its own"))
    rows.append(("output", record.output))
    if result.report is not None:
        rows.append(("report", str(result.report)))
    yield from ("  " + line for line in aligned(rows))


def _section(title: str, rows: Sequence[Sequence[str]]) -> list[str]:
    return ["", title, *("  " + line for line in aligned(rows))] if rows else []


def _cells(numbers: Sequence[int]) -> str:
    return ("cell " if len(numbers) == 1 else "cells ") + ", ".join(map(str, numbers))


_TITLES = {
    "parameter": "parameters",
    "code": "code",
    "module": "modules",
    "data": "data files",
    "environment": "environment",
    "git": "git",
    "metric": "metrics",
}


def describe_diff(result: DiffResult) -> str:
    """Return what differs between two runs, by kind."""
    lines = [f"{result.one.run_id} → {result.other.run_id}"]
    for kind, title in _TITLES.items():
        found = result.of_kind(kind)
        if kind == "code":
            lines += _code(found)
        else:
            rows = [(each.name, *_change(each)) for each in found]
            lines += _section(title, rows)
    if not result.differences:
        lines.append("no difference in parameters, code, data, environment and metrics")
    return "\n".join(lines)


def _change(found: Difference) -> tuple[str, str]:
    values = [
        "none" if value is None else _short(value, found.kind) for value in (found.one, found.other)
    ]
    change = f"{values[0]} → {values[1]}"
    one, other = found.one, found.other
    step = f"({other - one:+.4g})" if is_number(one) and is_number(other) else ""
    return change, step


def _short(value: object, kind: str) -> str:
    text = shown(value)
    return text[:12] if kind in {"data", "git", "module"} else text


def _code(found: Sequence[Difference]) -> list[str]:
    lines = ["", "code"] if found else []
    for each in found:
        where = f"cell {each.one}" if each.one else "no cell"
        if each.other != each.one:
            where += f" → {f'cell {each.other}' if each.other else 'none'}"
        lines.append(f"  {where}")
        for line in each.lines:
            colour = {"+": "green", "-": "red"}.get(line[:1])
            lines.append("    " + (click.style(line, fg=colour) if colour else line))
    return lines


def describe_rerun(result: RerunResult) -> str:
    """Return whether a repetition gave the same, or what it did not."""
    lines = [f"run {result.again.run_id} repeats {result.first.run_id}"]
    for changed in result.changed:
        how = "gone" if changed.gone else "changed"
        lines.append(f"  {how} since: {changed.name} ({changed.kind})")
    lines += [f"  {name} = {shown(value)}" for name, value in result.again.metrics.items()]
    if not result.results:
        return "\n".join(lines)
    differing = [found for found in result.results if not found.comparison.equal]
    mark = click.style("✗", fg="red")
    for found in differing:
        place = f"step {found.step}: " if found.step else ""
        lines.append(f"{mark} {place}{found.comparison.name}: {found.comparison.detail}")
    count = len(result.results)
    if differing:
        lines.append(f"{len(differing)} of {count} results are not the same")
    else:
        lines.append(click.style("✓", fg="green") + f" all {count} results are the same")
    return "\n".join(lines)
