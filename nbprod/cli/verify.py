"""``nbprod verify``."""

from __future__ import annotations

from pathlib import Path

import click

from nbprod.cli.options import (
    events_option,
    example,
    json_option,
    kernel_option,
    parameter_options,
    strict_option,
    target_argument,
)
from nbprod.cli.session import session


@click.command(
    "verify",
    epilog=example("nbprod verify churn.ipynb", "nbprod verify churn_pipeline --json"),
)
@target_argument
@parameter_options
@kernel_option
@strict_option
@json_option
@events_option
def command(
    target: Path,
    pairs: tuple[tuple[str, str], ...],
    files: tuple[Path, ...],
    kernel: str | None,
    strict: bool,
    as_json: bool,
    events: Path | None,
) -> None:
    """Prove that the pipeline of NB or DIR computes what the notebook computes.

    The notebook is run once; then every step function is replayed from the notebook's
    own values in a process of its own, and all results are compared. Exit code 3 if
    anything differs.
    """
    from nbprod.cli.comparison_table import describe_verification
    from nbprod.errors import ExitCode
    from nbprod.workflows.verify import VerifyRequest, verify

    with session(as_json=as_json, events=events, target=target) as opened:
        request = VerifyRequest(
            target, parameters=pairs, parameter_files=files, kernel=kernel, strict=strict
        )
        result = verify(request, opened.listen)
        opened.finish(result.as_json(), describe_verification(result))
        if not result.equivalent:
            raise click.exceptions.Exit(int(ExitCode.RESULTS_DIFFER))
