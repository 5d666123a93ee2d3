"""A finished run as people read it."""

from __future__ import annotations

from nbprod.cli.columns import aligned
from nbprod.run.record import StepRecord
from nbprod.workflows.run import RunResult
from nbprod.workflows.sweep import SweepResult


def describe_run(result: RunResult) -> str:
    """Return the run's id, its steps with times, its metrics, and where all of it lies."""
    record = result.record
    lines = [f"run {record.run_id}: {record.state.value} in {record.seconds:.1f} s"]
    width = max((len(step.name) for step in record.steps), default=0)
    lines.extend(f"  {step.name:<{width}}  {_took(step)}" for step in record.steps if step.name)
    lines.extend(f"  {name} = {value}" for name, value in record.metrics.items())
    lines.extend(f"  note: {problem}" for problem in record.problems)
    lines.extend(f"  required {outcome}" for outcome in result.gates)
    for step, names in result.unchanged.items():
        listed = ", ".join(f"`{name}`" for name in names)
        lines.append(f"  hint: step {step} might change {listed}, and did not; note it: nbprod tag")
    lines.append(f"  output: {record.output}")
    if result.report is not None:
        lines.append(f"  report: {result.report}")
    return "\n".join(lines)


def _took(step: StepRecord) -> str:
    return f"{'unchanged':>8}" if step.cached else f"{step.seconds:6.1f} s"


def describe_sweep(result: SweepResult) -> str:
    """Return a table of all combinations: varied parameters, metrics, time, state, run."""
    varied, metrics = result.columns
    return "\n".join(aligned([(*varied, *metrics, "time", "state", "run"), *result.rows()]))
