"""``nbprod cache``."""

from __future__ import annotations

from pathlib import Path

import click

from nbprod.cli.options import example, json_option
from nbprod.cli.session import session


@click.command(
    "cache",
    epilog=example("nbprod cache", "nbprod cache churn.ipynb --clear", "nbprod cache --limit 500M"),
)
@click.argument("target", metavar="[NB|DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--clear", is_flag=True, help="Forget everything.")
@click.option(
    "--limit",
    metavar="SIZE",
    help="Forget what was not used for longest until it is no larger (500M, 20G).",
)
@json_option
def command(target: Path | None, clear: bool, limit: str | None, as_json: bool) -> None:
    """Show what the step cache beside notebook NB, or in this folder, holds.

    Runs keep it below five gigabytes, or below what NBPROD_CACHE_LIMIT says.
    """
    from nbprod.cli.cache_table import describe_cache
    from nbprod.workflows.cache import CacheRequest, cache

    with session(as_json=as_json, quiet=True) as opened:
        result = cache(CacheRequest(target, clear, limit))
        opened.finish(result.as_json(), describe_cache(result))
