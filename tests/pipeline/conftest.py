"""Build pipelines from cells given as text."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from nbprod.diagnostics import Diagnostic
from nbprod.notebook.read import read_notebook_text
from nbprod.pipeline.build import build
from nbprod.pipeline.environment import Environment
from nbprod.pipeline.ir import Pipeline

Cell = str | tuple[str, ...]
Built = tuple[Pipeline | None, tuple[Diagnostic, ...]]


def notebook_json(cells: tuple[Cell, ...], metadata: dict[str, object] | None = None) -> str:
    """A cell is code, ("md", text), or (code, tag, tag…)."""
    document = []
    for position, cell in enumerate(cells):
        parts = (cell,) if isinstance(cell, str) else cell
        kind = "markdown" if parts[0] == "md" else "code"
        source = parts[1] if kind == "markdown" else parts[0]
        tags = [] if kind == "markdown" else list(parts[1:])
        found = {
            "cell_type": kind,
            "id": f"c{position}",
            "source": source,
            "metadata": {"tags": tags},
        }
        if kind == "code":
            found |= {"outputs": [], "execution_count": None}
        document.append(found)
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata or {}, "cells": document}
    )


@pytest.fixture
def built() -> Callable[..., Built]:
    def make(
        *cells: Cell,
        metadata: dict[str, object] | None = None,
        environment: Environment | None = None,
        local: dict[str, bytes] | None = None,
    ) -> Built:
        notebook = read_notebook_text(notebook_json(cells, metadata), "demo.ipynb")
        return build(notebook, environment, local)

    return make
