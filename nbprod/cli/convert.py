"""``nbprod convert``."""

from __future__ import annotations

from pathlib import Path

import click

from nbprod.cli.options import example, json_option, kernel_option, notebook_argument, strict_option
from nbprod.cli.session import session
from nbprod.counting import counted


@click.command(
    "convert",
    epilog=example(
        "nbprod convert churn.ipynb -o churn_pipeline",
        "papermill churn_pipeline/pipeline.ipynb out.ipynb -p test_size 0.3",
    ),
)
@notebook_argument
@click.option(
    "-o",
    "--output",
    "directory",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the project; made if it is not there.",
)
@click.option("--force", is_flag=True, help="Overwrite files that were edited by hand.")
@kernel_option
@strict_option
@json_option
def command(
    notebook: Path, directory: Path, force: bool, kernel: str | None, strict: bool, as_json: bool
) -> None:
    """Write notebook NB as a project of readable Python; nothing is run.

    Converting again changes nothing unless the notebook changed. A file that was
    edited by hand is never overwritten without --force.
    """
    from nbprod.cli.diagnostics import describe_diagnostics
    from nbprod.workflows.convert import ConvertRequest, convert

    with session(as_json=as_json, quiet=True) as opened:
        result = convert(
            ConvertRequest(notebook, directory, force=force, kernel=kernel, strict=strict)
        )
        lines = []
        if result.diagnostics:
            lines.append(describe_diagnostics(result.diagnostics))
        counts = (
            f"{counted(len(result.written), 'file')} written, {len(result.unchanged)} unchanged"
        )
        if result.removed:
            counts += f", {len(result.removed)} removed"
        lines.append(f"{directory}: {counted(len(result.pipeline.steps), 'step')}; {counts}")
        lines.append(f"read {directory / 'README.md'}, or run it: nbprod run {directory}")
        opened.finish(result.as_json(), "\n".join(lines))
