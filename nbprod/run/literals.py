"""Parameter values as Python source: what papermill's translators mangle."""

from __future__ import annotations

import datetime
import math
from pathlib import PurePath


def literal(value: object) -> str:
    """Return a Python expression for a parameter's value that needs no import.

    Handles None, bool, int, float (NaN and infinities too), str, bytes, list, tuple,
    set, dict, date, time, datetime, timedelta and Path.

    Raises:
        TypeError: If the value is of another type.
    """
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f'float("{value}")'
    if value is None or isinstance(value, bool | int | str | bytes):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, set):
        return f"{{{', '.join(sorted(map(literal, value)))}}}" if value else "set()"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{literal(k)}: {literal(v)}' for k, v in value.items())}}}"
    if isinstance(value, datetime.datetime | datetime.date | datetime.time | datetime.timedelta):
        return repr(value).replace("datetime.", '__import__("datetime").')
    if isinstance(value, PurePath):
        return f'__import__("pathlib").Path({str(value)!r})'
    raise TypeError(f"a {type(value).__name__} cannot be a parameter")
