"""Follow rows of data through the notebook's code, from where they are loaded to the model."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from nbprod.analysis.lint import following_calls
from nbprod.analysis.lint.following_functions import Function, decided
from nbprod.analysis.lint.imports import ImportedNames
from nbprod.analysis.lint.known_learning import known
from nbprod.analysis.lint.learned import Learned
from nbprod.analysis.lint.rows import NOTHING, Columns, Facts, Place, joined, mixed


class Follower:
    """Executes code with :class:`Facts` for values.

    Attributes:
        names: What the notebook's names hold.
        imports: What its imports stand for.
        learned: The estimators, and what was found.
        seeded: Random generators that were seeded: ``numpy``, ``random``, ``all``.
        functions: The notebook's own functions, by name.
        sites: Functions whose bodies are followed now, each with where it was called.
        followed: How many calls were followed so far.
        arguments: What the parameters of the function that is followed were given.
        aliases: Names to the text of what they stand for: a parameter, a loop's variable.
        returned: What the function that is followed returned.
        cuts: Bounds at which slices split rows: see :func:`find_cuts`.
    """

    def __init__(self, cuts: frozenset[tuple[str, str]] = frozenset()) -> None:
        self.cuts = cuts
        self.names: dict[str, Facts] = {}
        self.imports = ImportedNames()
        self.learned = Learned()
        self.seeded: set[str] = set()
        self.functions: dict[str, Function] = {}
        self.sites: list[tuple[str, str]] = []
        self.followed = 0
        self.arguments: dict[str, ast.expr] = {}
        self.aliases: dict[str, str] = {}
        self.returned: list[Facts] = []
        self._cell: int = 0
        self._line: Callable[[int], int] = int
        self._tables = 0

    def cell(self, number: int, statements: Sequence[ast.stmt], line: Callable[[int], int]) -> None:
        """Follow one cell; ``line`` tells the cell's line of a line of the code."""
        self._cell, self._line = number, line
        self.run(statements)

    def place(self, node: ast.expr | ast.stmt, text: str = "") -> Place:
        """Return where ``node`` stands."""
        return Place(self._cell, self._line(node.lineno), text)

    def key(self, node: ast.expr | ast.stmt) -> str:
        """Return a name for what ``node`` makes, a different one for each place."""
        site = self.sites[-1][1] if self.sites else ""
        return f"{site}{self._cell}.{node.lineno}.{node.col_offset}"

    @contextmanager
    def at(self, cell: int, line: Callable[[int], int]) -> Iterator[None]:
        """Follow code that stands in another cell."""
        before = self._cell, self._line
        self._cell, self._line = cell, line
        yield
        self._cell, self._line = before

    def source_text(self, node: ast.expr) -> str:
        """Return ``node`` as text, with what parameters and loops' variables stand for."""
        if not self.aliases:
            return ast.unparse(node)
        return ast.unparse(_Renamed(self.aliases).visit(copy.deepcopy(node)))

    def table(self) -> Columns:
        """Return all columns of a new table."""
        self._tables += 1
        return Columns(self._tables)

    # Statements ----------------------------------------------------------------------

    def run(self, statements: Iterable[ast.stmt]) -> None:
        """Follow ``statements``; loops and branches once."""
        for statement in statements:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        self.imports.note(node)
        if isinstance(node, ast.Assign):
            value = self.value(node.value)
            for target in node.targets:
                self.bind(target, value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self.bind(node.target, self.value(node.value))
        elif isinstance(node, ast.AugAssign):
            self.bind(node.target, self._computed(node.target, node.op, node.value))
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                self._delete(target)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self._definition(node)
        else:
            self._compound(node)

    def _compound(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Return) and self.sites:
            self.returned.append(self.value(node.value))
            return
        if isinstance(node, ast.If) and self.sites:
            way = decided(self.arguments, node.test)
            if way is not None:
                self.run(node.body if way else node.orelse)
                return
        if isinstance(node, ast.For | ast.AsyncFor):
            if self._parts_in_turn(node):
                return
            self.bind(node.target, self._element(self.value(node.iter)))
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.stmt):
                self._statement(part)
            elif isinstance(part, ast.expr) and not isinstance(node, ast.For | ast.AsyncFor):
                self.value(part)
            elif isinstance(part, ast.withitem):
                value = self.value(part.context_expr)
                if part.optional_vars is not None:
                    self.bind(part.optional_vars, value)
            elif isinstance(part, ast.ExceptHandler | ast.match_case):
                self.run(part.body)

    def _parts_in_turn(self, node: ast.For | ast.AsyncFor) -> bool:
        """Follow ``for part in (train, test)`` once for each part; tell whether that was done."""
        target, every = node.target, node.iter
        if not isinstance(target, ast.Name) or not isinstance(every, ast.Tuple | ast.List):
            return False
        parts = [self.value(each) for each in every.elts]
        if not 1 < len(parts) <= 4 or not any(part.split for part in parts):
            return False
        before = dict(self.aliases)
        for part, source in zip(parts, every.elts, strict=True):
            self.names[target.id] = part
            self.aliases[target.id] = self.source_text(source)
            self.run(node.body)
            self.aliases = dict(before)
        self.run(node.orelse)
        return True

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        """Follow a body on its own: what it is given is not known there."""
        self.names.pop(node.name, None)
        self.functions.pop(node.name, None)
        if isinstance(node, ast.FunctionDef) and not node.decorator_list:
            self.functions[node.name] = Function(node, self._cell, self._line)
        outside, sites = dict(self.names), self.sites
        self.sites = []  # it is not called here
        if not isinstance(node, ast.ClassDef):
            arguments = node.args
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            for each in every:
                rows = frozenset({f"{self.key(node)}/{each.arg}"})
                self.names[each.arg] = Facts(rows=rows)
        self.run(node.body)
        self.names, self.sites = outside, sites

    def bind(self, target: ast.expr, value: Facts) -> None:
        """Give ``target`` a value."""
        if isinstance(target, ast.Name):
            self.names[target.id] = value
            self.functions.pop(target.id, None)
            self.aliases.pop(target.id, None)
            self.arguments.pop(target.id, None)
        elif isinstance(target, ast.Tuple | ast.List):
            for position, element in enumerate(target.elts):
                known_parts = len(value.parts) == len(target.elts)
                part = value.parts[position] if known_parts else value.part(str(position))
                self.bind(element, part)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, value)
        elif isinstance(target, ast.Subscript):
            self._store(target, value)

    def _store(self, target: ast.Subscript, value: Facts) -> None:
        """``df["x"] = value``: what leaked into the value is in the table now."""
        name = base_name(target.value)
        if not name:
            return
        old = self.names.get(name, NOTHING)
        places = value.statistics if not value.rows else frozenset()
        leaks = value.leaks | {("statistics-before-split", place) for place in places}
        self.names[name] = replace(
            old,
            leaks=old.leaks | leaks,
            random=old.random | value.random,
            estimators=old.estimators | value.estimators,
            rows=old.rows or value.rows,
            columns=_with_column(old.columns, self.text_of(target.slice)),
        )

    def _delete(self, target: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.names.pop(target.id, None)
        elif isinstance(target, ast.Subscript):
            self.remove(target.value, self.texts_of(target.slice))

    def remove(self, table: ast.expr, columns: frozenset[str] | None) -> None:
        """Columns are taken out of a table in its place; ``None``: which ones is not known."""
        name = base_name(table)
        if name in self.names:
            self.names[name] = without(self.names[name], columns)

    # Expressions ---------------------------------------------------------------------

    def value(self, node: ast.expr | None) -> Facts:
        """Return what is known of an expression's value."""
        if node is None or isinstance(node, ast.Lambda | ast.JoinedStr):
            return NOTHING
        if isinstance(node, ast.Constant):
            return Facts(literal=node.value)
        if isinstance(node, ast.Name):
            return self.names.get(node.id, NOTHING)
        if isinstance(node, ast.Call):
            return following_calls.call(self, node)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Subscript):
            return self._subscript(node)
        if isinstance(node, ast.BinOp):
            return self._computed(node.left, node.op, node.right)
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return self._display(node)
        return self._other(node)

    def _other(self, node: ast.expr) -> Facts:
        if isinstance(node, ast.NamedExpr):
            value = self.value(node.value)
            self.bind(node.target, value)
            return value
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            for generator in node.generators:
                self.bind(generator.target, self._element(self.value(generator.iter)))
        parts = [self.value(e) for e in ast.iter_child_nodes(node) if isinstance(e, ast.expr)]
        if isinstance(node, ast.Compare):
            return replace(joined(parts), leaks=frozenset(), statistics=frozenset())
        return joined(parts)

    def _display(self, node: ast.List | ast.Tuple | ast.Set) -> Facts:
        parts = tuple(self.value(each) for each in node.elts)
        literals = [each.literal for each in parts]
        literal = tuple(literals) if all(each is not None for each in literals) else None
        return replace(joined(parts), parts=parts, literal=literal)

    def _computed(self, first: ast.expr, operator: ast.operator, second: ast.expr) -> Facts:
        left, right = self.value(first), self.value(second)
        if isinstance(left.literal, tuple) and isinstance(right.literal, tuple):
            return Facts(literal=(*left.literal, *right.literal))
        divided = isinstance(operator, ast.Div) and bool(right.extremes)
        return mixed([left, right], divided=divided)

    def _attribute(self, node: ast.Attribute) -> Facts:
        if self.imports.qualified(node):
            return NOTHING
        base = self.value(node.value)
        if base is NOTHING or base.estimators:
            return base
        if node.attr in {"shape", "columns", "index", "dtypes", "dtype", "size", "ndim"}:
            return NOTHING
        if node.attr in known("columns", "attributes"):
            return base
        if base.columns is not None and base.columns.only is None:
            return self._columns(base, frozenset({node.attr}), single=True)
        return base.part(node.attr)

    def _subscript(self, node: ast.Subscript) -> Facts:
        base, index = self.value(node.value), self.value(node.slice)
        if base is NOTHING:
            return index if index.split else NOTHING
        if index.split:
            random = base.random | index.random
            return replace(base, rows=index.rows, random=random, parts=())
        name, bound = name_and_bound(node)
        if (name, bound) in self.cuts and base.presplit:
            side = "first" if isinstance(node.slice, ast.Slice) and node.slice.upper else "rest"
            return replace(base, rows=frozenset({f"train:{bound}/{side}"}), parts=())
        if index.random and not index.columns:
            base = replace(base, random=base.random | index.random)  # rows chosen by chance
        if base.parts and isinstance(index.literal, int) and -len(base.parts) <= index.literal:
            return base.parts[index.literal] if index.literal < len(base.parts) else base
        located = isinstance(node.value, ast.Attribute) and node.value.attr in {"loc", "iloc"}
        if isinstance(node.slice, ast.Tuple) and located and len(node.slice.elts) == 2:
            return self._located(base, node.slice)
        if base.columns is not None and not located:
            texts = self.texts_of(node.slice)
            if texts is not None:
                single = isinstance(index.literal, str)
                return self._columns(base, texts, single=single)
            columns = base.columns if _is_mask(node.slice) else None
            return replace(base.part(ast.unparse(node.slice)[:40]), columns=columns)
        return replace(base.part(ast.unparse(node.slice)[:40]), columns=None)

    def _located(self, base: Facts, index: ast.Tuple) -> Facts:
        """``df.loc[rows, columns]``."""
        rows, columns = index.elts
        whole = isinstance(rows, ast.Slice) and rows.lower is None and rows.upper is None
        kept = base if whole else base.part(ast.unparse(rows)[:40])
        texts = self.texts_of(columns)
        if texts is None or base.columns is None:
            return replace(kept, columns=None)
        return self._columns(kept, texts, single=self.text_of(columns) != "")

    def _columns(self, base: Facts, names: frozenset[str], *, single: bool) -> Facts:
        assert base.columns is not None
        columns = Columns(base.columns.table, names, single=single)
        return replace(base, columns=columns, parts=(), literal=None)

    def _element(self, value: Facts) -> Facts:
        """Return what iterating over ``value`` gives."""
        if value.parts and not value.estimators and not any(each.split for each in value.parts):
            return replace(joined(value.parts), literal=None)
        return value

    def text_of(self, node: ast.expr) -> str:
        """Return the text that ``node`` is known to be; empty if it is not."""
        literal = self.value(node).literal if isinstance(node, ast.Name | ast.Constant) else None
        return literal if isinstance(literal, str) else ""

    def texts_of(self, node: ast.expr) -> frozenset[str] | None:
        """Return the text or texts that ``node`` is known to be; ``None`` if it is not."""
        literal = self.value(node).literal
        items = literal if isinstance(literal, tuple) else (literal,)
        texts = [each for each in items if isinstance(each, str)]
        return frozenset(texts) if texts and len(texts) == len(items) else None


