"""Artifacts: variables of one step boundary, saved together in one file.

All members of an artifact go through one pickler, so that objects they share are
shared again after loading. Definitions that the generated package hoists are saved
by reference to ``__main__``; a step process finds them in the package instead.
Large buffers lie in files of their own, see :mod:`.blobs`; the artifact's last bytes
name them. Loading runs code, so it happens only in kernels and step processes, and only
after the file's sha256 was compared with the signed manifest's.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import io
import json
import os
import pickle
import sys
import types
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, BinaryIO

from . import (
    blobs,
    formulas,
    loggers,
    memmaps,
    plot_callbacks,
    reductions,
    set_orders,
    views,
    withheld,
)

PROTOCOL = 5
UNBOUND = "it is not bound here"
_DEFINED = (type, types.FunctionType, functools._lru_cache_wrapper)
_FILES = (io.TextIOWrapper, io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.FileIO)
_END = b"nbprod-1"  # ends an artifact whose last bytes name its blobs


class DigestWriter(io.RawIOBase):
    """Hashes what passes on its way to a file.

    Args:
        file: An open binary file.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: Any) -> int:
        """Write and hash ``data``; return the number of bytes.

        Raises:
            SecretError: It holds a secret.
        """
        view = memoryview(data).cast("B") if memoryview(data).nbytes else memoryview(b"")
        withheld.require_none(view)
        self._hash.update(view)
        self._file.write(view)
        self.size += len(view)
        return len(view)

    def hexdigest(self) -> str:
        """Return the sha256 of what was written."""
        return self._hash.hexdigest()


def pickler(
    file: Any,
    *,
    hoisted: Collection[str] = (),
    scope: dict[str, Any] | None = None,
    sharing: views.Sharing | None = None,
    store: blobs.Store | None = None,
    orders: set_orders.Orders | None = None,
) -> Any:
    """Return a pickler for a notebook's values.

    Args:
        file: Where it writes.
        hoisted: Functions and classes of ``__main__`` that are saved by reference.
        scope: The notebook's global namespace. Given, functions keep it as their
            globals by reference: the loading kernel puts its own namespace there.
        sharing: Keeps views into shared buffers, see :mod:`.views`.
        store: Takes large buffers; without one, they are part of the stream.
        orders: Keeps the order of sets, for a process of the same hashes.
    """
    keep = store.keep if store is not None else None
    try:
        import cloudpickle
    except ImportError:
        return pickle.Pickler(file, PROTOCOL, buffer_callback=keep)

    named = reductions.singletons()

    class NotebookPickler(cloudpickle.Pickler):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__(file, PROTOCOL, buffer_callback=keep)
            # Each NaN equals nothing but itself: lists and dicts find it by its identity.
            self.missing: dict[int, tuple[int, float]] = {}
            self.cells: dict[int, tuple[Any, Any]] = {}
            if scope is not None:
                self.globals_ref[id(scope)] = scope

        def persistent_id(self, value: Any) -> Any:
            if scope is not None and value is scope:
                return "namespace"
            if type(value) is float and value != value and id(value) not in named:
                number, _ = self.missing.setdefault(id(value), (len(self.missing), value))
                return f"nan:{number}"
            if orders is not None and type(value) in {set, frozenset}:
                return orders.reference(value)
            return named.get(id(value))

        def _function_getnewargs(self, func: Any) -> Any:
            """Let functions that are closed over one variable have one cell again."""
            *found, closure = super()._function_getnewargs(func)
            if closure is not None:
                pairs = zip(func.__closure__, closure, strict=True)
                closure = tuple(self.cells.setdefault(id(a), (b, a))[0] for a, b in pairs)
            return *found, closure

        def reducer_override(self, value: Any) -> Any:
            if isinstance(value, _FILES) and not value.closed:
                # Without this, one that is read would come back as a copy of its content.
                raise pickle.PicklingError("an open file exists in one process only")
            if isinstance(value, _DEFINED) and _is_hoisted(value, hoisted):
                return value.__qualname__
            reduced = sharing.reduce(value) if sharing is not None else None
            if reduced is None:
                reduced = memmaps.reduce(value) if scope is not None else memmaps.copy_of(value)
            if reduced is None:
                reduced = loggers.reduce(value) or plot_callbacks.reduce(value)
            if reduced is None:
                reduced = reductions.reduce(value)
            if reduced is None:
                reduced = blobs.reduce_array(value)
            if reduced is not None:
                return reduced
            if isinstance(value, type):
                _import_home(value)
            reduced = super().reducer_override(value)
            if isinstance(value, type):
                reduced = reductions.made_quietly(value, reduced)
                if "." in value.__qualname__:
                    reduced = reductions.with_qualified_name(value, reduced)
            return reduced

    return NotebookPickler()


