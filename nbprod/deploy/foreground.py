"""``nbprod serve``: a Bento at the terminal, until Ctrl-C."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from nbprod.deploy import ports, store
from nbprod.deploy.backend import GRACE_SECONDS, serve_command, service_environment


def serve_foreground(
    bento_tag: str, *, host: str, port: int | None, announce: Callable[[str], None]
) -> int:
    """Serve a Bento and wait until it is told to end (Ctrl-C, SIGTERM). Main thread only.

    Args:
        bento_tag: ``name:version`` in the BentoML store.
        host: Host to listen on.
        port: Port; ``None`` for a free one.
        announce: Gets the URL as soon as it is known.

    Returns:
        0 when it was told to end, else the exit code of ``bentoml serve``.

    Raises:
        UsageError: The port is taken, the host is not ours, or a key is missing.
    """
    import signal

    from nbprod.deploy.supervisor import Supervisor

    ports.require_key_beyond_loopback(host)
    with ports.listen(host, port or 0) as probe:
        address, number = probe.getsockname()[:2]
    folder = store.deployment_folder(bento_tag.partition(":")[0], make=True)
    environment = service_environment(folder, secrets.token_urlsafe(32))
    del environment["NBPROD_DEPLOYMENT_FOLDER"]  # `stop` ends what was deployed, not this
    announce(ports.service_url(host, number))
    with tempfile.TemporaryDirectory(prefix="nbprod-serve-") as working:
        supervisor = Supervisor(
            serve_command(bento_tag, address, number),
            record=Path(os.devnull),
            log=None,
            owner=None,
            grace=GRACE_SECONDS,
            environment=environment,
            folder=Path(working),
        )
        kept = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
        try:
            code = supervisor.run()
        finally:
            for one, handler in kept.items():
                signal.signal(one, handler)
    return 0 if supervisor.told_to_end else code
