"""Rule ``absolute-path``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbprod.analysis.rules import finding
from nbprod.analysis.survey import Survey
from nbprod.diagnostics import Diagnostic

_ABSOLUTE = re.compile(
    r"^(?:/(?:home|Users|content|mnt|media|root|data|kaggle|var|opt|srv|Volumes|dbfs)/\S"
    r"|[A-Za-z]:[\\/][\w\\/]|\\\\\w|~/\S)"
)
_ROOT = re.compile(r"^(?:/(?:home|Users|content|mnt|media|root|data|kaggle|Volumes|dbfs)|~)/?$")
# What a path hardly contains, and a regular expression often does.
_PATTERN = re.compile(r"^[/~].*(?:\\[wdsbWDSB.]|\(\?|\[\^|\)[+*?]|\][+*])")
_PATTERN_MODULES = frozenset({"re", "regex", "fnmatch"})
_MAKE_PATHS = frozenset({"Path", "PurePath", "PosixPath", "join", "chdir", "listdir", "expanduser"})


def absolute_paths(survey: Survey) -> Iterator[Diagnostic]:
    """Find texts in executed cells that name a place on the author's machine."""
    for facts in survey.cells:
        if not facts.executed:
            continue
        prose = {id(each.value) for each in facts.nodes if isinstance(each, ast.Expr)}
        prose |= {id(each) for node in facts.nodes for each in _matched(node, survey)}
        roots = {id(each) for node in facts.nodes for each in _root(node)}
        for node in facts.nodes:
            if not isinstance(node, ast.Constant) or id(node) in prose:
                continue
            if id(node) in roots or _is_path(node.value):
                origin = facts.cell.origin(survey.notebook.path, facts.cell_line(node.lineno))
                message = f"The path `{str(node.value)[:60]}` exists on one machine only."
                yield finding("absolute-path", message, origin)


def _is_path(value: object) -> bool:
    if not isinstance(value, str) or "\n" in value or _PATTERN.match(value):
        return False
    return bool(_ABSOLUTE.match(value))


def _matched(node: ast.AST, survey: Survey) -> Iterator[ast.expr]:
    """Yield what a call of ``re`` is given: patterns and texts, which are never opened."""
    if not isinstance(node, ast.Call):
        return
    function = node.func
    owner = function.value if isinstance(function, ast.Attribute) else function
    value = survey.values.get(owner.id) if isinstance(owner, ast.Name) else None
    if value is not None and value.qualified.partition(".")[0] in _PATTERN_MODULES:
        yield from node.args
        yield from (word.value for word in node.keywords)


def _root(node: ast.AST) -> Iterator[ast.Constant]:
    """Yield the folder that a call builds a path from: ``Path("/home") / user``."""
    if not isinstance(node, ast.Call) or not node.args:
        return
    function, first = node.func, node.args[0]
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if not isinstance(first, ast.Constant) or name not in _MAKE_PATHS:
        return
    if isinstance(first.value, str) and _ROOT.match(first.value):
        yield first
