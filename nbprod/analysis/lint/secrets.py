"""Rules ``secret-in-source`` and ``secret-in-output``; the secret itself is never shown."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from nbprod.analysis.lint.credentials import (
    credentials_in,
    is_placeholder,
    names_secret,
    printed_secrets,
)
from nbprod.analysis.rules import finding
from nbprod.analysis.survey import CellFacts, Survey
from nbprod.diagnostics import Diagnostic
from nbprod.notebook.cell import Cell
from nbprod.notebook.tags import options


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret.

    Attributes:
        text: The secret itself, so that it can be kept out of what is shown.
        finding: What to say of it.
    """

    text: str
    finding: Diagnostic


def find_secrets(survey: Survey) -> list[Secret]:
    """Find secrets in the sources of all cells and in the outputs of code cells."""
    path = survey.notebook.path
    facts = {each.cell.number: each for each in survey.cells}
    found: list[Secret] = []
    for cell in survey.notebook.cells:
        found += _in_text(cell, path)
        if cell.number in facts:
            found += _by_name(facts[cell.number], path)
            found += _declared(facts[cell.number], path, options(survey.notebook).secrets)
        found += _in_outputs(cell, path)
    return found


def secret_findings(secrets: list[Secret]) -> list[Diagnostic]:
    """Return what to say of ``secrets``: once of each line, however a secret was found there."""
    found: dict[tuple[str, object], Diagnostic] = {}
    for each in secrets:
        found.setdefault((each.finding.code, each.finding.origin), each.finding)
    return list(found.values())


def without_secrets(problems: list[Diagnostic], secrets: list[Secret]) -> list[Diagnostic]:
    """Return ``problems`` with no secret in what they say: they quote lines and magics."""
    texts = sorted({each.text for each in secrets}, key=len, reverse=True)
    if not texts:
        return problems
    return [
        replace(each, message=_hidden(each.message, texts), fix=_hidden(each.fix, texts))
        for each in problems
    ]


def _hidden(message: str, texts: list[str]) -> str:
    for text in texts:
        # A message may quote a shortened line, so that only a part of the secret stands in it.
        for length in range(len(text), min(len(text), 8) - 1, -1):
            if text[:length] in message:
                message = message.replace(text[:length], "•••")
                break
    return message


def _in_text(cell: Cell, path: str) -> Iterator[Secret]:
    for what, text in credentials_in(cell.source):
        line = cell.source[: cell.source.index(text)].count("\n") + 1
        message = f"What looks like {what} stands in the source."
        yield Secret(text, finding("secret-in-source", message, cell.origin(path, line)))


def _by_name(facts: CellFacts, path: str) -> Iterator[Secret]:
    for node in facts.nodes:
        for name, given, direct in _named_texts(node):
            value = str(given.value)
            if names_secret(name, value, named_directly=direct):
                line = facts.cell_line(given.lineno)
                message = f"`{name}` is set to a text in the source, and by its name it is secret."
                origin = facts.cell.origin(path, line)
                yield Secret(value, finding("secret-in-source", message, origin))


def _declared(facts: CellFacts, path: str, names: tuple[str, ...]) -> Iterator[Secret]:
    """Yield values that the notebook gives to what its own metadata calls secrets."""
    for node in facts.nodes if names else ():
        for name, given, _ in _named_texts(node):
            value = str(given.value)
            if name in names and not is_placeholder(value):
                message = f"`{name}` is one of the notebook's secrets, and its value stands here."
                origin = facts.cell.origin(path, facts.cell_line(given.lineno))
                yield Secret(value, finding("secret-in-source", message, origin))


def _named_texts(node: ast.AST) -> Iterator[tuple[str, ast.Constant, bool]]:
    """Yield names with the texts they are given, and whether the name is no table's key."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _pair(target, node.value)
    elif isinstance(node, ast.AnnAssign):
        yield from _pair(node.target, node.value)
    elif isinstance(node, ast.keyword):
        yield from _pair(ast.Name(node.arg or ""), node.value)
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None:
                yield from _pair(key, value)
    elif isinstance(node, ast.arguments):
        given = [*node.posonlyargs, *node.args]
        for argument, default in zip(given[::-1], node.defaults[::-1], strict=False):
            yield from _pair(ast.Name(argument.arg), default)
        for argument, other in zip(node.kwonlyargs, node.kw_defaults, strict=True):
            yield from _pair(ast.Name(argument.arg), other)


def _pair(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[str, ast.Constant, bool]]:
    if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
        return
    if isinstance(target, ast.Name):
        yield target.id, value, True
    elif isinstance(target, ast.Attribute):
        yield target.attr, value, True
    elif isinstance(target, ast.Constant) and isinstance(target.value, str):
        yield target.value, value, False
    elif isinstance(target, ast.Subscript):
        key = target.slice
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            environment = "environ" in ast.unparse(target.value)
            yield key.value, value, environment


def _in_outputs(cell: Cell, path: str) -> Iterator[Secret]:
    for output in cell.outputs:
        for text in _texts(output):
            for what, secret in credentials_in(text):
                message = f"What looks like {what} stands in the cell's output."
                where = cell.origin(path)
                yield Secret(secret, finding("secret-in-output", message, where))
            for name, secret in printed_secrets(text):
                message = f"What `{name}` holds stands in the cell's output."
                where = cell.origin(path)
                yield Secret(secret, finding("secret-in-output", message, where))


_TEXT_TYPES = ("text/", "application/json")


def _texts(output: Mapping[str, object]) -> Iterator[str]:
    """Yield the texts that an output shows; pictures are none."""
    yield from _joined(output.get("text"))
    yield from _joined(output.get("traceback"))
    yield from _joined(output.get("evalue"))
    data = output.get("data")
    for kind, content in data.items() if isinstance(data, dict) else ():
        if str(kind).startswith(_TEXT_TYPES):
            yield from _joined(content)


def _joined(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        yield "".join(each for each in content if isinstance(each, str))
