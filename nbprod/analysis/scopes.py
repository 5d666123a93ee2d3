"""Which names a function, class or lambda takes from outside itself.

Python's own scoping rules: nested functions, class bodies (whose names their methods
do not see), comprehensions, walrus, ``global`` and ``nonlocal``, match captures.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nbprod.analysis.class_body import ClassBody, calls_its_functions

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_FORMULAS = frozenset(
    {
        *("ols", "gls", "glsar", "wls", "glm", "logit", "probit", "poisson", "negativebinomial"),
        *("mnlogit", "quantreg", "mixedlm", "rlm", "gee", "ordinal_gee", "nominal_gee", "phreg"),
        *("from_formula", "dmatrix", "dmatrices", "model_matrix"),
    }
)
_NAMED = re.compile(r"(?<![\w.])([^\W\d]\w*)")
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, slots=True)
class FreeNames:
    """Names of the module that a definition touches.

    Attributes:
        immediate: Read when the definition itself is executed (defaults, decorators,
            annotations, bases, class bodies).
        deferred: Read when its code is called.
        binds: Bound by its code through ``global``.
        unsure: Those of ``immediate`` that are read only by code that may not be executed.
        fallback: Those of ``immediate`` that a class body reads from outside only if it
            has not bound them itself by then.
    """

    immediate: frozenset[str] = frozenset()
    deferred: frozenset[str] = frozenset()
    binds: frozenset[str] = frozenset()
    unsure: frozenset[str] = frozenset()
    fallback: frozenset[str] = frozenset()

    @property
    def all(self) -> frozenset[str]:
        """All of them."""
        return self.immediate | self.deferred | self.binds


@dataclass(slots=True)
class _Names:
    reads: set[str] = field(default_factory=set)
    stores: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    inner_reads: set[str] = field(default_factory=set)
    inner_binds: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    fallback: set[str] = field(default_factory=set)
    skipping: set[str] = field(default_factory=set)  # read by scopes within, past a class


def definition_names(node: FunctionNode | ast.ClassDef | ast.Lambda) -> FreeNames:
    """Return the free names of a top-level definition or of a lambda."""
    names = _Names()
    _Collector(names).definition(node)
    return FreeNames(
        immediate=frozenset(names.reads),
        deferred=frozenset(names.inner_reads),
        binds=frozenset(names.inner_binds),
        unsure=frozenset(names.unsure),
        fallback=frozenset(names.fallback),
    )


def expression_names(node: ast.AST) -> frozenset[str]:
    """Return the names that evaluating ``node`` reads, those of its lambdas included."""
    names = _Names()
    _Collector(names).visit(node)
    return frozenset(names.reads | names.inner_reads)


class _Collector(ast.NodeVisitor):
    """Collects one scope; scopes within it are resolved on the way out."""

    def __init__(self, names: _Names) -> None:
        self.names = names

    def definition(self, node: ast.AST) -> None:
        """Collect a definition without binding its name."""
        if isinstance(node, ast.ClassDef):
            self._class(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            self._function(node)

    def visit_Name(self, node: ast.Name) -> None:
        target = self.names.reads if isinstance(node.ctx, ast.Load) else self.names.stores
        target.add(node.id)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.names.stores.add(node.name)
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.names.stores.add(node.name)
        self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.names.stores.add(node.name)
        self._class(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.names.stores.add((alias.asname or alias.name).split(".")[0])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.names.stores.update(alias.asname or alias.name for alias in node.names)

    def visit_Global(self, node: ast.Global) -> None:
        self.names.globals.update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.names.nonlocals.update(node.names)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.names.stores.add(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        if node.name:
            self.names.stores.add(node.name)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name:
            self.names.stores.add(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self.names.stores.add(node.rest)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.names.reads.update(query_names(node))
        self.names.reads.update(formula_names(node))
        self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        if isinstance(node, _COMPREHENSIONS):
            self._comprehension(node)
        else:
            super().generic_visit(node)

    def _function(self, node: FunctionNode | ast.Lambda) -> None:
        arguments = node.args
        for outer in _evaluated_outside(node):
            self.visit(outer)
        inner = _Names(stores=set(argument_names(arguments)))
        collector = _Collector(inner)
        body = node.body if isinstance(node.body, list) else [node.body]
        for statement in body:
            collector.visit(statement)
        self._resolve(inner, deferred=True)

    def _class(self, node: ast.ClassDef) -> None:
        for outer in (*node.decorator_list, *node.bases, *(word.value for word in node.keywords)):
            self.visit(outer)
        inner = _Names()
        collector = _Collector(inner)
        for statement in node.body:
            collector.visit(statement)
        # A class body's own names are read from it first, its methods do not see them.
        body = ClassBody(_touched, frozenset(inner.globals | inner.nonlocals))
        body.run(node.body)
        unsure = body.found.unsure - body.found.certain - self.names.reads
        fallback = body.found.fallback - body.found.certain - body.found.unsure - self.names.reads
        self.names.reads |= body.found.certain | unsure | fallback
        self.names.unsure |= unsure
        self.names.fallback |= fallback
        self.names.skipping |= body.found.certain | unsure | fallback
        deferred = inner.inner_reads - {"__class__"}
        self.names.inner_reads |= deferred
        if calls_its_functions(node):
            self.names.unsure |= deferred - self.names.reads
            self.names.reads |= deferred
        self.names.inner_binds |= inner.inner_binds | (inner.globals & inner.stores)

    def _comprehension(self, node: ast.AST) -> None:
        generators: list[ast.comprehension] = getattr(node, "generators", [])
        self.visit(generators[0].iter)
        inner = _Names()
        collector = _Collector(inner)
        for position, generator in enumerate(generators):
            collector.visit(generator.target)
            if position:
                collector.visit(generator.iter)
            for condition in generator.ifs:
                collector.visit(condition)
        for part in ("key", "value", "elt"):
            if hasattr(node, part):
                collector.visit(getattr(node, part))
        walrus = {
            child.target.id
            for child in ast.walk(node)
            if isinstance(child, ast.NamedExpr) and isinstance(child.target, ast.Name)
        }
        inner.stores -= walrus
        self.names.stores |= walrus
        self._resolve(inner, deferred=False)

    def _resolve(self, inner: _Names, *, deferred: bool) -> None:
        """Hand on to this scope what ``inner`` does not bind itself."""
        local = inner.stores - inner.globals - inner.nonlocals
        reads = inner.reads - local
        inner_reads = inner.inner_reads - local
        if deferred:
            self.names.inner_reads |= reads | inner_reads
        else:
            self.names.reads |= reads
            self.names.skipping |= reads | (inner.skipping - local)
            self.names.inner_reads |= inner_reads
        self.names.inner_binds |= (inner.stores & inner.globals) | inner.inner_binds


def _touched(node: ast.AST) -> _Names:
    names = _Names()
    _Collector(names).visit(node)
    return names


def _evaluated_outside(node: FunctionNode | ast.Lambda) -> Iterator[ast.expr]:
    """Yield what is evaluated where the function is defined."""
    yield from node.args.defaults
    yield from (default for default in node.args.kw_defaults if default is not None)
    if isinstance(node, ast.Lambda):
        return
    yield from node.decorator_list
    if node.returns is not None:
        yield node.returns
    for argument in _all_arguments(node.args):
        if argument.annotation is not None:
            yield argument.annotation


def _all_arguments(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from arguments.posonlyargs
    yield from arguments.args
    yield from arguments.kwonlyargs
    if arguments.vararg:
        yield arguments.vararg
    if arguments.kwarg:
        yield arguments.kwarg


def argument_names(arguments: ast.arguments) -> tuple[str, ...]:
    """Return the names of all parameters, ``*args`` and ``**kwargs`` included."""
    return tuple(argument.arg for argument in _all_arguments(arguments))


def first_argument(arguments: ast.arguments) -> str:
    """Return the name of the first parameter that a place can fill; empty if there is none."""
    return next((each.arg for each in (*arguments.posonlyargs, *arguments.args)), "")


def query_names(call: ast.Call) -> Iterable[str]:
    """Return the variables that a pandas query string names: with ``@``, or all in ``pd.eval``."""
    function = call.func
    if not (isinstance(function, ast.Attribute) and function.attr in {"query", "eval"}):
        return ()
    texts = constant_texts(call.args[:1])
    if function.attr == "eval" and _is_pandas(function.value):
        given = {word.arg for word in call.keywords} & {"local_dict", "global_dict", "resolvers"}
        return () if given else tuple(name for text in texts for name in _names_in(text))
    return tuple(word for text in texts for word in _at_names(text))


def _is_pandas(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in {"pd", "pandas"}


def _names_in(text: str) -> Iterator[str]:
    """Yield the names that an expression reads; those that it calls are pandas' own functions."""
    try:
        tree = ast.parse(text.strip())
    except SyntaxError:
        return
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in called:
            yield node.id


