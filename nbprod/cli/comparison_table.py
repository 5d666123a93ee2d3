"""The comparison of notebook, pipeline and service as people read it."""

from __future__ import annotations

from collections import Counter

import click

from nbprod.counting import counted
from nbprod.run.replay import OutputComparison, StepReplay
from nbprod.workflows.verify import VerifyResult

_COUNTED = {"figure": "figure", "file": "file"}


def describe_verification(result: VerifyResult) -> str:
    """Return one line per step, the differences below it, the service, and the verdict."""
    width = max((len(found.step) for found in result.steps), default=0)
    lines = [line for found in result.steps for line in _describe(found, width)]
    lines.append(_describe_service(result))
    if result.proof.unstable:
        names = ", ".join(f"{each.name} ({each.step})" for each in result.proof.unstable)
        lines.append(f"unstable in the notebook itself, whoever runs it: {names}")
    first = result.proof.first
    if result.equivalent:
        what = "pipeline and service compute" if result.service.equal else "the pipeline computes"
        lines.append(f"{what} what the notebook computes (run {result.record.run_id})")
    elif first is None:
        lines.append("the service answers differently from the notebook's model")
    else:
        step, output = first
        where = f", {output.name}" if output else ""
        lines.append(f"the pipeline differs from the notebook, first in step {step.step}{where}")
        reason = output.reason if output else step.error.reason if step.error else ""
        lines.append(f"likely reason: {reason}")
    return "\n".join(lines)


def _describe(found: StepReplay, width: int) -> list[str]:
    mark = click.style("✓", fg="green") if found.equal else click.style("✗", fg="red")
    took = "unchanged" if found.cached else f"{found.seconds:7.2f} s"
    lines = [f"{mark} {found.step:<{width}}  {took}  {_equal_parts(found.outputs)}"]
    if found.error is not None:
        place = f"{found.error.where}: " if found.error.where else ""
        lines.append(f"    failed: {place}{found.error.message}")
    for output in found.outputs:
        if output.unstable:
            lines.append(f"    ~ {output.name} is unstable: {output.reason} ({output.detail})")
        elif not output.equal:
            lines.append(f"    {output.name}: {output.detail}")
    return lines


def _equal_parts(outputs: tuple[OutputComparison, ...]) -> str:
    """Name what is equal; figures and files are counted."""
    equal = [output for output in outputs if output.equal]
    names = [output.name for output in equal if output.kind not in _COUNTED]
    counts = Counter(output.kind for output in equal if output.kind in _COUNTED)
    names += [
        f"{count} {_COUNTED[kind]}{'s' if count > 1 else ''}" for kind, count in counts.items()
    ]
    return ", ".join(names)


def _describe_service(result: VerifyResult) -> str:
    service = result.service
    if service.equal is None:
        return f"- service: {service.detail}"
    if service.equal:
        mark = click.style("✓", fg="green")
        rows = f"{counted(service.checked_rows, 'answer')} equal to the notebook's"
        return f"{mark} service of `{service.model}`: {rows}"
    return f"{click.style('✗', fg='red')} service of `{service.model}`: {service.detail}"
