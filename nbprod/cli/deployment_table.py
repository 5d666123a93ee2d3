"""Deployments as people read them."""

from __future__ import annotations

from pathlib import Path

import click

from nbprod.deploy.deployment import DeploymentState
from nbprod.workflows.services import StatusResult

COLOURS = {
    DeploymentState.RUNNING: "green",
    DeploymentState.STARTING: "yellow",
    DeploymentState.FAILED: "red",
    DeploymentState.STOPPED: "bright_black",
}


def describe_deployments(result: StatusResult) -> str:
    """Return one line per deployment: name, version, state, URL, notebook."""
    if not result.deployments:
        return "nothing is deployed; deploy a notebook with: nbprod deploy NB"
    rows = [
        (
            found.name,
            found.version,
            found.state,
            "" if found.state is DeploymentState.STOPPED else found.url,
            Path(found.notebook).name if found.notebook else "",
        )
        for found in result.deployments
    ]
    widths = [max(len(str(row[column])) for row in rows) for column in range(4)]
    lines = []
    for name, version, state, url, notebook in rows:
        shown = click.style(f"{state.value:<{widths[2]}}", fg=COLOURS[state])
        lines.append(
            f"{name:<{widths[0]}}  {version:<{widths[1]}}  {shown}  {url:<{widths[3]}}  {notebook}"
        )
    return "\n".join(line.rstrip() for line in lines)
