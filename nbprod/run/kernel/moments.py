"""Tells of times without a date: ``dateutil`` puts them on the day on which it reads them.

So do pandas' ``to_datetime`` and ``Timestamp``, which let ``dateutil`` take the text apart. The
text may come from a file, so no code shows it.
"""

from __future__ import annotations

import datetime
import functools
import threading
from collections.abc import Callable
from typing import Any

from .when_imported import when_imported

_DATE = frozenset({"year", "month", "day"})
_here = threading.local()


def watch(on_today: Callable[[], None]) -> None:
    """Call a function whenever a part of a date is taken from the clock, from now on."""

    class Today(datetime.datetime):
        """The day of which ``dateutil`` takes what a text does not say."""

        def replace(self, *_: Any, **parts: Any) -> Any:
            if not parts.keys() >= _DATE:
                on_today()
            return datetime.datetime(self.year, self.month, self.day).replace(**parts)

    def observe(module: Any) -> None:
        parse, take_apart = module.parser.parse, module.parser._parse

        @functools.wraps(parse)
        def watched(self: Any, timestr: Any, default: Any = None, *rest: Any, **named: Any) -> Any:
            if default is None:
                now = datetime.datetime.now()
                default = Today(now.year, now.month, now.day)
            _here.parses = True
            try:
                return parse(self, timestr, default, *rest, **named)
            finally:
                _here.parses = False

        @functools.wraps(take_apart)
        def watched_parts(self: Any, *given: Any, **named: Any) -> Any:
            found = take_apart(self, *given, **named)
            parts = found[0]
            if not getattr(_here, "parses", False) and parts is not None:
                said = (parts.year, parts.month, parts.day, parts.weekday)
                if said == (None,) * 4:  # pandas asked
                    on_today()
            return found

        module.parser.parse, module.parser._parse = watched, watched_parts

    when_imported("dateutil.parser._parser", observe)
