"""Who may ask: keys, and without a key only this machine."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import logging
import os
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import Scope

from nbprod.errors import SystemFailedError
from nbprod.serving.problem import Problem

logger = logging.getLogger("nbprod.serving")

OPEN_ROUTES = frozenset({"/livez", "/readyz"})
_FORWARDING = (
    "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
    "x-forwarded-server", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip",
)  # fmt: skip


class Access:
    """The rule of who may ask.

    Args:
        keys: Keys that are always accepted.
        keys_file: File with one key a line; read again when it changes.
        check_token: What ``X-Nbprod-Check`` must be for rows of a deploy check.
    """

    def __init__(
        self, keys: tuple[str, ...] = (), keys_file: Path | None = None, check_token: str = ""
    ) -> None:
        self._fixed = tuple(_digest(key) for key in keys)
        self._file = keys_file
        self._stamp: tuple[int, int] | None = None
        self._read: tuple[bytes, ...] = ()
        self._check_token = _digest(check_token) if check_token else b""
        if keys_file is not None and not self._digests():
            raise SystemFailedError(
                "the file named by NBPROD_API_KEYS_FILE cannot be read or holds no key",
                fix="Put one key on each line, readable for the service.",
            )

    @property
    def needs_key(self) -> bool:
        """Whether requests must carry a key."""
        return bool(self._fixed) or self._file is not None

    def check(self, scope: Scope) -> Problem | None:
        """Return what keeps this request out, or ``None``."""
        headers = Headers(scope=scope)
        if scope["method"] not in ("GET", "HEAD") and headers.get("sec-fetch-site") == "cross-site":
            return Problem(403, "cross-site", "a page of another site may not use this service")
        if not self.needs_key:
            return None if _is_local(scope, headers) else _no_key(headers, keyless=True)
        given = _given_key(headers)
        if given is None:
            return _no_key(headers, keyless=False)
        digest = _digest(given)
        # Every key is compared, so that the time does not tell which one was near.
        matches = [hmac.compare_digest(digest, known) for known in self._digests()]
        if not any(matches):
            return Problem(403, "wrong-key", "the key is not one of this service's")
        return None

    def source(self, scope: Scope) -> str:
        """Tell whether rows are nbprod's own check of a deploy, or traffic."""
        given = Headers(scope=scope).get("x-nbprod-check", "")
        matches = hmac.compare_digest(_digest(given), self._check_token or _digest(given + "x"))
        return "deploy-check" if self._check_token and matches else "traffic"

    def _digests(self) -> tuple[bytes, ...]:
        if self._file is None:
            return self._fixed
        try:
            status = self._file.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._stamp:
                lines = self._file.read_text("utf-8").splitlines()
                keys = (line.strip() for line in lines)
                self._read = tuple(_digest(key) for key in keys if key and key[0] != "#")
                self._stamp = stamp
        except (OSError, UnicodeDecodeError) as error:
            logger.warning("the file of keys cannot be read, the last ones stay: %s", error)
        return self._fixed + self._read


def access_from_environment() -> Access:
    """Read ``NBPROD_API_KEY``, ``NBPROD_API_KEYS_FILE`` and ``NBPROD_CHECK_TOKEN``."""
    key = os.environ.get("NBPROD_API_KEY", "").strip()
    path = os.environ.get("NBPROD_API_KEYS_FILE", "").strip()
    return Access(
        keys=(key,) if key else (),
        keys_file=Path(path) if path else None,
        check_token=os.environ.get("NBPROD_CHECK_TOKEN", "").strip(),
    )


def _given_key(headers: Headers) -> str | None:
    if key := headers.get("x-api-key"):
        return key
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    if scheme.lower() == "basic":  # what a browser asks a person for: any name, key as password
        try:
            decoded = base64.b64decode(credentials.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return ""
        return decoded.partition(":")[2]
    return None


def _no_key(headers: Headers, *, keyless: bool) -> Problem:
    detail = "send the key as `Authorization: Bearer KEY` or `X-API-Key: KEY`"
    if keyless:
        detail = (
            "this service has no key, so it answers only to its own machine; "
            "set NBPROD_API_KEY where it runs to open it"
        )
    # Only a browser that opens a page gets the prompt; programs expect Bearer.
    browser = "text/html" in headers.get("accept", "")
    challenge = 'Basic realm="nbprod", charset="UTF-8"' if browser and not keyless else "Bearer"
    return Problem(401, "no-key", detail, headers={"WWW-Authenticate": challenge})


def _is_local(scope: Scope, headers: Headers) -> bool:
    """Tell whether the peer is this machine, neither through a proxy nor a rebound name."""
    client = scope.get("client")
    if client is None or not _is_loopback(client[0]):
        return False
    if any(name in headers for name in _FORWARDING):
        return False
    host = headers.get("host", "")
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name in ("", "localhost") or name.endswith(".localhost") or _is_loopback(name)


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
