"""Secrets taken out of what a kernel sends and of a run's record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbprod.run.kernel import withheld
from nbprod.run.record import RunRecord


def redacted_record(record: RunRecord) -> RunRecord:
    """Return a record without the secrets that this process knows."""
    import msgspec

    given = withheld.given
    if not given:
        return record
    document = given.redacted(msgspec.to_builtins(record))
    return msgspec.convert(document, type=RunRecord)


def redact_message(message: dict[str, Any], outputs: Sequence[dict[str, Any]]) -> None:
    """Take secrets out of a kernel's message, in place, before anything else sees it.

    Args:
        message: Of Jupyter's protocol.
        outputs: The cell's outputs so far. Text that is printed comes in pieces, and a
            secret may begin in one and end in another.
    """
    given = withheld.given
    content = message.get("content", {})
    message["content"] = given.redacted(content)
    message["buffers"] = [
        each for each in message.get("buffers", ()) if not given.name_in_bytes(bytes(each))
    ]
    if message.get("msg_type") == "stream":
        text = _joined(str(message["content"].get("text", "")), content.get("name"), outputs)
        message["content"]["text"] = text


def _joined(text: str, name: object, outputs: Sequence[dict[str, Any]]) -> str:
    """Return a piece of printed text without the end of a secret that began before it.

    The beginning is taken out of the earlier outputs.
    """
    given = withheld.given
    earlier: list[dict[str, Any]] = []
    length = 0
    for output in reversed(outputs):
        if output.get("output_type") == "stream" and output.get("name") == name:
            earlier.insert(0, output)
            length += len(output["text"])
            if length >= given.longest:
                break
    begun = "".join(output["text"] for output in earlier)
    start = max(0, len(begun) - given.longest)
    whole = begun[start:] + text
    for begin, end, secret in reversed(list(given.spans(whole))):
        border = len(begun) - start
        if begin >= border or end <= border:
            continue
        text = withheld.mark(secret) + text[end - border :]
        _cut(earlier, len(begun) - (start + begin))
    return text


def _cut(outputs: list[dict[str, Any]], length: int) -> None:
    """Take the last characters out of printed outputs."""
    for output in reversed(outputs):
        taken = min(length, len(output["text"]))
        output["text"] = output["text"][: len(output["text"]) - taken]
        length -= taken
