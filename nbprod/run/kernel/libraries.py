"""What cells set inside of libraries: options that these keep as data of their modules.

``dask.config.set(...)``, ``altair.data_transformers.enable(...)`` and
``pandas.plotting.plot_params["x_compat"] = True`` bind no variable. Libraries that most notebooks
use have a home in :mod:`.ambient` or :mod:`.settings`; of any other, the modules that a cell
calls for their effect alone, or stores into, are compared with what they were before.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import logging
import sys
import types
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from . import attributes, callers, fingerprint, reductions, setters

_HOOK = "_nbprod_kernel.libraries"

_ELSEWHERE = frozenset(
    {"plotly", "IPython", "ipykernel", "ipywidgets", "traitlets", "papermill", "matplotlib_inline"}
    | {"matplotlib.pyplot", "matplotlib.style", "matplotlib.font_manager", "matplotlib.cm"}
    | {"matplotlib.backends", "matplotlib._pylab_helpers", "matplotlib.colors", "matplotlib.dates"}
    | {
        "pandas._config",
        "pandas.core",
        "numpy._core",
        "numpy.core",
        "numpy.random",
        "sklearn._config",
    }
    | {"os", "sys", "builtins", "random", "logging", "warnings", "locale", "threading", "_thread"}
    | {"multiprocessing", "asyncio", "concurrent", "subprocess", "signal", "socket", "time", "gc"}
    | {"atexit", "tempfile", "importlib", "linecache", "tokenize", "inspect", "re", "functools"}
    | {"typing", "weakref", "contextvars", "unittest", "traceback", "codecs", "mimetypes", "io"}
    | {"posixpath", "genericpath", "pathlib", "pdb", "bdb", "cmd", "code", "doctest", "timeit"}
    | {
        "csv",
        "_csv",
        "scipy.stats",
        "urllib",
        "http",
        "ssl",
        "ftplib",
        "smtplib",
        "webbrowser",
        "faulthandler",
        "tracemalloc",
        "contextlib",
        "abc",
        "types",
        "zoneinfo",
        "pickle",
    }
)
"""Modules whose options have a home elsewhere, or that keep notes for their own use; those below
count, too."""

_WITH_HOMES = frozenset({"numpy", "pandas", "matplotlib", "sklearn"})
"""Libraries whose options are in :mod:`.ambient`, whatever function sets them."""

_HANDLED = ("RcParams", "DictWrapper", "ColormapRegistry", "ColorSequenceRegistry")
"""Classes of options that have a home elsewhere."""

_SETTING = ("set", "register", "enable", "disable", "use", "config")
"""How the names of functions begin that set something, although they may return something."""

_CODE = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType)
_NO_DATA = (*_CODE, property, staticmethod, classmethod, types.MemberDescriptorType, logging.Logger)

Place = tuple[str, str, str]
"""Module, class inside it (empty for the module itself), attribute."""

Chain = tuple[str, ...]
"""A name and the attributes behind it: ``dask.config.set``."""

_first: dict[str, dict[tuple[str, str], str]] = {}
"""Modules that are watched, and the fingerprints of their data when that began."""


class LibraryUse(ast.NodeTransformer):
    """Begins to watch libraries before a cell may change them; changes nothing that runs.

    Args:
        scope: Where the cell's names are looked up.
    """

    def __init__(self, scope: Mapping[str, Any] | None = None) -> None:
        self._scope = scope if scope is not None else {}
        self._chains: dict[str, set[Chain]] = {}
        self._homes: dict[str, str] = {}

    def visit_Module(self, tree: ast.Module) -> ast.Module:
        """Watch what is imported already; let imports of the cell watch what they bring."""
        self._chains = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = (alias.asname or alias.name for alias in node.names)
                self._homes.update(dict.fromkeys(names, node.module))
        for chain in itertools.chain.from_iterable(map(_used, ast.walk(tree))):
            self._chains.setdefault(chain[0], set()).add(chain)
        for name, chains in self._chains.items():
            if name in self._scope:
                rests = sorted(chain[1:] for chain in chains)
                watch_behind(self._scope[name], rests, self._homes.get(name, ""))
        if self._chains:
            self.generic_visit(tree)
        return tree

    def visit_Import(self, node: ast.Import) -> Any:
        """Watch what is imported, once it is there."""
        return self._imported(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        """Watch what is imported, once it is there."""
        return self._imported(node)

    def _imported(self, node: ast.Import | ast.ImportFrom) -> Any:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            return node
        found: list[ast.stmt] = [node]
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            if name in self._chains:
                rests = sorted(chain[1:] for chain in self._chains[name])
                text = (
                    f"getattr(__import__('sys').modules.get({_HOOK!r}), 'watch_behind',"
                    f" lambda *_: None)({name}, {rests!r}, {self._homes.get(name, '')!r})"
                )
                call = ast.parse(text).body[0]
                for part in ast.walk(call):
                    if "lineno" in part._attributes:
                        ast.copy_location(part, node)
                found.append(call)
        return found if len(found) > 1 else node


def _used(node: ast.AST) -> Iterator[Chain]:
    """Yield what a piece of code calls for its effect, or stores into."""
    if isinstance(node, ast.Call):
        chain = _chain(node.func)
        if chain and chain[-1].startswith(_SETTING):
            yield chain
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield from filter(None, [_chain(node.value.func)])
    if isinstance(node, (ast.Subscript, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
        yield from filter(None, [_chain(node.value)])


def _chain(node: ast.expr) -> Chain:
    """Return the names of a chain of attributes; empty if it is none."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) else ()


