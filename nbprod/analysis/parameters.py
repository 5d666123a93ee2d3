"""The parameters cell: names, types, defaults and what the comments say."""

from __future__ import annotations

import ast
import datetime
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nbprod.analysis.rules import finding
from nbprod.analysis.source import first_line
from nbprod.analysis.survey import CellFacts, Survey
from nbprod.diagnostics import Diagnostic
from nbprod.notebook.tags import options

_FOLDED = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Pow)


@dataclass(frozen=True, slots=True)
class ParameterFacts:
    """One parameter: see :class:`nbprod.pipeline.ir.Parameter`."""

    name: str
    annotation: str
    default: str
    doc: str
    cell: int
    line: int


def find_parameters(survey: Survey) -> tuple[list[ParameterFacts], list[Diagnostic]]:
    """Read the cell tagged ``parameters``."""
    found: list[ParameterFacts] = []
    problems: list[Diagnostic] = []
    secrets = options(survey.notebook).secrets
    cells = [facts for facts in survey.cells if facts.role.parameters and facts.executed]
    for facts in cells[1:]:
        origin = facts.cell.origin(survey.notebook.path)
        message = (
            f"Cell {facts.cell.number} is tagged parameters, as is cell {cells[0].cell.number}."
        )
        problems.append(finding("several-parameter-cells", message, origin))
    for facts in cells[:1]:
        comments = _comments(facts.code.source)
        for statement in facts.statements:
            if isinstance(statement, ast.Import | ast.ImportFrom) or _is_text(statement):
                continue
            read = list(_read(statement, facts, comments, secrets))
            if not read:
                problems.append(_not_literal(statement, facts, survey))
            found.extend(read)
    by_name = {each.name: each for each in found}
    return list(by_name.values()), problems


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _not_literal(statement: ast.stmt, facts: CellFacts, survey: Survey) -> Diagnostic:
    line = facts.cell_line(statement.lineno)
    text = ast.unparse(statement).split("\n", 1)[0][:60]
    return finding(
        "parameter-not-literal",
        f"The parameters cell holds `{text}`, which is not NAME = literal.",
        facts.cell.origin(survey.notebook.path, line),
        "Keep only literals here; move this line to a cell below.",
    )


def _read(
    statement: ast.stmt, facts: CellFacts, comments: dict[int, str], secrets: tuple[str, ...]
) -> Iterator[ParameterFacts]:
    """Yield the parameters that one statement declares: nothing if it is something else."""
    if isinstance(statement, ast.AnnAssign):
        pairs: list[tuple[ast.expr, ast.expr | None]] = [(statement.target, statement.value)]
        annotation = ast.unparse(statement.annotation)
    elif isinstance(statement, ast.Assign):
        pairs = [pair for target in statement.targets for pair in _pairs(target, statement.value)]
        annotation = ""
    else:
        return
    doc = _doc(statement, comments, facts.code.source.split("\n"))
    defaults = [(target, _literal(value)) for target, value in pairs]
    for target, default in defaults:
        secret = isinstance(target, ast.Name) and target.id in secrets
        if not isinstance(target, ast.Name) or not (default or secret):
            return
    for target, default in defaults:
        assert isinstance(target, ast.Name)
        secret = target.id in secrets
        kind = _type_of(default) if default else "str"
        kind = annotation or ("str" if secret and kind == "Any" else kind)
        yield ParameterFacts(
            name=target.id,
            annotation=kind if secret or annotation else _with_choices(kind, default, doc),
            default="" if secret else default,  # what stands there is a placeholder, or a finding
            doc=doc,
            cell=facts.cell.number,
            line=facts.cell_line(statement.lineno),
        )


_CHOICES = re.compile(r"(?:@param\s*|\b(?:one of|choices)\s*:?\s*)(.+)$", re.IGNORECASE)
_WORD = r"""(?:"[^"]*"|'[^']*'|`[^`]*`|[\w.+-]+)"""
_LISTED = re.compile(
    rf"[\[({{]?\s*({_WORD}(?:\s*(?:,|\||/|\bor\b)\s*(?:or\s+)?{_WORD})+)\s*[\])}}]?\s*\.?"
)