def _import_home(kind: type) -> None:
    """Import the module that a library's class says it is from: where it is found by its name.

    Not all did that themselves. ``numpy.recarray`` is one of ``numpy.rec``, which loads late; a
    copy of the class would be none that its methods know.
    """
    package = kind.__module__.partition(".")[0]
    if kind.__module__ not in sys.modules and package in sys.modules and package != "__main__":
        with contextlib.suppress(Exception):
            importlib.import_module(kind.__module__)


def _is_hoisted(value: Any, hoisted: Collection[str]) -> bool:
    if getattr(value, "__module__", None) != "__main__" or value.__qualname__ not in hoisted:
        return False
    return getattr(sys.modules.get("__main__"), value.__qualname__, None) is value


def save_variables(
    variables: Mapping[str, Any],
    names: Iterable[str],
    path: str,
    *,
    hoisted: Collection[str] = (),
    state: dict[str, Any] | None = None,
    scope: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Save variables in one file, written beside and then moved into place.

    A variable that cannot be saved is left out, with its reason. Where hashes are the same,
    sets come back in their order. With ``scope``, that is for a kernel that goes on from here.

    Args:
        variables: The notebook's variables.
        names: Which of them to save; names that are not bound are reported.
        path: Absolute path of the artifact.
        hoisted: See :func:`pickler`.
        state: Ambient state that travels along.
        scope: See :func:`pickler`.

    Returns:
        ``{"path", "sha256", "size", "members", "unsaved": {name: reason}, "blobs": [digest]}``.
    """
    unsaved = {name: UNBOUND for name in names if name not in variables}
    values = {name: variables[name] for name in names if name in variables}
    try:
        digest, size, written = _dump(_document(values, state, scope), path, hoisted, scope)
    except Exception:
        for name, reason in unpicklable(values, hoisted, scope).items():
            unsaved[name] = reason
            del values[name]
        state = _without_secrets(state)
        digest, size, written = _dump(_document(values, state, scope), path, hoisted, scope)
    return {
        "path": path,
        "sha256": digest,
        "size": size,
        "members": list(values),
        "unsaved": unsaved,
        "blobs": sorted({name for name, _ in written}),
    }


def _document(
    values: dict[str, Any], state: dict[str, Any] | None, scope: dict[str, Any] | None
) -> dict[str, Any]:
    document: dict[str, Any] = {"variables": values, "ambient": state}
    if scope is not None:
        document["sets"] = set_orders.find(values)
    return document


def _dump(
    document: dict[str, Any], path: str, hoisted: Collection[str], scope: dict[str, Any] | None
) -> tuple[str, int, list[tuple[str, int]]]:
    beside = f"{path}.{os.getpid()}.part"
    try:
        for _ in range(2):
            sharing = views.Sharing()
            with open(beside, "wb") as file:
                writer = DigestWriter(file)
                pickle.Pickler(writer, PROTOCOL).dump(_search(document["ambient"]))
                store = blobs.Store(_blob_folder(path))
                made = pickler(
                    writer,
                    hoisted=hoisted,
                    scope=scope,
                    sharing=sharing,
                    store=store,
                    orders=set_orders.Orders(),
                )
                made.dump(formulas.looked_up(document["variables"]))
                made.dump(document)
                names = json.dumps(store.written).encode()
                writer.write(names + len(names).to_bytes(8, "little") + _END)
            if not sharing.missed:
                break
        os.replace(beside, path)
    finally:
        if os.path.exists(beside):
            os.unlink(beside)
    return writer.hexdigest(), writer.size, store.written


def _blob_folder(path: str) -> str:
    return os.path.join(os.path.dirname(path), "blobs")


def _search(state: dict[str, Any] | None) -> list[str]:
    """Return the folders where modules are found, absolute."""
    if state is None:
        return []
    folder = state["folder"]
    texts = (each for each in state["path"] if type(each) is str)
    return [os.path.join(folder, each) if each else folder for each in texts]


class _Nowhere(io.RawIOBase):
    def write(self, data: Any) -> int:
        withheld.require_none(data)
        return memoryview(data).nbytes


def _without_secrets(state: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return ambient state without the parts that hold a secret, and note which they are."""
    found: dict[str, Any] = {}
    for name, value in (state or {}).items():
        try:
            pickler(_Nowhere()).dump(value)
        except withheld.SecretError as error:
            withheld.note(f"the process's state ({name})", error.secret)
            found[name] = [] if name == "modules" else None
        except Exception:  # the caller meets it, too
            continue
    if state is None or not found:
        return state
    if set(found) - {"modules"}:
        return None
    return {**state, **found}


def unpicklable(
    values: Mapping[str, Any], hoisted: Collection[str], scope: dict[str, Any] | None
) -> dict[str, str]:
    """Find which values cannot be pickled, each by itself, and why."""
    found: dict[str, str] = {}
    for name, value in values.items():
        try:
            pickler(_Nowhere(), hoisted=hoisted, scope=scope).dump(value)
        except withheld.SecretError as error:
            withheld.note(f"`{name}`", error.secret)
            found[name] = str(error)
        except Exception as error:
            found[name] = f"{type(value).__name__} cannot be saved: {error}"
    return found


class ArtifactUnpickler(pickle.Unpickler):
    """Loads an artifact.

    Args:
        file: Open binary file.
        scope: The namespace that notebook functions get as their globals.
        definitions: Where names of ``__main__`` are found instead, a module of the
            generated package; ``None`` for ``__main__`` itself.
        buffers: The large buffers, in their order.

    Attributes:
        made: The classes that were made, not found.
    """

    def __init__(
        self,
        file: Any,
        *,
        scope: dict[str, Any] | None = None,
        definitions: Any = None,
        buffers: Iterable[Any] = (),
    ) -> None:
        super().__init__(file, buffers=buffers)
        self.made: list[type] = []
        self._scope = scope
        self._definitions = definitions
        self._token = os.urandom(8).hex()
        self._missing: dict[str, float] = {}
        self._sets: dict[int, Any] = {}

    def persistent_load(self, pid: Any) -> Any:
        """Return the namespace that functions of the notebook refer to, or a singleton."""
        if pid == "namespace" and self._scope is not None:
            return self._scope
        if isinstance(pid, tuple) and pid[0] == "set":
            if len(pid) > 2:
                self._sets[pid[1]] = set_orders.made(*pid[2:])
            return self._sets[pid[1]]
        if str(pid).startswith("nan:"):
            return self._missing.setdefault(pid, float("nan"))
        return reductions.singleton(str(pid))

    def find_class(self, module: str, name: str) -> Any:
        """Find a class or function, the notebook's own in the generated package."""
        if module == "__main__" and self._definitions is not None:
            found = self._definitions
            for part in name.split("."):
                found = getattr(found, part)
            return found
        if module.startswith("_nbprod_kernel."):
            # Its rebuilding functions; here the runtime may have another name.
            return getattr(importlib.import_module(f"{__package__}.{module[15:]}"), name)
        found = super().find_class(module, name)
        if name == "_make_skeleton_class" and module.startswith("cloudpickle"):
            return functools.partial(self._new_class, found)
        return found

    def _new_class(self, make: Any, *arguments: Any) -> Any:
        """Make a class that no other load knows.

        cloudpickle gives one class to all loads of a process, and each sets its members
        anew: the methods would then read the variables that were loaded last.
        """
        constructor, name, bases, namespace, tracker, *rest = arguments
        own = f"{tracker} {self._token}" if tracker is not None else None
        found = make(constructor, name, bases, namespace, own, *rest)
        self.made.append(found)
        return found


def _blob_names(file: BinaryIO) -> list[Any]:
    """Read the names of the blobs at an artifact's end; one without is a plain pickle."""
    tail = len(_END) + 8
    if file.seek(0, os.SEEK_END) < tail:
        return []
    file.seek(-tail, os.SEEK_END)
    length = int.from_bytes(file.read(8), "little")
    if file.read() != _END:
        return []
    file.seek(-tail - length, os.SEEK_END)
    found: list[Any] = json.loads(file.read(length))
    return found


_LOAD = compile("unpickler.load()", "<artifact>", "eval", dont_inherit=True)


def load_variables(
    path: str,
    sha256: str,
    *,
    scope: dict[str, Any] | None = None,
    definitions: Any = None,
    rename: Callable[[type], None] | None = None,
    around: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Load an artifact after checking its digest.

    Args:
        path: The file.
        sha256: Digest from the signed manifest.
        scope: See :class:`ArtifactUnpickler`.
        definitions: See :class:`ArtifactUnpickler`.
        rename: Called with each class that was made.
        around: Names that are visible where values are loaded: models by formula look theirs
            up there.

    Returns:
        ``{"variables": {name: value}, "ambient": state or None}``, and for one that was saved
        with a scope ``"sets"``, see :func:`.set_orders.find`.

    Raises:
        ValueError: If the file's digest is another.
    """
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
        if digest.hexdigest() != sha256:
            raise ValueError(f"{os.path.basename(path)} was changed after the run that wrote it")
        buffers = blobs.load(_blob_folder(path), _blob_names(file))
        file.seek(0)
        # What unpickling imports may lie in folders that the notebook added.
        known = {*sys.path, *([os.getcwd()] if "" in sys.path else [])}
        sys.path.extend(each for each in pickle.load(file) if each not in known)
        unpickler = ArtifactUnpickler(file, scope=scope, definitions=definitions, buffers=buffers)
        names = {**(around or scope or {}), "unpickler": unpickler}
        # One constant expression, twice: what is loaded first is visible to the rest.
        names = {**names, **eval(_LOAD, names), "unpickler": unpickler}  # noqa: S307
        found = eval(_LOAD, names)  # noqa: S307
    if rename is not None:
        for kind in unpickler.made:
            rename(kind)
    assert isinstance(found, dict)
    return found
