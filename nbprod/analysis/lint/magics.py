"""Rules ``magic-refused``, ``magic-left-out`` and ``magic-translated``."""

from __future__ import annotations

from collections.abc import Iterator

from nbprod.analysis.rules import finding
from nbprod.analysis.survey import Survey
from nbprod.diagnostics import Diagnostic
from nbprod.notebook.magics import Fate

_CODES = {
    Fate.REFUSED: "magic-refused",
    Fate.DROPPED: "magic-left-out",
    Fate.TRANSLATED: "magic-translated",
}
_SAYS = {
    Fate.REFUSED: "cannot be part of a pipeline",
    Fate.DROPPED: "is left out",
    Fate.TRANSLATED: "is translated",
}


def magics(survey: Survey) -> Iterator[Diagnostic]:
    """Tell what became of each magic and shell line."""
    for facts in survey.cells:
        if not facts.executed:
            continue
        for magic in facts.code.magics:
            reason = f": {magic.reason}" if magic.reason else ""
            message = f"`{magic.text}` {_SAYS[magic.fate]}{reason}."
            origin = facts.cell.origin(survey.notebook.path, magic.line)
            yield finding(_CODES[magic.fate], message, origin, magic.fix)
