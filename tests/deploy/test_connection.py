from __future__ import annotations

import asyncio
import socket

from nbprod.deploy.connection import Client


class Nowhere:
    """A front without a backend."""

    def backend_port(self) -> int:
        return 0

    def joined(self, client: Client) -> None:
        pass

    def left(self, client: Client) -> None:
        pass


class ResetTransport(asyncio.Transport):
    """What a connection is between a client's reset and the loop's notice of it."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__({"socket": connected})
        self.closed = False

    def write(self, data: bytes) -> None:
        pass

    def write_eof(self) -> None:
        raise OSError(107, "Transport endpoint is not connected")

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def test_a_reset_while_the_front_answers_is_no_error() -> None:
    errors: list[dict] = []

    async def reset() -> bool:
        asyncio.get_running_loop().set_exception_handler(lambda loop, told: errors.append(told))
        with socket.socket() as connected:
            client, transport = Client(Nowhere()), ResetTransport(connected)
            client.connection_made(transport)
            client.data_received(b"GET / HTTP/1.1\r\n\r\n")
            for _ in range(5):
                await asyncio.sleep(0)
            return transport.closed

    assert asyncio.run(reset())
    assert errors == []
