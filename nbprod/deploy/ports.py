"""Ports: which are free, who holds the others, and which hosts are beyond this machine."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from collections.abc import Mapping

import psutil

from nbprod.errors import UsageError

LOOPBACK = "127.0.0.1"


def spare_port() -> int:
    """Return a loopback port that is free now. Nothing holds it: bind it soon, check who got it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def listen(host: str, port: int) -> socket.socket:
    """Listen on ``host:port``, so that nobody else can take the port from now on.

    Args:
        host: Name or address of a local interface.
        port: 1 to 65535, or 0 for any free one.

    Raises:
        UsageError: The port is taken, not allowed or out of range, or the host is not ours.
    """
    if not 0 <= port <= 65535:
        raise UsageError(f"Port {port} does not exist.", fix="Choose one from 1024 to 65535.")
    family, address = _address(host, port)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A port whose last connections are still in TIME_WAIT may be used again at once.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as failed:
        listener.close()
        raise _refusal(host, port, failed) from None
    except BaseException:
        listener.close()
        raise
    return listener


def _address(host: str, port: int) -> tuple[int, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
    except (OSError, UnicodeError):
        raise _unknown(host) from None
    family, _, _, _, address = found[0]
    return family, (str(address[0]), int(address[1]))


def _unknown(host: str) -> UsageError:
    return UsageError(
        f"Host '{host}' is not known on this machine.", fix="Use 127.0.0.1, or leave it out."
    )


def _refusal(host: str, port: int, failed: OSError) -> UsageError:
    if failed.errno == errno.EADDRINUSE:
        return UsageError(
            f"Port {port} on {host} is in use{_named(holder_of(port))}.",
            fix="Choose another with --port, leave --port out to get a free one, or stop it.",
        )
    if failed.errno == errno.EACCES:
        return UsageError(
            f"Port {port} needs administrator rights.", fix="Choose one from 1024 to 65535."
        )
    if failed.errno == errno.EADDRNOTAVAIL:
        return UsageError(
            f"Host '{host}' is no address of this machine.", fix="Use 127.0.0.1, or leave it out."
        )
    return UsageError(f"Port {port} on {host} cannot be used: {failed.strerror}.")


def holder_of(port: int) -> psutil.Process | None:
    """Return the process that listens on a TCP port, where the system lets us see it."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr.port == port
                and connection.pid
            ):
                return psutil.Process(connection.pid)
    except (psutil.Error, OSError):
        return None
    return None


def _named(process: psutil.Process | None) -> str:
    if process is None:
        return ""
    try:
        # Only the beginning, and no assignments: later words may be secrets.
        command = " ".join(word for word in process.cmdline()[:4] if "=" not in word)
    except psutil.Error:
        command = ""
    shown = command if len(command) <= 80 else command[:79] + "…"
    return f" by process {process.pid}" + (f" ({shown})" if shown else "")


def is_loopback(host: str) -> bool:
    """Tell whether every address of ``host`` is reachable from this machine only.

    Raises:
        UsageError: Nobody knows ``host``.
    """
    if not host:
        return False
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _unknown(host) from None
    addresses = [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]
    return all(address.is_loopback for address in addresses)


def has_api_key(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether the service will ask its clients for a key."""
    names = ("NBPROD_API_KEY", "NBPROD_API_KEYS_FILE")
    return any(environment.get(name, "").strip() for name in names)


def require_key_beyond_loopback(host: str, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse to open a service without a key to other machines.

    Raises:
        UsageError: ``host`` is not known, or it is not loopback and no key is configured.
    """
    if not is_loopback(host) and not has_api_key(environment):
        raise UsageError(
            f"Host {host} would open the service to other machines without an API key.",
            fix="Set NBPROD_API_KEY (or NBPROD_API_KEYS_FILE) first, or use --host 127.0.0.1.",
        )


def service_url(host: str, port: int) -> str:
    """Return the URL that works on this machine for a service bound to ``host:port``."""
    shown = {"0.0.0.0": LOOPBACK, "": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
