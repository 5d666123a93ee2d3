"""Numbers of things, as they are said."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return ``number`` with its noun: ``1 step``, ``1,000 rows``.

    Args:
        number: How many.
        noun: What, in the singular; its plural ends in ``s``.
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
