"""Rule ``network-access``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbprod.analysis.library_table import data_file
from nbprod.analysis.lint.imports import ImportedNames
from nbprod.analysis.rules import finding
from nbprod.analysis.survey import CellFacts, Survey
from nbprod.diagnostics import Diagnostic
from nbprod.notebook.magics import Fate

_ADDRESS = re.compile(r"^(?:https?|ftp|s3|gs|gcs|abfss?|wasbs?|hdfs|postgres(?:ql)?|mysql)\S*://")
_LOADS = (
    *("read_", "load", "open", "get_file", "imread", "urlopen", "urlretrieve", "from_url"),
    *("create_engine", "connect"),
)
# Commands of shell lines and %%bash cells that fetch or send.
_COMMAND = re.compile(
    r"^\s*(?:%%?\w+\s+)?[!(]*\s*(?:\w+\s*=\s*!\s*)?(?:sudo\s+)?(?P<command>wget|curl|gdown|kaggle|gsutil"
    r"|aws\s+s3|git\s+(?:clone|pull|fetch)|scp|sftp|rsync|ssh)\b"
)
_OFFLINE = frozenset({"urllib.parse", "socket.gethostname", "socket.getfqdn"})


def network_access(survey: Survey) -> Iterator[Diagnostic]:
    """Find calls that reach the network: by what they call, or by an address they are given."""
    signs = tuple(data_file("effects")["effects"]["network"])
    names = ImportedNames()
    addresses: dict[str, str] = {}
    for facts in survey.cells:
        if not facts.executed:
            continue
        for node in facts.nodes:
            names.note(node)
            _note_address(node, addresses)
        told: set[int] = set()
        for line, command in _commands(facts):
            origin = facts.cell.origin(survey.notebook.path, line)
            yield finding("network-access", f"`{command}` reaches the network.", origin)
        for node in facts.nodes:
            if not isinstance(node, ast.Call) or node.lineno in told:
                continue
            what = _reaches(node, names.qualified(node.func), signs, addresses)
            if what:
                told.add(node.lineno)
                origin = facts.cell.origin(survey.notebook.path, facts.cell_line(node.lineno))
                yield finding("network-access", f"`{what}` reaches the network.", origin)


def _commands(facts: CellFacts) -> Iterator[tuple[int, str]]:
    """Yield the lines of a shell that reach the network, and the command."""
    kept = [magic for magic in facts.code.magics if magic.fate is Fate.TRANSLATED]
    lines = facts.cell.source.split("\n")
    for magic in kept:
        whole = magic.text.startswith(("%%bash", "%%sh", "%%system", "%%sx", "%%!"))
        last = len(lines) if whole else magic.line
        for number in range(magic.line, last + 1):
            match = _COMMAND.match(lines[number - 1])
            if match:
                yield number, " ".join(match["command"].split())


def _note_address(node: ast.AST, addresses: dict[str, str]) -> None:
    """Remember variables that hold an address."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target, text = node.targets[0], _address(node.value, addresses)
        if isinstance(target, ast.Name) and text:
            addresses[target.id] = text


def _reaches(node: ast.Call, called: str, signs: tuple[str, ...], addresses: dict[str, str]) -> str:
    """Return the text of a call that reaches the network; empty if it does not."""
    if called.startswith(signs) and not called.startswith(tuple(_OFFLINE)):
        return f"{called.rpartition('.')[2]}(…)"
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if not name.startswith(_LOADS):
        return ""
    given = [*node.args[:1], *(word.value for word in node.keywords)]
    return f"{name}(…)" if any(_address(each, addresses) for each in given) else ""


def _address(node: ast.expr, addresses: dict[str, str]) -> str:
    """Return the beginning of the address that an expression gives; empty if it gives none."""
    if isinstance(node, ast.Name):
        return addresses.get(node.id, "")
    if isinstance(node, ast.JoinedStr) and node.values:
        first = node.values[0]
        return _address(first.value if isinstance(first, ast.FormattedValue) else first, addresses)
    if isinstance(node, ast.BinOp):
        return _address(node.left, addresses)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        match = _ADDRESS.match(node.value)
        return match[0] if match else ""
    return ""
