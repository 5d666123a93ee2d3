"""Figures at a cell's end: a notebook shows such an expression as a picture.

Other bare expressions only display a value and may stay out of generated code. A figure
is a result, so its expression is read as ``display(…)``; so is one that draws itself. Where
a class has a ``__repr__`` that does more than to give a text, they are read as ``repr(…)``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_PYPLOT = frozenset({"matplotlib.pyplot", "pylab", "matplotlib.pylab"})
_FIGURES = frozenset({"figure", "gcf"})
_PAIRS = frozenset({"subplots"})  # a figure, and its axes
_ATTRIBUTES = frozenset({"figure", "fig"})  # of axes, and of seaborn's grids
_DRAWN = {
    "seaborn.objects": frozenset({"Plot"}),
    "PIL.Image": frozenset({"open", "new", "fromarray", "merge", "blend", "composite"}),
}
"""Modules, and what of them gives an object that draws itself."""

_MAKERS = {**_DRAWN, **dict.fromkeys(_PYPLOT, _FIGURES)}

_ONES_OF_ITS_KIND = frozenset(
    {"add", "facet", "pair", "scale", "share", "limit", "label", "layout", "theme", "on", "plot"}
    | {"convert", "resize", "crop", "rotate", "copy", "filter", "transpose", "point", "quantize"}
    | {"transform", "reduce", "getchannel"}
)
"""Their methods that give such an object, too."""


@dataclass
class FigureNames:
    """Names that hold figures, followed through the cells in their order.

    Attributes:
        modules: Names of pyplot.
        makers: Names of functions that give a figure.
        pairs: Names of functions that give a figure and something else.
        figures: Variables that hold a figure.
        drawing: Names of modules whose objects draw themselves, and which.
        telling: A class has a ``__repr__`` that prints or changes something.
    """

    modules: set[str] = field(default_factory=set)
    makers: set[str] = field(default_factory=set)
    pairs: set[str] = field(default_factory=set)
    figures: set[str] = field(default_factory=set)
    drawing: dict[str, str] = field(default_factory=dict)
    telling: bool = False

    def follow(self, statements: Iterable[ast.stmt]) -> None:
        """Take in what statements bind; bodies of functions have names of their own."""
        for node in _own_nodes(statements):
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._imported(node)
            elif isinstance(node, ast.FunctionDef):
                self._defined(node)
            elif isinstance(node, ast.ClassDef):
                self.telling = self.telling or any(map(_tells, node.body))
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    self._bound(target, node.value)
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                self._bound(node.target, node.value)

    def _imported(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            name = alias.asname or alias.name
            if isinstance(node, ast.Import):
                if alias.name in _PYPLOT:
                    self.modules.add(name)
                elif alias.name in _DRAWN:
                    self.drawing[name] = alias.name
            elif f"{node.module}.{alias.name}" in _PYPLOT:
                self.modules.add(name)
            elif f"{node.module}.{alias.name}" in _DRAWN:
                self.drawing[name] = f"{node.module}.{alias.name}"
            elif alias.name in _MAKERS.get(node.module or "", ()):
                self.makers.add(name)
            elif node.module in _PYPLOT and alias.name in _PAIRS:
                self.pairs.add(name)

    def _defined(self, node: ast.FunctionDef) -> None:
        inner = FigureNames(
            set(self.modules),
            set(self.makers),
            set(self.pairs),
            set(self.figures),
            dict(self.drawing),
        )
        inner.follow(node.body)
        given = [each.value for each in _own_nodes(node.body) if isinstance(each, ast.Return)]
        self.makers.discard(node.name)
        self.pairs.discard(node.name)
        if any(value is not None and inner.is_figure(value) for value in given):
            self.makers.add(node.name)
        if any(isinstance(value, ast.Tuple) and inner.is_figure(value.elts[0]) for value in given):
            self.pairs.add(node.name)

    def _bound(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            (self.figures.add if self.is_figure(value) else self.figures.discard)(target.id)
        elif isinstance(target, ast.Tuple | ast.List) and target.elts:
            for each in target.elts:
                if isinstance(each, ast.Name):
                    self.figures.discard(each.id)
            first = target.elts[0]
            if isinstance(first, ast.Name) and self._is_pair(value):
                self.figures.add(first.id)

    def is_figure(self, node: ast.expr) -> bool:
        """Tell whether an expression certainly gives a figure, or what draws itself as one."""
        if isinstance(node, ast.Name):
            return node.id in self.figures
        if isinstance(node, ast.Attribute):
            return node.attr in _ATTRIBUTES and ast.unparse(node.value) not in self.modules
        if not isinstance(node, ast.Call):
            return False
        if isinstance(node.func, ast.Name):
            return node.func.id in self.makers
        return isinstance(node.func, ast.Attribute) and (
            node.func.attr == "get_figure"
            or self._of_pyplot(node.func, _FIGURES)
            or self._draws_itself(node.func)
        )

    def _draws_itself(self, function: ast.Attribute) -> bool:
        """Tell whether what a method or a module's function gives draws itself."""
        module = self.drawing.get(ast.unparse(function.value), "")
        if module:
            return function.attr in _DRAWN[module]
        return function.attr in _ONES_OF_ITS_KIND and self.is_figure(function.value)

    def _is_pair(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Call):
            return False
        if isinstance(node.func, ast.Name):
            return node.func.id in self.pairs
        return isinstance(node.func, ast.Attribute) and self._of_pyplot(node.func, _PAIRS)

    def _of_pyplot(self, function: ast.Attribute, names: frozenset[str]) -> bool:
        return function.attr in names and ast.unparse(function.value) in self.modules


def _tells(statement: ast.stmt) -> bool:
    """Tell whether a statement of a class is a ``__repr__`` that prints or changes something."""
    if not isinstance(statement, ast.FunctionDef) or statement.name != "__repr__":
        return False
    return any(
        isinstance(node, ast.Global | ast.Nonlocal | ast.Delete)
        or (isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store))
        for node in ast.walk(statement)
    )


def _own_nodes(statements: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the nodes of statements in order, without bodies of functions and classes."""
    for statement in statements:
        yield statement
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            children = (n for n in ast.iter_child_nodes(statement) if isinstance(n, ast.stmt))
            yield from _own_nodes(children)


def _shows_itself(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in {"print", "display"}


def as_displayed(source: str, statements: list[ast.stmt], names: FigureNames) -> str:
    """Return a cell's source, its last expression as a call that does what showing it does.

    Args:
        source: The cell as plain Python.
        statements: Its statements.
        names: What is known of figures when the cell ends.
    """
    last = statements[-1] if statements else None
    if not isinstance(last, ast.Expr) or isinstance(last.value, ast.Constant | ast.Await):
        return source
    function = "display" if names.is_figure(last.value) else "repr"
    if function == "repr" and (not names.telling or _shows_itself(last.value)):
        return source
    if isinstance(last.value, ast.Call) and ast.unparse(last.value.func).endswith(".figure"):
        return source  # a new figure, still empty: only its text is shown
    lines = source.split("\n")
    rest = lines[(last.end_lineno or last.lineno) - 1].encode()[last.end_col_offset or 0 :].decode()
    if rest.strip().startswith(";"):
        return source  # a semicolon hides it
    segment = ast.get_source_segment(source, last) or ""
    begin, end = last.lineno - 1, (last.end_lineno or last.lineno) - 1
    head = lines[begin].encode()[: last.col_offset].decode()
    shown = f"{head}{function}({segment}){rest}".split("\n")
    return "\n".join([*lines[:begin], *shown, *lines[end + 1 :]])
