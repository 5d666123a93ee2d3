"""Lets processes of ours start sooner."""

from __future__ import annotations

import sys


def skip_iri_grammar() -> None:
    """Let this process do without ``rfc3987_syntax``; call it before ``nbformat`` is imported.

    jsonschema, which nbformat imports, imports that package if it is there, to check the format
    ``iri``, which no notebook has. When imported it compiles 38 grammars: a second of each start.
    For processes that are ours alone: who imports nbprod as a library keeps the check.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
