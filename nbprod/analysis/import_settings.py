"""What a notebook sets that a library reads when it is imported.

Such an import must not come before the cell that sets it: environment variables, and files in
the working directory.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from nbprod.analysis.effects import effects_of
from nbprod.analysis.library_table import data_file
from nbprod.analysis.scopes import constant_texts, modules_named
from nbprod.analysis.survey import CellFacts

_ANY = ""
"""A variable whose name cannot be told."""
_SETTERS = ("setdefault", "update", "pop", "popitem", "clear", "putenv", "unsetenv")


@cache
def _table() -> dict[str, Any]:
    return data_file("import_settings")


class ImportSettings:
    """Knows what is set where in a notebook.

    Args:
        cells: The executed cells, in order.
    """

    def __init__(self, cells: Iterable[CellFacts]) -> None:
        self._variables: list[tuple[int, int, str]] = []
        self._files: list[tuple[int, int, str]] = []
        self._imported: dict[str, tuple[int, int]] = {}
        for facts in cells:
            self._note(facts)

    def _note(self, facts: CellFacts) -> None:
        number, calls = facts.cell.number, facts.trace.calls
        for node in facts.nodes:
            for module in modules_named(node, "") if isinstance(node, _IMPORTS) else ():
                place = (number, node.lineno)  # type: ignore[attr-defined]
                self._imported.setdefault(module.partition(".")[0], place)
        sets = [call for call in calls if _sets(call)]
        if sets:
            found = list(_variables(facts.nodes))
            own = {line for line, _ in found}
            # What a called function or a library sets: somewhere in the cell.
            if not own or any(not call.startswith("os.") for call in sets):
                found.append((0, _ANY))
            self._variables += [(number, line, name) for line, name in found]
        if "writes-files" in effects_of(calls) or "subprocess" in effects_of(calls):
            texts = set(constant_texts(facts.statements))
            self._files += [
                (number, 0, name)
                for name in _table()["files"]
                if any(name in text for text in texts)
            ]

    def come_first(self, module: str, cell: int, line: int) -> bool:
        """Whether the import of ``module`` at a place may read what is set before it.

        Args:
            module: Its dotted name.
            cell: Number of the cell that imports it.
            line: Line of the import in the cell's code.
        """
        top = module.partition(".")[0]
        place = min((cell, line), self._imported.get(top, (cell, line)))
        variables = {name for number, at, name in self._variables if (number, at) < place}
        files = {name for number, at, name in self._files if (number, at) < place}
        return any(_reads(top, name) for name in variables) or any(
            top in _table()["files"][name] for name in files
        )


_IMPORTS = ast.Import | ast.ImportFrom


def _sets(call: str) -> bool:
    owner, _, name = call.rpartition(".")
    if call in {"os.environ=", "os.putenv", "os.unsetenv"} or owner == "os.environ":
        return call.endswith("=") or name in _SETTERS
    return call.endswith(("load_dotenv", "environ="))


def _variables(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield the environment variables that code sets, with the line."""
    for node in nodes:
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            if ast.unparse(node.value).rpartition(".")[2] == "environ":
                yield node.lineno, _text(node.slice)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner, name = ast.unparse(node.func.value), node.func.attr
            is_environment = owner.rpartition(".")[2] == "environ" or owner == "os"
            if is_environment and name in _SETTERS:
                yield from ((node.lineno, each) for each in _given(node))


def _given(node: ast.Call) -> Iterator[str]:
    if node.func.attr != "update":  # type: ignore[attr-defined]
        yield _text(node.args[0]) if node.args else _ANY
        return
    for word in node.keywords:
        yield word.arg or _ANY
    for each in node.args:
        keys = each.keys if isinstance(each, ast.Dict) else [None]
        yield from (_ANY if key is None else _text(key) for key in keys)


def _text(node: ast.expr) -> str:
    known = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return str(node.value) if known else _ANY  # type: ignore[attr-defined]


def _reads(top: str, variable: str) -> bool:
    """Whether importing the library ``top`` may read an environment variable."""
    table = _table()
    if variable in table["threads"]["variables"]:
        return False
    if variable == _ANY or top not in table["libraries"]["known"]:
        return True
    tops = {top}
    if top in table["libraries"]["matplotlib.by"]:
        tops.add("matplotlib")
    return any(
        variable.startswith(beginning) and tops & set(libraries)
        for beginning, libraries in table["variables"].items()
    )
