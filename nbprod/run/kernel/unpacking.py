"""What lies compressed within bytes: gzip, zlib, zip (npz, joblib), bz2, xz, zstd, Parquet, Arrow.

Nothing is trusted here: what merely looks like the beginning of a compressed stream
gives a little nonsense, or nothing.
"""

from __future__ import annotations

import bz2
import importlib
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

_PIECE = 1 << 16
_MOST = 1 << 20  # bytes that one call may unpack, so that a small stream cannot fill the memory

Pieces = Iterator[bytes]


class UnreadableError(ValueError):
    """Something compressed that this environment cannot unpack."""


def streams(view: memoryview) -> Iterator[Pieces]:
    """Yield the content of each compressed stream in some bytes, in pieces.

    Args:
        view: Contiguous bytes.

    Raises:
        UnreadableError: By the pieces, if what unpacks them is not installed.
    """
    for kind, magic, unpack in _UNPACKERS:
        for start in _places(view, magic):
            yield _without_errors(kind, unpack(view, start))


def _places(view: memoryview, magic: bytes) -> Iterator[int]:
    """Yield where ``magic`` begins in ``view``; memory views cannot be searched themselves."""
    step = 8 << 20
    for begin in range(0, len(view), step):
        piece = bytes(view[begin : begin + step + len(magic) - 1])
        at = piece.find(magic)
        while at >= 0:
            yield begin + at
            at = piece.find(magic, at + 1)


def _without_errors(kind: str, pieces: Pieces) -> Pieces:
    try:
        yield from pieces
    except ImportError as error:
        raise UnreadableError(f"{kind} content cannot be looked through here") from error
    except Exception:  # it was no such stream
        return


def _inflated(bits: int) -> Callable[[memoryview, int], Pieces]:
    def unpack(view: memoryview, start: int) -> Pieces:
        machine = zlib.decompressobj(bits)
        size = 512  # most false beginnings end within these
        while start < len(view) and not machine.eof:
            piece = bytes(view[start : start + size])
            start, size = start + size, _PIECE
            while piece and not machine.eof:
                yield machine.decompress(piece, _MOST)
                piece = machine.unconsumed_tail

    return unpack


def _unpacked(make: Callable[[], Any]) -> Callable[[memoryview, int], Pieces]:
    def unpack(view: memoryview, start: int) -> Pieces:
        machine = make()
        while start < len(view) and not machine.eof:
            piece = bytes(view[start : start + _PIECE]) if machine.needs_input else b""
            start += len(piece)
            yield machine.decompress(piece, _MOST)

    return unpack


def _zip_member(view: memoryview, start: int) -> Pieces:
    method, name, extra = struct.unpack("<8xH16xHH", view[start : start + 30])
    if method == zlib.DEFLATED:  # members that are stored lie there as they are
        yield from _inflated(-zlib.MAX_WBITS)(view, start + 30 + name + extra)


def _zstandard(view: memoryview, start: int) -> Pieces:
    try:
        machine = _zstd_machine()
    except ImportError:
        # What wrote Parquet can read its parts.
        arrow: Any = importlib.import_module("pyarrow")
        buffer = arrow.BufferReader(arrow.py_buffer(view[start:]))
        stream = arrow.CompressedInputStream(buffer, "zstd")
        while piece := stream.read(_PIECE):
            yield piece
        return
    for at in range(start, len(view), _PIECE):
        yield machine.decompress(bytes(view[at : at + _PIECE]))


def _zstd_machine() -> Any:
    try:
        return importlib.import_module("compression.zstd").ZstdDecompressor()
    except ImportError:
        return importlib.import_module("zstandard").ZstdDecompressor().decompressobj()


def _parquet(view: memoryview, start: int) -> Pieces:
    for end in _places(view[start + 4 :], b"PAR1"):
        arrow: Any = importlib.import_module("pyarrow")
        reader: Any = importlib.import_module("pyarrow.parquet")
        try:
            table = reader.read_table(arrow.BufferReader(bytes(view[start : start + end + 8])))
        except Exception:  # this is the end of none, or of another one
            continue
        yield _plain_arrow(arrow, table)
        return


def _arrow(view: memoryview, start: int) -> Pieces:
    for end in _places(view[start + 6 :], b"ARROW1"):
        arrow: Any = importlib.import_module("pyarrow")
        try:
            reader = arrow.ipc.open_file(arrow.BufferReader(bytes(view[start : start + end + 12])))
        except Exception:
            continue
        yield _plain_arrow(arrow, reader.read_all())
        return


def _plain_arrow(arrow: Any, table: Any) -> bytes:
    """Return a table as Arrow writes it without compression."""
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


_UNPACKERS: tuple[tuple[str, bytes, Callable[[memoryview, int], Pieces]], ...] = (
    ("gzip", b"\x1f\x8b\x08", _inflated(16 + zlib.MAX_WBITS)),
    *(
        ("zlib", b"\x78" + level, _inflated(zlib.MAX_WBITS))
        for level in (b"\x01", b"\x5e", b"\x9c", b"\xda")
    ),
    ("zip", b"PK\x03\x04", _zip_member),
    ("bzip2", b"BZh", _unpacked(bz2.BZ2Decompressor)),
    ("xz", b"\xfd7zXZ\x00", _unpacked(lzma.LZMADecompressor)),
    ("Zstandard", b"\x28\xb5\x2f\xfd", _zstandard),
    ("Parquet", b"PAR1", _parquet),
    ("Arrow", b"ARROW1", _arrow),
)
