"""``nbprod serve``."""

from __future__ import annotations

import click

from nbprod.cli.options import example
from nbprod.cli.session import session


@click.command(
    "serve", epilog=example("nbprod serve churn", "nbprod serve churn:latest --port 3000")
)
@click.argument("tag", metavar="NAME[:VERSION]")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port; a free one if not given.")
def command(tag: str, host: str, port: int | None) -> None:
    """Serve a built model in the foreground, until Ctrl-C.

    Beyond loopback a key is needed: set NBPROD_API_KEY.
    """
    from nbprod.workflows.serve import ServeRequest, serve

    with session(quiet=True):
        exit_code = serve(ServeRequest(tag, host=host, port=port), announce=click.echo)
        raise click.exceptions.Exit(exit_code)
