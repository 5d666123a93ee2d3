"""Static types as annotations, written with the notebook's own import names."""

from __future__ import annotations

from collections.abc import Mapping

from nbprod.analysis.definitions import Definitions, Kind
from nbprod.analysis.survey import Survey
from nbprod.analysis.value import Value

_PLAIN = {
    "int": "int",
    "float": "float",
    "str": "str",
    "bool": "bool",
    "bytes": "bytes",
    "range": "range",
    "list": "list[Any]",
    "dict": "dict[Any, Any]",
    "set": "set[Any]",
}


class Annotations:
    """Writes types with names that hoisted imports bind.

    Args:
        definitions: The hoisted definitions.
        survey: The facts.
    """

    def __init__(self, definitions: Definitions, survey: Survey) -> None:
        self.names: dict[str, str] = {}
        for candidate in definitions.by_name.values():
            value = survey.values.get(candidate.name)
            if candidate.kind is Kind.IMPORT and candidate.hoisted and value is not None:
                self.names.setdefault(value.qualified, candidate.name)

    def of(self, value: Value | None) -> str:
        """Return the annotation of ``value``; ``Any`` when it is not certain."""
        if value is None:
            return "Any"
        if value.type in _PLAIN:
            return _PLAIN[value.type]
        if value.type in self.names:
            return self.names[value.type]
        module, _, name = value.type.rpartition(".")
        if module in self.names and name:
            return f"{self.names[module]}.{name}"
        return "Any"

    def of_input(self, name: str, before: Mapping[str, Value], after: Mapping[str, Value]) -> str:
        """Return the annotation of an input: ``Any`` if the step makes another type of it."""
        known = before.get(name)
        if name in after and known is not None and after[name].type != known.type:
            return "Any"
        return self.of(known)
