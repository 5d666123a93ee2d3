"""``nbprod serve``: a built model in the foreground."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nbprod.bento.store import find_bento
from nbprod.deploy.foreground import serve_foreground


@dataclass(frozen=True, slots=True)
class ServeRequest:
    """What to serve: ``NAME[:VERSION]``, and where it listens; ``None`` takes a free port."""

    tag: str
    host: str = "127.0.0.1"
    port: int | None = None


def serve(request: ServeRequest, announce: Callable[[str], object]) -> int:
    """Serve until the service ends or is interrupted; return its exit code, 0 if it was told to.

    Args:
        request: What to serve.
        announce: Gets one line with the URL before the service starts.

    Raises:
        UsageError: No such version, the port is taken, or a key is missing.
    """
    bento = find_bento(request.tag)

    def tell(url: str) -> None:
        announce(f"serving {bento.tag} at {url} (Ctrl-C ends it)")

    return serve_foreground(bento.tag, host=request.host, port=request.port, announce=tell)
