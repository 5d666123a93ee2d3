"""The HTML report of a run: what ran and with what, above the output notebook."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from nbprod.errors import UsageError
from nbprod.run.atomic_write import write_atomically
from nbprod.run.record import RECORD, RunRecord

REPORT = "report.html"
_LINKED = ("output.ipynb", RECORD, "lock.txt")
_LARGE = 5_000_000
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|$~-])")


def write_report(record: RunRecord, to: Path | None = None) -> Path:
    """Write the report of a run, by nbconvert.

    Args:
        record: The run.
        to: Where it goes; ``report.html`` in the run's folder if that is not said. Elsewhere
            it has what it links to in itself, so that it can be published alone.

    Raises:
        UsageError: If the run left no output notebook.
    """
    import nbformat
    from nbconvert.exporters import HTMLExporter
    from nbformat.v4 import new_markdown_cell

    folder = Path(record.folder)
    path = (to or folder / REPORT).absolute()
    output = folder / "output.ipynb"
    if not output.is_file():
        raise UsageError(
            f"The run {record.run_id} left no output notebook.", fix="Run the notebook again."
        )
    nb = nbformat.read(output, as_version=4)  # type: ignore[no-untyped-call]
    lines = summary_of(record, is_apart=path.parent.resolve() != folder.resolve())
    summary = new_markdown_cell("\n".join(lines))  # type: ignore[no-untyped-call]
    nb.cells.insert(0, summary)
    title = f"{Path(record.notebook).stem} · {record.run_id}"
    exporter = HTMLExporter(template_name="lab", embed_images=True)  # type: ignore[no-untyped-call]
    html, _ = exporter.from_notebook_node(nb, resources={"metadata": {"name": title}})
    write_atomically(path, html.encode())
    return path


def report_of(record: RunRecord) -> Path | None:
    """Return a run's report, ``None`` if none was written."""
    path = Path(record.folder) / REPORT
    return path if path.is_file() else None


def summary_of(record: RunRecord, *, is_apart: bool = False) -> Iterator[str]:
    """Yield a run's summary as lines of Markdown.

    Args:
        record: The run.
        is_apart: It is shown outside of the run's folder: links hold what they lead to.
    """
    yield f"# {plain(Path(record.notebook).name)}"
    yield f"run **{record.run_id}** · {record.state.value} in {record.seconds:.1f} s"
    yield ""
    if record.failure is not None:
        yield f"**{plain(record.failure.message)}**"
        yield ""
    yield from table("Metrics", ("metric", "value"), record.metrics.items())
    parameters = [*record.literals.items(), *((name, "(secret)") for name in record.secrets)]
    yield from table("Parameters", ("parameter", "value"), parameters)
    steps = (
        (
            step.name or "(no step)",
            ", ".join(map(str, step.cells)),
            f"{step.seconds:.2f}",
            _megabytes(step.peak_memory),
            step.outcome,
        )
        for step in record.steps
    )
    yield from table("Steps", ("step", "cells", "seconds", "peak memory", "state"), steps)
    files = (
        (relative(file.path, record.working_directory), f"{file.size:,}", file.sha256)
        for file in record.files_read
    )
    yield from table("Data files", ("file", "bytes", "sha256"), files)
    yield from table("Environment", ("", ""), _environment(record))
    artifacts = (
        (
            found.step,
            found.kind,
            plain(found.file) if is_apart else _link(found.file, "artifacts"),
            f"{found.size:,}",
        )
        for found in record.artifacts
    )
    yield from table("Artifacts", ("step", "", "file", "bytes"), artifacts, links=(2,))
    if is_apart:
        names = [name for name in _LINKED if (Path(record.folder) / name).is_file()]
        yield " · ".join(_held(Path(record.folder) / name) for name in names)
        yield ""
        place = relative(record.folder, record.working_directory)
        yield f"All of it is in {plain(place)}, where it ran."
    else:
        yield " · ".join(_link(name) for name in _LINKED)
    for problem in record.problems:
        yield f"\n> {plain(problem)}"
    yield "\n---"


def hardware(record: RunRecord) -> str:
    """Return what a run had: processor, cores, memory."""
    found = record.environment
    memory = f"{found.memory / 2**30:.1f} GB" if found.memory else "unknown"
    return f"{found.processor or 'processor unknown'}, {found.cores} cores, {memory} of memory"


def _link(name: str, folder: str = ".") -> str:
    return f"[{plain(name)}]({folder}/{quote(name)})"


def _held(file: Path) -> str:
    """Return a link that holds the file, unless that is large; Markdown has none such."""
    data = file.read_bytes()
    if len(data) > _LARGE:
        return file.name
    address = f"data:application/octet-stream;base64,{base64.b64encode(data).decode()}"
    return f'<a download="{file.name}" href="{address}">{file.name}</a>'


def _environment(record: RunRecord) -> Iterator[tuple[str, str]]:
    yield "Python", f"{record.environment.python}, kernel {record.kernel}"
    yield "platform", record.environment.platform
    yield "hardware", hardware(record)
    yield "installed", "all of it in lock.txt"
    yield from sorted(record.environment.distributions.items())
    if record.git is not None:
        yield "git", record.git.commit + (" (with changes)" if record.git.dirty else "")
    yield "notebook", f"sha256 {record.notebook_digest}"


def table(
    title: str,
    head: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    links: Sequence[int] = (),
) -> Iterator[str]:
    """Yield a Markdown table, nothing if it has no rows.

    Args:
        title: Its heading; empty for none.
        head: Names of its columns.
        rows: Their values; shown as plain text.
        links: Columns that are Markdown already.
    """
    lines = [
        "| "
        + " | ".join(
            str(value) if number in links else plain(shown(value))
            for number, value in enumerate(row)
        )
        + " |"
        for row in rows
    ]
    if lines:
        if title:
            yield f"## {title}"
            yield ""
        yield "| " + " | ".join(map(plain, head)) + " |"
        yield "|" + " --- |" * len(head)
        yield from lines
        yield ""


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.0f} MB" if size else ""


def shown(value: object) -> str:
    """Return a value as people read it: floats with six digits."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def plain(text: str) -> str:
    """Escape what Markdown or HTML would take for more than text."""
    return _MARKDOWN.sub(r"\\\1", text.replace("\n", " ")).replace("\\<", "&lt;")


def relative(path: str, folder: str) -> str:
    """Return a path as seen from a folder, unless it lies outside."""
    found = os.path.relpath(path, folder)
    return path if found.startswith("..") else found
