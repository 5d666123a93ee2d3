"""``nbprod stop``."""

from __future__ import annotations

import click

from nbprod.cli.options import example, json_option
from nbprod.cli.session import session


@click.command("stop", epilog=example("nbprod stop churn"))
@click.argument("name", metavar="NAME")
@json_option
def command(name: str, as_json: bool) -> None:
    """Stop the deployed service NAME; `nbprod deploy NAME:VERSION` brings it back."""
    from nbprod.workflows.services import stop

    with session(as_json=as_json, quiet=True) as opened:
        result = stop(name)
        opened.finish(result.as_json(), f"stopped {result.name}:{result.version}")
