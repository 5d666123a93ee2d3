"""What a notebook changed outside its own namespace: modules and their classes.

The globals of the author's own modules are compared with what they were right after
the import; attributes of libraries are known by the cells that assign them. Both
travel with the namespace to a fresh kernel, where the import alone would undo them.
"""

from __future__ import annotations

import ast
import functools
import importlib
import sys
import types
from collections.abc import Iterator
from typing import Any

from . import artifacts, fingerprint

_CODE = (types.FunctionType, types.BuiltinFunctionType, types.ModuleType, type)
_SCALARS = (str, bytes, int, float, complex, bool, type(None))
_UNSAVED = "cannot be saved: "
_UNTOUCHED = frozenset({"sys", "builtins", "__main__"})

Change = tuple[str, str, str, bool, Any]
"""Module, qualified name inside it, attribute, whether it is bound, its value."""

_after_import: dict[str, dict[str, dict[str, tuple[Any, str | None]]]] = {}
_patches: set[tuple[str, str, str]] = set()


def note_import(module: types.ModuleType) -> None:
    """Note what one of the author's modules is like right after its import."""
    _after_import[module.__name__] = {
        owner: {name: (value, _digest(value, None)) for name, value in attributes.items()}
        for owner, attributes in _owners(module)
    }


def own_modules() -> list[str]:
    """Return the names of the author's own modules that were imported, in that order."""
    return list(_after_import)


def import_again(names: list[str]) -> None:
    """Import modules of the author's own for what that does: it may register or change things."""
    for name in names:
        if name not in sys.modules:
            try:
                importlib.import_module(name)
            except Exception:
                continue


def _owners(module: types.ModuleType) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "", _attributes(module)
    for name, value in vars(module).items():
        own = isinstance(value, type) and value.__module__ == module.__name__
        if own and value.__qualname__ == name and "_member_map_" not in vars(value):
            yield name, _attributes(value)
            for part, found in vars(value).items():
                member = getattr(found, "__func__", found)  # of a static or class method
                if _is_function_of(member, module.__name__, f"{name}.{part}"):
                    yield f"{name}.{part}", _kept_by(member)
        elif _is_function_of(value, module.__name__, name):
            yield name, _kept_by(value)


def _is_function_of(value: Any, module: str, name: str) -> bool:
    """Tell whether a value is a function that its name leads to."""
    return (
        isinstance(value, types.FunctionType)
        and (value.__module__, value.__qualname__) == (module, name)
        and value.__closure__ is None
    )


def _kept_by(function: types.FunctionType) -> dict[str, Any]:
    """Return what a function keeps between calls: its defaults, and attributes."""
    defaults = {name: getattr(function, name) for name in ("__defaults__", "__kwdefaults__")}
    return {**defaults, **vars(function)}


def _attributes(owner: Any) -> dict[str, Any]:
    descriptors = isinstance(owner, type)
    return {
        name: value
        for name, value in vars(owner).items()
        if not (name.startswith("__") and name.endswith("__"))
        and name != "_abc_impl"
        and not (descriptors and isinstance(value, (types.MemberDescriptorType, property)))
    }


def _digest(value: Any, scope: dict[str, Any] | None) -> str | None:
    """Return what tells whether a value was changed; ``None`` if it cannot change."""
    if isinstance(value, _SCALARS):
        return None
    if isinstance(value, functools._lru_cache_wrapper):
        return _filled(value)
    if isinstance(value, _CODE) and not _closes_over(value):
        return None
    try:
        return _pickled(value, scope)
    except Exception:
        return _UNSAVED + fingerprint.fingerprint(value)[0]


def _filled(function: Any) -> str:
    return f"{function.cache_info().currsize} results"


def _closes_over(value: Any) -> bool:
    """Tell whether code keeps what it closes over, and so may change (decorators, counters)."""
    return isinstance(value, types.FunctionType) and bool(value.__closure__)


def _pickled(value: Any, scope: dict[str, Any] | None) -> str:
    writer = artifacts.DigestWriter(artifacts._Nowhere())  # type: ignore[arg-type]
    artifacts.pickler(writer, scope=scope).dump(value)
    return writer.hexdigest()


