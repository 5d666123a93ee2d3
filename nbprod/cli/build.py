"""``nbprod build``."""

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
    target_argument,
    verify_option,
)
from nbprod.cli.session import session


@click.command(
    "build",
    epilog=example(
        "nbprod build churn.ipynb",
        "nbprod build churn_pipeline -p n_estimators 200 --model forest",
        "bentoml serve churn:latest",
    ),
)
@target_argument
@parameter_options
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
    model: str | None,
    verify: bool,
    kernel: str | None,
    strict: bool,
    as_json: bool,
    events: Path | None,
) -> None:
    """Run NB or DIR, and put its model with a service into the BentoML store."""
    from nbprod.workflows.build import BuildRequest, build

    with session(as_json=as_json, events=events, target=target) as opened:
        request = BuildRequest(
            target,
            parameters=pairs,
            parameter_files=files,
            model=model,
            verify=verify,
            kernel=kernel,
            strict=strict,
        )
        result = build(request, opened.listen)
        text = (
            f"built {result.tag}\n"
            f"  model: {result.model} ({result.reason})\n"
            f"  serve it: bentoml serve {result.tag}"
        )
        opened.finish(result.as_json(), text)
