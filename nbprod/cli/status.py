"""``nbprod status``."""

from __future__ import annotations

import click

from nbprod.cli.options import example, json_option
from nbprod.cli.session import session


@click.command("status", epilog=example("nbprod status", "nbprod status --json"))
@json_option
def command(as_json: bool) -> None:
    """List the deployed services: name, version, state, URL."""
    from nbprod.cli.deployment_table import describe_deployments
    from nbprod.workflows.services import status

    with session(as_json=as_json, quiet=True) as opened:
        result = status()
        opened.finish(result.as_json(), describe_deployments(result))
