"""``nbprod run``."""

from __future__ import annotations

from pathlib import Path

import click

from nbprod.cli.options import (
    events_option,
    example,
    json_option,
    kernel_option,
    parameter_options,
    target_argument,
    timeout_option,
)
from nbprod.cli.session import session


@click.command(
    "run",
    epilog=example(
        "nbprod run churn.ipynb",
        "nbprod run churn.ipynb out.ipynb -p test_size 0.3",
        "nbprod run churn_pipeline -f production.yaml --json",
    ),
)
@target_argument
@click.argument("output", metavar="[OUT.ipynb]", required=False, type=click.Path(path_type=Path))
@parameter_options
@click.option("--isolate", is_flag=True, help="Run each step in a kernel of its own.")
@click.option("--no-cache", is_flag=True, help="Run every step anew; so far every run does.")
@kernel_option
@timeout_option
@json_option
@events_option
def command(
    target: Path,
    output: Path | None,
    pairs: tuple[tuple[str, str], ...],
    files: tuple[Path, ...],
    isolate: bool,
    no_cache: bool,
    kernel: str | None,
    cell_timeout: float | None,
    as_json: bool,
    events: Path | None,
) -> None:
    """Run notebook NB, or the pipeline notebook of project DIR, with papermill.

    Parameters are checked against their declared types. The run leaves a record and the
    output notebook under .nbprod/runs/; OUT.ipynb gets a copy of the output notebook.
    """
    from nbprod.cli.run_summary import describe_run
    from nbprod.workflows.run import RunWorkflowRequest, run

    with session(as_json=as_json, events=events) as opened:
        request = RunWorkflowRequest(
            target,
            output=output,
            parameters=pairs,
            parameter_files=files,
            isolate=isolate,
            use_cache=not no_cache,
            kernel=kernel,
            cell_timeout=cell_timeout,
        )
        result = run(request, opened.listen)
        opened.finish(result.as_json(), describe_run(result))
