"""Whether code gives the same whenever it is executed, and changes nothing that others see.

Asked about what is executed when a module of the author's own is imported, or a class of
the notebook is made: only then can that happen before the notebook has done anything.
What is not known to be so counts as having an effect.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from nbprod.analysis.class_body import is_metaclass, lazy_functions
from nbprod.analysis.library_table import data_file, longest
from nbprod.analysis.scopes import FunctionNode, absolute_module, bound_names, local_names

Code = FunctionNode | ast.ClassDef | ast.Lambda
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class _Tables:
    functions: dict[str, bool]
    classes: dict[str, bool]
    seeded: frozenset[str]
    methods: frozenset[str]
    ambient: tuple[str, ...]
    modules: frozenset[str]


@cache
def _tables() -> _Tables:
    data = data_file("purity")
    functions = data["functions"]
    return _Tables(
        functions={
            **dict.fromkeys(functions["pure"], True),
            **dict.fromkeys(functions["impure"], False),
        },
        classes=dict.fromkeys(functions["classes"], True),
        seeded=frozenset(functions["seeded"]),
        methods=frozenset(data["methods"]["pure"]),
        ambient=tuple(data["attributes"]["ambient"]),
        modules=frozenset(data["modules"]["effects"]),
    )


def import_is_seen(module: str) -> bool:
    """Whether importing a library does more than to make names known."""
    return module in _tables().modules


@dataclass(frozen=True, slots=True)
class Names:
    """What names mean where code stands.

    Attributes:
        imported: Name to the dotted name of what it imports.
        defined: Name to the function or class of the author's own that it is.
        others: Names that hold anything else.
        elsewhere: Finds a function or class of another module of the author's own by its
            dotted name, with what names mean there.
    """

    imported: dict[str, str] = field(default_factory=dict)
    defined: dict[str, Code] = field(default_factory=dict)
    others: Collection[str] = frozenset()
    elsewhere: Callable[[str], tuple[Code, Names] | None] = lambda _: None


@dataclass(slots=True)
class Purity:
    """Judges code.

    Attributes:
        names: What names mean there.
        local: Names of the functions around, which hide those.
        foreign: The code is another module's, so that what it changes there is seen here.
        active: Functions being judged.
    """

    names: Names
    local: frozenset[str] = frozenset()
    foreign: bool = False
    active: tuple[ast.AST, ...] = ()

    def is_pure(self, nodes: Iterable[ast.AST]) -> bool:
        """Whether executing ``nodes``, statements or expressions, has no effect."""
        return all(self._pure(node) for node in nodes)

    def makes_purely(self, node: ast.ClassDef) -> bool:
        """Whether making the class has no effect."""
        return self._pure(node)

    def _pure(self, node: ast.AST) -> bool:
        method: Callable[[ast.AST], bool] = getattr(
            self, f"_{type(node).__name__.lower()}", self._children
        )
        return method(node)

    def _children(self, node: ast.AST) -> bool:
        return all(self._pure(each) for each in ast.iter_child_nodes(node))

    # Definitions

    def _functiondef(self, node: FunctionNode) -> bool:
        outer = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        outer += [each.annotation for each in _arguments(node.args) if each.annotation]
        outer += [node.returns] if node.returns else []
        return self.is_pure(outer) and all(map(self._decorates, node.decorator_list))

    _asyncfunctiondef = _functiondef

    def _lambda(self, node: ast.Lambda) -> bool:
        return self.is_pure([*node.args.defaults, *filter(None, node.args.kw_defaults)])

    def _classdef(self, node: ast.ClassDef) -> bool:
        above = [*node.bases, *(each.value for each in node.keywords)]
        hooks = [code for each in above for code in self._class_hooks(each)]
        own = self.local.union(*map(bound_names, node.body))
        body = Purity(self.names, own, self.foreign, self.active)
        return (
            self.is_pure(above)
            and body.is_pure(node.body)
            and all(map(self._decorates, node.decorator_list))
            and all(self._calls(code, self) for code in hooks)
        )

    def _class_hooks(self, base: ast.expr) -> Iterator[Code]:
        """Yield the methods of the author's own that are called when a class is made."""
        code = self.names.defined.get(base.id) if isinstance(base, ast.Name) else None
        for statement in code.body if isinstance(code, ast.ClassDef) else ():
            hooks = {"__init_subclass__", "__new__", "__init__", "__prepare__"}
            if isinstance(statement, ast.FunctionDef) and statement.name in hooks:
                # The last three are a metaclass's; a base's own are not called.
                assert isinstance(code, ast.ClassDef)
                if statement.name == "__init_subclass__" or is_metaclass(code):
                    yield statement

    def _decorates(self, node: ast.expr) -> bool:
        """Whether it is pure to evaluate a decorator and to call it."""
        if isinstance(node, ast.Call):
            code = self._own(node.func)
            if code is not None:  # what it gives is called, too: functions within it
                return self._call(node) and all(
                    self._calls(inner, code[1])
                    for inner in ast.walk(code[0])
                    if isinstance(inner, _FUNCTIONS) and inner is not code[0]
                )
            return self._call(node)
        return self.is_pure([node]) and self._callable(node, ())

    # Names

    def _name(self, node: ast.Name) -> bool:
        return not self._is_ambient(node)

    def _attribute(self, node: ast.Attribute) -> bool:
        if not isinstance(node.ctx, ast.Load):
            return self._changes(node)
        return not self._is_ambient(node) and self._pure(node.value)

    def _subscript(self, node: ast.Subscript) -> bool:
        if not isinstance(node.ctx, ast.Load):
            return self._changes(node) and self._pure(node.slice)
        return self._children(node)

    def _is_ambient(self, node: ast.expr) -> bool:
        qualified = self.qualified(node)
        return any(
            qualified == each or qualified.startswith(each if each[-1] == "." else f"{each}.")
            for each in _tables().ambient
        )

    def _changes(self, node: ast.Attribute | ast.Subscript) -> bool:
        """Whether setting an attribute or item changes what is the code's own alone."""
        root: ast.expr = node
        while isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        if not isinstance(root, ast.Name):
            return False
        if root.id in self.local:
            return True
        return not self.foreign and not self.qualified(root)

    def _global(self, node: ast.Global) -> bool:
        return not self.foreign

    # Imports

    def _import(self, node: ast.Import) -> bool:
        return not any(import_is_seen(each.name) for each in node.names)

    def _importfrom(self, node: ast.ImportFrom) -> bool:
        return not import_is_seen(node.module or "")

    # Control flow

    def _if(self, node: ast.If) -> bool:
        if ast.unparse(node.test) in {"__name__ == '__main__'", "'__main__' == __name__"}:
            return self.is_pure(node.orelse)
        return self._children(node)

    # Calls

    def _call(self, node: ast.Call) -> bool:
        given = [*node.args, *(each.value for each in node.keywords)]
        return self.is_pure([node.func, *given]) and self._callable(node.func, given)

    def _callable(self, function: ast.expr, given: Iterable[ast.expr]) -> bool:
        """Whether it is pure to call ``function``, which may call what it is given."""
        given = list(given)
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if name not in lazy_functions() and not all(map(self._may_be_called, given)):
            return False
        if isinstance(function, ast.Lambda):
            return self._calls(function, self)
        own = self._own(function)
        if own is not None:
            return self._calls(*own)
        qualified = self.qualified(function)
        if qualified:
            return function_is_pure(qualified, given)
        return isinstance(function, ast.Attribute) and function.attr in _tables().methods

    def _may_be_called(self, node: ast.expr) -> bool:
        """Whether it is pure to call the functions that an argument is made of."""
        for each in ast.walk(node):
            if isinstance(each, ast.Lambda) and not self._calls(each, self):
                return False
        own = self._own(node)
        if own is not None and isinstance(own[0], _FUNCTIONS):
            return self._calls(*own)
        qualified = self.qualified(node)
        if qualified.startswith("builtins."):
            value = getattr(builtins, qualified.partition(".")[2], None)
            return isinstance(value, type) or not callable(value) or function_is_pure(qualified)
        return True

    def _own(self, function: ast.expr) -> tuple[Code, Purity] | None:
        """Return the author's own function or class, and who judges it."""
        if isinstance(function, ast.Name) and function.id not in self.local:
            code = self.names.defined.get(function.id)
            if code is not None:
                return code, self
        found = self.names.elsewhere(self.qualified(function))
        return None if found is None else (found[0], Purity(found[1], foreign=True))

    def _calls(self, code: Code, judge: Purity) -> bool:
        """Whether calling ``code`` is pure."""
        if code in self.active or len(self.active) > 20:
            return code in self.active  # a function that calls itself does nothing more by it
        active = (*self.active, code)
        if isinstance(code, ast.ClassDef):
            return Purity(judge.names, judge.local, judge.foreign, active)._makes_instance(code)
        inner = Purity(judge.names, judge.local | local_names(code), judge.foreign, active)
        return inner.is_pure(code.body if isinstance(code.body, list) else [code.body])

    def _makes_instance(self, node: ast.ClassDef) -> bool:
        if any(self._own(base) is None and not _is_plain(ast.unparse(base)) for base in node.bases):
            return False
        if any(each.arg == "metaclass" for each in node.keywords):
            return False
        made = [
            each
            for each in node.body
            if isinstance(each, ast.FunctionDef)
            and each.name in {"__init__", "__new__", "__post_init__"}
        ]
        factories = [
            word.value
            for each in ast.walk(node)
            if isinstance(each, ast.Call)
            for word in each.keywords
            if word.arg in {"default_factory", "factory"}
        ]
        bases = [own for base in node.bases if (own := self._own(base)) is not None]
        return (
            all(self._calls(each, self) for each in made)
            and all(map(self._may_be_called, factories))
            and all(self._calls(*own) for own in bases)
        )

    def qualified(self, node: ast.AST) -> str:
        """Return the dotted name of something imported or built in; empty if it is neither."""
        if isinstance(node, ast.Attribute):
            base = self.qualified(node.value)
            return f"{base}.{node.attr}" if base else ""
        if not isinstance(node, ast.Name) or node.id in self.local:
            return ""
        if node.id in self.names.imported:
            return self.names.imported[node.id]
        if node.id in self.names.defined or node.id in self.names.others:
            return ""
        return f"builtins.{node.id}" if hasattr(builtins, node.id) else ""


