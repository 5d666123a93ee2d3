"""One client of the front, and the backend connection that serves it at the moment.

A client starts *parked*: connected to no backend. Its first bytes open one.
Between two requests it can be parked again, and so a kept-alive connection
outlives the backend that answered its last request. Standard library only.
"""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Protocol

from nbprod.deploy.framing import AnswerFraming, begins_request

_LOOPBACK = "127.0.0.1"
_CONNECT_SECONDS = 5.0
_LINGER_SECONDS = 2.0
# A client that has half-closed still wants its answer; uvicorn would drop it on a FIN.
_HALF_CLOSED_SECONDS = 15.0
_RETRY_AFTER_SECONDS = 5


class Routing(Protocol):
    """What a client asks the front."""

    def backend_port(self) -> int:
        """Return the port of the backend that serves now, 0 if none does."""

    def joined(self, client: Client) -> None:
        """Note a new client."""

    def left(self, client: Client) -> None:
        """Forget a client."""


def _send_eof(transport: asyncio.Transport) -> bool:
    """Close the writing half; false if the other side has gone already."""
    try:
        transport.write_eof()
    except OSError:
        return False
    return True


class Client(asyncio.Protocol):
    """The client's side. All methods run on the front's event loop.

    Args:
        routing: The front.
    """

    def __init__(self, routing: Routing) -> None:
        self._routing = routing
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._backend: Backend | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._pending = bytearray()
        self._half_closed = False
        self._closing = False
        self._moved_at = self._loop.time()

    # What the front asks -------------------------------------------------

    @property
    def at_rest(self) -> bool:
        """No request of this client is under way, and another may follow."""
        if self._connecting is not None or self._pending:
            return False
        framing = self._backend.framing if self._backend else None
        return framing is None or (framing.at_rest and framing.reusable)

    @property
    def quiet_seconds(self) -> float:
        """Seconds since the last byte in either direction."""
        return self._loop.time() - self._moved_at

    @property
    def backend_port(self) -> int:
        """Port of the backend this client is connected to, 0 if parked."""
        return self._backend.port if self._backend else 0

    def park(self) -> None:
        """Leave the backend, keep the client; only when at rest."""
        if self._backend is not None:
            self._backend.leave()
            self._backend = None

    def close(self) -> None:
        """Close both sides once what was written has gone out."""
        self.park()
        if self._transport is None or self._closing:
            return
        self._closing = True
        # Bytes of the client that arrive later would reset the connection, and the
        # answer with it: take and drop them for a moment.
        if not self._half_closed and _send_eof(self._transport):
            self._transport.resume_reading()
            self._loop.call_later(_LINGER_SECONDS, self._transport.close)
        else:
            self._transport.close()

    def abort(self) -> None:
        """Drop both sides now."""
        self.park()
        if self._transport is not None:
            self._transport.abort()

    # asyncio ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note of a client; asyncio calls this."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        connected = transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._routing.joined(self)

    def data_received(self, data: bytes) -> None:
        """Forward what the client sent, to the backend that serves now."""
        if self._closing:
            return
        self._moved_at = self._loop.time()
        backend = self._backend
        if backend is not None and self._should_move(backend, data):
            self.park()
            backend = None
        if backend is not None:
            backend.send(data)
            return
        self._pending += data
        if self._connecting is None:
            self._hold()
            self._connecting = self._loop.create_task(self._connect())

    def eof_received(self) -> bool:
        """Handle a client that sends no more but may still read."""
        self._half_closed = True
        if self.at_rest or self._closing:
            if self._transport is not None:
                self.park()
                self._transport.close()
        else:
            self._loop.call_later(_HALF_CLOSED_SECONDS, self._pass_half_close)
        return True

    def pause_writing(self) -> None:
        """Stop the backend while the client reads too slowly."""
        if self._backend is not None:
            self._backend.hold()

    def resume_writing(self) -> None:
        """Let the backend go on."""
        if self._backend is not None:
            self._backend.go_on()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the client and leave its backend."""
        self._transport = None
        if self._connecting is not None:
            self._connecting.cancel()
        if self._backend is not None:
            self._backend.abandon()
            self._backend = None
        self._routing.left(self)

    # What the backend's side asks -------------------------------------------

    def answer(self, data: bytes) -> None:
        """Write what the backend sent."""
        self._moved_at = self._loop.time()
        if self._transport is not None and not self._closing:
            self._transport.write(data)
            backend = self._backend
            if self._half_closed and backend is not None and backend.framing.at_rest:
                self.close()

    def backend_ended(self, framing: AnswerFraming, error: Exception | None) -> None:
        """Handle that the backend closed its side."""
        self._backend = None
        if framing.at_rest and framing.reusable and not self._half_closed:
            return  # parked: the next request opens another one
        if not framing.at_rest and not framing.begun:
            self.refuse(502, "Bad Gateway", "The service ended before it answered this request.")
        elif error is not None:
            self.abort()  # a broken answer must not look whole
        else:
            self.close()

    def hold(self) -> None:
        """Read no more from the client while the backend takes its time."""
        self._hold()

    def go_on(self) -> None:
        """Read from the client again."""
        if self._transport is not None and not self._closing:
            self._transport.resume_reading()

    def refuse(self, status: int, title: str, detail: str) -> None:
        """Answer in the backend's place: problem JSON (RFC 9457), then close."""
        if self._transport is None or self._closing:
            return
        problem = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        body = json.dumps(problem).encode()
        head = (
            f"HTTP/1.1 {status} {title}\r\n"
            "Content-Type: application/problem+json\r\n"
            f"Content-Length: {len(body)}\r\n"
            f"Retry-After: {_RETRY_AFTER_SECONDS}\r\n"
            "Cache-Control: no-store\r\n"
            "Connection: close\r\n\r\n"
        )
        asked_head_only = self._pending.startswith(b"HEAD ")
        self._transport.write(head.encode() + (b"" if asked_head_only else body))
        self._pending.clear()
        self.close()

    # Inside ----------------------------------------------------------------

    def _hold(self) -> None:
        if self._transport is not None and not self._closing:
            self._transport.pause_reading()

    def _should_move(self, backend: Backend, data: bytes) -> bool:
        framing = backend.framing
        if not framing.at_rest or not begins_request(data):
            return False
        return not framing.reusable or backend.port != self._routing.backend_port()

    async def _connect(self) -> None:
        backend = await self._open()
        self._connecting = None
        if backend is None:
            self.refuse(
                503, "Service Unavailable", "The service is not running. Try again in a moment."
            )
            return
        if self._transport is None or self._closing:
            backend.leave()
            return
        self._backend = backend
        backend.send(bytes(self._pending))
        self._pending.clear()
        if not backend.slow:
            self.go_on()

    async def _open(self) -> Backend | None:
        tried = -1
        # A backend that was replaced while we knocked is no reason to fail.
        while (port := self._routing.backend_port()) and port != tried:
            tried = port
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    _, backend = await self._loop.create_connection(
                        lambda port=port: Backend(self, port),  # type: ignore[misc]
                        _LOOPBACK,
                        port,
                    )
            except (OSError, TimeoutError):
                continue
            return backend
        return None

    def _pass_half_close(self) -> None:
        if self._backend is not None:
            self._backend.half_close()