def collect(scope: dict[str, Any]) -> tuple[list[Change], list[str]]:
    """Return what was changed, and what is made anew because nothing can carry it.

    Args:
        scope: The notebook's namespace.

    Raises:
        ValueError: If a changed value cannot be saved.
    """
    changes: list[Change] = []
    lost: list[str] = []
    held = {id(value) for value in scope.values()}
    for module_name, before in _after_import.items():
        module = sys.modules.get(module_name)
        if module is None:
            continue
        for owner, now in _owners(module):
            earlier = before.get(owner, {} if not owner else None)
            if earlier is None:
                continue  # a class bound later: it travels as a whole
            for name, value in now.items():
                full = ".".join(part for part in (module_name, owner, name) if part)
                is_changed = _is_changed(full, value, earlier.get(name), scope, lost)
                # One that the notebook imported by name stays the module's, too.
                kept = name in earlier and earlier[name][1] is not None
                known = kept and not isinstance(value, (*_CODE, functools._lru_cache_wrapper))
                if is_changed or (known and id(value) in held):
                    changes.append((module_name, owner, name, True, value))
            changes += [
                (module_name, owner, name, False, None) for name in earlier if name not in now
            ]
    _patches.update(_assigned(scope))
    _patches.update(_accessors())
    for module_name, owner, name in sorted(_patches):
        found = _find(module_name, owner)
        if name in vars(found):
            value = vars(found)[name]
            _require(f"{module_name}.{owner + '.' if owner else ''}{name}", value, scope)
            changes.append((module_name, owner, name, True, value))
    return changes, lost


def _is_changed(
    full: str,
    value: Any,
    earlier: tuple[Any, str | None] | None,
    scope: dict[str, Any],
    lost: list[str],
) -> bool:
    if earlier is None or earlier[0] is not value:
        if isinstance(value, types.ModuleType) and sys.modules.get(full) is value:
            return False  # a package's submodule
        _require(full, value, scope)
        return True
    if earlier[1] is None or isinstance(value, (classmethod, staticmethod)):
        return False
    if isinstance(value, functools._lru_cache_wrapper):
        if _filled(value) != earlier[1]:
            raise ValueError(f"`{full}` keeps results that it gave, which cannot be saved")
        return False
    if earlier[1].startswith(_UNSAVED):
        if _digest(value, None) != earlier[1]:
            return bool(_require(full, value, scope))
        # The import made it as it is, unpicklable: the next kernel's import does, too.
        if type(value).__module__ not in {"_thread", "threading"}:
            lost.append(f"{full} ({type(value).__name__}) was made anew")
        return False
    return _require(full, value, scope) != earlier[1]


def _require(full: str, value: Any, scope: dict[str, Any]) -> str:
    try:
        return _pickled(value, scope)
    except Exception as error:
        kind = type(value).__name__
        raise ValueError(f"{full} was changed, and a {kind} cannot be saved: {error}") from error


def _assigned(scope: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Find the attributes of library modules and classes that the cells assign."""
    for source in scope.get("In", ()):
        for target, name in _stored(source):
            owner = _value_of(target, scope)
            if isinstance(owner, types.ModuleType):
                where = (owner.__name__, "")
            elif isinstance(owner, type):
                where = (owner.__module__, owner.__qualname__)
            else:
                continue
            if where[0] in _UNTOUCHED or where[0] in _after_import:
                continue
            try:
                if _find(*where) is owner:
                    yield (*where, name)
            except (ImportError, AttributeError):
                continue


def _accessors() -> Iterator[tuple[str, str, str]]:
    """Find what the notebook registered with pandas (``register_dataframe_accessor``)."""
    for kind in ("DataFrame", "Series", "Index"):
        owner: Any = getattr(sys.modules.get("pandas"), kind, None)
        for name in getattr(owner, "_accessors", ()):
            made = getattr(vars(owner).get(name), "_accessor", None)
            if isinstance(made, type) and (
                made.__module__ == "__main__" or "<locals>" in made.__qualname__
            ):
                yield owner.__module__, owner.__qualname__, name


@functools.lru_cache(maxsize=10_000)
def _stored(source: str) -> tuple[tuple[ast.expr, str], ...]:
    """Return the attributes that a cell's code assigns: whose, and the name."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()
    return tuple(found for node in ast.walk(tree) if (found := _assignment(node)))


def _assignment(node: ast.AST) -> tuple[ast.expr, str] | None:
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        return node.value, node.attr
    if not isinstance(node, ast.Call) or len(node.args) < 3:
        return None
    sets = isinstance(node.func, ast.Name) and node.func.id == "setattr"
    name = node.args[1]
    if sets and isinstance(name, ast.Constant) and isinstance(name.value, str):
        return node.args[0], name.value
    return None


def _value_of(node: ast.expr, scope: dict[str, Any]) -> Any:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    found = scope.get(node.id)
    for name in reversed(names):
        if not isinstance(found, (types.ModuleType, type)):
            return None
        found = getattr(found, name, None)
    return found


def _find(module: str, owner: str) -> Any:
    found: Any = importlib.import_module(module)
    for part in owner.split(".") if owner else ():
        found = getattr(found, part)
    return getattr(found, "__func__", found)


def restore(changes: list[Change]) -> None:
    """Change modules and classes as :func:`collect` found them in another kernel."""
    for module, owner, name, bound, value in changes:
        target = _find(module, owner)
        if module not in _after_import:
            _patches.add((module, owner, name))
        if bound:
            setattr(target, name, value)
            if hasattr(value, "_accessor") and hasattr(target, "_accessors"):
                target._accessors.add(name)
        elif name in vars(target):
            delattr(target, name)
