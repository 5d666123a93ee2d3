"""``nbprod deploy``."""

from __future__ import annotations

from pathlib import Path

import click

from nbprod.cli.options import (
    events_option,
    example,
    json_option,
    kernel_option,
    model_option,
    parameter_options,
    strict_option,
    verify_option,
)
from nbprod.cli.session import session


@click.command(
    "deploy",
    epilog=example(
        "nbprod deploy churn.ipynb",
        "nbprod deploy churn_pipeline --port 3000 -p n_estimators 200",
        "nbprod deploy churn:20261121t101500z-3f9a1c",
    ),
)
@click.argument("target", metavar="NB|DIR|NAME:VERSION", type=click.Path(path_type=Path))
@parameter_options
@click.option("--host", help="Address to listen on; 127.0.0.1 if not given.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port; a free one, or the present one, if not given.",
)
@model_option
@verify_option
@kernel_option
@strict_option
@json_option
@events_option
def command(
    target: Path,
    pairs: tuple[tuple[str, str], ...],
    files: tuple[Path, ...],
    host: str | None,
    port: int | None,
    model: str | None,
    verify: bool,
    kernel: str | None,
    strict: bool,
    as_json: bool,
    events: Path | None,
) -> None:
    """Bring NB or DIR into production: run, verify, package, serve, compare.

    Returns when the service answers as the notebook's model does; the service keeps
    running. A service of the same notebook is replaced only by one that passed. With
    NAME:VERSION an earlier version comes back, without training.
    """
    from nbprod.workflows.deploy import DeployRequest, deploy

    with session(as_json=as_json, events=events, target=target) as opened:
        request = DeployRequest(
            target,
            parameters=pairs,
            parameter_files=files,
            host=host,
            port=port,
            model=model,
            verify=verify,
            kernel=kernel,
            strict=strict,
        )
        result = deploy(request, opened.listen)
        opened.finish(result.as_json(), _describe(result.url, result.summary, result.curl))


def _describe(url: str, summary: str, curl: str) -> str:
    return f"{click.style(url, bold=True)}  {summary}\n\ntry it:\n{curl}"
