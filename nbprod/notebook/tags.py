"""What cell tags and the notebook's own options mean (tags of Kale notebooks included)."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from nbprod.notebook.cell import Cell
from nbprod.notebook.notebook import Notebook

PARAMETERS_TAGS = frozenset({"parameters", "pipeline-parameters"})
METRICS_TAGS = frozenset({"metrics", "pipeline-metrics"})
_DEFINITIONS = frozenset({"imports", "functions"})
_STEP_PREFIXES = ("step:", "block:")
_ALMOST = re.compile(r"(steps?|blocks?)\s*[:=]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CellRole:
    """What a cell's tags say about it.

    Attributes:
        step: Name of the step the author put it in, an identifier; empty if none.
        step_tag: The tag as written, for messages.
        parameters: It declares the notebook's parameters.
        metrics: What it assigns are metrics.
        skip: nbprod never executes it.
        serve: Its transformation is applied to each request too.
        definitions: It is tagged as imports or functions (Kale).
        other_steps: Further step tags on the same cell, which contradict ``step``.
        printed_metrics: What it prints are metrics too (Kale).
        previous: Steps that its step comes after (Kale), as identifiers.
        unclear: Tags that look like a step's and are none.
        raises: It is expected to end with an exception (Jupyter's ``raises-exception``).
        unchanged: Variables that it does not change, as runs have shown: from
            ``metadata.nbprod.unchanged`` of the cell.
    """

    step: str = ""
    step_tag: str = ""
    parameters: bool = False
    metrics: bool = False
    skip: bool = False
    serve: bool = False
    definitions: bool = False
    other_steps: tuple[str, ...] = ()
    printed_metrics: bool = False
    previous: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    raises: bool = False
    unchanged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """``metadata.nbprod`` of a notebook.

    Attributes:
        model: Variable that holds the model to serve; empty if it names none.
        service: Name of the service; empty if it names none.
        secrets: Names of secrets that the notebook needs.
        ignore: Codes of rules switched off for the whole notebook.
    """

    model: str = ""
    service: str = ""
    secrets: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


def cell_role(cell: Cell) -> CellRole:
    """Read the tags of ``cell``; tags that are not ours mean nothing here."""
    tags = frozenset(cell.tags)
    steps = [(_step_name(tag), tag) for tag in cell.tags if _step_name(tag)]
    names = tuple(dict.fromkeys(name for name, _ in steps))
    return CellRole(
        step=names[0] if names else "",
        step_tag=steps[0][1] if steps else "",
        parameters=bool(tags & PARAMETERS_TAGS),
        metrics=bool(tags & METRICS_TAGS),
        skip="skip" in tags,
        serve="serve" in tags,
        definitions=bool(tags & _DEFINITIONS),
        other_steps=names[1:],
        printed_metrics="pipeline-metrics" in tags,
        previous=tuple(
            identifier(tag.removeprefix("prev:")) for tag in cell.tags if tag.startswith("prev:")
        ),
        unclear=tuple(tag for tag in cell.tags if _ALMOST.match(tag) and not _step_name(tag)),
        raises="raises-exception" in tags,
        unchanged=_strings(_own(cell.metadata).get("unchanged")),
    )


def options(notebook: Notebook) -> Options:
    """Read ``metadata.nbprod``; wrong types in it count as absent."""
    table = _own(notebook.metadata)
    return Options(
        model=_string(table.get("model")),
        service=_string(table.get("service")),
        secrets=_strings(table.get("secrets")),
        ignore=_strings(table.get("ignore")),
    )


def _own(metadata: Mapping[str, object]) -> Mapping[str, object]:
    found = metadata.get("nbprod")
    return found if isinstance(found, dict) else {}


def identifier(text: str) -> str:
    """Turn ``text`` into a Python identifier, unchanged if it is one; empty if nothing is left."""
    text = text.strip()
    if text.isidentifier() and not keyword.iskeyword(text):
        return text
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^0-9a-zA-Z]+", "_", plain).strip("_").lower()
    if slug and slug[0].isdigit():
        slug = f"step_{slug}"
    return f"{slug}_" if keyword.iskeyword(slug) else slug


def _step_name(tag: str) -> str:
    for prefix in _STEP_PREFIXES:
        if tag.startswith(prefix):
            return identifier(tag.removeprefix(prefix))
    return ""


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _strings(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else []
    return tuple(item for item in items if isinstance(item, str))
