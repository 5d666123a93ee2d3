"""Follow statements: bindings, branches, loops and definitions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace

from nbprod.analysis import calls, summaries
from nbprod.analysis.effects import keeps_code
from nbprod.analysis.expressions import Expressions
from nbprod.analysis.frames import Frame, FunctionFrame
from nbprod.analysis.scopes import definition_names
from nbprod.analysis.value import (
    FLAT_TYPES,
    GENERATOR,
    SCALAR_TYPES,
    Value,
    containing,
    element_of,
    imported,
    scalar,
)

# Decorators that hand back a function that does what the decorated one does.
_TRANSPARENT = frozenset(
    {
        "functools.lru_cache",
        "functools.cache",
        "functools.wraps",
        "functools.total_ordering",
        "dataclasses.dataclass",
        "numba.jit",
        "numba.njit",
        "contextlib.contextmanager",
        "typing.no_type_check",
        "typing.overload",
        "typing.final",
        "abc.abstractmethod",
        "builtins.staticmethod",
        "builtins.classmethod",
        "builtins.property",
    }
)
_NUMBERS = frozenset({"int", "float", "complex", "bool"})
# Context managers that swallow what is raised within them.
_SWALLOWING = frozenset({"contextlib.suppress", "pytest.raises"})


class Statements(Expressions):
    """Executes statements in a frame.

    Attributes:
        returned: Values of the ``return`` statements met.
    """

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        self.returned: list[Value] = []

    def run(self, body: Sequence[ast.stmt]) -> None:
        """Execute ``body`` in order."""
        for statement in body:
            method: Callable[[ast.stmt], None] | None = getattr(
                self, f"_{type(statement).__name__.lower()}", None
            )
            if method:
                method(statement)

    # Bindings

    def _expr(self, node: ast.Expr) -> None:
        self.value(node.value)

    def _assign(self, node: ast.Assign) -> None:
        value = self.value(node.value)
        for target in node.targets:
            self.bind(target, value)

    def _annassign(self, node: ast.AnnAssign) -> None:
        self.value(node.annotation)
        if node.value is not None:
            self.bind(node.target, self.value(node.value))

    def _augassign(self, node: ast.AugAssign) -> None:
        target = node.target
        if not isinstance(target, ast.Name):
            self.value(node.value)
            self.bind(target, scalar())
            return
        old = self.frame.load(target.id, target.lineno)
        added = self.value(node.value)
        if old.type in _NUMBERS and added.type not in SCALAR_TYPES:
            # ``total = 0`` and ``total += array``: an array.
            kind = added.type if added.type in FLAT_TYPES else ""
            self.frame.store(target.id, self.memory.new(node, (), kind), target.lineno)
            return
        if old.type in SCALAR_TYPES:
            kind = old.type if old.type == added.type else "scalar"
            self.frame.store(target.id, scalar(kind), target.lineno)
            return
        self.memory.change(old)
        self.hold(old, [added])
        made = self.memory.new(node, [old, added], old.type)
        self.frame.store(
            target.id, replace(made, own=made.own | old.own, loose=old.loose), target.lineno
        )

    def bind(self, target: ast.expr, value: Value) -> None:
        """Assign ``value`` to ``target``."""
        if isinstance(target, ast.Name):
            self.frame.store(target.id, value, target.lineno)
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target.elts, value)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, self.memory.new(target, [element_of(value)], "list"))
        elif isinstance(target, ast.Attribute | ast.Subscript):
            base = self.value(target.value)
            if isinstance(target, ast.Subscript):
                self.value(target.slice)
            self._change(target, base)
            if base.qualified:
                self.memory.trace.kept |= value.code
            self.hold(base, [value])

    def _change(self, target: ast.Attribute | ast.Subscript, base: Value) -> None:
        """Note that an attribute or item of ``base`` is set or deleted."""
        self.memory.change(base)
        if base.qualified:
            # ``os.environ[…] = …``, ``pandas.options.display.max_rows = …``
            attribute = f".{target.attr}" if isinstance(target, ast.Attribute) else ""
            self.memory.trace.calls.add(f"{base.qualified}{attribute}=")

    def _unpack(self, targets: list[ast.expr], value: Value) -> None:
        starred = any(isinstance(target, ast.Starred) for target in targets)
        if len(value.parts) == len(targets) and not starred:
            for target, part in zip(targets, value.parts, strict=True):
                self.bind(target, part)
            return
        for target in targets:
            if value.type == "parts":
                self.bind(target, self.memory.new(target))
            else:
                self.bind(target, element_of(value) if value.reach else scalar())

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            for each in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
                if isinstance(each, ast.Name):
                    self.frame.delete(each.id, each.lineno)
                elif isinstance(each, ast.Attribute | ast.Subscript):
                    self._change(each, self.value(each.value))
                    if isinstance(each, ast.Subscript):
                        self.value(each.slice)

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.split(".")[0]
            module = alias.name if alias.asname else name
            self.frame.store(name, imported(module), node.lineno)

    def _importfrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name != "*":
                module = "." * node.level + (node.module or "")
                value = imported(f"{module}.{alias.name}")
                self.frame.store(alias.asname or alias.name, value, node.lineno)

    def _functiondef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        value = self._decorated(node, self.function(node))
        self.frame.store(node.name, value, node.lineno)

    _asyncfunctiondef = _functiondef

    def _classdef(self, node: ast.ClassDef) -> None:
        names = definition_names(node)
        for name in sorted(names.immediate - names.unsure - names.fallback):
            self.frame.load(name, node.lineno)
        with self.frame.conditionally():
            for name in sorted(names.unsure):
                self.frame.load(name, node.lineno)
            for name in sorted(names.fallback):
                if self.frame.peek(name) is not None:
                    self.frame.load(name, node.lineno)
        regions = self.memory.define(node, self.frame.place())
        held = [value for name in names.deferred if (value := self.frame.peek(name)) is not None]
        # What a decorator of the notebook's own reads, the method that it makes reads.
        around = [
            value
            for statement in node.body
            for value in summaries.own_decorators(self.memory, self.frame, statement)
        ]
        made = containing(self.memory.region(node), [*held, *around], "class")
        made = replace(made, reach=made.reach | regions)
        code = self.code_names(names).union(*(value.code for value in around)) - {node.name}
        made = replace(made, code=code)
        above = [self.value(each) for each in node.bases]
        above += [self.value(each.value) for each in node.keywords]
        # The class leads to those above it: what they hold is seen through it.
        # Attributes and defaults of methods may be functions, too.
        kept = [value for name in names.immediate if (value := self.frame.peek(name)) is not None]
        seen = [*above, *(value for value in kept if value.code)]
        made = replace(
            made,
            reach=made.reach.union(*(each.reach for each in seen)),
            code=made.code.union(*(each.code for each in seen)) - {node.name},
        )
        calls.class_made(self, node, made, above)
        value = self._decorated(node, made)
        self.frame.store(node.name, value, node.lineno)

    def _decorated(
        self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, value: Value
    ) -> Value:
        for decorator in reversed(node.decorator_list):
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if self.value(called).qualified in _TRANSPARENT:
                continue
            made = self.value(decorator)
            if keeps_code(self.value(called).qualified):
                self.memory.trace.kept |= value.code
            result = calls.decorated(self, decorator, made, value)
            value = replace(
                containing(self.memory.region(decorator, "decorated"), [value, made, result]),
                code=value.code | made.code | result.code,
                pinned=result.pinned,
                opened=result.opened,
            )
        return value

    # Control flow

    def _if(self, node: ast.If) -> None:
        self.value(node.test)
        self._branches([node.body, node.orelse])

    def _branches(self, bodies: Sequence[Sequence[ast.stmt]], complete: bool = True) -> None:
        """Execute alternatives; what all of them bind is bound afterwards."""
        before = self.frame.mark()
        ends: list[frozenset[str]] = [] if complete else [before]
        with self.frame.conditionally():
            for body in bodies:
                self.frame.rewind(before)
                self.run(body)
                if not _leaves(body):
                    ends.append(self.frame.mark())
        self.frame.rewind(frozenset.intersection(*ends) if ends else before)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        iterated = self.value(node.iter)
        element = calls.iterate(self, node.iter, iterated)
        before = self.frame.mark()
        with self.frame.conditionally():
            for _ in range(2):
                self.bind(node.target, element)
                self.run(node.body)
        runs = bool(iterated.parts) and iterated.type in {"list", "tuple"}
        if runs or _is_range_of_some(node.iter):
            leaves = ast.Break | ast.Continue
            early = any(isinstance(each, leaves) for part in node.body for each in ast.walk(part))
            before |= (self.frame.mark() & _targets(node.target)) if early else self.frame.mark()
        self.frame.rewind(before)
        self._maybe(node.orelse)

    _asyncfor = _for

    def _while(self, node: ast.While) -> None:
        self.value(node.test)
        before = self.frame.mark()
        endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
        with self.frame.conditionally():
            for _ in range(2):
                self.run(node.body)
                self.value(node.test)
        if not endless:
            self.frame.rewind(before)
        self._maybe(node.orelse)

    def _maybe(self, body: Sequence[ast.stmt]) -> None:
        if body:
            self._branches([body], complete=False)

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        managers: list[tuple[ast.expr, Value]] = []
        for item in node.items:
            value = self.value(item.context_expr)
            managers.append((item.context_expr, value))
            own = calls.special(self, value, "__enter__", item.context_expr)
            if own is not None and item.optional_vars is not None:
                self.bind(item.optional_vars, own)
            elif item.optional_vars is not None:
                entered = replace(element_of(value, value.type), own=value.reach)
                if value.pinned == GENERATOR:
                    entered = replace(entered, pinned="")  # contextlib's: what it yields
                self.bind(item.optional_vars, entered)
        if any(self._swallows(item.context_expr) for item in node.items):
            self._maybe(node.body)
        else:
            self.run(node.body)
        for expression, value in reversed(managers):
            calls.special(self, value, "__exit__", expression, *[scalar()] * 3)
            self.memory.trace.closed |= value.reach

    def _swallows(self, manager: ast.expr) -> bool:
        """Whether an exception in the body of ``with manager`` may go no further."""
        called = manager.func if isinstance(manager, ast.Call) else manager
        return self.value(called).qualified in _SWALLOWING

    _asyncwith = _with

    def _try(self, node: ast.Try) -> None:
        before = self.frame.mark()
        with self.frame.conditionally():
            self.run(node.body)
            self.run(node.orelse)
        ends = [] if _leaves(node.orelse or node.body) else [self.frame.mark()]
        for handler in node.handlers:
            self.frame.rewind(before)
            with self.frame.conditionally():
                self._handler(handler)
            if not _leaves(handler.body):
                ends.append(self.frame.mark())
        self.frame.rewind(frozenset.intersection(*ends) if ends else before)
        self.run(node.finalbody)

    _trystar = _try

    def _handler(self, node: ast.ExceptHandler) -> None:
        self.value(node.type)
        if node.name is None:
            self.run(node.body)
            return
        self.frame.store(node.name, containing(self.memory.region(node), ()), node.lineno)
        self.run(node.body)
        self.frame.delete(node.name, node.lineno)

    def _match(self, node: ast.Match) -> None:
        subject = self.value(node.subject)
        before = self.frame.mark()
        ends: list[frozenset[str]] = []
        certain = False
        with self.frame.conditionally():
            for case in node.cases:
                self.frame.rewind(before)
                self._pattern(case.pattern, subject)
                if case.guard is not None:
                    self.value(case.guard)
                self.run(case.body)
                if not _leaves(case.body):
                    ends.append(self.frame.mark())
                wildcard = isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None
                certain = certain or (wildcard and case.guard is None)
        if not certain:
            ends.append(before)
        self.frame.rewind(frozenset.intersection(*ends) if ends else before)

    def _pattern(self, pattern: ast.pattern, subject: Value) -> None:
        for node in ast.walk(pattern):
            if isinstance(node, ast.expr):
                self.value(node)
            name = getattr(node, "name", None) or getattr(node, "rest", None)
            if isinstance(node, ast.pattern) and isinstance(name, str):
                self.frame.store(name, element_of(subject), getattr(node, "lineno", 0))

    # Leaving

    def _return(self, node: ast.Return) -> None:
        self.returned.append(self.value(node.value))

    def _raise(self, node: ast.Raise) -> None:
        self.value(node.exc)
        self.value(node.cause)

    def _assert(self, node: ast.Assert) -> None:
        self.value(node.test)
        with self.frame.conditionally():
            self.value(node.msg)

    def _global(self, node: ast.Global | ast.Nonlocal) -> None:
        if isinstance(self.frame, FunctionFrame):
            self.frame.globals.update(node.names)

    _nonlocal = _global


def _leaves(body: Sequence[ast.stmt]) -> bool:
    """Whether what follows is not reached after ``body``."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, ast.Raise | ast.Return | ast.Continue | ast.Break):
        return True
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        return ast.unparse(last.value.func) in {"sys.exit", "exit", "quit", "os._exit"}
    return False


def _targets(node: ast.expr) -> frozenset[str]:
    return frozenset(each.id for each in ast.walk(node) if isinstance(each, ast.Name))


def _is_range_of_some(node: ast.expr) -> bool:
    """Tell whether it is a range, given as numbers, that is not empty."""
    if not isinstance(node, ast.Call) or ast.unparse(node.func) != "range" or node.keywords:
        return False
    try:
        return len(range(*map(ast.literal_eval, node.args))) > 0
    except (ValueError, TypeError):
        return False
