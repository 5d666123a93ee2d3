"""Rule ``lists-own-folder``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbprod.analysis.rules import finding
from nbprod.analysis.survey import Survey
from nbprod.diagnostics import Diagnostic

_HERE = frozenset(
    {"", "'.'", "'./'", "os.curdir", "os.getcwd()", "Path.cwd()", "pathlib.Path.cwd()"}
)
_LISTING = frozenset({"listdir", "walk", "scandir", "fwalk"})
_FOLDERS = frozenset({"Path()", "Path('.')", "Path('./')", "Path.cwd()", "Path(os.getcwd())"})
_SHELL = re.compile(r"^!\s*(find\s+\.?/?(\s|$)|du\b|ls\s+-\w*[aA]|tree\s+-a)")


def own_folder(survey: Survey) -> Iterator[Diagnostic]:
    """Find where code lists the working directory, in which other things may lie later."""
    for facts in survey.cells:
        if not facts.executed:
            continue
        found = [
            (facts.cell_line(node.lineno), ast.unparse(node))
            for node in facts.nodes
            if isinstance(node, ast.Call) and _lists(node)
        ]
        found += [(each.line, each.text) for each in facts.code.magics if _SHELL.match(each.text)]
        for line, text in found:
            message = f"`{text[:60]}` lists the working directory."
            yield finding(
                "lists-own-folder", message, facts.cell.origin(survey.notebook.path, line)
            )


def _lists(node: ast.Call) -> bool:
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    first = ast.unparse(node.args[0]) if node.args else ""
    if name in _LISTING:
        if isinstance(function, ast.Attribute) and not first:  # a tree of one's own has walk(), too
            return ast.unparse(function.value).removeprefix("pathlib.") in _FOLDERS | {"os"}
        return first in _HERE
    if name in {"rglob", "iterdir", "glob"} and isinstance(function, ast.Attribute):
        here = ast.unparse(function.value).removeprefix("pathlib.") in _FOLDERS
        return here and (name != "glob" or first.startswith(("'**", "'*'", "'.")))
    if name in {"glob", "iglob"}:
        return any(word.arg == "include_hidden" for word in node.keywords)
    return name == "make_archive" and len(node.args) > 2 and ast.unparse(node.args[2]) in _HERE
