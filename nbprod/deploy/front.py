"""The front: listens on the public port, forwards to the backend that serves now.

A process of its own (``python -m nbprod.deploy.front``) that stays when the
backend behind it is replaced, so the URL stays and no request is lost. It only
moves bytes: no TLS, no keys, no client addresses. To the service every client
of a front is a loopback peer, therefore a front listens beyond loopback only
where the service asks for an API key. Standard library only: it starts quickly
and stays small.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import os
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from nbprod.deploy.connection import Client
from nbprod.deploy.route import Route

_SWEEP_SECONDS = 0.1
# uvicorn closes idle connections after 5 s: being first means never losing a request to that.
_IDLE_BACKEND_SECONDS = 2.0
_STALE_BACKEND_SECONDS = 0.1
_IDLE_CLIENT_SECONDS = 75.0
_DRAIN_SECONDS = 30.0
_MOST_FILES = 65536


class Front:
    """Accepts clients and decides which backend serves them.

    Args:
        record: Path of the deployment's record; it names the backend.
        drain_seconds: How long requests under way may take once the front is told to end.
    """

    def __init__(self, record: Path, drain_seconds: float = _DRAIN_SECONDS) -> None:
        self._route = Route(record)
        self._drain_seconds = drain_seconds
        self._clients: set[Client] = set()
        self._ending = asyncio.Event()

    def backend_port(self) -> int:
        """Return the port of the backend that serves now, 0 if none does."""
        return self._route.backend_port()

    def joined(self, client: Client) -> None:
        """Note a new client."""
        self._clients.add(client)

    def left(self, client: Client) -> None:
        """Forget a client."""
        self._clients.discard(client)

    def end(self) -> None:
        """Accept no more; requests under way are answered first."""
        self._ending.set()

    def follow(self, owner: int) -> None:
        """Live only as long as the command that started this front, unless it was adopted.

        Args:
            owner: Descriptor of a pipe whose other end the command holds.
        """
        loop = asyncio.get_running_loop()

        def owner_left() -> None:
            if os.read(owner, 1):
                return
            loop.remove_reader(owner)
            os.close(owner)
            if not self._route.is_adopted(os.getpid()):
                self.end()

        loop.add_reader(owner, owner_left)

    async def serve(self, listener: socket.socket) -> None:
        """Forward until :meth:`end` is called, then drain.

        Args:
            listener: A listening TCP socket; closed at the end.
        """
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Client(self), sock=listener, backlog=2048)
        sweeper = loop.create_task(self._sweep())
        try:
            await self._ending.wait()
            server.close()
            await self._drain()
        finally:
            server.close()
            sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sweeper
            for client in list(self._clients):
                client.abort()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            for client in list(self._clients):
                self._rest(client)

    def _rest(self, client: Client) -> None:
        """Take a client that is between two requests off its backend, in time."""
        if not client.at_rest:
            return
        quiet = client.quiet_seconds
        if client.backend_port:
            stale = self._ending.is_set() or client.backend_port != self.backend_port()
            if quiet > (_STALE_BACKEND_SECONDS if stale else _IDLE_BACKEND_SECONDS):
                client.park()
        elif quiet > (_STALE_BACKEND_SECONDS if self._ending.is_set() else _IDLE_CLIENT_SECONDS):
            client.close()

    async def _drain(self) -> None:
        deadline = asyncio.get_running_loop().time() + self._drain_seconds
        while self._clients and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)


def _open_beyond_loopback(listener: socket.socket) -> bool:
    address = str(listener.getsockname()[0]).partition("%")[0]
    return not ipaddress.ip_address(address).is_loopback


def _allow_many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _run(record: Path, listener: socket.socket, owner: int | None) -> None:
    front = Front(record)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, front.end)
    if owner is not None:
        front.follow(owner)
    await front.serve(listener)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a front.

    Args:
        arguments: Command line; the process's own by default.

    Returns:
        Exit code: 0 after it was told to end, 2 when it refuses the host.
    """
    parser = argparse.ArgumentParser(prog="python -m nbprod.deploy.front", description=__doc__)
    parser.add_argument("--record", type=Path, required=True, help="the deployment's record")
    listens = parser.add_mutually_exclusive_group(required=True)
    listens.add_argument("--listen-fd", type=int, help="an inherited listening socket")
    listens.add_argument("--bind", nargs=2, metavar=("HOST", "PORT"), help="listen there")
    parser.add_argument("--owner-fd", type=int, help="a pipe that the starting command holds")
    options = parser.parse_args(arguments)
    if options.bind:
        listener = socket.create_server((options.bind[0], int(options.bind[1])), backlog=2048)
    else:
        listener = socket.socket(fileno=options.listen_fd)
    keys = os.environ.get("NBPROD_API_KEY") or os.environ.get("NBPROD_API_KEYS_FILE")
    if _open_beyond_loopback(listener) and not keys:
        sys.stderr.write("A front beyond loopback needs NBPROD_API_KEY or NBPROD_API_KEYS_FILE.\n")
        return 2
    _allow_many_files()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    asyncio.run(_run(options.record, listener, options.owner_fd))
    return 0


if __name__ == "__main__":
    sys.exit(main())
