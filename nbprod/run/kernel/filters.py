"""Which filters of warnings were added by importing libraries, not by what a notebook says.

Generated code imports at another time than the notebook, and not what it does not use.
Whoever imports a library gets the filters that its import adds, so these are no difference.
"""

from __future__ import annotations

import re
import sys
import sysconfig
import types
import warnings
from typing import Any

_INSTALLED = ("site-packages", "dist-packages")
_STANDARD = sysconfig.get_path("stdlib")
_imported: set[tuple[Any, ...]] = set()
_said: set[tuple[Any, ...]] = set()


def show_deprecations(package: str) -> None:
    """Let a generated package's code show deprecations: of a notebook's cells, Python does so."""
    module = re.escape(package) + r"\."
    warnings.filterwarnings("default", category=DeprecationWarning, module=module)


def repeat_in_each_cell(shell: Any, package: str) -> None:
    """Let a generated package's code warn in each cell anew, as IPython lets a notebook's."""

    def forget(_: Any) -> None:
        for name, module in list(sys.modules.items()):
            if name == package or name.startswith(f"{package}."):
                vars(module).pop("__warningregistry__", None)

    shell.events.register("pre_run_cell", forget)


def note_start() -> None:
    """Note from now on which filters imports add, once in a process."""
    add: Any = getattr(warnings, "_add_filter", None)
    if add is None or getattr(add, "__module__", "") == __name__:
        return  # a Python that keeps its filters in another way: all are compared

    def noted(*item: Any, append: bool) -> None:
        add(*item, append=append)
        frame = sys._getframe(1)
        if is_by_import(frame):
            _imported.add(item)
        elif _is_by_author(frame):  # libraries repeat, for a while, what there is
            _said.add(item)

    warnings._add_filter = noted  # type: ignore[attr-defined]


def imported(filters: list[Any]) -> list[Any]:
    """Return those of ``filters`` that imports of libraries added."""
    return [each for each in filters if each in _imported - _said]


def resume(filters: list[Any]) -> None:
    """Go on from another process, in which imports had added ``filters``."""
    _imported.update(filters)


def is_by_import(frame: types.FrameType | None) -> bool:
    """Tell whether a library's own code runs, because it is being imported."""
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith("<frozen importlib"):
            return True
        if _is_authors(path):
            return False
        frame = frame.f_back
    return False


def _is_by_author(frame: types.FrameType | None) -> bool:
    """Tell whether the author's own code asks ``warnings`` for a filter."""
    while frame is not None and frame.f_code.co_filename == warnings.__file__:
        frame = frame.f_back
    return frame is None or _is_authors(frame.f_code.co_filename)


def _is_authors(path: str) -> bool:
    """Tell whether code is of a cell, or of a module of the author's own."""
    return not any(part in path for part in _INSTALLED) and not path.startswith(_STANDARD)
