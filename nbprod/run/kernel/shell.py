"""A shell for the author's code that asks for one, in a process that is no kernel.

``get_ipython().run_line_magic("matplotlib", "inline")`` at the top of a module works in a
notebook, and has to where its steps are replayed.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_ASKS = re.compile("get_ipython|__IPYTHON__")
_FRONT_END = frozenset({"matplotlib", "config", "load_ext", "reload_ext", "autoreload", "pylab"})


def is_asked_for(project: Path, generated: Iterable[str]) -> bool:
    """Tell whether a generated project or a local module in it mentions ``get_ipython``.

    Args:
        project: The project's folder.
        generated: Names in it, files and folders, that hold nothing of the author's.
    """
    skipped = set(generated)
    return any(
        _ASKS.search(path.read_text(encoding="utf-8", errors="replace")) is not None
        for path in project.rglob("*.py")
        if path.relative_to(project).parts[0] not in skipped
    )


def start() -> None:
    """Let ``get_ipython()`` give a shell; magics that concern a front end do nothing."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        """The shell."""

        def run_line_magic(self, magic_name: str, line: str, _stack_depth: int = 1) -> Any:
            if magic_name in _FRONT_END:
                return None
            return super().run_line_magic(magic_name, line, _stack_depth + 1)

        def enable_gui(self, gui: Any = None) -> None:
            pass

    # By these, code tells whether it runs in a notebook.
    Shell.__name__ = Shell.__qualname__ = "ZMQInteractiveShell"
    config = Config({"HistoryManager": {"enabled": False}, "IPKernelApp": {"connection_file": ""}})
    vars(builtins)["__IPYTHON__"] = True
    if not InteractiveShell.initialized():
        Shell.instance(config=config)
