"""``nbprod logs``."""

from __future__ import annotations

import click

from nbprod.cli.options import example
from nbprod.cli.session import session


@click.command("logs", epilog=example("nbprod logs churn", "nbprod logs churn --follow"))
@click.argument("name", metavar="NAME")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="How many of the last lines.",
)
@click.option("--follow", is_flag=True, help="Go on as the log grows; Ctrl-C ends it.")
def command(name: str, lines: int, follow: bool) -> None:
    """Show the log of the deployed service NAME."""
    from nbprod.workflows.services import read_log

    with session(quiet=True):
        for line in read_log(name, lines=lines, follow=follow):
            click.echo(line)
