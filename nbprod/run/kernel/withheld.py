"""Secrets of a notebook: found in what is about to be written, and hidden in texts.

Each process that handles them knows them by :func:`give` and forgets them when it ends:
the host, the kernel, step processes. Whatever any of them writes passes through here.
"""

from __future__ import annotations

import base64
import html
import json
import mmap
import os
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from . import unpacking

_WINDOW = 8 << 20
_DEPTH = 4  # containers within containers
_NESTED = 64 << 20  # unpacked bytes that are looked through for containers themselves
_TIMES = 3  # how often a text may be escaped
_LINE = 8  # characters from which a line of a secret is one itself


class SecretError(ValueError):
    """Something that is about to be written holds a secret.

    Args:
        secret: Its name.
    """

    def __init__(self, secret: str) -> None:
        super().__init__(f"it holds the secret {secret}")
        self.secret = secret


class Secrets:
    """Secrets, each in all the forms in which texts and bytes may hold it.

    Args:
        pairs: Names and values; a name may have several values.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs = frozenset(pairs)
        forms: dict[str, str] = {}
        wide: dict[bytes, str] = {}
        for name, value in sorted(self.pairs):
            for form in _forms(value):
                forms.setdefault(form, name)
            for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
                wide.setdefault(value.encode(encoding, "surrogatepass"), name)
        # The longest first: a form may hold another one.
        self._texts = dict(sorted(forms.items(), key=lambda each: -len(each[0])))
        self._pattern = re.compile("|".join(map(re.escape, self._texts)))
        self._bytes = {
            **{text.encode("utf-8", "surrogatepass"): name for text, name in self._texts.items()},
            **wide,
        }
        self._broken = [
            Broken(core, name)
            for name, value in sorted(self.pairs)
            for core in _base64(value.strip().encode("utf-8", "surrogatepass"))
        ]
        lengths = [len(form) for form in self._bytes] + [each.longest for each in self._broken]
        self.longest = max(lengths, default=0)

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self.pairs)

    def name_in(self, text: str) -> str:
        """Return the name of a secret that a text holds; empty if it holds none."""
        found = next((name for form, name in self._texts.items() if form in text), "")
        return found or next((each.name for each in self._broken if each.is_in(text)), "")

    def redact(self, text: str) -> str:
        """Return a text with the names of secrets in their places."""
        if not self.name_in(text):
            return text
        text = self._pattern.sub(lambda match: mark(self._texts[match[0]]), text)
        for each in self._broken:
            if each.is_in(text):
                text = each.text.sub(mark(each.name), text)
        return text

    def redacted(self, value: Any) -> Any:
        """Return a value made of JSON's types, redacted however deep."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, Mapping):
            return {self.redacted(key): self.redacted(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(map(self.redacted, value))
        if isinstance(value, (bytes, memoryview)) and self.name_in_bytes(value):
            return b""
        return value

    def spans(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield where secrets stand in a text: beginning, end, name."""
        found = [
            (*match.span(), self._texts[match[0]])
            for match in (self._pattern.finditer(text) if self else ())
        ]
        for each in self._broken:
            if each.is_in(text):
                found += [(*match.span(), each.name) for match in each.text.finditer(text)]
        end = 0
        for span in sorted(found):
            if span[0] >= end:
                yield span
                end = span[1]

    def name_in_bytes(self, data: Any, depth: int = 0) -> str:
        """Return the name of a secret that bytes hold, as they are or compressed.

        Args:
            data: Any contiguous buffer.
            depth: Containers that it was taken from.
        """
        view = memoryview(data)
        if not self or not view.nbytes:
            return ""
        view = view.cast("B")
        found = self._in_view(view)
        if found or depth >= _DEPTH:
            return found
        try:
            for pieces in unpacking.streams(view):
                found = self._in_pieces(pieces, depth + 1)
                if found:
                    return found
        except unpacking.UnreadableError as error:
            return f"{min(self.pairs)[0]}, perhaps: {error}"  # rather too much than a secret
        return ""

    def _in_view(self, view: memoryview) -> str:
        for begin in range(0, len(view), _WINDOW):
            found = self._in_piece(bytes(view[begin : begin + _WINDOW + self.longest - 1]))
            if found:
                return found
        return ""

    def _in_piece(self, piece: bytes) -> str:
        found = next((name for form, name in self._bytes.items() if form in piece), "")
        return found or next((each.name for each in self._broken if each.is_in_bytes(piece)), "")

    def _in_pieces(self, pieces: Iterable[bytes], depth: int) -> str:
        tail = b""
        whole = bytearray()
        for piece in pieces:
            joined = tail + piece
            found = self._in_piece(joined)
            if found:
                return found
            tail = joined[-self.longest :]
            if len(whole) < _NESTED:
                whole += piece
        return self.name_in_bytes(whole, depth) if whole else ""

    def name_in_file(self, path: str) -> str:
        """Return the name of a secret that a file holds.

        Raises:
            OSError: If it cannot be read.
        """
        if not self or not os.path.getsize(path):
            return ""
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            view = memoryview(data)
            try:
                return self.name_in_bytes(view)
            finally:
                view.release()


class Broken:
    """What base64 makes of a secret, broken into lines (MIME's have 76 characters, PEM's 64).

    Args:
        core: It as one line.
        name: Of the secret.

    Attributes:
        text: Matches it in texts, also where the ends of lines are escaped.
        longest: At most so many characters match.
    """

    _END = r"(?:\r?\n|\\r\\n|\\n)?"
    _SHORTEST_LINE = 50

    def __init__(self, core: str, name: str) -> None:
        self.name = name
        pattern = self._END.join(map(re.escape, core))
        self.text = re.compile(pattern)
        self.longest = len(core) + 4 * (2 + len(core) // self._SHORTEST_LINE)
        self._bytes = re.compile(pattern.encode())
        # However it is broken, one of these is whole: it is looked for first.
        size = min(self._SHORTEST_LINE // 2, len(core) // 2)
        self._parts = [core[at : at + size] for at in range(0, len(core) - size + 1, size)]
        self._byte_parts = [part.encode() for part in self._parts]

    def is_in(self, text: str) -> bool:
        """Tell whether a text holds it."""
        return any(part in text for part in self._parts) and bool(self.text.search(text))

    def is_in_bytes(self, data: bytes) -> bool:
        """Tell whether bytes hold it."""
        return any(part in data for part in self._byte_parts) and bool(self._bytes.search(data))


def mark(name: str) -> str:
    """Return what stands in a secret's place."""
    return f"[secret {name}]"


def _forms(value: str) -> Iterator[str]:
    """Yield the forms in which texts hold a value: itself, escaped, quoted, encoded."""
    lines = [line.strip() for line in value.splitlines()]
    whole = value.strip()
    for text in dict.fromkeys([value, whole, *(line for line in lines if len(line) >= _LINE)]):
        yield from _escaped(text)
        yield html.escape(text)
        yield html.escape(text, quote=False)
        yield urllib.parse.quote(text)
        yield urllib.parse.quote(text, safe="")
        yield urllib.parse.quote_plus(text)
    data = whole.encode("utf-8", "surrogatepass")
    yield data.hex()
    yield data.hex().upper()
    yield from _base64(data)


def _escaped(text: str) -> Iterator[str]:
    """Yield a text, and what escaping makes of it, also of what is escaped already."""
    found = {text: None}
    latest = [text]
    for _ in range(_TIMES):
        latest = [form for each in latest for form in _escapes(each) if form not in found]
        found.update(dict.fromkeys(latest))
    yield from found


def _escapes(text: str) -> Iterator[str]:
    """Yield what JSON and Python write between the quotes of a text that holds this one."""
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    for write in (repr, ascii):
        # Python escapes one kind of quotes at most, and that only if both are there.
        yield "'".join(write(part)[1:-1] for part in text.split("'"))
        yield write("\"'" + text)[4:-1]


def _base64(data: bytes) -> Iterator[str]:
    """Yield what base64 makes of bytes wherever they stand in a longer text."""
    for before in range(3):
        text = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        first = -(-before * 8 // 6)  # characters that bytes before them have a part in
        last = len(text) - (1 if (before + len(data)) % 3 else 0)
        core = text[first:last]
        if len(core) >= 6:
            yield core
            yield core.replace("+", "-").replace("/", "_")


given = Secrets()
"""The secrets that this process knows."""

notes: list[str] = []
"""What was not written since somebody last asked, and why, for people."""


def give(pairs: Iterable[tuple[str, str]]) -> None:
    """Let this process know secrets, besides those that it knows already."""
    global given
    wanted = given.pairs | frozenset(pairs)
    if wanted != given.pairs:
        given = Secrets(wanted)


def require_none(data: Any) -> None:
    """Refuse bytes that hold a secret.

    Raises:
        SecretError: They do.
    """
    if given:
        found = given.name_in_bytes(data)
        if found:
            raise SecretError(found)


def note(what: str, secret: str) -> None:
    """Note that something was not written, because it holds a secret."""
    text = f"{what} holds the secret {secret}"
    if text not in notes:
        notes.append(text)


def take_notes() -> list[str]:
    """Return the notes, and forget them."""
    found, notes[:] = list(notes), []
    return found
