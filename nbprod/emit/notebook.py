"""pipeline.ipynb: the steps as cells of a notebook that plain papermill runs."""

from __future__ import annotations

import json
from dataclasses import dataclass

from nbprod.emit.modules import Layout, names_in, step_call
from nbprod.emit.prose import WIDTH, comment, prose
from nbprod.emit.template import render
from nbprod.errors import UsageError
from nbprod.pipeline.ir import Parameter, Step
from nbprod.pipeline.secret import PREFIX

WORKING_DIRECTORY = "working_directory"
PROJECT_DIRECTORY = "project_directory"
_OWN_PARAMETERS = {
    WORKING_DIRECTORY: "Folder that relative paths count from; empty: where papermill runs.",
    PROJECT_DIRECTORY: "Folder of this notebook; empty: looked for near where papermill runs.",
}
_TAGGED_AS_IMPORTS = "imports"


@dataclass(frozen=True, slots=True)
class SetupCell:
    """Context of the cell that makes the package importable."""

    package: str


def pipeline_notebook(layout: Layout) -> str:
    """Write ``pipeline.ipynb``, format 4.5, without outputs.

    Raises:
        UsageError: If a parameter has the name of one that the notebook itself needs.
    """
    pipeline = layout.pipeline
    for parameter in pipeline.parameters:
        if parameter.name in _OWN_PARAMETERS:
            raise UsageError(
                f"the parameter {parameter.name!r} has a name that the generated notebook needs",
                where=parameter.origin,
                fix="rename the parameter",
            )
    source = pipeline.source
    cells = [_markdown("title", f"# {source.title or pipeline.name}\n\n{source.doc}".strip())]
    cells.append(_code("parameters", _parameters(layout), "parameters"))
    setup = render("project/setup_cell.py.jinja", SetupCell(layout.package)).rstrip("\n")
    cells.append(_code("setup", setup, _TAGGED_AS_IMPORTS))
    cells.append(_code("import-steps", layout.steps_import, _TAGGED_AS_IMPORTS))
    backend = ""
    for number, step in enumerate(pipeline.steps, start=1):
        text = _step_markdown(step)
        if text:
            cells.append(_markdown(f"step-{number}-text", text))
        if step.magics:
            cells.append(_code(f"step-{number}-magics", "\n".join(step.magics)))
        tags = [f"step:{step.name}", *(["metrics"] if step.metrics else [])]
        call = step_call(step, layout.steps_module, awaited=True)
        if step.backend not in {"", backend}:
            # Figures are shown here as in the notebook.
            backend = step.backend
            call = f"%matplotlib {backend}\n{call}"
        cells.append(_code(f"step-{number}", call, *tags))
    if source.closing:
        cells.append(_markdown("closing", source.closing))
    kernel = source.kernel or "python3"
    label = "Python 3 (ipykernel)" if kernel == "python3" else kernel
    document = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": label, "language": "python", "name": kernel},
            "language_info": {"name": "python"},
            **({"nbprod": {"secrets": list(pipeline.secrets)}} if pipeline.secrets else {}),
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _markdown(name: str, text: str) -> dict[str, object]:
    return {
        "cell_type": "markdown",
        "id": name,
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }


def _code(name: str, text: str, *tags: str) -> dict[str, object]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name,
        "metadata": {"tags": list(tags)},
        "outputs": [],
        "source": text.splitlines(keepends=True),
    }


def _step_markdown(step: Step) -> str:
    texts: list[str] = []
    for text in (step.doc, *(block.doc for block in step.blocks)):
        if text.strip() and prose(text) not in [prose(known) for known in texts]:
            texts.append(text.strip())
    return "\n\n".join(texts)


def _parameters(layout: Layout) -> str:
    lines = []
    names: set[str] = set()
    for parameter in layout.pipeline.parameters:
        annotation = layout.annotations.read(parameter.annotation)
        names |= annotation.names | names_in(parameter.default)
        lines.append(_assignment(parameter, annotation.text))
    imports = [*layout.table.typing_statements(names), *layout.table.statements(names)]
    if not all(parameter.default for parameter in layout.pipeline.parameters):
        imports.insert(0, "import os")
    own = [
        _assignment(Parameter(name, "str", '""', doc), "str")
        for name, doc in _OWN_PARAMETERS.items()
    ]
    blocks = [imports, lines, ["# Where things are.", *own]]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _assignment(parameter: Parameter, annotation: str) -> str:
    line = f"{parameter.name}: {annotation} = {parameter.default}"
    if not parameter.default:  # a secret: papermill would write it into the notebook
        line = f'{parameter.name}: {annotation} = os.environ["{PREFIX}{parameter.name}"]'
    doc = " ".join(parameter.doc.split())
    if not doc:
        return line
    if "\n" not in line and len(line) + len(doc) + 4 <= WIDTH + 12:
        return f"{line}  # {doc}"
    return f"{comment(prose(parameter.doc, WIDTH))}\n{line}"
