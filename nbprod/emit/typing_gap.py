"""What in the author's own lines keeps mypy's strict mode from passing, found statically."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nbprod.emit.scope_gap import Owner, gaps_of, is_untyped, owners_of, scopes
from nbprod.emit.step_function import Piece, body_pieces
from nbprod.pipeline.ir import IMPORTS, Definition, Pipeline, Step

_UNTYPED_DEFS = (
    "check_untyped_defs = false",
    "disallow_incomplete_defs = false",
    "disallow_untyped_defs = false",
)
_UNTYPED_CALLS = ("disallow_untyped_calls = false",)
_ANY_BASES = ("disallow_subclassing_any = false",)
_ANY_DECORATORS = ("disallow_untyped_decorators = false",)
_ANY_RETURNS = ("warn_return_any = false",)
_OVERLOADED_KEY = ('disable_error_code = ["arg-type"]',)
_BARE_GENERICS = ("disallow_any_generics = false",)
_REDEFINED = ('disable_error_code = ["call-arg", "no-redef"]',)
_NO_MATCH = ('disable_error_code = ["union-attr"]',)
_NO_RETURN = ('disable_error_code = ["return"]',)
_NO_SELF = ('disable_error_code = ["misc"]',)
_GENERICS = frozenset(
    {
        "list",
        "dict",
        "set",
        "frozenset",
        "tuple",
        "type",
        "List",
        "Dict",
        "Set",
        "Tuple",
        "Callable",
    }
)
_TYPED_CALLS = frozenset(
    {"bool", "bytes", "dict", "float", "frozenset", "int", "len", "list", "set", "sorted", "str"}
)
_BUILTIN_TYPES = _TYPED_CALLS - {"len", "sorted"} | {"tuple", "complex", "None"}
_DISPLAYS = (
    ast.Constant,
    ast.Dict,
    ast.DictComp,
    ast.JoinedStr,
    ast.List,
    ast.ListComp,
    ast.Set,
    ast.SetComp,
    ast.Tuple,
)


@dataclass(frozen=True, slots=True)
class TypingGap:
    """One place that lacks types.

    Attributes:
        module: Generated module that it stands in, ``definitions`` or ``steps``.
        cell: Cell number in the notebook, 0 if unknown.
        line: Line of the cell, 0 if unknown.
        message: What lacks a type.
        options: The mypy options that let it pass, as lines of the configuration.
    """

    module: str
    cell: int
    line: int
    message: str
    options: tuple[str, ...]


def author_typing_gaps(pipeline: Pipeline) -> tuple[TypingGap, ...]:
    """List what the author left untyped; signatures of steps and wiring are never among it."""
    gaps: list[TypingGap] = []
    untyped: set[str] = set()
    own = [each for each in pipeline.definitions if each.hoisted and each.kind not in IMPORTS]
    trees = {each.name: ast.parse(each.source) for each in own}
    owners = owners_of(node for tree in trees.values() for node in tree.body)
    for found in pipeline.definitions:
        if found.name in trees:
            tree = trees[found.name]
            gaps.extend(_gaps_in(tree, "definitions", found))
            gaps.extend(_scope_gaps(tree, found, owners))
            if any(is_untyped(node) for node in ast.walk(tree)) or _is_lambda(tree):
                untyped.add(found.name)
    for found in pipeline.definitions:
        if found.hoisted and untyped.intersection(found.reads):
            gaps.append(_call_gap(found.reads, untyped, "definitions", found))
    for step in pipeline.steps:
        gaps.extend(_step_gaps(step, pipeline, untyped, owners))
    return tuple(dict.fromkeys(gaps))


def _step_gaps(
    step: Step, pipeline: Pipeline, untyped: set[str], owners: Mapping[str, Owner]
) -> Iterator[TypingGap]:
    pieces = body_pieces(step, pipeline)
    trees = [ast.parse(piece.source) for piece in pieces]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    without_types = untyped | {
        node.name
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and any(is_untyped(each) for each in ast.walk(node))
    }
    for variable in step.inputs:
        if any(re.search(rf"\b{name}\b", variable.annotation) for name in untyped):
            cell = step.cells[0] if step.cells else 0
            message = f"{variable.name} has methods without complete annotations"
            yield TypingGap("steps", cell, 0, message, _UNTYPED_CALLS)
    for piece, tree in zip(pieces, trees, strict=True):
        for gap in _gaps_in(tree, "steps", None):
            line = piece.lines[gap.line - 1] if 0 < gap.line <= len(piece.lines) else 0
            yield TypingGap("steps", piece.cell, line, gap.message, gap.options)
        called = without_types & {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        if called:
            message = f"calls {_listed(called)}, which has no complete annotations"
            yield TypingGap("steps", piece.cell, 0, message, _UNTYPED_CALLS)
    given = {variable.name for variable in step.inputs}
    for name, cell in _redefined(pieces, trees, given):
        message = f"{name} is defined more than once"
        yield TypingGap("steps", cell, 0, message, _REDEFINED)
    known = {**owners, **owners_of(node for tree in trees for node in tree.body)}
    given_types = {variable.name: known.get(variable.annotation) for variable in step.inputs}
    known |= {name: owner for name, owner in given_types.items() if owner is not None}
    for scope in scopes(trees):
        for message, options in gaps_of(scope, known):
            yield TypingGap("steps", step.cells[0] if step.cells else 0, 0, message, options)


def _redefined(
    pieces: Sequence[Piece], trees: Sequence[ast.Module], given: set[str]
) -> Iterator[tuple[str, int]]:
    """Find functions and classes that a step defines again, and the cell that does."""
    known = set(given)
    for piece, tree in zip(pieces, trees, strict=True):
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                if node.name in known:
                    yield node.name, piece.cell
                known.add(node.name)


def _is_lambda(tree: ast.Module) -> bool:
    return any(
        isinstance(each, ast.Assign) and isinstance(each.value, ast.Lambda) for each in tree.body
    )


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _call_gap(
    reads: tuple[str, ...], untyped: set[str], module: str, found: Definition
) -> TypingGap:
    called = untyped.intersection(reads)
    cell = found.origin.cell if found.origin else 0
    line = found.origin.line if found.origin else 0
    message = f"{found.name} calls {_listed(called)}, which has no complete annotations"
    return TypingGap(module, cell, line, message, _UNTYPED_CALLS)


def _gaps_in(tree: ast.Module, module: str, found: Definition | None) -> Iterator[TypingGap]:
    origin = found.origin if found else None
    cell = origin.cell if origin else 0
    shift = origin.line - 1 if origin and origin.line else 0
    for node in ast.walk(tree):
        for message, options in _node_gaps(node):
            yield TypingGap(module, cell, getattr(node, "lineno", 0) + shift, message, options)
    for name, line in _unsure_matches(tree):
        message = f"{name} is None where nothing matches"
        yield TypingGap(module, cell, line + shift, message, _NO_MATCH)


def _node_gaps(node: ast.AST) -> Iterator[tuple[str, tuple[str, ...]]]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        if is_untyped(node):
            yield f"{node.name} has no complete annotations", _UNTYPED_DEFS
        elif _may_return_any(node):
            yield f"{node.name} may return a value of unknown type", _ANY_RETURNS
        if _may_end_without_return(node):
            yield f"{node.name} may end without returning what it says", _NO_RETURN
        if node.decorator_list and not all(_is_plain(each) for each in node.decorator_list):
            yield f"{node.name} has a decorator that may be untyped", _ANY_DECORATORS
    if isinstance(node, ast.ClassDef) and node.bases:
        yield f"{node.name} derives from a class that may be untyped", _ANY_BASES
    for method in _without_self(node):
        yield f"{method} is a method without self", _NO_SELF
    if isinstance(node, ast.Call) and any(_is_bound_get(word) for word in node.keywords):
        yield "key=….get is a function of several types", _OVERLOADED_KEY
    for annotation in _annotations(node):
        bare = {name.id for name in _bare_generics(annotation)}
        if bare:
            yield f"{_listed(bare)} without saying of what", _BARE_GENERICS


def _is_bound_get(word: ast.keyword) -> bool:
    return word.arg == "key" and isinstance(word.value, ast.Attribute) and word.value.attr == "get"


def _may_return_any(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    if node.returns is None or not is_builtin_type(node.returns):
        return False  # a library's type is itself Any to mypy
    returned = [each.value for each in ast.walk(node) if isinstance(each, ast.Return)]
    return any(value is not None and not _is_typed(value, node) for value in returned)


def returns_untyped(step: Step, pipeline: Pipeline, annotation: str) -> bool:
    """Tell whether mypy cannot see that a step's one output has the type of its signature.

    Args:
        step: A step with one output.
        pipeline: Its pipeline.
        annotation: The output's type, as source text.
    """
    if not is_builtin_type(ast.parse(annotation, mode="eval").body):
        return False
    tree = ast.parse("\n".join(piece.source for piece in body_pieces(step, pipeline)))
    return not _is_typed(ast.Name(step.outputs[0].name), tree)


def is_builtin_type(annotation: ast.expr) -> bool:
    """Tell whether an annotation is made of Python's own types other than ``object``."""
    names = {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)} - {"Any"}
    return bool(names) and names <= _BUILTIN_TYPES


