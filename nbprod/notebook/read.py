"""Read a notebook file: nbformat 3 and 4, without validating what we do not use.

Version 4 is plain JSON, read directly: importing nbformat (with its schemas) costs
more than a second. The retired version 3 goes through nbformat's own converter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from nbprod.errors import UsageError
from nbprod.notebook.cell import Cell, CellKind, derived_id
from nbprod.notebook.notebook import Notebook

__all__ = ["INJECTED_TAG", "Notebook", "read_notebook", "read_notebook_text"]

INJECTED_TAG = "injected-parameters"
_KINDS = {"code": CellKind.CODE, "markdown": CellKind.MARKDOWN, "raw": CellKind.RAW}
# How the kernels of other languages begin, for notebooks that do not name their language.
_KERNELS = (
    *(("julia", "Julia"), ("bash", "Bash"), ("octave", "Octave"), ("javascript", "JavaScript")),
    *(("ijavascript", "JavaScript"), ("deno", "TypeScript"), ("xcpp", "C++"), ("scala", "Scala")),
    *(("almond", "Scala"), ("gophernotes", "Go"), ("java", "Java"), ("rust", "Rust")),
    *(("stata", "Stata"), ("sas", "SAS"), ("matlab", "MATLAB"), ("spylon", "Scala")),
    *(("xr", "R"), ("sql", "SQL"), ("haskell", "Haskell"), (".net", ".NET")),
)
_PYTHON = frozenset({"python", "python3", "ipython", "ipython3"})


def read_notebook(path: str | Path) -> Notebook:
    """Read the notebook at ``path``.

    Raises:
        UsageError: It is missing, unreadable, not a notebook, or not a Python one.
    """
    place = Path(path)
    try:
        data = place.read_bytes()
    except FileNotFoundError:
        raise UsageError(
            f"There is no notebook at {path}.", fix="Check the path, or the folder you are in."
        ) from None
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder, not a notebook.") from None
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror or error}.", fix="Check its permissions."
        ) from None
    return _read_bytes(data, str(path))


def read_notebook_text(text: str, name: str = "notebook.ipynb") -> Notebook:
    """Read a notebook from its JSON ``text``; ``name`` stands for its path.

    Raises:
        UsageError: It is not a notebook, or not a Python one.
    """
    return _read_bytes(text.encode("utf-8", "surrogatepass"), name)


def _read_bytes(data: bytes, path: str) -> Notebook:
    document = _as_version_4(_parse(data, path), path)
    metadata = _mapping(document.get("metadata"))
    kernel = _mapping(metadata.get("kernelspec"))
    language = _language(metadata, kernel)
    if language.lower() not in _PYTHON:
        raise UsageError(
            f"{path} is a notebook for {language}, not for Python.",
            fix="nbprod understands Python notebooks only.",
        )
    return Notebook(
        path=path,
        name=Path(path).name,
        digest=hashlib.sha256(data).hexdigest(),
        kernel_name=str(kernel.get("name") or ""),
        language="python",
        metadata=metadata,
        cells=_read_cells(document["cells"], path),
    )


def _parse(data: bytes, path: str) -> dict[str, object]:
    if not data.strip():
        raise UsageError(f"{path} is not a notebook: the file is empty.")
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a notebook: it is not UTF-8 text.") from None
    except (json.JSONDecodeError, RecursionError) as error:
        line = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise UsageError(
            f"{path} is not a notebook: it is not JSON{line}.",
            fix="Give the .ipynb file itself.",
        ) from None
    if not isinstance(document, dict) or "nbformat" not in document:
        raise UsageError(f"{path} is JSON, but not a notebook: it has no nbformat field.")
    return document


def _as_version_4(document: dict[str, object], path: str) -> dict[str, object]:
    version = document["nbformat"]
    if version == 3:
        document = _upgraded(document, path)
    elif version != 4:
        raise UsageError(
            f"{path} has notebook format {version}; nbprod reads formats 3 and 4.",
            fix="Open and save it in JupyterLab, which writes format 4.",
        )
    if not isinstance(document.get("cells"), list):
        raise UsageError(f"{path} is not a notebook: it has no list of cells.")
    return document


def _upgraded(document: dict[str, object], path: str) -> dict[str, object]:
    import nbformat

    try:
        text = json.dumps(document)  # its reader also joins the lines that a source is split into
        upgraded = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 - whatever its converter meets is a broken file
        raise UsageError(
            f"{path} is a notebook of format 3 that cannot be brought to format 4.",
            fix="Open and save it in JupyterLab.",
        ) from None
    return dict(upgraded)


def _language(metadata: Mapping[str, object], kernel: Mapping[str, object]) -> str:
    info = _mapping(metadata.get("language_info"))
    language = info.get("name") or kernel.get("language") or metadata.get("language")
    if language:
        return str(language)
    name = str(kernel.get("name") or "").lower()
    if name in {"ir", "irkernel"}:
        return "R"
    return next((other for start, other in _KERNELS if name.startswith(start)), "python")


def _read_cells(cells: object, path: str) -> tuple[Cell, ...]:
    found: list[Cell] = []
    for position, cell in enumerate(cells if isinstance(cells, list) else [], start=1):
        if not isinstance(cell, dict):
            raise UsageError(f"{path} is not a notebook: its cell {position} is not an object.")
        read = _read_cell(cell, len(found) + 1)
        if INJECTED_TAG not in read.tags:
            found.append(read)
    return tuple(found)


def _read_cell(cell: Mapping[str, object], number: int) -> Cell:
    source = _text(cell.get("source"))
    metadata = _mapping(cell.get("metadata"))
    count = cell.get("execution_count")
    tags = metadata.get("tags")
    outputs = cell.get("outputs")
    return Cell(
        number=number,
        id=str(cell.get("id") or derived_id(number, source)),
        kind=_KINDS.get(str(cell.get("cell_type")), CellKind.RAW),
        source=source,
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        execution_count=count if isinstance(count, int) else None,
        metadata=metadata,
        outputs=tuple(each for each in outputs if isinstance(each, dict))
        if isinstance(outputs, list)
        else (),
    )


def _text(source: object) -> str:
    """Join a multi-line string of the format, whatever its line ends."""
    text = "".join(map(str, source)) if isinstance(source, list) else str(source or "")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _mapping(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, dict) else {}