def formula_names(call: ast.Call) -> Iterable[str]:
    """Return the names in a model's formula, such as ``np.log(price) ~ area + offset``.

    statsmodels and patsy look up where the formula is used what is no column.
    """
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name not in _FORMULAS:
        return ()
    given = [*call.args[:1], *(each.value for each in call.keywords if each.arg == "formula")]
    return tuple(found[1] for text in constant_texts(given) for found in _NAMED.finditer(text))


def computes_names(source: str) -> bool:
    """Tell whether code computes the text of a query or formula, which may name any variable.

    What is no Python does not; that it could not be read is told elsewhere.
    """
    return any(not isinstance(text, ast.Constant) for text in _query_texts(source))


def is_given_names(source: str) -> bool:
    """Tell whether code has the text of a query or formula from elsewhere, such as a file."""
    written = ast.Constant | ast.JoinedStr
    return any(not isinstance(text, written) for text in _query_texts(source))


def _query_texts(source: str) -> Iterator[ast.expr]:
    """Yield what code gives to queries and formulas as their texts."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name | ast.Attribute):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        if name in _FORMULAS | {"query", "eval"}:
            yield from node.args[:1]
            yield from (word.value for word in node.keywords if word.arg in _TEXTS)


_TEXTS = frozenset({"formula", "expr"})


def constant_texts(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the texts that stand as constants in ``nodes``."""
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value


