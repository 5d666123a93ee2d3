"""Follow expressions: what they read, make, share and change."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace

from nbprod.analysis import calls
from nbprod.analysis.frames import Frame
from nbprod.analysis.library_table import attribute_type
from nbprod.analysis.scopes import FreeNames, definition_names, formula_names, query_names
from nbprod.analysis.value import (
    BINDS,
    COROUTINE,
    DEFAULTDICT,
    FLAT_TYPES,
    GENERATOR,
    SCALAR_TYPES,
    Value,
    element_of,
    imported,
    joined,
    scalar,
)

_ARRAYS = FLAT_TYPES
_FRAME = "pandas.DataFrame"
_SERIES = "pandas.Series"

_SEVERAL = (ast.Slice, ast.List, ast.ListComp, ast.Compare)
"""What chooses several rows or columns."""

_TEMPORARY = ("what tempfile.TemporaryDirectory", "what tempfile.NamedTemporaryFile")
"""What is removed when nothing holds the object any more."""

_NAMING_PLACES = frozenset(
    {"Path", "abspath", "format", "fspath", "glob", "iglob", "join", "joinpath", "list"}
    | {"realpath", "rglob", "sorted", "str"}
)


class Expressions:
    """Evaluates expressions in a frame.

    Attributes:
        watched: If it is a dict, each expression that is evaluated, with what it holds.
    """

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.memory = frame.memory
        self.watched: dict[ast.expr, Value] | None = None
        self._temporary: list[str] = []

    def value(self, node: ast.expr | None) -> Value:
        """Evaluate ``node`` (nothing: ``None``)."""
        if node is None:
            return scalar("NoneType")
        method: Callable[[ast.expr], Value] | None = getattr(
            self, f"_{type(node).__name__.lower()}", None
        )
        before = len(self._temporary)
        value = method(node) if method else self._anything(node)
        if value.pinned.startswith(_TEMPORARY):
            self._temporary.append(value.pinned)
        elif len(self._temporary) > before and _names_place(node):
            value = replace(value, pinned=self._temporary[-1])
        if self.watched is not None:
            self.watched[node] = value
        return value

    def values(self, nodes: Sequence[ast.expr]) -> list[Value]:
        """Evaluate ``nodes`` in order."""
        return [self.value(node) for node in nodes]

    def hold(self, holder: Value, held: Sequence[Value]) -> None:
        """The objects that ``holder`` may be now lead to ``held`` as well."""
        if holder.type in FLAT_TYPES or not holder.selves:
            return
        more = joined(held) if held else scalar()
        if more.immutable and not more.pinned and not more.opened:
            return
        self.frame.holds(holder, more)
        for name, value in list(self.frame.values.items()):
            is_new = not (
                more.reach <= value.reach
                and more.code <= value.code
                and more.opened <= value.opened
            )
            if value.reach & holder.selves and is_new:
                self.frame.update(name, _leading_to(value, more))
        for hidden in self.frame.hidden:
            for name, value in hidden.items():
                if value.reach & holder.selves:
                    hidden[name] = _leading_to(value, more)

    def _anything(self, node: ast.expr) -> Value:
        parts = [
            self.value(part) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)
        ]
        return self.memory.new(node, parts)

    def _constant(self, node: ast.Constant) -> Value:
        return scalar(type(node.value).__name__)

    def _joinedstr(self, node: ast.JoinedStr) -> Value:
        self.values(node.values)
        return scalar("str")

    def _formattedvalue(self, node: ast.FormattedValue) -> Value:
        self.value(node.value)
        self.value(node.format_spec)
        return scalar("str")

    def _name(self, node: ast.Name) -> Value:
        return self.frame.load(node.id, node.lineno)

    def _attribute(self, node: ast.Attribute) -> Value:
        return self._attribute_of(node, self.value(node.value))

    def _attribute_of(self, node: ast.Attribute, base: Value) -> Value:
        if base.qualified:
            return imported(f"{base.qualified}.{node.attr}")
        own = calls.special(self, base, node.attr, node)
        own = own or calls.nested_class(self, base, node.attr)
        if own is not None:
            return own
        if node.attr == "attrs" and base.type in {_FRAME, _SERIES}:
            return replace(base, type="dict")  # who changes it changes the frame
        kind = attribute_type(base.type, node.attr)
        if kind in SCALAR_TYPES:
            return scalar(kind)
        return element_of(base, kind)

    def _subscript(self, node: ast.Subscript) -> Value:
        if isinstance(node.value, ast.Attribute) and node.value.attr in {"loc", "iloc"}:
            owner = self.value(node.value.value)
            base, index = self._attribute_of(node.value, owner), self.value(node.slice)
            kind = self._located(node.slice, owner)
            if kind:
                return self.memory.new(node, (), kind)
        else:
            base, index = self.value(node.value), self.value(node.slice)
        if base.type == DEFAULTDICT:
            self.memory.change(base)
        for name in ("__getitem__", "__missing__"):
            own = calls.special(self, base, name, node, index)
            if own is not None:
                return own
        if base.qualified:
            self.memory.trace.calls.add(f"{base.qualified}[]")  # os.environ["HOME"]
        if base.type == _FRAME:
            return self._frame_item(node, base, index)
        if base.type == _SERIES and index.type in _ARRAYS:
            return self.memory.new(node, (), _SERIES)
        if base.type == "numpy.ndarray" and isinstance(node.slice, ast.Slice):
            return element_of(base, "numpy.ndarray")
        if base.immutable:
            return scalar()
        if (
            base.parts
            and isinstance(node.slice, ast.Constant)
            and isinstance(node.slice.value, int)
        ):
            position = node.slice.value
            if -len(base.parts) <= position < len(base.parts) and base.type == "tuple":
                return base.parts[position]
        return element_of(base)

    def _located(self, index: ast.expr, owner: Value) -> str:
        """Return the type of ``df.iloc[:5]``: rows of a frame, which pandas copies on write.

        Empty for one row, or one value, which may be an object that others hold, too.
        """
        if owner.type not in {_FRAME, _SERIES} or self.memory.shared_columns:
            return ""
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        if not isinstance(parts[0], _SEVERAL) or len(parts) > 2:
            return ""
        single = isinstance(parts[-1], ast.Constant) and len(parts) == 2
        if len(parts) == 2 and not single and not isinstance(parts[1], _SEVERAL):
            return ""
        return _SERIES if single else owner.type

    def _frame_item(self, node: ast.Subscript, base: Value, index: Value) -> Value:
        """``df[…]``: pandas copies on write, so that nothing is shared.

        Before version 3 it does not: a column or slice may be a part of the frame itself.
        """
        kind = ""
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            kind = _SERIES
        elif isinstance(node.slice, ast.List | ast.Slice | ast.ListComp | ast.Compare) or (
            index.type == "list" or index.type in {_SERIES, _FRAME}
        ):
            kind = _FRAME
        chosen = isinstance(node.slice, ast.List | ast.ListComp | ast.Compare)
        if self.memory.shared_columns and not chosen:
            return element_of(base, kind)
        return self.memory.new(node, (), kind)

    def _slice(self, node: ast.Slice) -> Value:
        for part in (node.lower, node.upper, node.step):
            self.value(part)
        return scalar()

    def _starred(self, node: ast.Starred) -> Value:
        return element_of(self.value(node.value))

    def _tuple(self, node: ast.Tuple) -> Value:
        return self._display(node, node.elts, "tuple")

    def _list(self, node: ast.List) -> Value:
        return self._display(node, node.elts, "list")

    def _set(self, node: ast.Set) -> Value:
        return self._display(node, node.elts, "set")

    def _display(self, node: ast.expr, elements: Sequence[ast.expr], kind: str) -> Value:
        parts = self.values(elements)
        if kind == "tuple" and all(part.immutable for part in parts):
            return replace(scalar("tuple"), parts=tuple(parts))
        made = self._plain(self.memory.new(node, parts, kind))
        if any(isinstance(element, ast.Starred) for element in elements):
            return made
        return replace(made, parts=tuple(parts))

    def _dict(self, node: ast.Dict) -> Value:
        keys = [self.value(key) for key in node.keys if key is not None]
        return self._plain(self.memory.new(node, [*keys, *self.values(node.values)], "dict"))

    def _plain(self, made: Value) -> Value:
        """Note of a container that holds plain data only that it is plain data itself."""
        if made.reach - made.own <= self.memory.flat:
            self.memory.flat |= made.own
        return made

    def _binop(self, node: ast.BinOp) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        kinds = (left.type, right.type)
        for kind in (_FRAME, _SERIES, "numpy.ndarray"):
            if kind in kinds:
                other = kinds[1] if kinds[0] == kind else kinds[0]
                certain = other in SCALAR_TYPES or other == kind
                return self.memory.new(node, (), kind if certain else "")
        if left.immutable and right.immutable:
            return scalar(_arithmetic(kinds, node.op))
        return self.memory.new(node, (left, right), kinds[0] if kinds[0] == kinds[1] else "")

    def _unaryop(self, node: ast.UnaryOp) -> Value:
        operand = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            return scalar("bool")
        if operand.immutable:
            return scalar(operand.type if operand.type in {"int", "float"} else "scalar")
        return self.memory.new(node, (), operand.type if operand.type in _ARRAYS else "")

    def _compare(self, node: ast.Compare) -> Value:
        operands = self.values([node.left, *node.comparators])
        for operator, left, right in zip(node.ops, operands, operands[1:], strict=False):
            if isinstance(operator, ast.Is | ast.IsNot) and left.reach and right.reach:
                self.memory.trace.compared |= left.selves | right.selves
        for kind in (_FRAME, _SERIES, "numpy.ndarray"):
            if any(operand.type == kind for operand in operands):
                return self.memory.new(node, (), kind)
        if all(operand.immutable for operand in operands):
            return scalar("bool")
        return self.memory.new(node)

    def _boolop(self, node: ast.BoolOp) -> Value:
        first = self.value(node.values[0])
        with self.frame.conditionally():
            return joined([first, *self.values(node.values[1:])])

    def _ifexp(self, node: ast.IfExp) -> Value:
        self.value(node.test)
        with self.frame.conditionally():
            return joined([self.value(node.body), self.value(node.orelse)])

    def _namedexpr(self, node: ast.NamedExpr) -> Value:
        value = self.value(node.value)
        assert isinstance(node.target, ast.Name)
        hidden, self.frame.hidden = self.frame.hidden, []
        self.frame.store(node.target.id, value, node.lineno)
        self.frame.hidden = hidden
        return value

    def _lambda(self, node: ast.Lambda) -> Value:
        made = self.function(node)
        # Whoever is given a lambda may call it at once.
        self.frame.touch(made.code, node.lineno)
        return made

    def function(self, node: ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef) -> Value:
        """Return the function that ``node`` defines; what it reads when defined is read now."""
        names = definition_names(node)
        for name in sorted(names.immediate):
            self.frame.load(name, node.lineno)
        regions = self.memory.define(node, self.frame.place())
        defaults = [*node.args.defaults, *(each for each in node.args.kw_defaults if each)]
        made = self.memory.new(node, self.values(defaults), "function")
        reach = set(made.reach | regions)
        for name in names.deferred:
            inner = self.frame.peek(name)
            reach |= inner.reach if inner else set()
        return replace(made, reach=frozenset(reach), code=made.code | self.code_names(names))

    def code_names(self, names: FreeNames) -> frozenset[str]:
        """Return which of the notebook's names code reads (``x``) and binds (``=x``)."""
        own = self.frame.place().names
        binds = names.binds | {f"{BINDS}{name}" for name in names.binds}
        return frozenset(name for name in names.deferred | binds if name.lstrip(BINDS) not in own)

    def _listcomp(self, node: ast.ListComp) -> Value:
        return self._comprehension(node, [node.elt], "list")

    def _setcomp(self, node: ast.SetComp) -> Value:
        return self._comprehension(node, [node.elt], "set")

    def _dictcomp(self, node: ast.DictComp) -> Value:
        return self._comprehension(node, [node.key, node.value], "dict")

    def _generatorexp(self, node: ast.GeneratorExp) -> Value:
        made = self._comprehension(node, [node.elt], "generator")
        return replace(made, pinned=GENERATOR)

    def _comprehension(
        self,
        node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp,
        results: list[ast.expr],
        kind: str,
    ) -> Value:
        first = self.value(node.generators[0].iter)
        own = _target_names(node.generators)
        self.frame.hide(dict.fromkeys(own, scalar()))
        with self.frame.conditionally():
            for position, generator in enumerate(node.generators):
                iterated = self.value(generator.iter) if position else first
                self.bind_hidden(generator.target, calls.iterate(self, generator.iter, iterated))
                self.values(generator.ifs)
            parts = self.values(results)
        self.frame.show()
        return self.memory.new(node, parts, kind)

    def bind_hidden(self, target: ast.expr, value: Value) -> None:
        """Bind a comprehension's own names."""
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                self.frame.store(node.id, value, node.lineno)

    def _call(self, node: ast.Call) -> Value:
        for name in query_names(node):
            self.frame.load(name, node.lineno)
        held: frozenset[str] = frozenset()
        for name in formula_names(node):
            if self.frame.peek(name) is not None:
                # What is made of a formula goes on calling the functions that it names.
                held |= self.frame.load(name, node.lineno).code
        result = calls.evaluate(self, node)
        return replace(result, code=result.code | held) if held else result

    def _await(self, node: ast.Await) -> Value:
        value = self.value(node.value)
        if value.pinned == COROUTINE:
            return replace(value, pinned="")  # what its function returns
        return replace(element_of(value), pinned="")

    def _yield(self, node: ast.Yield) -> Value:
        return self.memory.new(node, [self.value(node.value)])


def _leading_to(value: Value, more: Value) -> Value:
    return replace(
        value,
        reach=value.reach | more.reach,
        code=value.code | more.code,
        pinned=value.pinned or more.pinned,
        parts=(),
        opened=value.opened | more.opened,
    )


def _names_place(node: ast.expr) -> bool:
    """Tell whether an expression makes paths out of what it is given."""
    if not isinstance(node, ast.Call):
        return isinstance(node, ast.BinOp | ast.JoinedStr)
    return ast.unparse(node.func).rpartition(".")[2] in _NAMING_PLACES


def _target_names(generators: list[ast.comprehension]) -> set[str]:
    return {
        node.id
        for generator in generators
        for node in ast.walk(generator.target)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _arithmetic(kinds: tuple[str, str], operator: ast.operator) -> str:
    """Return the type of a number made of two."""
    if kinds == ("str", "str") or (isinstance(operator, ast.Mod) and kinds[0] == "str"):
        return "str"
    if kinds == ("int", "int") and isinstance(
        operator, ast.Add | ast.Sub | ast.Mult | ast.FloorDiv
    ):
        return "int"
    if set(kinds) <= {"int", "float"} and ("float" in kinds or isinstance(operator, ast.Div)):
        return "float"
    return "scalar"
