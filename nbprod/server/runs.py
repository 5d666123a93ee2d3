"""All deploys of this server: start, find, list, cancel."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from nbprod.server.problem import Problem
from nbprod.server.run import DeployRun, Patience

FINISHED_RUNS_KEPT = 50

# The server is going down: less time than a cancel has, or the service manager kills us all.
SHUTDOWN_PATIENCE = Patience(interrupt=10.0, terminate=3.0)


class DeployRuns:
    """The runs that this server started since it started.

    Args:
        command: How to call nbprod: program and first arguments.
        root: The server's root folder; the working directory of the commands.
        patience: Time that a cancelled run has to clean up.
    """

    def __init__(self, command: Sequence[str], root: Path, patience: Patience) -> None:
        self._command = tuple(command)
        self._root = root
        self._patience = patience
        self._runs: dict[str, DeployRun] = {}

    def start(self, path: str, notebook: Path, parameters: Mapping[str, object]) -> DeployRun:
        """Start to deploy a notebook.

        Args:
            path: The notebook as the browser names it.
            notebook: Its local file.
            parameters: Values that replace the notebook's defaults.

        Raises:
            Problem: 409 if this notebook is being deployed already; ``id`` names that run.
        """
        for run_id, run in self._runs.items():
            if run.state.path == path and not run.state.finished:
                raise Problem(
                    409,
                    "this notebook is being deployed already",
                    fix="wait for it, or cancel it",
                    id=run_id,
                )
        arguments = [*self._command, "deploy", str(notebook), "--events", "-"]
        for name, value in parameters.items():
            arguments += ["-p", name, value if isinstance(value, str) else json.dumps(value)]
        run_id = secrets.token_hex(8)
        run = DeployRun(run_id, path, arguments, self._root)
        self._runs[run_id] = run
        self._forget_oldest()
        return run

    def find(self, run_id: str) -> DeployRun:
        """Return a run.

        Raises:
            Problem: 404 if there is none of that id.
        """
        try:
            return self._runs[run_id]
        except KeyError:
            raise Problem(
                404,
                "the server does not know this deploy",
                fix="it may have been restarted since: see the deployed services, or deploy again",
            ) from None

    def snapshots(self) -> list[dict[str, object]]:
        """Return the snapshots of all runs, newest first."""
        return [run.state.as_json() for run in reversed(self._runs.values())]

    def cancel(self, run_id: str) -> DeployRun:
        """Begin to cancel a run.

        Raises:
            Problem: 404 if there is none of that id, 409 if it has ended.
        """
        run = self.find(run_id)
        if run.state.finished:
            raise Problem(409, "this deploy has ended", fix="stop the service instead")
        run.cancel(self._patience)
        return run

    async def shutdown(self) -> None:
        """Interrupt what is running and wait for its end. Deployed services live on."""
        running = [run for run in self._runs.values() if not run.state.finished]
        await asyncio.gather(*(run.cancel(SHUTDOWN_PATIENCE) for run in running))

    def _forget_oldest(self) -> None:
        finished = [run_id for run_id, run in self._runs.items() if run.state.finished]
        for run_id in finished[:-FINISHED_RUNS_KEPT]:
            del self._runs[run_id]
