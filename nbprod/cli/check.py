"""``nbprod check``."""

from __future__ import annotations

from pathlib import Path

import click

from nbprod.cli.options import example, json_option, kernel_option, notebook_argument
from nbprod.cli.session import session


@click.command(
    "check",
    epilog=example("nbprod check churn.ipynb", "nbprod check churn.ipynb --json | jq .steps"),
)
@notebook_argument
@json_option
@kernel_option
def command(notebook: Path, as_json: bool, kernel: str | None) -> None:
    """Show the steps, parameters and findings of notebook NB; nothing is run.

    Ends with exit code 2 if there are errors that stop a deploy.
    """
    from nbprod.cli.diagnostics import describe_diagnostics, summary
    from nbprod.cli.pipeline_table import describe_pipeline
    from nbprod.diagnostics import has_errors
    from nbprod.errors import ExitCode
    from nbprod.workflows.check import CheckRequest, check

    with session(as_json=as_json, quiet=True) as opened:
        result = check(CheckRequest(notebook, kernel))
        parts = []
        if result.pipeline is not None:
            parts.append(describe_pipeline(result.pipeline))
        if result.diagnostics:
            parts.append(describe_diagnostics(result.diagnostics))
        parts.append(f"{notebook.name}: {summary(result.diagnostics)}")
        opened.finish(result.as_json(), "\n\n".join(parts))
        if has_errors(result.diagnostics):
            raise click.exceptions.Exit(int(ExitCode.USAGE))
