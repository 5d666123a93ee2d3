"""``nbprod diff``."""

from __future__ import annotations

from pathlib import Path

import click

from nbprod.cli.options import example, json_option, of_option, run_argument
from nbprod.cli.session import session


@click.command("diff", epilog=example("nbprod diff c0ffee last", "nbprod diff c0ffee last --json"))
@run_argument("one")
@run_argument("other")
@of_option
@json_option
def command(one: str, other: str, of: Path | None, as_json: bool) -> None:
    """Show what differs between two recorded runs: parameters, code, data, metrics.

    A RUN is its id, any part of the id that no other run has, or `last`.
    """
    from nbprod.cli.runs_table import describe_diff
    from nbprod.workflows.diff import DiffRequest, diff

    with session(as_json=as_json, quiet=True) as opened:
        result = diff(DiffRequest(one, other, of))
        opened.finish(result.as_json(), describe_diff(result))
