"""First rules about habits: secrets, paths of one machine, execution order, magics."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbprod.analysis.rules import finding
from nbprod.analysis.survey import CellFacts, Survey
from nbprod.diagnostics import Diagnostic
from nbprod.notebook.cell import CellKind
from nbprod.notebook.magics import Fate

# Tokens whose shape says what they are.
_TOKENS = {
    "an AWS access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a GitHub token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{40,}\b"),
    "a Slack token": re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}\b"),
    "an OpenAI key": re.compile(r"\bsk-(?:proj-)?[A-Za-z0-9_-]{32,}\b"),
    "a Google API key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b"),
    "a Hugging Face token": re.compile(r"\bhf_[A-Za-z0-9]{30,}\b"),
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    "a URL with a password": re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@]+:[^\s:/@{}]{3,}@[\w.-]+"),
}
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:password|passwd|pwd|secret|api_?key|access_?key|auth_?token|access_?token|secret_?key|private_?key)$",
    re.I,
)
_HARMLESS = re.compile(
    r"^(?:$|[<{\[*].*|x+|\.+|your.*|my.*|example.*|changeme|none|todo|placeholder|test.*|dummy.*|\$.*)$",
    re.I,
)
_ABSOLUTE = re.compile(
    r"^(?:/(?:home|Users|content|mnt|root|data|kaggle|var|opt|srv)/\S|[A-Za-z]:[\\/]\S|~/\S)"
)


def lint(survey: Survey) -> list[Diagnostic]:
    """Check all code cells."""
    found: list[Diagnostic] = []
    for facts in survey.cells:
        found.extend(_secrets(facts, survey))
        if facts.executed:
            found.extend(_paths(facts, survey))
            found.extend(_magics(facts, survey))
    found.extend(_order(survey))
    return found


def _secrets(facts: CellFacts, survey: Survey) -> Iterator[Diagnostic]:
    path = survey.notebook.path
    for number, line in enumerate(facts.cell.source.split("\n"), start=1):
        for what, pattern in _TOKENS.items():
            if pattern.search(line):
                message = f"What looks like {what} stands in the source."
                yield finding("secret-in-source", message, facts.cell.origin(path, number))
    if facts.statements:
        for node in facts.nodes:
            for name, value in _named_texts(node):
                if _SECRET_NAME.search(name) and len(value) >= 4 and not _HARMLESS.match(value):
                    line_number = facts.cell_line(getattr(node, "lineno", 0))
                    message = (
                        f"`{name}` is set to text in the source, and its name says it is secret."
                    )
                    origin = facts.cell.origin(path, line_number)
                    yield finding("secret-in-source", message, origin)


def _named_texts(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield names that are given a text: by assignment, keyword, or as a dict's key."""
    pairs: list[tuple[ast.AST | str, ast.AST | None]] = []
    if isinstance(node, ast.Assign):
        pairs = [(target, node.value) for target in node.targets]
    elif isinstance(node, ast.AnnAssign):
        pairs = [(node.target, node.value)]
    elif isinstance(node, ast.Call):
        pairs = [(word.arg or "", word.value) for word in node.keywords]
    elif isinstance(node, ast.Dict):
        pairs = [(key, value) for key, value in zip(node.keys, node.values, strict=True) if key]
    for target, value in pairs:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            name = _text_of(target)
            if name:
                yield name, value.value


def _text_of(target: ast.AST | str) -> str:
    if isinstance(target, str):
        return target
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Attribute):
        return target.attr
    inner = target.slice if isinstance(target, ast.Subscript) else target
    return inner.value if isinstance(inner, ast.Constant) and isinstance(inner.value, str) else ""


def _paths(facts: CellFacts, survey: Survey) -> Iterator[Diagnostic]:
    if facts.statements:
        for node in facts.nodes:
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and isinstance(node, ast.Constant) and _ABSOLUTE.match(text):
                origin = facts.cell.origin(survey.notebook.path, facts.cell_line(node.lineno))
                message = f"The path `{text[:60]}` exists on one machine only."
                yield finding("absolute-path", message, origin)


_CODES = {
    Fate.REFUSED: "magic-refused",
    Fate.DROPPED: "magic-left-out",
    Fate.TRANSLATED: "magic-translated",
}
_SAYS = {
    Fate.REFUSED: "cannot be part of a pipeline",
    Fate.DROPPED: "is left out",
    Fate.TRANSLATED: "is translated",
}


def _magics(facts: CellFacts, survey: Survey) -> Iterator[Diagnostic]:
    for magic in facts.code.magics:
        reason = f": {magic.reason}" if magic.reason else ""
        message = f"`{magic.text}` {_SAYS[magic.fate]}{reason}."
        origin = facts.cell.origin(survey.notebook.path, magic.line)
        yield finding(_CODES[magic.fate], message, origin, magic.fix)


def _order(survey: Survey) -> Iterator[Diagnostic]:
    """Compare execution counts with the order of the cells."""
    notebook = survey.notebook
    cells = [cell for cell in notebook.cells if cell.kind is CellKind.CODE and cell.source.strip()]
    counts = [(cell, cell.execution_count) for cell in cells if cell.execution_count is not None]
    highest = 0
    for cell, count in counts:
        if count < highest:
            message = (
                f"Cell {cell.number} was executed as [{count}], "
                f"before a cell above it ([{highest}])."
            )
            yield finding("out-of-order", message, cell.origin(notebook.path))
            break
        highest = count
    if counts and len(counts) < len(cells):
        never = next(cell for cell in cells if cell.execution_count is None)
        message = (
            f"{len(cells) - len(counts)} cells were never executed; "
            f"the first is cell {never.number}."
        )
        yield finding("not-executed", message, never.origin(notebook.path))
