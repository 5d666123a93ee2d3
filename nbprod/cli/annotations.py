"""Errors and findings as annotations that GitHub shows beside the line of the file.

The form is that of GitHub's workflow commands; other CI systems ignore it, so it is
written only where GitHub runs.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from nbprod.diagnostics import Diagnostic, Severity
from nbprod.errors import NbprodError, RefusedError
from nbprod.origin import Origin

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "notice"}


def annotate_error(error: NbprodError, target: Path | None) -> None:
    """Write the annotations of an error, if GitHub runs this.

    Args:
        error: The error.
        target: What the command was pointed at: where a notebook that is known by its
            name alone lies.
    """
    if isinstance(error, RefusedError):
        annotate_diagnostics(error.diagnostics, target)
    elif _on_github():
        _write("error", error.message, error.where, target)


def annotate_diagnostics(diagnostics: tuple[Diagnostic, ...], target: Path | None) -> None:
    """Write the annotations of findings, if GitHub runs this."""
    if _on_github():
        for found in diagnostics:
            text = f"{found.message} {found.fix}".strip()
            _write(_LEVELS[found.severity], text, found.origin, target, title=found.code)


def _on_github() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _write(
    level: str, message: str, where: Origin | None, target: Path | None, title: str = "nbprod"
) -> None:
    properties = {"title": title}
    path = _file(where, target)
    if where is not None and path is not None:
        properties = {"file": _from_root(path), "line": str(_line(path, where)), **properties}
        message = f"{where}: {message}"
    listed = ",".join(f"{name}={_escaped(value)}" for name, value in properties.items())
    text = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    # Beside stdout, which may be one JSON document; the runner reads both.
    click.echo(f"::{level} {listed}::{text}", err=True)


def _file(where: Origin | None, target: Path | None) -> Path | None:
    if where is None:
        return None
    places = [Path(where.notebook)]
    if target is not None:
        folder = target if target.is_dir() else target.parent
        places += [folder / where.notebook, folder.absolute().parent / where.notebook]
    return next((path for path in places if path.is_file()), None)


def _line(path: Path, where: Origin) -> int:
    from nbprod.notebook.file_lines import line_in_file

    return line_in_file(path.read_text(encoding="utf-8-sig"), where.cell, where.line)


def _from_root(path: Path) -> str:
    root = os.environ.get("GITHUB_WORKSPACE") or str(Path.cwd())
    return os.path.relpath(path.resolve(), Path(root).resolve())


def _escaped(value: str) -> str:
    for sign, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C")):
        value = value.replace(sign, code)
    return value
