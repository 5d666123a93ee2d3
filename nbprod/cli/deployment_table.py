"""Deployments as people read them."""

from __future__ import annotations

from pathlib import Path

import click

from nbprod.cli.columns import aligned
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
    return "\n".join(
        aligned(
            [
                (
                    found.name,
                    found.version,
                    click.style(found.state.value, fg=COLOURS[found.state]),
                    "" if found.state is DeploymentState.STOPPED else found.url,
                    Path(found.notebook).name if found.notebook else "",
                )
                for found in result.deployments
            ]
        )
    )
