"""What mypy cannot tell of the containers and attributes of one scope."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from nbprod.analysis.scopes import bound_names

_NO_INFERENCE = ('disable_error_code = ["var-annotated"]',)
_SEVERAL_KINDS = ('disable_error_code = ["arg-type", "assignment"]',)
_NEW_ATTRIBUTES = ('disable_error_code = ["attr-defined", "method-assign"]',)
_FILLERS = frozenset({"append", "extend", "insert", "add", "update", "setdefault"})


Gap = tuple[str, tuple[str, ...]]
"""What lacks a type, and the mypy options that let it pass."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A class or function of the notebook, and what mypy knows of its attributes.

    Attributes:
        name: Its name.
        attributes: Names that the class or its methods bind.
        methods: Those of them that are methods.
        is_class: It is a class.
    """

    name: str
    attributes: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    is_class: bool = False


def owners_of(nodes: Iterable[ast.AST]) -> dict[str, Owner]:
    """Collect functions and classes; not those of which a library's code is a part."""
    found: dict[str, Owner] = {}
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            found.pop(node.name, None)
            attributes = _attributes_of(node)
            if attributes is not None and not node.decorator_list:
                methods = frozenset(each.name for each in node.body if _is_function(each))
                found[node.name] = Owner(node.name, attributes, methods, is_class=True)
        elif _is_function(node):
            found.pop(node.name, None)
            if not node.decorator_list:
                found[node.name] = Owner(node.name)
    return found


def scopes(trees: Iterable[ast.AST]) -> Iterator[list[ast.AST]]:
    """Yield the nodes of each scope that mypy looks into: of ``trees``, and within them."""
    own = [node for tree in trees for node in _own_nodes(tree)]
    yield own
    for node in own:
        if isinstance(node, ast.ClassDef) or (_is_function(node) and not is_untyped(node)):
            yield from scopes(node.body)


def gaps_of(scope: Sequence[ast.AST], owners: Mapping[str, Owner]) -> Iterator[Gap]:
    """Find what mypy cannot tell in one scope.

    Args:
        scope: Its nodes.
        owners: Classes and functions that it may name.
    """
    yield from _container_gaps(scope)
    yield from _attribute_gaps(scope, owners)


