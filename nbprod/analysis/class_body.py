"""Which names the body of a class takes from outside it, statement by statement.

A name that a class body has bound is read from the body; before that, and where it may not
have been bound, it is read from outside. Functions are not entered here; comprehensions and
classes within are executed with the body, but do not see the names that it binds.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from nbprod.analysis.library_table import data_file

_LEAVES = ast.Raise | ast.Continue | ast.Break
_CERTAIN_PARTS: dict[type[ast.expr], Callable[..., list[ast.AST]]] = {
    ast.BoolOp: lambda node: [node.values[0]],
    ast.IfExp: lambda node: [node.test],
    ast.Compare: lambda node: [node.left, node.comparators[0]],
    ast.ListComp: lambda node: [node.generators[0].iter],
    ast.SetComp: lambda node: [node.generators[0].iter],
    ast.DictComp: lambda node: [node.generators[0].iter],
    ast.GeneratorExp: lambda node: [node.generators[0].iter],
    ast.Lambda: lambda node: [*node.args.defaults, *filter(None, node.args.kw_defaults)],
}


class Touched(Protocol):
    """What executing a statement or expression does with names, as a scope sees it."""

    reads: set[str]
    stores: set[str]
    unsure: set[str]
    fallback: set[str]
    skipping: set[str]


@dataclass(slots=True)
class BodyReads:
    """Names that a class body reads from outside.

    Attributes:
        certain: Read whenever the body is executed.
        unsure: Read only by code that may not be executed.
        fallback: Read only if the body itself has not bound them by then.
    """

    certain: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    fallback: set[str] = field(default_factory=set)


@dataclass(slots=True)
class ClassBody:
    """Follows a class body.

    Attributes:
        touched: Tells what a statement or expression does with names.
        outside: Names that the body declares to be those of outside (``global``).
        found: What it reads from outside.
        bound: Names that it has certainly bound.
        maybe: Names that it may have bound, ``bound`` included.
        depth: How deep in code that may not be executed we are.
    """

    touched: Callable[[ast.AST], Touched]
    outside: frozenset[str] = frozenset()
    found: BodyReads = field(default_factory=BodyReads)
    bound: set[str] = field(default_factory=set)
    maybe: set[str] = field(default_factory=set)
    depth: int = 0

    def run(self, body: Sequence[ast.stmt]) -> None:
        """Follow ``body`` in order."""
        for statement in body:
            method: Callable[[ast.stmt], None] = getattr(
                self, f"_{type(statement).__name__.lower()}", self._simple
            )
            method(statement)

    def _simple(self, node: ast.AST) -> None:
        """Read what ``node`` reads, then bind what it binds."""
        here = self.touched(node)
        certain = set(certainly_read(node))
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            certain = here.reads
        for name in here.reads:
            sure = name in certain and name not in here.unsure
            own = name in here.fallback or name in _walrus(node)
            self._read(name, sure, own=own)
        self.found.unsure |= here.skipping & (self.bound | self.maybe)
        self._bind(here.stores)

    def _read(self, name: str, sure: bool = True, *, own: bool = False) -> None:
        if name in self.bound:
            return
        if own or name in self.maybe:
            self.found.fallback.add(name)
        elif sure and not self.depth:
            self.found.certain.add(name)
        else:
            self.found.unsure.add(name)

    def _bind(self, names: Iterable[str]) -> None:
        own = set(names) - self.outside
        self.bound |= own
        self.maybe |= own

    def _augassign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._read(node.target.id)
        self._simple(node)

    def _annassign(self, node: ast.AnnAssign) -> None:
        if node.value is not None or not isinstance(node.target, ast.Name):
            self._simple(node)
        else:
            self._simple(node.annotation)  # a declaration alone binds nothing

    def _delete(self, node: ast.Delete) -> None:
        here = self.touched(node)
        for name in here.reads:
            self._read(name)
        self.bound -= here.stores
        if not self.depth:
            self.maybe -= here.stores

    def _if(self, node: ast.If) -> None:
        self._simple(node.test)
        self._branches([node.body, node.orelse])

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        self._simple(node.iter)
        self._loop(node.target, node.body)
        self._branches([node.orelse, []])

    _asyncfor = _for

    def _while(self, node: ast.While) -> None:
        self._simple(node.test)
        self._loop(None, node.body)
        self._branches([node.orelse, []])

    def _loop(self, target: ast.expr | None, body: Sequence[ast.stmt]) -> None:
        before = set(self.bound)
        for statement in body:
            self.maybe |= self.touched(statement).stores - self.outside  # by the round before
        self.depth += 1
        if target is not None:
            self._simple(target)
        self.run(body)
        self.depth -= 1
        self.bound = before & self.bound

    def _branches(self, bodies: Sequence[Sequence[ast.stmt]]) -> None:
        """Follow alternatives; what all of them bind is bound afterwards."""
        before, ends = set(self.bound), []
        self.depth += 1
        for body in bodies:
            self.bound = set(before)
            self.run(body)
            if not _leaves(body):
                ends.append(self.bound)
        self.depth -= 1
        self.bound = set.intersection(*ends) if ends else before

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self._simple(item.context_expr)
            if item.optional_vars is not None:
                self._simple(item.optional_vars)
        before = set(self.bound)
        self.run(node.body)
        self.bound &= before  # a context manager may swallow what is raised

    _asyncwith = _with

    def _try(self, node: ast.Try) -> None:
        before = set(self.bound)
        self.depth += 1
        self.run([*node.body, *node.orelse])
        ends = [] if _leaves(node.orelse or node.body) else [self.bound]
        kept = before & self.bound
        for handler in node.handlers:
            self.bound = set(kept)
            self._handler(handler)
            if not _leaves(handler.body):
                ends.append(self.bound)
        self.depth -= 1
        self.bound = set.intersection(*ends) if ends else before
        self.run(node.finalbody)

    _trystar = _try

    def _handler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None:
            self._simple(node.type)
        own = {node.name} if node.name else set[str]()
        self._bind(own)
        self.run(node.body)
        self.bound -= own

    def _match(self, node: ast.Match) -> None:
        self._simple(node.subject)
        before, ends = set(self.bound), [set(self.bound)]
        self.depth += 1
        for case in node.cases:
            self.bound = set(before)
            self._simple(case.pattern)
            if case.guard is not None:
                self._simple(case.guard)
            self.run(case.body)
            if not _leaves(case.body):
                ends.append(self.bound)
        self.depth -= 1
        self.bound = set.intersection(*ends)


def _leaves(body: Sequence[ast.stmt]) -> bool:
    """Whether what follows is not reached after ``body``."""
    return bool(body) and isinstance(body[-1], _LEAVES)


def _walrus(node: ast.AST) -> set[str]:
    return {
        each.target.id
        for each in ast.walk(node)
        if isinstance(each, ast.NamedExpr) and isinstance(each.target, ast.Name)
    }


def certainly_read(node: ast.AST) -> Iterator[str]:
    """Yield the names that executing ``node`` certainly reads, called functions apart."""
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load):
            yield node.id
        return
    parts = _CERTAIN_PARTS.get(type(node))  # type: ignore[arg-type]
    for part in parts(node) if parts else ast.iter_child_nodes(node):
        yield from certainly_read(part)


@cache
def lazy_functions() -> frozenset[str]:
    """Return the names of functions that keep a function they are given, and do not call it."""
    return frozenset(data_file("purity")["functions"]["lazy"])


def calls_its_functions(node: ast.ClassDef) -> bool:
    """Whether making the class may call functions and lambdas that stand in its body.

    Those that it is given are kept by ``field(default_factory=…)`` and the like; any other
    call may call them.
    """
    own = {each.name for each in ast.walk(node) if isinstance(each, ast.FunctionDef)} | {
        target.id
        for each in node.body
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Lambda)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    return any(_calls_one(call, own) for part in _at_once(node) for call in _calls(part))


def _at_once(node: ast.ClassDef) -> Iterator[ast.AST]:
    """Yield what is executed when the class is made."""
    yield from (*node.bases, *node.keywords, *node.decorator_list)
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = statement.args
            yield from (*statement.decorator_list, *arguments.defaults)
            yield from filter(None, arguments.kw_defaults)
        elif not isinstance(statement, ast.ClassDef):
            yield statement


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    return (each for each in ast.walk(node) if isinstance(each, ast.Call))


def _calls_one(call: ast.Call, own: set[str]) -> bool:
    name = ast.unparse(call.func).rpartition(".")[2]
    if isinstance(call.func, ast.Lambda) or (isinstance(call.func, ast.Name) and name in own):
        return True
    given = [*call.args, *(each.value for each in call.keywords)]
    return name not in lazy_functions() and any(
        isinstance(part, ast.Lambda) or (isinstance(each, ast.Name) and each.id in own)
        for each in given
        for part in ast.walk(each)
    )


_METACLASSES = frozenset({"type", "ABCMeta", "EnumMeta", "EnumType"})


def is_metaclass(node: ast.AST) -> bool:
    """Whether ``node`` defines a class whose instances are classes."""
    return isinstance(node, ast.ClassDef) and any(
        ast.unparse(each).rpartition(".")[2] in _METACLASSES for each in node.bases
    )