def _at_names(text: str) -> Iterator[str]:
    for piece in text.split("@")[1:]:
        name = ""
        for letter in piece:
            if not (name + letter).isidentifier():
                break
            name += letter
        if name:
            yield name


def bound_names(node: ast.stmt) -> frozenset[str]:
    """Return the names that executing the top-level statement ``node`` may bind or delete."""
    names = _Names()
    _Collector(names).visit(node)
    return frozenset(names.stores)


def local_names(node: FunctionNode | ast.Lambda) -> frozenset[str]:
    """Return the names that a function binds as its own."""
    names = _Names(stores=set(argument_names(node.args)))
    collector = _Collector(names)
    for statement in node.body if isinstance(node.body, list) else [node.body]:
        collector.visit(statement)
    return frozenset(names.stores - names.globals - names.nonlocals)


def absolute_module(node: ast.ImportFrom, package: str) -> str:
    """Return the dotted name of the module that a ``from`` import names."""
    if not node.level:
        return node.module or ""
    parts = package.split(".") if package else []
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, node.module] if node.module else parts)


def modules_named(node: ast.AST, package: str = "") -> Iterator[str]:
    """Yield the dotted names that an import statement names; what it takes may be modules, too.

    Args:
        node: Any node; one that is no import names none.
        package: The package that the statement stands in, for relative imports.
    """
    if isinstance(node, ast.Import):
        yield from (each.name for each in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = absolute_module(node, package)
        if base:
            yield base
        yield from (f"{base}.{each.name}".strip(".") for each in node.names if each.name != "*")
