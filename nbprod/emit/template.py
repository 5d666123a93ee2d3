"""Finding and filling the Jinja templates, which hold layout and no decisions."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from jinja2 import Environment

PROJECT = "project"


def render(template: str, context: DataclassInstance) -> str:
    """Fill one template.

    Args:
        template: Path below the templates folder, such as ``project/README.md.jinja``.
        context: A dataclass; its fields are the template's variables. A variable that
            the template names and the dataclass lacks is an error.

    Returns:
        The text, ending in exactly one newline.
    """
    values = {each.name: getattr(context, each.name) for each in fields(context)}
    return _environment().get_template(template).render(values).rstrip("\n") + "\n"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(templates_folder()),
        undefined=StrictUndefined,
        # These are Python, TOML and Markdown files, not HTML; the context escapes what it must.
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _table_cell
    return environment


def _table_cell(text: object) -> str:
    """Return ``text`` as one cell of a Markdown table."""
    return " ".join(str(text).split()).replace("\\", "\\\\").replace("|", "\\|")


def templates_folder() -> Path:
    """Return the templates: inside an installed nbprod, else beside it in a checkout."""
    from importlib.resources import files

    packed = Path(str(files("nbprod"))) / "templates"
    return packed if packed.is_dir() else packed.parent.parent / "templates"
