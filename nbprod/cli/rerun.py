"""``nbprod rerun``."""

from __future__ import annotations

from pathlib import Path

import click

from nbprod.cli.options import events_option, example, json_option, of_option, run_argument
from nbprod.cli.session import session


@click.command(
    "rerun",
    epilog=example("nbprod rerun last --check", "nbprod rerun c0ffee --of churn.ipynb"),
)
@run_argument("run")
@of_option
@click.option(
    "--check", is_flag=True, help="Prove that it gives the same, or say what does not (exit 3)."
)
@json_option
@events_option
def command(run: str, of: Path | None, check: bool, as_json: bool, events: Path | None) -> None:
    """Repeat a recorded run: same notebook, same parameters, same kernel.

    With --check, code, data files and packages must be those of the run (else exit 2), and
    variables, metrics, printed text, figures and written files are compared with it.
    RUN is its id, any part of the id that no other run has, or `last`.
    """
    from nbprod.cli.runs_table import describe_rerun
    from nbprod.errors import ExitCode
    from nbprod.workflows.rerun import RerunRequest, rerun

    with session(as_json=as_json, events=events) as opened:
        result = rerun(RerunRequest(run, of, check), opened.listen)
        opened.finish(result.as_json(), describe_rerun(result))
        if not result.same:
            raise click.exceptions.Exit(int(ExitCode.RESULTS_DIFFER))
