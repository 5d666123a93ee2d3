"""Small notebooks with hand-made pipelines: what runs needs no analysis."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from nbprod.pipeline.ir import Definition, Pipeline, Source, Step, StepRole, Variable

Cells = list[str | tuple[str, str]]


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("NBPROD_HOME", str(home))
    return home


@pytest.fixture
def write_notebook(tmp_path: Path) -> Callable[..., Path]:
    """Write code cells, each with an optional tag, as a notebook."""

    def write(cells: Cells, name: str = "demo.ipynb") -> Path:
        nb = nbformat.v4.new_notebook()
        nb.metadata["kernelspec"] = {"name": "python3", "display_name": "x", "language": "python"}
        for cell in cells:
            tag, source = cell if isinstance(cell, tuple) else ("", cell)
            node = nbformat.v4.new_code_cell(source)
            node.metadata["tags"] = [tag] if tag else []
            nb.cells.append(node)
        path = tmp_path / name
        nbformat.write(nb, path)
        return path

    return write


def pipeline_of(
    notebook: Path,
    flow: dict[str, tuple[list[str], list[str]]] | None = None,
    **more: object,
) -> Pipeline:
    """Make the pipeline of a tagged notebook; ``flow`` has inputs and outputs by step."""
    nb = nbformat.read(notebook, as_version=4)
    cells: dict[str, list[int]] = {}
    for number, cell in enumerate(nb.cells, start=1):
        for tag in cell.metadata.get("tags", []):
            if tag.startswith("step:"):
                cells.setdefault(tag[5:], []).append(number)
    steps = tuple(
        Step(
            name,
            StepRole.OTHER,
            tuple(numbers),
            inputs=tuple(map(Variable, (flow or {}).get(name, ([], []))[0])),
            outputs=tuple(map(Variable, (flow or {}).get(name, ([], []))[1])),
            params=tuple(more.get("params", {}).get(name, ())),  # type: ignore[attr-defined]
            metrics=tuple(more.get("metrics", ())) if name == list(cells)[-1] else (),  # type: ignore[arg-type]
        )
        for name, numbers in cells.items()
    )
    digest = hashlib.sha256(notebook.read_bytes()).hexdigest()
    return Pipeline(
        name="demo",
        service="demo",
        source=Source(notebook.name, digest),
        parameters=tuple(more.get("parameters", ())),  # type: ignore[arg-type]
        definitions=tuple(
            Definition(name, kind, "")
            for name, kind in more.get("definitions", ())  # type: ignore[attr-defined]
        ),
        steps=steps,
    )


@pytest.fixture
def make_pipeline() -> Callable[..., Pipeline]:
    return pipeline_of
