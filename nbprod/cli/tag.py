"""``nbprod tag``."""

from __future__ import annotations

from pathlib import Path

import click

from nbprod.cli.options import example, json_option, notebook_argument
from nbprod.cli.session import session
from nbprod.counting import counted


@click.command(
    "tag", epilog=example("nbprod tag house_prices.ipynb", "nbprod tag house_prices.ipynb --write")
)
@notebook_argument
@click.option("--write", is_flag=True, help="Write the suggested tags into the notebook.")
@json_option
def command(notebook: Path, write: bool, as_json: bool) -> None:
    """Suggest cell tags for notebook NB, so that its steps keep their names.

    Tags that are already there stay as they are. What the notebook's last run showed not to
    change, though its code might change it, is noted too: the pipeline gets simpler.
    """
    from nbprod.workflows.tag import TagRequest, tag

    with session(as_json=as_json, quiet=True) as opened:
        result = tag(TagRequest(notebook, write))
        lines = []
        for each in result.suggestions:
            added = [*each.add, *(f"unchanged: {name}" for name in each.unchanged)]
            lines.append(f"cell {each.cell:>3}  + {', '.join(added):<24} {each.first_line[:60]}")
        if not result.suggestions:
            lines.append(f"{notebook.name}: every step is tagged already")
        elif result.written:
            lines.append(
                f"{notebook.name}: tags of {counted(len(result.suggestions), 'cell')} written"
            )
        else:
            lines.append(f"write them: nbprod tag {notebook} --write")
        opened.finish(result.as_json(), "\n".join(lines))
