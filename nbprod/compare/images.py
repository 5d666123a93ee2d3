"""Figures as images, and displayed text: what a notebook shows below its cells."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from io import BytesIO
from typing import Any

CHANNEL_TOLERANCE = 2
"""Levels of 255 by which a colour may differ; no pixel may differ by more."""

# When the figure was saved, and the names that matplotlib draws for parts of an SVG.
_DATE = re.compile(
    rb"/CreationDate \([^)]*\)|%%CreationDate: [^\n]*|<dc:date>[^<]*</dc:date>"
    rb"|(?:clip-path=\"url\(|xlink:href=\"|id=\")#?[mp][0-9a-f]{10,}"
)
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")


def image_difference(one: bytes, other: bytes) -> str:
    """Compare two images by their pixels, two SVG by their text; empty if they show the same."""
    if one == other:
        return ""
    if one.lstrip().startswith(b"<") and other.lstrip().startswith(b"<"):
        return "" if undated(one) == undated(other) else "the drawings differ"
    first, second = _pixels(one), _pixels(other)
    if first.shape != second.shape:
        (height, width), (tall, wide) = first.shape[:2], second.shape[:2]
        return f"{width} by {height} pixels vs {wide} by {tall}"
    different = (abs(first - second) > CHANNEL_TOLERANCE).any(axis=2)
    if not different.any():
        return ""
    return f"{int(different.sum()):,} pixels differ ({different.mean():.2%} of the figure)"


def undated(data: bytes) -> bytes:
    """Return what a PDF, EPS or SVG says, without when and under which random names it does."""
    return _DATE.sub(b"", data)


def _pixels(data: bytes) -> Any:
    numpy: Any = importlib.import_module("numpy")
    image: Any = importlib.import_module("PIL.Image")
    with image.open(BytesIO(data)) as opened:
        return numpy.asarray(opened.convert("RGBA")).astype("int16")


def texts_difference(ours: Sequence[str], theirs: Sequence[str]) -> str:
    """Compare what ``display()`` showed, one text per value; memory addresses do not count."""
    for number, (one, other) in enumerate(zip(ours, theirs, strict=False), start=1):
        if _ADDRESS.sub("0x…", one) != _ADDRESS.sub("0x…", other):
            return f"value {number}: {_first_difference(one, other)}"
    if len(ours) != len(theirs):
        return f"{len(ours)} values vs {len(theirs)} values"
    return ""


def _first_difference(one: str, other: str) -> str:
    for mine, wanted in zip(one.splitlines(), other.splitlines(), strict=False):
        if mine != wanted:
            return f"{mine.strip()[:60]!r} vs {wanted.strip()[:60]!r}"
    return "it is longer or shorter"
