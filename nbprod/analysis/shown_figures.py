"""Figures at a cell's end: a notebook shows such an expression as a picture.

Other bare expressions only display a value and may stay out of generated code. A figure
is a result, so its expression is read as ``display(…)``; so is one that draws itself. Where
a class has a ``__repr__`` that does more than to give a text, they are read as ``repr(…)``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field

_PYPLOT = frozenset({"matplotlib.pyplot", "pylab", "matplotlib.pylab"})
_FIGURES = frozenset({"figure", "gcf"})
_PAIRS = frozenset({"subplots"})  # a figure, and its axes
_FIRST = frozenset({0})
_ATTRIBUTES = frozenset({"figure", "fig"})  # of axes, and of seaborn's grids
_DRAWN = {
    "seaborn.objects": frozenset({"Plot"}),
    "PIL.Image": frozenset({"open", "new", "fromarray", "merge", "blend", "composite"}),
}
"""Modules, and what of them gives an object that draws itself."""

_MAKERS = {**_DRAWN, **dict.fromkeys(_PYPLOT, _FIGURES)}

_GIVING = frozenset(
    {"get_figure", "qqplot", "qqplot_2samples", "qqline", "plot_acf", "plot_pacf", "plot_ccf"}
    | {"plot_fit", "plot_regress_exog", "plot_partregress", "plot_partregress_grid", "plot_ccpr"}
    | {"plot_ccpr_grid", "plot_leverage_resid2", "influence_plot", "interaction_plot"}
    | {"plot_diagnostics", "plot_components", "plot_predict", "month_plot", "quarter_plot"}
    | {"plot_corr", "plot_corr_grid", "beanplot", "rainbowplot", "mean_diff_plot"}
)
"""Functions and methods that give a figure, of statsmodels and Prophet: where others have such a
name, what they give is shown, too, as in a notebook."""

_TAKING = frozenset({"append", "add", "insert", "setdefault", "appendleft", "extend", "update"})
_HANDING_OUT = frozenset({"get", "pop", "popleft", "setdefault", "popitem"})

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
        tuples: Names of functions that give several things, and which of them are figures.
        methods: Names of methods of the notebook's own classes that give a figure.
        figures: Variables that hold a figure.
        holders: Variables that hold lists, dicts and the like with figures in them.
        drawing: Names of modules whose objects draw themselves, and which.
        telling: A class has a ``__repr__`` that prints or changes something.
    """

    modules: set[str] = field(default_factory=set)
    makers: set[str] = field(default_factory=set)
    tuples: dict[str, frozenset[int]] = field(default_factory=dict)
    methods: set[str] = field(default_factory=set)
    figures: set[str] = field(default_factory=set)
    holders: set[str] = field(default_factory=set)
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
                methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
                self.methods |= {each.name for each in methods if self._gives(each)[0]}
            elif isinstance(node, ast.For):
                self._looped(node.target, node.iter)
            elif isinstance(node, ast.AugAssign):
                if isinstance(node.target, ast.Name) and self._holds(node.value):
                    self.holders.add(node.target.id)
            elif isinstance(node, ast.Expr):
                self._put(node.value)
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
                self.tuples[name] = _FIRST

    def _defined(self, node: ast.FunctionDef) -> None:
        is_maker, places = self._gives(node)
        self.makers.discard(node.name)
        self.tuples.pop(node.name, None)
        if is_maker:
            self.makers.add(node.name)
        if places:
            self.tuples[node.name] = places

    def _gives(self, node: ast.FunctionDef) -> tuple[bool, frozenset[int]]:
        """Tell whether a function gives a figure, and at which places of a tuple it does."""
        inner = deepcopy(self)
        inner.follow(node.body)
        returns = [each.value for each in _own_nodes(node.body) if isinstance(each, ast.Return)]
        given = [value for value in returns if value is not None]
        places = frozenset(
            place
            for value in given
            if isinstance(value, ast.Tuple)
            for place, each in enumerate(value.elts)
            if inner.is_figure(each)
        )
        return any(map(inner.is_figure, given)), places

    def _bound(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            (self.figures.add if self.is_figure(value) else self.figures.discard)(target.id)
            (self.holders.add if self._holds(value) else self.holders.discard)(target.id)
        elif isinstance(target, ast.Subscript | ast.Attribute):
            root = _root(target)
            if isinstance(target, ast.Subscript) and root and self.is_figure(value):
                self.holders.add(root)
        elif isinstance(target, ast.Tuple | ast.List):
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
                for each, part in zip(target.elts, value.elts, strict=True):
                    self._bound(each, part)
                return
            places = self._places(value)
            for place, each in enumerate(target.elts):
                if isinstance(each, ast.Name):
                    found = place in places or self._holds(value)
                    (self.figures.add if found else self.figures.discard)(each.id)

    def _looped(self, target: ast.expr, iterated: ast.expr) -> None:
        """Take in the names of a loop over what holds figures: each of them may be one."""
        if self._holds(iterated):
            names = [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]
            self.figures.update(names[-1:])

    def _put(self, node: ast.expr) -> None:
        """Take in a call that puts a figure into a list or dict."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given = [*node.args, *(each.value for each in node.keywords)]
            root = _root(node.func.value)
            if root and node.func.attr in _TAKING and any(map(self._is_or_holds, given)):
                self.holders.add(root)

    def _is_or_holds(self, node: ast.expr) -> bool:
        return self.is_figure(node) or self._holds(node)

    def _holds(self, node: ast.expr) -> bool:
        """Tell whether an expression may give a list, dict and the like with figures in it."""
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            return _root(node) in self.holders
        if isinstance(node, ast.Call):
            inside = [node.func.value] if isinstance(node.func, ast.Attribute) else node.args
            return any(map(self._holds, inside))
        if isinstance(node, ast.ListComp | ast.GeneratorExp):
            return self.is_figure(node.elt)
        if isinstance(node, ast.DictComp):
            return self.is_figure(node.value)
        if isinstance(node, ast.Dict):
            return any(map(self._is_or_holds, node.values))
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return any(map(self._is_or_holds, node.elts))
        return False

    def _places(self, node: ast.expr) -> frozenset[int]:
        """Return the places of figures in the tuple that a call gives."""
        function = node.func if isinstance(node, ast.Call) else None
        if isinstance(function, ast.Name):
            return self.tuples.get(function.id, frozenset())
        is_pair = isinstance(function, ast.Attribute) and self._of_pyplot(function, _PAIRS)
        return _FIRST if is_pair else frozenset()

    def is_figure(self, node: ast.expr) -> bool:
        """Tell whether an expression may give a figure, or what draws itself as one."""
        if isinstance(node, ast.Name):
            return node.id in self.figures
        if isinstance(node, ast.Attribute):
            return node.attr in _ATTRIBUTES and ast.unparse(node.value) not in self.modules
        if isinstance(node, ast.Subscript):
            place = node.slice.value if isinstance(node.slice, ast.Constant) else 0
            return self._holds(node.value) or place in self._places(node.value)
        if isinstance(node, ast.IfExp):
            return self.is_figure(node.body) or self.is_figure(node.orelse)
        if isinstance(node, ast.NamedExpr):
            return self.is_figure(node.value)
        if not isinstance(node, ast.Call):
            return False
        if isinstance(node.func, ast.Name):
            name = node.func.id
            handed = name == "next" and any(map(self._holds, node.args))
            return handed or name in self.makers | _GIVING
        return isinstance(node.func, ast.Attribute) and (
            self._of_library_or_own(node.func)
            or (node.func.attr in _HANDING_OUT and self._holds(node.func.value))
            or self._of_pyplot(node.func, _FIGURES)
            or self._draws_itself(node.func)
        )

    def _of_library_or_own(self, function: ast.Attribute) -> bool:
        is_pyplots = ast.unparse(function.value) in self.modules
        return not is_pyplots and function.attr in _GIVING | self.methods

    def _draws_itself(self, function: ast.Attribute) -> bool:
        """Tell whether what a method or a module's function gives draws itself."""
        module = self.drawing.get(ast.unparse(function.value), "")
        if module:
            return function.attr in _DRAWN[module]
        return function.attr in _ONES_OF_ITS_KIND and self.is_figure(function.value)

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


def _root(node: ast.expr) -> str:
    """Return the name that attributes and items are of; empty if there is none."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


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
