"""Rows of text as lines with their columns under each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import click


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines; a row may be shorter than others, and its values coloured."""
    columns = zip_longest(*rows, fillvalue="")
    widths = [max(map(_width, column)) for column in columns]
    return [
        "  ".join(
            value + " " * (width - _width(value)) for value, width in zip(row, widths, strict=False)
        ).rstrip()
        for row in rows
    ]


def _width(text: str) -> int:
    return len(click.unstyle(text))
