"""Digests of content: quick ones to tell values apart, sha256 for what is stored.

Only what is signed and checked later needs sha256. xxHash is ten times as quick, and comes with
nbprod; a kernel of another environment may lack it, and uses what Python has.
"""

from __future__ import annotations

import hashlib
import types
from typing import Any

_xxhash: types.ModuleType | None
try:
    import xxhash as _xxhash
except ImportError:
    _xxhash = None

_known: dict[tuple[bytes, int], str] = {}


def hasher() -> Any:
    """Return a new hash object with ``update`` and ``hexdigest``, of 128 bits.

    It tells other content, not content that somebody made to deceive it.
    """
    return hashlib.blake2b(digest_size=16) if _xxhash is None else _xxhash.xxh3_128()


def sha256_of(data: memoryview) -> str:
    """Return the sha256 of a buffer's bytes, without computing it twice for the same ones.

    Most of what a step hands on was handed on by the step before.
    """
    if _xxhash is None:
        return hashlib.sha256(data).hexdigest()
    key = _xxhash.xxh3_128(data).digest(), data.nbytes
    found = _known.get(key)
    if found is None:
        found = _known[key] = hashlib.sha256(data).hexdigest()
    return found
