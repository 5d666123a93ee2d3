"""The author's own modules, beside the notebook: parsed, by their dotted names."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OwnModule:
    """A module of the author's.

    Attributes:
        tree: Its code.
        package: The package that its relative imports start from; empty at the top.
    """

    tree: ast.Module
    package: str


def parsed(sources: Mapping[str, bytes]) -> dict[str, OwnModule]:
    """Return modules by dotted name, without those whose text is no Python.

    Args:
        sources: Path relative to the notebook's folder to bytes.
    """
    found: dict[str, OwnModule] = {}
    for path, source in sources.items():
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        name = module_name(path)
        package = name if path.endswith("__init__.py") else name.rpartition(".")[0]
        found[name] = OwnModule(tree, package)
    return found


def module_name(path: str) -> str:
    """Return the import name of a file such as ``tools/clean.py``."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
