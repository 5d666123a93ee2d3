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
@click.option(
    "--service/--no-service",
    default=True,
    help="Package the model, serve it on this machine and compare its answers, if the "
    "notebook has one (default: service).",
)
@json_option
@events_option
def command(
    target: Path,
    pairs: tuple[tuple[str, str], ...],
    files: tuple[Path, ...],
    kernel: str | None,
    strict: bool,
    service: bool,
    as_json: bool,
    events: Path | None,
) -> None:
    """Prove that the pipeline of NB or DIR computes what the notebook computes.

    The notebook is run once; then every step function is replayed from the notebook's
    own values in a process of its own, and all results are compared: variables, figures,
    printed text, files. Then a service on this machine answers rows of the run, and its
    answers are compared with the model's. Exit code 3 if anything differs.

    Steps that were found equal before are replayed again only if something that they
    depend on changed: code, values, parameters, files, libraries, options.

    Equal are: numbers within 1e-9 of themselves, in arrays also within 7e-15 of the largest
    unless both are whole, served numbers within 1e-6; text, labels and whole numbers
    exactly; frames by columns, types and index; models by parameters,
    what they learned and what they predict; figures by their pixels, to 2 of 255
    levels. Only if something differs, the notebook is run once more, to tell
    what it gives differently itself; that is named unstable.
    """
    from nbprod.cli.comparison_table import describe_verification
    from nbprod.errors import ExitCode
    from nbprod.workflows.verify import VerifyRequest, verify

    with session(as_json=as_json, events=events, target=target) as opened:
        request = VerifyRequest(
            target,
            parameters=pairs,
            parameter_files=files,
            kernel=kernel,
            strict=strict,
            service=service,
        )
        result = verify(request, opened.listen)
        opened.finish(result.as_json(), describe_verification(result))
        if not result.equivalent:
            raise click.exceptions.Exit(int(ExitCode.RESULTS_DIFFER))