class _Renamed(ast.NodeTransformer):
    """Writes for names what they stand for."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """Replace one name."""
        return ast.Name(self.names.get(node.id, node.id), node.ctx)


def without(value: Facts, columns: frozenset[str] | None) -> Facts:
    """Return a table without ``columns``; ``None``: which ones is not known."""
    have = value.columns
    if have is None or columns is None:
        return replace(value, columns=None, parts=())
    if have.only is not None:
        kept = replace(have, only=have.only - columns)
    else:
        kept = replace(have, without=have.without | columns)
    return replace(value, columns=kept, parts=())


def name_and_bound(node: ast.Subscript) -> tuple[str, str]:
    """Return of ``rows[:bound]`` or ``rows[bound:]`` both names; empty for other subscripts."""
    part = node.slice
    if not isinstance(part, ast.Slice) or part.step is not None:
        return "", ""
    bounds = [each for each in (part.lower, part.upper) if each is not None]
    if len(bounds) != 1:
        return "", ""
    return ast.unparse(node.value), ast.unparse(bounds[0])


def find_cuts(nodes: Iterable[ast.AST]) -> frozenset[tuple[str, str]]:
    """Return the rows and bounds where both sides are taken: ``X[:cut]`` and ``X[cut:]``."""
    sides: dict[tuple[str, str], set[bool]] = {}
    for node in nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            sides.setdefault(name_and_bound(node), set()).add(node.slice.lower is None)
    return frozenset(each for each, found in sides.items() if each[0] and len(found) > 1)


def base_name(node: ast.expr) -> str:
    """Return the variable that ``node`` is a part of; empty if it is none."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _with_column(columns: Columns | None, name: str) -> Columns | None:
    if columns is None or not name:
        return columns
    if columns.only is not None:
        return replace(columns, only=columns.only | {name}, single=False)
    return replace(columns, without=columns.without - {name})


def _is_mask(node: ast.expr) -> bool:
    """Whether ``df[node]`` certainly chooses rows."""
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Invert)
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        return name in {"isin", "notna", "isna", "between", "notnull", "isnull", "contains"}
    return isinstance(node, ast.Compare | ast.BoolOp | ast.Slice) or (
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr)
    )