def function_is_pure(qualified: str, given: Collection[ast.expr] = ()) -> bool:
    """Whether calling a function of a library, by its dotted name, has no effect.

    Args:
        qualified: The name.
        given: What it is given, where that is known.
    """
    tables = _tables()
    if qualified in tables.seeded:
        return any(not (isinstance(each, ast.Constant) and each.value is None) for each in given)
    if qualified in {"builtins.type", "builtins.iter", "builtins.next"} and len(given) > 2:
        return False
    words = {each.value for each in given if isinstance(each, ast.Constant)}
    if qualified.startswith("pandas.") and words & {"now", "today"}:
        return False
    if qualified.rpartition(".")[2][:1].isupper() and longest(tables.classes, qualified):
        return True
    return longest(tables.functions, qualified) is True


def _is_plain(base: str) -> bool:
    """Whether objects of a class above, by its name, are made without an effect."""
    return base.rpartition(".")[2].partition("[")[0] in {
        "object", "NamedTuple", "Enum", "IntEnum", "StrEnum", "Protocol", "ABC", "Generic",
        "TypedDict", "dict", "list", "tuple", "str", "int", "float", "Exception", "ValueError",
    }  # fmt: skip


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    found = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [*found, *filter(None, (arguments.vararg, arguments.kwarg))]


