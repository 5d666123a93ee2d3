"""Digests of buffers: right the second time as the first, and for all but equal ones."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from nbprod.run.kernel import digests


@given(st.binary(max_size=100), st.integers(0, 99))
def test_a_buffer_has_its_sha256_however_often_it_comes(data: bytes, place: int) -> None:
    """What is remembered of one buffer is never taken for another that differs in a byte."""
    other = bytearray(data or b"-")
    other[place % len(other)] ^= 1
    for each in (data, bytes(other), data, data + b"\0"):
        assert digests.sha256_of(memoryview(each)) == hashlib.sha256(each).hexdigest()


def test_a_hash_object_has_128_bits_and_takes_buffers() -> None:
    """Its fingerprint depends on all that was added, and on nothing else."""
    once, twice = digests.hasher(), digests.hasher()
    once.update(memoryview(b"one and two"))
    twice.update(b"one and")
    twice.update(b" two")
    assert once.hexdigest() == twice.hexdigest() != digests.hasher().hexdigest()
    assert len(once.hexdigest()) == 32
