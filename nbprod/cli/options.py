"""Options that several verbs share, so that they look and work the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

notebook_argument = click.argument("notebook", metavar="NB", type=click.Path(path_type=Path))
target_argument = click.argument("target", metavar="NB|DIR", type=click.Path(path_type=Path))

json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON document on stdout; progress and logs go to stderr.",
)

events_option = click.option(
    "--events",
    metavar="FILE|-",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Write progress as NDJSON, one event a line, to a file or to stdout (-).",
)

model_option = click.option(
    "--model",
    metavar="VARIABLE",
    help="The variable that holds the model, if it is not the one nbprod would choose.",
)

verify_option = click.option(
    "--verify/--no-verify",
    default=True,
    help="Compare the generated pipeline with the notebook, step by step (default: verify).",
)

strict_option = click.option(
    "--strict", is_flag=True, help="Warnings of the check count as errors, and stop it."
)

kernel_option = click.option(
    "-k", "--kernel", metavar="NAME", help="Kernel to run in, instead of the notebook's own."
)

timeout_option = click.option(
    "--cell-timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    help="Stop if one cell takes longer than this.",
)
run_timeout_option = click.option(
    "--run-timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    help="Stop if all cells together take longer than this.",
)

of_option = click.option(
    "--of",
    metavar="NB|DIR",
    type=click.Path(path_type=Path),
    help="Notebook, project or folder whose runs are meant, instead of the current folder's.",
)


def run_argument(name: str) -> Callable[[Decorated], Decorated]:
    """Return an argument that names a recorded run."""
    return click.argument(name, metavar="RUN")


require_option = click.option(
    "--require",
    metavar="CONDITION",
    multiple=True,
    help="Fail (exit 1) unless a metric meets this, such as 'accuracy>=0.9'. May be repeated.",
)

pairs_option = click.option(
    "-p",
    "--parameter",
    "pairs",
    metavar="NAME VALUE",
    type=(str, str),
    multiple=True,
    help="Set a parameter, also as NAME=VALUE; checked against its declared type. May be repeated.",
)


def parameter_options(function: Decorated) -> Decorated:
    """Add ``-p NAME VALUE`` and ``-f FILE.yaml``."""
    files = click.option(
        "-f",
        "--parameters-file",
        "files",
        metavar="FILE.yaml",
        type=click.Path(path_type=Path),
        multiple=True,
        help="Read parameters from a YAML file; -p wins over it.",
    )
    return pairs_option(files(function))


def example(*lines: str) -> str:
    """Return a help epilog that shows ``lines`` as a user would type them."""
    shown = "\n".join(f"  {line}" for line in lines)
    return f"\b\nExamples:\n{shown}\n"
