"""Where an HTTP/1.1 answer ends: enough of the protocol to know when a connection is at rest.

The front forwards bytes and changes none. It follows the answers only to learn
when a kept-alive connection lies between two requests: there, and only there,
it may be moved from one backend to another without its client noticing.
Standard library only.
"""

from __future__ import annotations

import re
from enum import Enum

_LONGEST_HEAD = 65536
_REQUEST_LINE = re.compile(rb"[A-Z]{3,16} [^ \r\n]")


def begins_request(data: bytes) -> bool:
    """Tell whether ``data`` looks like the beginning of a request (``POST /…``)."""
    return _REQUEST_LINE.match(data) is not None


class _Part(Enum):
    HEAD = "head"
    LENGTH = "length"
    CHUNK_SIZE = "chunk size"
    CHUNK = "chunk"
    TRAILER = "trailer"
    UNTIL_CLOSE = "until close"


class AnswerFraming:
    """Follows the answers that come over one connection to a backend.

    Attributes:
        at_rest: No request is waiting for its answer, or for the rest of it.
        begun: Bytes of the current answer have come.
        reusable: Another request may follow; false once an answer ends with the
            connection, announces that it closes it, or cannot be understood.
    """

    __slots__ = ("_buffer", "_left", "_method", "_part", "at_rest", "begun", "reusable")

    def __init__(self) -> None:
        self.at_rest = True
        self.begun = False
        self.reusable = True
        self._part = _Part.HEAD
        self._buffer = b""
        self._left = 0
        self._method = b""

    def sent(self, data: bytes) -> None:
        """Note bytes that went to the backend: at rest, they begin a request."""
        if self.at_rest:
            self.at_rest = False
            self.begun = False
            self._method = data[:5]
        elif not self.begun and len(self._method) < 5:
            self._method += data[: 5 - len(self._method)]

    def received(self, data: bytes) -> None:
        """Note bytes that came from the backend."""
        self.at_rest = False
        self.begun = True
        while data:
            data = self._STEPS[self._part](self, data)

    def _end(self) -> None:
        self._part = _Part.HEAD
        self._method = b""
        self.at_rest = True

    def _give_up(self) -> bytes:
        self._part = _Part.UNTIL_CLOSE
        self.reusable = False
        self._buffer = b""
        return b""

    def _in_head(self, data: bytes) -> bytes:
        # Interim answers (1xx) and the blank lines some servers send are skipped on the way.
        self._buffer = (
            (self._buffer + data).lstrip(b"\r\n") if not self._buffer else (self._buffer + data)
        )
        end = _head_end(self._buffer)
        if end < 0:
            return self._give_up() if len(self._buffer) > _LONGEST_HEAD else b""
        head, rest = self._buffer[:end], self._buffer[end:]
        self._buffer = b""
        self._read_head(head)
        return rest

    def _read_head(self, head: bytes) -> None:
        lines = head.replace(b"\r\n", b"\n").strip(b"\n").split(b"\n")
        match = re.match(rb"HTTP/1\.([01]) (\d{3})", lines[0])
        if match is None:
            self._give_up()
            return
        status = int(match[2])
        if 100 <= status < 200 and status != 101:
            return
        fields = _fields(lines[1:])
        options = {word.strip() for word in fields.get(b"connection", b"").lower().split(b",")}
        if b"close" in options or (match[1] == b"0" and b"keep-alive" not in options):
            self.reusable = False
        if status == 101:
            self._give_up()
        elif self._method == b"HEAD " or status in (204, 304):
            self._end()
        else:
            self._expect_body(fields)

    def _expect_body(self, fields: dict[bytes, bytes]) -> None:
        coding = fields.get(b"transfer-encoding", b"").lower()
        length = fields.get(b"content-length", b"")
        if coding:
            if coding.rpartition(b",")[2].strip() == b"chunked":
                self._part = _Part.CHUNK_SIZE
            else:
                self._give_up()
        elif length.isdigit():
            self._left = int(length)
            self._part = _Part.LENGTH
            if self._left == 0:
                self._end()
        else:
            self._give_up()

    def _in_length(self, data: bytes) -> bytes:
        taken = min(self._left, len(data))
        self._left -= taken
        if self._left == 0:
            self._end()
        return data[taken:]

    def _in_chunk_size(self, data: bytes) -> bytes:
        line, rest = self._line(data)
        if line is None:
            return rest
        try:
            size = int(line.partition(b";")[0].strip() or b"x", 16)
        except ValueError:
            return self._give_up()
        if size < 0:
            return self._give_up()
        self._left = size + 2  # the line end after the chunk
        self._part = _Part.CHUNK if size else _Part.TRAILER
        return rest

    def _in_chunk(self, data: bytes) -> bytes:
        taken = min(self._left, len(data))
        self._left -= taken
        if self._left == 0:
            self._part = _Part.CHUNK_SIZE
        return data[taken:]

    def _in_trailer(self, data: bytes) -> bytes:
        line, rest = self._line(data)
        if line == b"":
            self._end()
        return rest

    def _in_rest(self, data: bytes) -> bytes:
        return b""

    def _line(self, data: bytes) -> tuple[bytes | None, bytes]:
        """Return a line without its end, and what follows; ``None`` while it is not whole."""
        self._buffer += data
        line, end, rest = self._buffer.partition(b"\n")
        if not end:
            if len(self._buffer) > _LONGEST_HEAD:
                self._give_up()
            return None, b""
        self._buffer = b""
        return line.rstrip(b"\r"), rest

    _STEPS = {  # noqa: RUF012
        _Part.HEAD: _in_head,
        _Part.LENGTH: _in_length,
        _Part.CHUNK_SIZE: _in_chunk_size,
        _Part.CHUNK: _in_chunk,
        _Part.TRAILER: _in_trailer,
        _Part.UNTIL_CLOSE: _in_rest,
    }


def _head_end(data: bytes) -> int:
    """Return the length of a whole head with its blank line, or -1."""
    ends = [
        place + len(mark)
        for mark in (b"\r\n\r\n", b"\n\n", b"\n\r\n")
        if (place := data.find(mark)) >= 0
    ]
    return min(ends, default=-1)


def _fields(lines: list[bytes]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        found[name.strip().lower()] = value.strip()
    return found
