"""``nbprod runs``."""

from __future__ import annotations

from pathlib import Path

import click

from nbprod.cli.options import example, json_option
from nbprod.cli.session import session


@click.command(
    "runs", epilog=example("nbprod runs", "nbprod runs churn.ipynb -n 5", "nbprod runs --json")
)
@click.argument("target", metavar="[NB|DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "-n",
    "limit",
    metavar="N",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Show at most so many, the newest; 0 for all.",
)
@json_option
def command(target: Path | None, limit: int, as_json: bool) -> None:
    """List the recorded runs of notebook NB, of project DIR, or of all in this folder."""
    from nbprod.cli.runs_table import describe_runs
    from nbprod.workflows.runs import RunsRequest, runs

    with session(as_json=as_json, quiet=True) as opened:
        result = runs(RunsRequest(target, limit))
        opened.finish(result.as_json(), describe_runs(result))
