"""The Jupyter server extension: configuration, routes, shutdown."""

from __future__ import annotations

import sys
from pathlib import Path

from jupyter_server.extension.application import ExtensionApp
from traitlets import Float, List, Unicode

from nbprod import __version__
from nbprod.server.handlers import ROUTES
from nbprod.server.run import Patience
from nbprod.server.runs import DeployRuns
from nbprod.server.services import Services


def default_command() -> list[str]:
    """Return how to call nbprod: this interpreter, so that no PATH can mislead.

    ``-P`` keeps the working directory, which is the user's, off ``sys.path``: a
    ``json.py`` beside a notebook must not replace ours.
    """
    return [sys.executable, "-P", "-m", "nbprod.cli.main"]


class NbprodServerExtension(ExtensionApp):
    """Routes under ``nbprod/`` for the panel in JupyterLab."""

    name = "nbprod"
    description = "Deploys notebooks from JupyterLab"
    version = __version__

    command = List(
        Unicode(),
        default_value=default_command(),
        help="How to call nbprod: program and first arguments.",
    ).tag(config=True)

    interrupt_seconds = Float(
        30.0, help="Time a cancelled deploy has to clean up before it is terminated."
    ).tag(config=True)

    terminate_seconds = Float(
        10.0, help="Time a terminated deploy has to end before it is killed."
    ).tag(config=True)

    def initialize_handlers(self) -> None:
        """Make the parts behind the routes, and the routes."""
        assert self.serverapp is not None
        root = Path(self.serverapp.root_dir).absolute()
        self.runs = DeployRuns(
            self.command, root, Patience(self.interrupt_seconds, self.terminate_seconds)
        )
        parts = {"runs": self.runs, "services": Services(self.command, root)}
        # Jupyter Server puts its base URL before these.
        self.handlers.extend((f"/{route}", handler, parts) for route, handler in ROUTES)

    async def stop_extension(self) -> None:
        """Interrupt running deploys; the deployed services keep running."""
        await self.runs.shutdown()
