"""``nbprod show``."""

from __future__ import annotations

from pathlib import Path

import click

from nbprod.cli.options import example, json_option, of_option, run_argument
from nbprod.cli.session import session


@click.command(
    "show",
    epilog=example(
        "nbprod show last",
        "nbprod show 20260314T151005Z-c0ffee --report",
        "nbprod show last --of churn.ipynb --json | jq .metrics",
    ),
)
@run_argument("run")
@of_option
@click.option("--report", is_flag=True, help="Write the HTML report into the run's folder.")
@json_option
def command(run: str, of: Path | None, report: bool, as_json: bool) -> None:
    """Show a recorded run: parameters, steps, metrics, data, environment.

    RUN is its id, any part of the id that no other run has, or `last`.
    """
    from nbprod.cli.runs_table import describe_shown
    from nbprod.workflows.show import ShowRequest, show

    with session(as_json=as_json, quiet=True) as opened:
        result = show(ShowRequest(run, of, report))
        opened.finish(result.as_json(), describe_shown(result))
