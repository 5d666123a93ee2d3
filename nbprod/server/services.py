"""The deployed services, as ``nbprod status`` and ``nbprod stop`` know them."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from nbprod.errors import ExitCode
from nbprod.server.problem import Problem

COMMAND_SECONDS = 120


class Services:
    """What is deployed on this machine, whoever deployed it.

    Args:
        command: How to call nbprod: program and first arguments.
        root: Working directory of the commands.
    """

    def __init__(self, command: Sequence[str], root: Path) -> None:
        self._command = tuple(command)
        self._root = root

    async def status(self) -> dict[str, object]:
        """Return the document of ``nbprod status --json``.

        Raises:
            Problem: 502 if the command failed.
        """
        return await self._call("status", "--json", usage_status=502)

    async def stop(self, name: str) -> dict[str, object]:
        """Stop a service and return the document of ``nbprod stop --json``.

        Raises:
            Problem: 404 if there is no such service, 502 if the command failed.
        """
        return await self._call("stop", "--json", "--", name, usage_status=404)

    async def _call(self, *arguments: str, usage_status: int) -> dict[str, object]:
        ended = await asyncio.to_thread(self._run, arguments)
        try:
            document = json.loads(ended.stdout)
        except ValueError:
            document = None
        if ended.returncode == ExitCode.DONE and isinstance(document, dict):
            return document
        error = document.get("error") if isinstance(document, dict) else None
        if not isinstance(error, dict):
            last = (ended.stderr.strip() or "no reason given").splitlines()[-1]
            error = {"message": f"nbprod {arguments[0]} failed: {last}"}
        raise Problem(
            usage_status if ended.returncode == ExitCode.USAGE else 502,
            str(error.get("message", "")),
            fix=str(error.get("fix", "")),
        )

    def _run(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [*self._command, *arguments],
                cwd=self._root,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=COMMAND_SECONDS,
                check=False,
                start_new_session=True,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Problem(
                502,
                f"nbprod {arguments[0]} could not be run: {error}",
                fix="run it in a terminal to see more",
            ) from error
