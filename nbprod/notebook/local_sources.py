"""Find the author's own modules beside a notebook, so that they can come along."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

_IMPORT = re.compile(
    r"(?:^|[;:])[ \t]*(?:from\s+([A-Za-z_][\w.]*)\s+import|import[ \t]+([^;#\n]+))", re.MULTILINE
)


def read_local_sources(
    folder: Path, sources: Iterable[str], installed: Collection[str] = ()
) -> dict[str, bytes]:
    """Read every local module that ``sources`` import, and what those import in turn.

    Args:
        folder: The notebook's folder, where Python looks first.
        sources: Python source of the cells; magics do no harm.
        installed: Import names of what is installed where the notebook runs. A folder
            without ``__init__.py`` comes after those, as it does for Python.

    Returns:
        Path relative to ``folder``, with forward slashes, to the file's bytes.
        A package comes whole, since its modules may import each other by any name.
    """
    found: dict[str, bytes] = {}
    waiting = [name for source in sources for name in _imported(source)]
    taken = {*installed, *sys.stdlib_module_names}
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for path in _module_files(folder, name, taken):
            content = path.read_bytes()
            found[path.relative_to(folder).as_posix()] = content
            waiting.extend(_imported(content.decode("utf-8", errors="replace")))
    return dict(sorted(found.items()))


def _imported(source: str) -> list[str]:
    """Return the top-level names that ``source`` imports, by a look at its lines."""
    names: list[str] = []
    for match in _IMPORT.finditer(source):
        dotted = [match[1]] if match[1] else match[2].split(",")
        names.extend(part.split(".")[0].split(" as ")[0].strip() for part in dotted)
    return [name for name in names if name.isidentifier()]


def _module_files(folder: Path, name: str, taken: Collection[str]) -> list[Path]:
    package, module = folder / name, folder / f"{name}.py"
    if (package / "__init__.py").is_file():
        return _package_files(package)
    if module.is_file():
        return [module]
    return _package_files(package) if package.is_dir() and name not in taken else []


def _package_files(package: Path) -> list[Path]:
    """Return the Python files below ``package``; links to folders are not followed."""
    return sorted(
        path
        for path in package.rglob("*.py")
        if path.is_file()
        and all(part.isidentifier() for part in path.relative_to(package).parts[:-1])
    )