def _is_typed(value: ast.expr, scope: ast.AST) -> bool:
    """Tell whether mypy knows a type for ``value`` though all libraries are Any to it."""
    if isinstance(value, ast.Name):
        assigned = [
            node.value
            for node in ast.walk(scope)
            if isinstance(node, ast.Assign)
            and any(isinstance(each, ast.Name) and each.id == value.id for each in node.targets)
        ]
        arguments = [
            node.annotation
            for node in ast.walk(scope)
            if isinstance(node, ast.arg) and node.arg == value.id and node.annotation is not None
        ]
        if not assigned:
            return bool(arguments) and all(is_builtin_type(each) for each in arguments)
        return all(not isinstance(each, ast.Name) and _is_typed(each, scope) for each in assigned)
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id in _TYPED_CALLS
    if isinstance(value, ast.UnaryOp):
        return isinstance(value.op, ast.Not) or _is_typed(value.operand, scope)
    if isinstance(value, ast.IfExp):
        return _is_typed(value.body, scope) and _is_typed(value.orelse, scope)
    return isinstance(value, _DISPLAYS)


def _is_plain(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Name) and decorator.id in (
        "property",
        "staticmethod",
        "classmethod",
        "dataclass",
    )


def _annotations(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
        yield node.annotation
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
        yield node.returns
    if isinstance(node, ast.ClassDef):
        yield from node.bases


def _bare_generics(annotation: ast.expr) -> Iterator[ast.Name]:
    with_arguments = {
        id(node.value) for node in ast.walk(annotation) if isinstance(node, ast.Subscript)
    }
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name) and node.id in _GENERICS and id(node) not in with_arguments:
            yield node


