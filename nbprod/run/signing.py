"""Signatures of what a run wrote: pickled artifacts are loaded only when signed here.

HMAC-SHA256 with a key of this user's own under ``NBPROD_HOME/keys``. It proves that
a manifest was written by nbprod under this home, not by whoever may write to the
project's folder.
"""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from nbprod.errors import NbprodError, SystemFailedError, UsageError
from nbprod.run.home import home

_KEY_BYTES = 32
_Kind = TypeVar("_Kind")


def sign(data: bytes) -> str:
    """Return the signature of ``data`` (hex), with a key made on first use.

    Raises:
        SystemFailedError: If the key cannot be read or written.
    """
    return hmac.digest(_key(), data, "sha256").hex()


def check_signature(data: bytes, signature: str, what: str) -> None:
    """Check that ``data`` was signed under this NBPROD_HOME.

    Args:
        data: The signed bytes.
        signature: Hex signature that came with them.
        what: Name for the error message, such as a run id.

    Raises:
        UsageError: If the signature does not fit.
        SystemFailedError: If the key cannot be read or written.
    """
    if not hmac.compare_digest(sign(data).encode(), signature.encode()):
        raise UsageError(
            f"{what} was not written by nbprod under {home()}, or was changed since: "
            "its stored objects are not loaded.",
            fix="Run the notebook again.",
        )


def seal(document: object) -> bytes:
    """Return a document as signed JSON, in one piece.

    One file, so that two processes at once cannot leave one's document and the other's
    signature.

    Raises:
        SystemFailedError: If the key cannot be read or written.
    """
    data = msgspec.json.encode(document)
    return sign(data).encode() + b"\n" + data


def read_sealed(path: Path, kind: type[_Kind]) -> _Kind | None:
    """Return what :func:`seal` made of a document.

    Args:
        path: Where it lies.
        kind: What it is.

    Returns:
        The document; ``None`` if it is gone, of another kind, or not to be trusted.
    """
    try:
        signature, _, data = path.read_bytes().partition(b"\n")
        check_signature(data, signature.decode(), path.name)
        return msgspec.json.decode(data, type=kind)
    except (OSError, NbprodError, msgspec.DecodeError, ValueError):
        return None


def _key() -> bytes:
    path = home() / "keys" / "artifacts.key"
    try:
        key = path.read_bytes() if path.exists() else _new_key(path)
    except OSError as error:
        raise SystemFailedError(
            f"The signing key {path} cannot be read or written: {error.strerror}.",
            fix="Set NBPROD_HOME to a folder of your own.",
        ) from error
    if len(key) != _KEY_BYTES:
        raise SystemFailedError(
            f"The signing key {path} is damaged.", fix="Delete it; the next run makes a new one."
        )
    return key


def _new_key(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(secrets.token_bytes(_KEY_BYTES))
        # Whoever links first wins; a second process uses the first one's key.
        with suppress(FileExistsError):
            os.link(beside, path)
    finally:
        beside.unlink()
    return path.read_bytes()
