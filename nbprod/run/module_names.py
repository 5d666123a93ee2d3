"""Names of the generated modules in what a project's run gave.

The notebook's classes and functions belong to ``__main__``, those of the generated package
to its modules, and some to the functions there. Code that shows or keeps that name gives
something else than the notebook: ``print(type(model))``, the bytes of ``pickle.dumps``, an
instance of a dataclass.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbprod.pipeline.naming import function_name
from nbprod.run.plan import INJECTED_TAG, STEP_TAG
from nbprod.run.printed import output_cells

_MODULES = ("definitions", "steps")
_LOCALS = ".<locals>."
_UNNAMED = "locals|lambda|genexpr|listcomp|setcomp|dictcomp"
"""What names of code hold in angle brackets."""

_LARGEST = 1 << 26
"""Bytes of a file that are looked through."""

_PICKLE = b"\x80"
"""A pickle's first byte; who loads one finds the class, wherever it is."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A place that names a module of the generated package.

    Attributes:
        place: Such as ``what step show prints``.
        name: The name as it is there, such as ``churn.definitions.Model``.
    """

    place: str
    name: str

    @property
    def original(self) -> str:
        """The name in the notebook."""
        within = self.name.partition(_LOCALS)[2]
        if re.match(rf"\w+{re.escape(_LOCALS)}", self.name) or within.startswith("<"):
            return within
        return f"__main__.{within}" if within else re.sub(r"^\w+\.\w+", "__main__", self.name)


def modules_of(package: str) -> tuple[str, ...]:
    """Return the modules of a generated package that hold the notebook's code."""
    return tuple(f"{package}.{module}" for module in _MODULES)


def locals_of(steps: Iterable[str], hoisted: Collection[str]) -> tuple[str, ...]:
    """Return what the names of things begin with that the steps' functions define.

    Classes and functions that read the notebook's variables stand within a step's function.
    Where the notebook has a function of that name itself, nobody can tell whose they are.

    Args:
        steps: Names of the steps.
        hoisted: What the generated package defines outside of the steps' functions.
    """
    functions = map(function_name, steps)
    return tuple(f"{name}{_LOCALS}" for name in functions if name not in hoisted)


def name_pattern(package: str, inner: Collection[str] = ()) -> str:
    """Return the regular expression of a name in the generated package.

    Args:
        package: Name of the generated package.
        inner: See :func:`locals_of`.
    """
    starts = "|".join(
        [*(rf"{re.escape(each)}\b" for each in modules_of(package)), *map(re.escape, inner)]
    )
    return rf"(?<![\w.])(?:{starts})(?:[\w.]|<(?:{_UNNAMED})>)*"


def mentions(
    package: str, output: Path, written: set[str], inner: Collection[str] = ()
) -> Iterator[Mention]:
    """Find the names in what the cells of a run printed and displayed, and in files.

    Args:
        package: Name of the generated package.
        output: The output notebook.
        written: Files that the run wrote.
        inner: See :func:`locals_of`.
    """
    pattern = re.compile(name_pattern(package, inner))
    for cell in output_cells(output):
        tags = cell.get("metadata", {}).get("tags", ())
        steps = [tag.removeprefix(STEP_TAG) for tag in tags if tag.startswith(STEP_TAG)]
        if INJECTED_TAG in tags or not steps:
            continue
        for text in _texts(cell):
            found = pattern.search(text)
            if found is not None:
                yield Mention(f"what step {steps[0]} shows", found[0].rstrip("."))
                break
    for name in sorted(written):
        path = Path(name)
        if path.is_file() and path.stat().st_size <= _LARGEST:
            data = path.read_bytes()
            found = pattern.search(data.decode("latin-1"))
            if found is not None and not data.startswith(_PICKLE):
                yield Mention(f"the file {path.name}", found[0].rstrip("."))


def _texts(cell: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield what a cell printed to stdout and displayed, without pictures."""
    for found in cell.get("outputs", ()):
        if found.get("name") == "stdout":
            yield "".join(found["text"])
        for kind, data in found.get("data", {}).items():
            if kind.startswith("text/"):
                yield html.unescape("".join(data)) if kind == "text/html" else "".join(data)
