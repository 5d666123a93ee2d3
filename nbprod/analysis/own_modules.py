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
        name = path.removesuffix(".py").replace("/", ".")
        found[name.removesuffix(".__init__")] = OwnModule(tree, name.rpartition(".")[0])
    return found
