"""Whose code it is that opens a file: the author's, or a library's."""

from __future__ import annotations

import functools
import os
import site
import sys
from types import FrameType

_IMPORT_SYSTEM = "<frozen importlib._bootstrap"
_RUNTIME = __name__.rpartition(".")[0]
_STANDARD = os.path.dirname(os.__file__) + os.sep


def loads_own_module(frame: FrameType | None) -> bool:
    """Tell whether a module of the author's is being imported, and itself does what is done.

    What a library does that it imports in turn is not its doing.
    """
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            name = str(frame.f_globals.get("__name__", ""))
            return name != "__main__" and is_own_file(frame.f_code.co_filename, name)
        frame = frame.f_back
    return False


def is_own_module(name: str) -> bool:
    """Tell whether a loaded module is the author's."""
    file = getattr(sys.modules.get(name), "__file__", None) if name != "__main__" else None
    return isinstance(file, str) and is_own_file(file, name)


def is_of_author(kind: type) -> bool:
    """Tell whether a class is the author's: of the notebook, or of a module beside it."""
    return kind.__module__ == "__main__" or is_own_module(kind.__module__)


def is_runtime(frame: FrameType) -> bool:
    """Tell whether a frame is one of nbprod's own."""
    return str(frame.f_globals.get("__name__", "")).startswith(_RUNTIME)


def is_import_system(frame: FrameType) -> bool:
    """Tell whether a frame is one of Python's import system, which looks for modules."""
    return frame.f_code.co_filename.startswith(_IMPORT_SYSTEM)


def is_authors(frame: FrameType | None) -> bool:
    """Tell whether the author's code acts there, by itself or through the standard library."""
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith("<frozen") and not _is_standard(file):
            return is_own_file(file, str(frame.f_globals.get("__name__", "")))
        frame = frame.f_back
    return False


def _is_standard(file: str) -> bool:
    return file.startswith(_STANDARD) and "site-packages" not in file


@functools.cache
def is_own_file(file: str, name: str) -> bool:
    """Tell whether a module is the author's: neither installed nor Python's.

    Args:
        file: Where it lies.
        name: Its name.
    """
    if file.startswith("<frozen") or name.startswith(_RUNTIME):
        return False
    real = os.path.realpath(file)
    return "site-packages" not in real.split(os.sep) and not real.startswith(_installed())


@functools.cache
def _installed() -> tuple[str, ...]:
    return tuple(os.path.realpath(folder) + os.sep for folder in installed_folders())


def installed_folders() -> set[str]:
    """Return the folders of Python and of what is installed for it.

    An environment's own folder may hold the author's project, too.
    """
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix}
    found = {os.path.join(prefix, name) for prefix in prefixes for name in _OF_ENVIRONMENTS}
    return {*found, os.path.dirname(os.__file__), *site.getsitepackages()}


_OF_ENVIRONMENTS = (
    "bin",
    "conda-meta",
    "etc",
    "include",
    "lib",
    "lib64",
    "libexec",
    "share",
    "ssl",
)
