"""Runs of small notebooks one after the other, in one folder with one cache."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nbprod.events import LogEvent
from nbprod.run.ahead.request import AheadRequest
from nbprod.run.record import ModelRecord, RunRecord
from nbprod.workflows.run import RunWorkflowRequest, run
from tests.functional.conftest import write_notebook


@dataclass
class Ran:
    """What one run gave."""

    record: RunRecord
    cells: list[Any]
    warnings: list[str]
    told: list[str] = field(default_factory=list)

    @property
    def cached(self) -> set[str]:
        """Names of the steps that came from earlier runs."""
        return {step.name for step in self.record.steps if step.cached}

    @property
    def computed(self) -> set[str]:
        """Names of the steps that ran."""
        return {step.name for step in self.record.steps if step.name and not step.cached}

    @property
    def ahead(self) -> set[str]:
        """Names of the steps that other processes computed."""
        return {text.partition(":")[0] for text in self.told if "computed ahead" in text}

    def why(self, step: str) -> str:
        """Return why later runs cannot take a step from this one."""
        return next(found.uncached for found in self.record.steps if found.name == step)

    def folder(self, model: ModelRecord) -> Path:
        """Return the folder of what is known of a model."""
        return Path(self.record.folder) / "models" / model.folder

    @property
    def text(self) -> str:
        """All that was printed or shown as text."""
        found = []
        for cell in self.cells:
            for output in cell.get("outputs", ()):
                found.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
        return re.sub(r"0x[0-9a-f]+|ipykernel_\d+", "", "".join(found))

    @property
    def pictures(self) -> list[str]:
        """All pictures."""
        outputs = [output for cell in self.cells for output in cell.get("outputs", ())]
        return [o["data"]["image/png"] for o in outputs if "image/png" in o.get("data", {})]


@dataclass
class Place:
    """A folder with a notebook that is changed and run."""

    folder: Path
    cells: list[tuple[str, list[str]]] = field(default_factory=list)

    @property
    def notebook(self) -> Path:
        return self.folder / "demo.ipynb"

    def write(self, *cells: tuple[str, list[str]] | str) -> None:
        """Write the notebook: texts with tags, ``# %% step`` style names allowed as tags."""
        self.cells = [each if isinstance(each, tuple) else (each, []) for each in cells]
        write_notebook(self.notebook, *self.cells)

    def change(self, number: int, old: str, new: str) -> None:
        """Change the text of a cell, counted from 1."""
        text, tags = self.cells[number - 1]
        assert old in text
        self.cells[number - 1] = (text.replace(old, new), tags)
        write_notebook(self.notebook, *self.cells)

    def run(
        self, *pairs: tuple[str, str], cache: bool = True, starts_over: bool = False, **options: Any
    ) -> Ran:
        """Run it, which may start over only where that is expected.

        ``options`` are those of a :class:`RunWorkflowRequest`, or of its ``ahead``.
        """
        names = {"jobs", "scheduler", "artifacts"} & {*options}
        ahead = AheadRequest(**{name: options.pop(name) for name in names})
        warnings: list[str] = []
        told: list[str] = []

        def listen(event: object) -> None:
            if isinstance(event, LogEvent):
                (warnings if event.level == "warning" else told).append(event.text)

        request = RunWorkflowRequest(
            self.notebook, parameters=pairs, ahead=ahead, use_cache=cache, **options
        )
        record = run(request, listen).record
        assert starts_over or not any("every step runs again" in text for text in warnings)
        output = nbformat.read(record.output, as_version=4)
        cells = [cell for cell in output.cells if cell.cell_type == "code"]
        return Ran(record, cells, warnings, told)

    def same(self, *pairs: tuple[str, str], **options: Any) -> Ran:
        """Run it with the cache, and check it against a run without."""
        found, plain = self.run(*pairs, **options), self.run(*pairs, cache=False)
        assert found.text == plain.text
        assert found.pictures == plain.pictures
        assert found.record.metrics == plain.record.metrics
        counts = [cell.execution_count for cell in found.cells]
        assert counts == [cell.execution_count for cell in plain.cells]
        models = [(each.variable, each.chain, each.problem) for each in found.record.models]
        assert models == [(each.variable, each.chain, each.problem) for each in plain.record.models]
        return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("NBPROD_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return Place(tmp_path / "work")