def _may_end_without_return(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a function that says what it returns may reach its end without doing so."""
    if node.returns is None or ast.unparse(node.returns) in {"None", "Any", "object"}:
        return False
    yields = (ast.Yield, ast.YieldFrom)
    return _reaches_end(node.body) and not any(isinstance(each, yields) for each in ast.walk(node))


def _reaches_end(body: Sequence[ast.stmt]) -> bool:
    last = body[-1]
    if isinstance(last, ast.Return | ast.Raise):
        return False
    if isinstance(last, ast.If):
        return not last.orelse or _reaches_end(last.body) or _reaches_end(last.orelse)
    if isinstance(last, ast.With | ast.AsyncWith):
        return _reaches_end(last.body)
    if isinstance(last, ast.Try):
        if last.finalbody and not _reaches_end(last.finalbody):
            return False
        ends = [last.orelse or last.body, *(handler.body for handler in last.handlers)]
        return any(map(_reaches_end, ends))
    if isinstance(last, ast.While):
        return not (isinstance(last.test, ast.Constant) and last.test.value)
    return True


def _without_self(node: ast.AST) -> Iterator[str]:
    """Find methods that take nothing, not even the object that they are called on."""
    for method in node.body if isinstance(node, ast.ClassDef) else ():
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
            given = method.args
            takes = given.posonlyargs or given.args or given.vararg
            if not takes and not any(map(_is_plain, method.decorator_list)):
                yield method.name


_MATCHING = frozenset({"match", "search", "fullmatch"})


def _is_match(node: ast.AST) -> bool:
    function = node.func if isinstance(node, ast.Call) else None
    return isinstance(function, ast.Attribute) and function.attr in _MATCHING


def _unsure_matches(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Find what is read of a match that nobody has looked at: ``re.match(…).group()``."""
    nodes = list(ast.walk(tree))
    bound = {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and _is_match(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    asked = {
        each.id
        for node in nodes
        if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert)
        for each in ast.walk(node.test)
        if isinstance(each, ast.Name)
    }
    for node in nodes:
        if not isinstance(node, ast.Attribute):
            continue
        if _is_match(node.value):
            yield ast.unparse(node.value)[:40], node.lineno
        elif isinstance(node.value, ast.Name) and node.value.id in bound - asked:
            yield node.value.id, node.lineno


def _scope_gaps(
    tree: ast.Module, found: Definition, owners: Mapping[str, Owner]
) -> Iterator[TypingGap]:
    """Look at a constant, into classes, and into the functions that mypy looks into."""
    for scope in scopes([tree]):
        for message, options in gaps_of(scope, owners):
            cell = found.origin.cell if found.origin else 0
            yield TypingGap("definitions", cell, 0, message, options)