class Backend(asyncio.Protocol):
    """The backend's side of one client.

    Args:
        client: Whom it serves.
        port: The backend's loopback port.
    """

    def __init__(self, client: Client, port: int) -> None:
        self.port = port
        self.framing = AnswerFraming()
        self.slow = False
        self._client: Client | None = client
        self._transport: asyncio.Transport | None = None

    def send(self, data: bytes) -> None:
        """Forward the client's bytes."""
        self.framing.sent(data)
        if self._transport is not None:
            self._transport.write(data)

    def leave(self) -> None:
        """Close after what was written; the client is served by another from now on."""
        self._client = None
        if self._transport is not None:
            self._transport.close()

    def abandon(self) -> None:
        """Drop the connection: the client has gone."""
        self._client = None
        if self._transport is not None:
            self._transport.abort()

    def half_close(self) -> None:
        """Tell the backend that the client sends no more."""
        if self._transport is not None:
            _send_eof(self._transport)

    def hold(self) -> None:
        """Read no more while the client reads too slowly."""
        if self._transport is not None:
            self._transport.pause_reading()

    def go_on(self) -> None:
        """Read again."""
        if self._transport is not None:
            self._transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection; asyncio calls this."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Forward the backend's bytes."""
        self.framing.received(data)
        if self._client is not None:
            self._client.answer(data)

    def pause_writing(self) -> None:
        """Stop the client while the backend takes its time."""
        self.slow = True
        if self._client is not None:
            self._client.hold()

    def resume_writing(self) -> None:
        """Let the client go on."""
        self.slow = False
        if self._client is not None:
            self._client.go_on()

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the client's side that the backend ended."""
        self._transport = None
        client, self._client = self._client, None
        if client is not None:
            client.backend_ended(self.framing, error)
