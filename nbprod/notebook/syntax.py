"""Whether a text is Python."""

from __future__ import annotations

import ast
import warnings


def parses(source: str) -> bool:
    """Tell whether Python can read ``source``; its warnings are not shown."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