def is_untyped(node: ast.AST) -> bool:
    """Whether a function has no complete annotations, so that mypy does not look into it."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    if arguments and arguments[0].arg in ("self", "cls"):
        arguments = arguments[1:]
    arguments += [each for each in (node.args.vararg, node.args.kwarg) if each]
    if any(each.annotation is None for each in arguments):
        return True
    # mypy lets __init__ do without a return type if an argument has one.
    return node.returns is None and not (node.name == "__init__" and bool(arguments))


def _is_function(node: ast.AST) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _container_gaps(nodes: Sequence[ast.AST]) -> Iterator[Gap]:
    """Find containers of which mypy cannot tell what they hold, or that hold several kinds."""
    for name in sorted(_unfilled(nodes)):
        yield f"{name} starts empty, and what it holds cannot be told", _NO_INFERENCE
    for name in sorted(_holding_nothing_yet(nodes)):
        yield f"{name} holds what starts empty, and its type cannot be told", _NO_INFERENCE
    for name in sorted(_of_several_kinds(nodes)):
        yield f"{name} holds values of several types", _SEVERAL_KINDS


_OF_COLLECTIONS = frozenset({"defaultdict", "OrderedDict", "Counter", "deque", "ChainMap"})


def _holding_nothing_yet(nodes: Iterable[ast.AST]) -> set[str]:
    """Return names bound to a display of empty containers, or to an empty one of a class."""
    return {name for name, value in _bound_alone(nodes) if _holds_nothing_yet(value)}


def _bound_alone(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    """Yield names with what is assigned to each and to nothing else."""
    for node in nodes:
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Name):
            yield target.id, value
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for one, part in zip(target.elts, value.elts, strict=False):
                if isinstance(one, ast.Name):
                    yield one.id, part


def _holds_nothing_yet(value: ast.expr) -> bool:
    if isinstance(value, ast.Dict):
        return any(map(_is_empty_container, value.values))
    if isinstance(value, ast.List | ast.Tuple | ast.Set):
        return any(map(_is_empty_container, value.elts))
    if isinstance(value, ast.DictComp):
        return _is_empty_container(value.value)
    if isinstance(value, ast.ListComp):
        return _is_empty_container(value.elt)
    if not isinstance(value, ast.Call):
        return False
    if ast.unparse(value.func) == "dict.fromkeys":
        return any(map(_is_empty_container, value.args[1:]))
    name = value.func.attr if isinstance(value.func, ast.Attribute) else ""
    name = value.func.id if isinstance(value.func, ast.Name) else name
    return name in _OF_COLLECTIONS and (name == "defaultdict" or not value.args)


def _of_several_kinds(nodes: Iterable[ast.AST]) -> set[str]:
    """Return names of containers that get constants of another type than their first."""
    first: dict[str, str] = {}
    found: set[str] = set()
    for name, value in _given_items(nodes):
        kind = _kind(value)
        known = first.setdefault(name, kind) if kind else ""
        if known and kind not in _FITTING.get(known, {known}):
            found.add(name)
    return found


_FITTING = {"float": {"float", "int", "bool"}, "int": {"int", "bool"}}


def _given_items(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    """Yield the containers of a scope with what is put into each, in the order of the source."""
    placed = sorted(
        (each for each in nodes if isinstance(each, ast.Assign | ast.Call)),
        key=lambda each: (each.lineno, each.col_offset),
    )
    for node in placed:
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
                for given in node.args if function.attr in {"append", "add"} else ():
                    yield function.value.id, given
            continue
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield from ((target.id, each) for each in _uniform(node.value))
            elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                yield target.value.id, node.value


def _uniform(value: ast.expr) -> list[ast.expr]:
    """Return one of the items of a display if all are of one type."""
    items = value.values if isinstance(value, ast.Dict) else getattr(value, "elts", [])
    return items[:1] if len({_kind(each) for each in items}) == 1 else []


def _kind(value: ast.expr) -> str:
    """Return the type that a constant or display has; empty for anything else."""
    if isinstance(value, ast.UnaryOp) and not isinstance(value.op, ast.Not):
        return _kind(value.operand)
    if isinstance(value, ast.Constant):
        return type(value.value).__name__
    kinds = {ast.JoinedStr: "str", ast.List: "list", ast.Dict: "dict", ast.Tuple: "tuple"}
    return next((name for kind, name in kinds.items() if isinstance(value, kind)), "")


def _unfilled(nodes: Sequence[ast.AST]) -> set[str]:
    """Return names bound to an empty container that nothing in the same scope fills."""
    empty = {name for name, value in _bound_alone(nodes) if _is_empty_container(value)}
    filled: set[str] = set()
    for node in nodes:
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.attr in _FILLERS
        ):
            filled.add(node.func.value.id)
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
        ):
            filled.add(node.value.id)
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            filled.add(node.target.id)
    return empty - filled


def _is_empty_container(value: ast.expr) -> bool:
    if isinstance(value, ast.List | ast.Set):
        return not value.elts
    if isinstance(value, ast.Dict):
        return not value.keys
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and value.func.id in ("list", "dict", "set")
        and not value.args
        and not value.keywords
    )


def _attributes_of(node: ast.ClassDef) -> frozenset[str] | None:
    """Return the attributes that mypy knows a class to have; ``None`` if that is unknown."""
    found: set[str] = set()
    for base in node.bases:
        builtin = getattr(builtins, ast.unparse(base).partition("[")[0], None)
        if not isinstance(builtin, type):
            return None
        found.update(dir(builtin))
    for statement in node.body:
        found |= bound_names(statement)
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and ast.unparse(each.value) in {"self", "cls"}:
            found.add(each.attr)
    return None if node.keywords else frozenset(found)


def _attribute_gaps(nodes: Sequence[ast.AST], owners: Mapping[str, Owner]) -> Iterator[Gap]:
    """Find attributes that neither a class nor its methods set: ``box.size = 1`` elsewhere."""
    holding = dict(owners)
    for name, value in _bound_alone(nodes):
        made = owners.get(ast.unparse(value.func)) if isinstance(value, ast.Call) else None
        if made is not None and made.is_class:
            holding[name] = made
    for node in nodes:
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        owner = holding.get(node.value.id)
        if owner is None or node.attr.startswith("__"):
            continue
        if node.attr not in owner.attributes:
            yield f"{owner.name} has no attribute {node.attr} of its own", _NEW_ATTRIBUTES
        elif node.attr in owner.methods and isinstance(node.ctx, ast.Store):
            yield f"{owner.name}.{node.attr} is a method, and becomes another", _NEW_ATTRIBUTES


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Walk ``node`` without what stands in functions and classes; these themselves count."""
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from _own_nodes(child)
