"""How much a service takes on: sizes, threads and the queue before them."""

from __future__ import annotations

import os
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from nbprod.serving.problem import Problem


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may cost.

    Attributes:
        body_bytes: Largest body (``NBPROD_MAX_BODY_BYTES``).
        rows: Most rows in one request (``NBPROD_MAX_ROWS``).
        threads: Requests that are scored at once (``NBPROD_THREADS``).
        queue: Requests that may wait for a thread (``NBPROD_MAX_QUEUE``); one more is a 429.
        retry_after: Seconds that a refused client is told to wait.
    """

    body_bytes: int = 16 * 1024 * 1024
    rows: int = 10_000
    threads: int = 2
    queue: int = 64
    retry_after: int = 1


def limits_from_environment() -> Limits:
    """Read the limits; what is not set or not a positive number stays at its default."""
    default = Limits(threads=max(1, min(8, os.cpu_count() or 1)))
    return Limits(
        body_bytes=_number("NBPROD_MAX_BODY_BYTES", default.body_bytes),
        rows=_number("NBPROD_MAX_ROWS", default.rows),
        threads=_number("NBPROD_THREADS", default.threads),
        queue=_number("NBPROD_MAX_QUEUE", default.queue),
    )


async def read_body(request: Request, limit: int) -> bytes:
    """Read a body, and stop as soon as it is too large.

    Raises:
        Problem: 413 if it is larger than ``limit`` bytes, 400 if the client went away.
    """
    too_large = Problem(
        413,
        "body-too-large",
        f"the body is larger than {limit} bytes; send the rows in several requests",
        headers={"Connection": "close"},
    )
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise too_large
            chunks.append(chunk)
    except ClientDisconnect as error:
        raise Problem(400, "disconnected", "the client went away") from error
    return b"".join(chunks)


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "").strip()
    return int(text) if text.isdecimal() and int(text) > 0 else default
