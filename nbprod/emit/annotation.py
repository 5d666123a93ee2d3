"""Type annotations of signatures: checked against what the generated module can import."""

from __future__ import annotations

import ast
import builtins
import typing
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from nbprod.pipeline.ir import DefinitionKind, Pipeline, Step

ANY = "Any"
# Bare generics that mypy's strict mode refuses, with the arguments that say the same.
_GENERIC_ARGUMENTS = {
    "list": "Any",
    "set": "Any",
    "frozenset": "Any",
    "type": "Any",
    "List": "Any",
    "Set": "Any",
    "FrozenSet": "Any",
    "Sequence": "Any",
    "Iterable": "Any",
    "Callable": "..., Any",
    "dict": "Any, Any",
    "Dict": "Any, Any",
    "Mapping": "Any, Any",
    "tuple": "Any, ...",
    "Tuple": "Any, ...",
    "defaultdict": "Any, Any",
    "OrderedDict": "Any, Any",
    "ChainMap": "Any, Any",
    "Counter": "Any",
    "deque": "Any",
    "MappingProxyType": "Any, Any",
    "StreamHandler": "Any",
}
_OF_GENERICS = frozenset({"collections", "logging", "types", "typing"})


@dataclass(frozen=True, slots=True)
class Annotation:
    """A type as it stands in a generated signature.

    Attributes:
        text: Source text.
        names: Names that it reads, other than builtins.
    """

    text: str
    names: frozenset[str] = frozenset()


_ANYTHING = Annotation(ANY, frozenset({ANY}))


@dataclass(frozen=True, slots=True)
class Annotations:
    """Annotations of one pipeline: each name of a type is importable, each variable has one type.

    A variable that the notebook gives two types in turn is ``Any`` everywhere, so that the
    wiring type-checks.

    Attributes:
        importable: Names of the notebook's imports and hoisted classes.
        taken: Names of step functions, which stand before imports of the same name.
        types: The one type of each variable.
    """

    importable: frozenset[str]
    taken: frozenset[str] = frozenset()
    types: Mapping[str, Annotation] = field(default_factory=dict)

    @classmethod
    def of(cls, pipeline: Pipeline, taken: Collection[str] = ()) -> Annotations:
        """Collect the types of all variables that cross a step boundary."""
        importable = frozenset(
            found.name
            for found in pipeline.definitions
            if found.hoisted and found.kind in (DefinitionKind.IMPORT, DefinitionKind.CLASS)
        )
        reader = cls(importable, frozenset(taken))
        found: dict[str, set[Annotation]] = {}
        unknown: set[str] = set()
        for step in pipeline.steps:
            for variable in (*step.inputs, *step.outputs):
                found.setdefault(variable.name, set()).add(reader.read(variable.annotation))
            for variable in step.outputs:
                if reader.read(variable.annotation) == _ANYTHING:
                    unknown.add(variable.name)
        for parameter in pipeline.parameters:
            if parameter.name in found:
                found[parameter.name].add(reader.read(parameter.annotation))
        types: dict[str, Annotation] = {}
        for name, given in found.items():
            certain = given - {_ANYTHING}
            one = len(certain) == 1 and name not in unknown
            types[name] = certain.pop() if one else _ANYTHING
        return cls(importable, frozenset(taken), types)

    def variable(self, name: str) -> Annotation:
        """Return the type of a variable that crosses a step boundary."""
        return self.types[name]

    def read(self, text: str) -> Annotation:
        """Return ``text`` with bare generics completed; ``Any`` if it can't be imported."""
        try:
            tree = ast.parse(text, mode="eval").body
        except SyntaxError:
            return _ANYTHING
        complete = _Complete().visit(tree)
        names: set[str] = set()
        for node in ast.walk(complete):
            if isinstance(node, ast.Name):
                names.add(node.id)
        unknown = {name for name in names if not self._is_known(name)}
        if unknown:
            return _ANYTHING
        names = {name for name in names if name in self.importable or not _is_builtin(name)}
        return Annotation(ast.unparse(complete), frozenset(names))

    def returned(self, step: Step) -> Annotation:
        """Return the type of what a step's function returns."""
        if not step.outputs:
            return Annotation("None")
        parts = [self.variable(variable.name) for variable in step.outputs]
        if len(parts) == 1:
            return parts[0]
        names = frozenset().union(*(part.names for part in parts))
        return Annotation(f"tuple[{', '.join(part.text for part in parts)}]", names)

    def _is_known(self, name: str) -> bool:
        if name in self.taken:
            return False
        return name in self.importable or _is_builtin(name) or is_typing_name(name)


def _is_builtin(name: str) -> bool:
    return isinstance(getattr(builtins, name, None), type)


def is_typing_name(name: str) -> bool:
    """Tell whether ``name`` is one of the ``typing`` module's own."""
    return name in typing.__all__


class _Complete(ast.NodeTransformer):
    """Give bare generics their arguments."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Leave the name that is subscripted alone, and look inside the brackets."""
        if isinstance(node.value, ast.Name) and node.value.id == "Literal":
            return node
        node.slice = self.visit(node.slice)
        name = node.value.id if isinstance(node.value, ast.Name) else ""
        if name in {"Optional", "Union"}:
            # As ruff wants them written today.
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            union = " | ".join(map(ast.unparse, parts))
            return ast.parse(f"{union} | None" if name == "Optional" else union, mode="eval").body
        if name in {"List", "Dict", "Tuple", "Set"}:
            node.value = ast.Name(name.lower(), ast.Load())
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Complete a generic that stands alone."""
        arguments = _GENERIC_ARGUMENTS.get(node.id)
        if arguments is None:
            return node
        return ast.parse(f"{node.id}[{arguments}]", mode="eval").body

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Complete a generic of a module: ``collections.ChainMap``."""
        arguments = _GENERIC_ARGUMENTS.get(node.attr)
        if arguments is None or ast.unparse(node.value) not in _OF_GENERICS:
            return node
        return ast.parse(f"{ast.unparse(node)}[{arguments}]", mode="eval").body
