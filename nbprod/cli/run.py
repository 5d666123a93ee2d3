"""``nbprod run``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbprod.cli.options import (
    events_option,
    example,
    json_option,
    kernel_option,
    parameter_options,
    require_option,
    run_timeout_option,
    target_argument,
    timeout_option,
)
from nbprod.cli.session import session

if TYPE_CHECKING:
    from nbprod.run.ahead.request import AheadRequest


@click.command(
    "run",
    epilog=example(
        "nbprod run churn.ipynb",
        "nbprod run churn.ipynb out.ipynb -p test_size 0.3",
        "nbprod run churn.ipynb --jobs 4",
        "nbprod run churn.ipynb --runner dask --scheduler tcp://10.0.0.1:8786",
        "nbprod run churn_pipeline -f production.yaml --json",
        "nbprod run churn.ipynb --require 'accuracy>=0.9' --junit report.xml",
        "nbprod run churn.ipynb --grid learning_rate=0.01,0.1 --grid depth=3,5",
    ),
)
@target_argument
@click.argument("output", metavar="[OUT.ipynb]", required=False, type=click.Path(path_type=Path))
@parameter_options
@click.option("--isolate", is_flag=True, help="Run each step in a kernel of its own.")
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    help="Run up to N independent steps at the same time, each in a kernel of its own.",
)
@click.option(
    "--runner",
    type=click.Choice(["local", "dask"]),
    default="local",
    help="Where steps run: here, or on the workers of a Dask cluster (--scheduler).",
)
@click.option("--scheduler", metavar="tcp://…", help="Address of the Dask cluster's scheduler.")
@click.option(
    "--artifacts",
    metavar="URL",
    help="Folder through which a cluster's steps hand on what they give (fsspec: s3://…, "
    "gs://…); by default the run's own, which workers then have to reach.",
)
@click.option(
    "--no-cache", is_flag=True, help="Run every step, also those in which nothing changed."
)
@click.option(
    "--grid",
    metavar="NAME=VALUE,VALUE…",
    multiple=True,
    help="Run once for each value; several grids make all combinations, and a table.",
)
@require_option
@click.option(
    "--junit",
    metavar="FILE.xml",
    type=click.Path(path_type=Path),
    help="Write a JUnit report: a test case per step and condition.",
)
@click.option(
    "--summary",
    metavar="FILE.md",
    type=click.Path(path_type=Path),
    help="Write a Markdown summary, with the metrics beside the last run's.",
)
@click.option(
    "--report",
    metavar="FILE.html",
    type=click.Path(path_type=Path),
    help="Write an HTML report: what ran and with what, above the output notebook.",
)
@kernel_option
@timeout_option
@run_timeout_option
@json_option
@events_option
def command(
    target: Path,
    output: Path | None,
    pairs: tuple[tuple[str, str], ...],
    files: tuple[Path, ...],
    isolate: bool,
    jobs: int,
    runner: str,
    scheduler: str | None,
    artifacts: str | None,
    no_cache: bool,
    grid: tuple[str, ...],
    require: tuple[str, ...],
    junit: Path | None,
    summary: Path | None,
    report: Path | None,
    kernel: str | None,
    cell_timeout: float | None,
    run_timeout: float | None,
    as_json: bool,
    events: Path | None,
) -> None:
    """Run notebook NB, or the pipeline notebook of project DIR, with papermill.

    A step of a notebook in which nothing changed (its code, parameters, inputs, the files that
    it reads, the environment) is not run again: what it gave comes from the cache. `nbprod show`
    says why a step runs each time.

    Parameters are checked against their declared types. The run leaves a record and the
    output notebook under .nbprod/runs/; OUT.ipynb gets a copy of the output notebook.
    """
    from nbprod.cli.run_summary import describe_run, describe_sweep
    from nbprod.errors import ExitCode
    from nbprod.workflows.run import RunWorkflowRequest, run
    from nbprod.workflows.sweep import SweepRequest, sweep

    with session(as_json=as_json, events=events, target=target) as opened:
        request = RunWorkflowRequest(
            target,
            output=output,
            parameters=pairs,
            parameter_files=files,
            isolate=isolate,
            ahead=ahead_request(jobs, runner, scheduler, artifacts),
            use_cache=not no_cache,
            kernel=kernel,
            cell_timeout=cell_timeout,
            run_timeout=run_timeout,
            require=require,
            junit=junit,
            summary=summary,
            report=report,
        )
        if grid:
            swept = sweep(SweepRequest(request, grid), opened.listen)
            if swept.stopped is not None:
                opened.fail(swept.stopped, swept.as_json(), describe_sweep(swept))
                raise click.exceptions.Exit(int(swept.stopped.exit_code))
            opened.finish(swept.as_json(), describe_sweep(swept))
            if not swept.passed:
                raise click.exceptions.Exit(int(ExitCode.USER_CODE_FAILED))
            return
        result = run(request, opened.listen)
        opened.finish(result.as_json(), describe_run(result))


def ahead_request(
    jobs: int, runner: str, scheduler: str | None, artifacts: str | None
) -> AheadRequest:
    """Return where steps are to be computed.

    Raises:
        UsageError: If the options do not fit together.
    """
    from nbprod.errors import UsageError
    from nbprod.run.ahead.request import AheadRequest

    if runner == "dask" and not scheduler:
        raise UsageError(
            "--runner dask needs the address of a cluster.", fix="Add --scheduler tcp://HOST:8786."
        )
    if scheduler and not re.fullmatch(r"(\w+://)?[^/]+:\d+", scheduler):
        raise UsageError(
            f"{scheduler} is no address of a scheduler.", fix="Write --scheduler tcp://HOST:8786."
        )
    if runner == "local" and (scheduler or artifacts):
        raise UsageError(
            "--scheduler and --artifacts are for a cluster's steps.", fix="Add --runner dask."
        )
    return AheadRequest(jobs, scheduler or "", artifacts or "")