def _with_choices(kind: str, default: str, doc: str) -> str:
    """Return the type of a text or number whose comment lists what it may be, as a literal type.

    Such as ``# one of: fast, slow`` or Colab's ``# @param ["fast", "slow"]``; the default
    has to be among them.
    """
    found = _CHOICES.search(doc)
    listed = _LISTED.fullmatch(found[1].partition("{")[0].strip()) if found else None
    if listed is None or kind not in {"str", "int"}:
        return kind
    words = [word.strip("\"'`") for word in re.findall(_WORD, listed[1]) if word != "or"]
    try:
        choices = [word if kind == "str" else int(word) for word in words]
    except ValueError:
        return kind
    if ast.literal_eval(default) not in choices:
        return kind
    return f"Literal[{', '.join(map(repr, dict.fromkeys(choices)))}]"


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr | None]]:
    both = (target, value)
    if all(isinstance(each, ast.Tuple | ast.List) for each in both):
        assert isinstance(target, ast.Tuple | ast.List)
        assert isinstance(value, ast.Tuple | ast.List)
        if len(target.elts) == len(value.elts):
            return list(zip(target.elts, value.elts, strict=True))
    return [(target, value)]


def _literal(node: ast.expr | None) -> str:
    """Return ``node`` as literal source, dates and paths among them; empty if it is none."""
    if node is None:
        return ""
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return ast.unparse(node) if _made(node) else _folded(node)
    return ast.unparse(node)


_MAKERS: dict[str, Callable[..., object]] = {
    "date": datetime.date,
    "datetime": datetime.datetime,
    "time": datetime.time,
    "timedelta": datetime.timedelta,
    "Path": lambda *parts: "/".join(map(str, parts)),
}
"""Types without literals, whose values parameters may have as defaults all the same."""


def _made(node: ast.expr) -> str:
    """Return the type of a date or path that is made of literals, as it is named there."""
    if not isinstance(node, ast.Call):
        return ""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
    try:
        arguments = [ast.literal_eval(each) for each in node.args]
        named = {each.arg or "": ast.literal_eval(each.value) for each in node.keywords}
        _MAKERS[name](*arguments, **named)
    except (KeyError, ValueError, TypeError, OverflowError, SyntaxError):
        return ""
    return ast.unparse(node.func)


def _folded(node: ast.expr) -> str:
    """Work out small arithmetic on numbers, such as ``10 ** 6``."""
    try:
        return repr(_number(node))
    except (ValueError, ArithmeticError):
        return ""


def _number(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        assert isinstance(node.value, int | float)
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_number(node.operand)
    if isinstance(node, ast.BinOp) and isinstance(node.op, _FOLDED):
        left, right = _number(node.left), _number(node.right)
        if isinstance(node.op, ast.Pow):
            if abs(left) > 1e6 or abs(right) > 64:
                raise ValueError
            return float(left**right) if isinstance(left**right, float) else int(left**right)
        return _applied(node.op, left, right)
    raise ValueError


def _applied(operator: ast.operator, left: float, right: float) -> float:
    if isinstance(operator, ast.Add):
        return left + right
    if isinstance(operator, ast.Sub):
        return left - right
    if isinstance(operator, ast.Mult):
        return left * right
    return left // right if isinstance(operator, ast.FloorDiv) else left / right


def _type_of(default: str) -> str:
    made = _made(ast.parse(default, mode="eval").body)
    return made or type_of_literal(ast.literal_eval(default))


def type_of_literal(value: object) -> str:
    """Return the annotation of a literal's type."""
    if value is None:
        return "Any"
    if isinstance(value, list | set):
        kinds = {type_of_literal(each) for each in value}
        inner = kinds.pop() if len(kinds) == 1 else "Any"
        return f"{type(value).__name__}[{inner}]"
    if isinstance(value, tuple):
        return (
            f"tuple[{', '.join(type_of_literal(each) for each in value)}]" if value else "tuple[()]"
        )
    if isinstance(value, dict):
        keys = {type_of_literal(each) for each in value}
        values = {type_of_literal(each) for each in value.values()}
        key = keys.pop() if len(keys) == 1 else "Any"
        return f"dict[{key}, {values.pop() if len(values) == 1 else 'Any'}]"
    return type(value).__name__


def _comments(source: str) -> dict[int, str]:
    """Return the comments of ``source`` by line."""
    found: dict[int, str] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                found[token.start[0]] = token.string.lstrip("#").strip()
    except (tokenize.TokenError, SyntaxError):
        return found
    return found


def _doc(statement: ast.stmt, comments: dict[int, str], lines: list[str]) -> str:
    """Return the comment beside a statement, else the one right above it."""
    beside = comments.get(statement.end_lineno or statement.lineno)
    if beside:
        return beside
    above: list[str] = []
    line = first_line(statement) - 1
    while line in comments and lines[line - 1].lstrip().startswith("#"):
        above.insert(0, comments[line])
        line -= 1
    return " ".join(each for each in above if each)