def watch_behind(value: Any, chains: Iterable[Chain], home: str = "") -> None:
    """Watch the modules of libraries behind a value and its attributes.

    Args:
        value: What a cell knows by a name; libraries are reached by modules, functions, classes.
        chains: Names of attributes that lead on from it.
        home: The module that it was imported from by this name; empty for none.
    """
    _watch(home)
    for name, each in list(vars(sys.modules[home]).items()) if home in sys.modules else ():
        if each is value:  # not by its own name: a variable's object may be asked for nothing
            _watch_setter(home, name)
    if not isinstance(value, (*_CODE, type)):
        return  # a variable's object: its module has nothing to do with what it is asked
    try:
        for chain in chains:
            found: Any = value
            for name in chain:
                _watch_home(found)
                if not isinstance(found, types.ModuleType):
                    break
                _watch_setter(found.__name__, name)
                found = vars(found).get(name)
            _watch_home(found)
    except Exception:
        pass


def _watch_home(value: Any) -> None:
    if isinstance(value, types.ModuleType):
        names: list[Any] = [value.__name__]
    elif isinstance(value, (*_CODE, type)):
        held = getattr(value, "__self__", None)
        names = [value.__module__, type(held).__module__]
    else:  # not by its attributes, which may be computed
        names = [type(value).__module__]
    for name in names:
        _watch(name)


def _watch_setter(module: str, name: str) -> None:
    if _is_librarys(module) and module.partition(".")[0] not in _WITH_HOMES:
        setters.watch(sys.modules[module], name)


def _watch(name: Any) -> None:
    if isinstance(name, str) and name not in _first and _is_librarys(name):
        _first[name] = _prints(sys.modules[name])


def _is_librarys(name: str) -> bool:
    """Tell whether a module is of a library of whose data nobody else takes care."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if module is None or not isinstance(file, str) or name.startswith("_nbprod_kernel"):
        return False
    parts = name.split(".")
    above = {".".join(parts[:count]) for count in range(1, len(parts) + 1)}
    return _ELSEWHERE.isdisjoint(above) and not callers.is_own_file(file, name)


def _data(module: types.ModuleType) -> Iterator[tuple[tuple[str, str], Any]]:
    """Yield the data of a module and of its classes: owner, name and value."""
    ones = reductions.singletons()
    for name, value in list(vars(module).items()):
        if isinstance(value, type):
            if value.__module__ == module.__name__ and value.__qualname__ == name:
                for part, member in list(vars(value).items()):
                    if _is_data(part, member, ones):
                        yield (name, part), member
        elif _is_data(name, value, ones):
            yield ("", name), value


def _is_data(name: str, value: Any, ones: Container[int]) -> bool:
    if (name.startswith("__") and name.endswith("__")) or name == "_abc_impl":
        return False
    if "cache" in name or id(value) in ones:
        return False
    # What has no content can be another object, and nobody can tell.
    kind = type(value)
    if kind.__name__ in _HANDLED or hasattr(kind, "__get__"):
        return False
    return not isinstance(value, (*_NO_DATA, type))


def _prints(module: types.ModuleType) -> dict[tuple[str, str], str]:
    return {place: fingerprint.walk(value)[0] for place, value in _data(module)}


def snapshot() -> dict[Place, Any]:
    """Return the data of watched modules that is not what it was: place to value."""
    found: dict[Place, Any] = {}
    for name, first in _first.items():
        module = sys.modules.get(name)
        if module is None:
            continue
        for place, value in _data(module):
            if first.get(place) != fingerprint.walk(value)[0]:
                found[name, *place] = value
    return found


def restore(found: Mapping[Place, Any]) -> Iterator[str]:
    """Set what :func:`snapshot` found in another process; yield what could not be set."""
    for (name, owner, attribute), value in found.items():
        try:
            module = importlib.import_module(name)
            if name not in _first:
                _first[name] = _prints(module)
            _set(getattr(module, owner) if owner else module, attribute, value)
        except Exception as error:
            yield f"{name}.{attribute}: {type(error).__name__}: {error}"


def _set(owner: Any, name: str, value: Any) -> None:
    """Set an attribute; what other modules know by names of theirs is changed in place."""
    now = vars(owner).get(name)
    if now is value:
        return
    if type(now) is not type(value):
        setattr(owner, name, value)
    elif isinstance(now, dict):
        dict.clear(now)
        dict.update(now, value)
    elif isinstance(now, list):
        list.__setitem__(now, slice(None), value)
    elif isinstance(now, set):
        set.clear(now)
        set.update(now, value)
    elif getattr(now, "__dict__", None) and attributes.hold_everything(type(now)):
        for part in {*vars(now)} - {*vars(value)}:
            del vars(now)[part]
        vars(now).update(vars(value))
    else:
        setattr(owner, name, value)
