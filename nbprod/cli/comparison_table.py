"""The comparison of pipeline and notebook as people read it."""

from __future__ import annotations

import click

from nbprod.run.replay import StepReplay
from nbprod.workflows.verify import VerifyResult


def describe_verification(result: VerifyResult) -> str:
    """Return one line per step, the differences below it, and the verdict."""
    width = max((len(found.step) for found in result.steps), default=0)
    lines = [line for found in result.steps for line in _describe(found, width)]
    if result.equivalent:
        lines.append(
            f"the pipeline computes what the notebook computes (run {result.record.run_id})"
        )
    else:
        first = next(found.step for found in result.steps if not found.equal)
        lines.append(f"the pipeline differs from the notebook, first in step {first}")
    return "\n".join(lines)


def _describe(found: StepReplay, width: int) -> list[str]:
    mark = click.style("✓", fg="green") if found.equal else click.style("✗", fg="red")
    names = ", ".join(output.name for output in found.outputs if output.equal)
    lines = [f"{mark} {found.step:<{width}}  {found.seconds:6.2f} s  {names}"]
    if found.error is not None:
        place = f"{found.error.where}: " if found.error.where else ""
        lines.append(f"    failed: {place}{found.error.message}")
    lines.extend(
        f"    {output.name}: {output.detail}" for output in found.outputs if not output.equal
    )
    return lines
