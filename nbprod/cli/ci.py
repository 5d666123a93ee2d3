"""``nbprod ci``."""

from __future__ import annotations

from pathlib import Path

import click

from nbprod.cli.options import (
    example,
    json_option,
    notebook_argument,
    pairs_option,
    require_option,
)
from nbprod.cli.session import session


@click.command(
    "ci",
    epilog=example(
        "nbprod ci churn.ipynb --provider github",
        "nbprod ci churn.ipynb --provider gitlab --require 'accuracy>=0.9' --no-build",
    ),
)
@notebook_argument
@click.option(
    "--provider",
    required=True,
    type=click.Choice(["github", "gitlab"]),
    help="For which CI system.",
)
@require_option
@pairs_option
@click.option(
    "--build/--no-build",
    "builds",
    default=True,
    help="Build the Bento at the end (default: build).",
)
@click.option("--force", is_flag=True, help="Overwrite files that were edited by hand.")
@json_option
def command(
    notebook: Path,
    provider: str,
    require: tuple[str, ...],
    pairs: tuple[tuple[str, str], ...],
    builds: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Write a workflow that checks, runs, verifies and builds notebook NB on each change.

    It installs from a lock that is written beside the notebook, compares the metrics with
    the last run's, and publishes the report. Commit both files.
    """
    from nbprod.workflows.ci import CiWorkflowRequest, ci

    with session(as_json=as_json, quiet=True, target=notebook) as opened:
        request = CiWorkflowRequest(notebook, provider, require, pairs, builds, force)
        result = ci(request)
        lines = [f"wrote {path}" for path in result.files]
        if provider == "gitlab":
            path = result.files[0].relative_to(result.root).as_posix()
            lines.append(f"use it in .gitlab-ci.yml:  include: {{ local: /{path} }}")
        opened.finish(result.as_json(), "\n".join(lines))
