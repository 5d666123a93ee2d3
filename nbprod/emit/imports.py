"""What a generated module imports: only the names that its code uses."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from nbprod.analysis.scopes import formula_names
from nbprod.emit.annotation import is_typing_name
from nbprod.pipeline.ir import IMPORTS, Definition, DefinitionKind, Pipeline

# IPython puts these into builtins; a module run by plain Python has to import them.
_KERNEL_BUILTINS = {
    "display": "from IPython.display import display",
    "get_ipython": "from IPython import get_ipython",
}
PYPLOT = "plt"
# Names that generated code may use though the notebook does not import them.
_SUPPLIED = {**_KERNEL_BUILTINS, PYPLOT: "import matplotlib.pyplot as plt"}
# Importing these changes nothing but the namespace, so that an unused import can go.
# Anything else may register an accessor, a converter, a colour map: it stays.
_WITHOUT_EFFECT = frozenset(sys.stdlib_module_names) | {
    "IPython",
    "joblib",
    "matplotlib",
    "numpy",
    "pandas",
    "scipy",
    "sklearn",
}
_WITH_EFFECT = ("sklearn.experimental", "matplotlib.pylab", "antigravity", "this")


@dataclass(frozen=True, slots=True)
class ImportTable:
    """Where the generated package gets names from.

    Attributes:
        package: Name of the generated package.
        imports: Hoisted imports, in the notebook's order, optional ones last.
        definitions: Names that ``definitions.py`` binds.
        future: ``from __future__`` imports, which hold for a whole module.
    """

    package: str
    imports: tuple[Definition, ...]
    definitions: frozenset[str]
    future: tuple[str, ...] = ()

    @classmethod
    def of(cls, pipeline: Pipeline, package: str) -> ImportTable:
        """Collect the hoisted imports and definitions of ``pipeline``."""
        hoisted = [found for found in pipeline.definitions if found.hoisted]
        imports = [found for found in hoisted if found.kind in IMPORTS]
        imports.sort(key=lambda found: found.kind is DefinitionKind.OPTIONAL_IMPORT)
        future = [found for found in imports if found.source.startswith("from __future__ ")]
        return cls(
            package,
            tuple(found for found in imports if found not in future),
            frozenset(found.name for found in hoisted if found.kind not in IMPORTS),
            tuple(found.source for found in future),
        )

    @property
    def names(self) -> frozenset[str]:
        """All names that a module of the package can import."""
        return self.definitions | {found.name for found in self.imports}

    @property
    def optional(self) -> frozenset[str]:
        """Names that are bound only where their import succeeds."""
        kind = DefinitionKind.OPTIONAL_IMPORT
        return frozenset(found.name for found in self.imports if found.kind is kind)

    def statements(self, names: Collection[str]) -> tuple[str, ...]:
        """Return import statements that bind those of ``names`` that can be imported."""
        found = [each.source for each in self.imports if each.name in names]
        bound = {each.name for each in self.imports}
        for name in sorted(set(names) - bound):
            if name in self.definitions:
                found.append(f"from {self.package}.definitions import {name}")
            elif name in _SUPPLIED:
                found.append(_SUPPLIED[name])
        return tuple(dict.fromkeys(found))

    def typing_statements(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return imports from ``typing`` for those of ``names`` that nothing else binds."""
        return tuple(
            f"from typing import {name}"
            for name in sorted(names)
            if name not in self.names and is_typing_name(name)
        )

    def looked_up(self, texts: Iterable[str], needed: Collection[str]) -> tuple[str, ...]:
        """Return imports of what only formulas in ``texts`` name: ``"price ~ np.log(area)"``."""
        calls = (
            node for text in texts for node in ast.walk(ast.parse(text)) if type(node) is ast.Call
        )
        names = {name for call in calls for name in formula_names(call)} - set(needed)
        return tuple(
            f"{line}  # noqa: F401  (a formula names it)" if "import " in line else line
            for statement in self.statements(names)
            for line in statement.splitlines()
        )

    def effects(self, used: Collection[str]) -> tuple[str, ...]:
        """Return the notebook's unused imports that may matter by being executed."""
        return tuple(
            f"{line}  # noqa: F401  (imported for its effect)"
            for each in self.imports
            if each.name not in used and each.kind is DefinitionKind.IMPORT
            for line in each.source.splitlines()
            if _may_have_effect(line)
        )


def _may_have_effect(statement: str) -> bool:
    tree = ast.parse(statement).body
    for node in tree:
        if isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            return True
        for module in modules:
            if module in _WITH_EFFECT or module.partition(".")[0] not in _WITHOUT_EFFECT:
                return True
    return False