def module_names(
    body: Iterable[ast.stmt],
    package: str = "",
    elsewhere: Callable[[str], tuple[Code, Names] | None] = lambda _: None,
) -> Names:
    """Return what the names of a module mean, from its statements.

    Args:
        body: The module's statements.
        package: The package it belongs to, for relative imports.
        elsewhere: See :class:`Names`.
    """
    imported: dict[str, str] = {}
    defined: dict[str, Code] = {}
    count: dict[str, int] = {}
    statements = list(body)
    for statement in statements:
        for name in bound_names(statement):
            count[name] = count.get(name, 0) + 1
    for statement in statements:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined[statement.name] = statement
        for node in ast.walk(statement) if not isinstance(statement, ast.ClassDef) else ():
            imported.update(imported_names(node, package))
    defined = {name: code for name, code in defined.items() if count[name] == 1}
    imported = {name: full for name, full in imported.items() if name not in defined}
    return Names(imported, defined, count.keys() - imported.keys() - defined.keys(), elsewhere)


def imported_names(node: ast.AST, package: str = "") -> dict[str, str]:
    """Return the names that an import statement binds, with the dotted names they stand for."""
    if isinstance(node, ast.Import):
        return {
            each.asname or each.name.partition(".")[0]: (
                each.name if each.asname else each.name.partition(".")[0]
            )
            for each in node.names
        }
    if isinstance(node, ast.ImportFrom):
        base = absolute_module(node, package)
        return {each.asname or each.name: f"{base}.{each.name}" for each in node.names}
    return {}
