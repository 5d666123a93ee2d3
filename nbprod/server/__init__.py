"""The Jupyter server's door: routes under ``nbprod/`` that run the command line.

Layers, top down: ``handlers`` (parse, answer) over ``runs`` and ``services``
(what is going on), over ``run``, ``run_state`` and ``process`` (one call of the
CLI). User code never runs in the Jupyter server: each deploy is a process of
its own, in a session of its own.
"""

from __future__ import annotations

from nbprod import __version__ as __version__


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    """Tell Jupyter Server which application this package brings."""
    from nbprod.server.extension import NbprodServerExtension

    return [{"module": "nbprod.server", "app": NbprodServerExtension}]
