"""Find the author's own modules beside a notebook, so that they can come along."""

from __future__ import annotations

import re
from pathlib import Path

_IMPORT = re.compile(r"^\s*(?:from\s+([A-Za-z_][\w.]*)\s+import|import\s+(.+))", re.MULTILINE)


def read_local_sources(folder: Path, sources: tuple[str, ...]) -> dict[str, bytes]:
    """Read every local module that ``sources`` import, and what those import in turn.

    Args:
        folder: The notebook's folder, where Python looks first.
        sources: Python source of the cells; magics do no harm.

    Returns:
        Path relative to ``folder``, with forward slashes, to the file's bytes.
        A package comes whole, since its modules may import each other by any name.
    """
    found: dict[str, bytes] = {}
    waiting = [name for source in sources for name in _imported(source)]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for path in _module_files(folder, name):
            content = path.read_bytes()
            found[path.relative_to(folder).as_posix()] = content
            waiting.extend(_imported(content.decode("utf-8", errors="replace")))
    return dict(sorted(found.items()))


def _imported(source: str) -> list[str]:
    """Return the top-level names that ``source`` imports, by a look at its lines."""
    names: list[str] = []
    for match in _IMPORT.finditer(source):
        dotted = [match[1]] if match[1] else match[2].split("#")[0].split(",")
        names.extend(part.split(".")[0].split(" as ")[0].strip() for part in dotted)
    return [name for name in names if name.isidentifier()]


def _module_files(folder: Path, name: str) -> list[Path]:
    package = folder / name
    if (package / "__init__.py").is_file():
        return sorted(path for path in package.rglob("*.py") if path.is_file())
    module = folder / f"{name}.py"
    return [module] if module.is_file() else []
