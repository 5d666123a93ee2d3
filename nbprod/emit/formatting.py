"""The last step of every conversion: ruff sorts imports, formats, and says what remains."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from nbprod.errors import SystemFailedError


@dataclass(frozen=True, slots=True)
class LintFinding:
    """A ruff rule that a line still breaks after formatting.

    Attributes:
        path: File, relative to the project, with forward slashes.
        line: Line in the formatted file, counted from 1.
        code: Ruff's rule, such as ``F841``.
        message: Ruff's own words.
    """

    path: str
    line: int
    code: str
    message: str


def format_python(
    files: Mapping[str, str], configuration: str, check: tuple[str, ...]
) -> tuple[dict[str, str], tuple[LintFinding, ...]]:
    """Sort imports and format, as the project's own configuration says.

    Args:
        files: Path -> text of every Python file of the project.
        configuration: Text of the project's pyproject.toml.
        check: The paths to format; the others only tell ruff what is first-party.

    Returns:
        The formatted text of each path in ``check``, and what ruff still reports there.
    """
    with tempfile.TemporaryDirectory(prefix="nbprod-format-") as name:
        folder = Path(name).resolve()
        (folder / "pyproject.toml").write_text(configuration, encoding="utf-8")
        for path, text in files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8", newline="\n")
        _ruff(folder, "check", "--select", "I", "--fix", "--exit-zero", "--quiet", *check)
        _ruff(folder, "format", "--quiet", *check)
        report = _ruff(folder, "check", "--output-format", "json", "--exit-zero", *check)
        formatted = {path: (folder / path).read_text(encoding="utf-8") for path in check}
        return formatted, tuple(_findings(report, folder))


def _ruff(folder: Path, verb: str, *arguments: str) -> str:
    # The one name that all versions of the package have; it carries no types.
    program: str = import_module("ruff.__main__").find_ruff_bin()
    done = subprocess.run(
        [program, verb, "--no-cache", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != 0:
        raise SystemFailedError(
            f"ruff {verb} failed on the generated code: {done.stderr.strip()}",
            fix="This is a defect in nbprod: please report it with the notebook.",
        )
    return done.stdout


def _findings(report: str, folder: Path) -> list[LintFinding]:
    found = [
        LintFinding(
            Path(entry["filename"]).resolve().relative_to(folder).as_posix(),
            entry["location"]["row"],
            entry["code"] or "E999",
            entry["message"],
        )
        for entry in json.loads(report)
    ]
    return sorted(found, key=lambda each: (each.path, each.line, each.code))
