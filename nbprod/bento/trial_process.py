"""The service on trial: ``python -m nbprod.bento.trial_process REQUEST.json``.

The application that a Bento would run, with the packaged model, on a loopback port of its
own. The first line on stdout is ``{"port": number}``; it ends when stdin does, so that it
never outlives who started it.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import msgspec

from nbprod.serving.access import Access
from nbprod.serving.app import Loaded, ServiceApp
from nbprod.serving.notebook_lines import read_lines
from nbprod.serving.service import load_package


@dataclass(frozen=True, slots=True)
class TrialRequest:
    """What to serve.

    Attributes:
        name: Name of the service.
        version: Its version, to be told.
        package: Folder of the packaged model.
        project: Folder of the generated project.
        token: Value of ``X-Nbprod-Check`` that the rows will carry.
    """

    name: str
    version: str
    package: str
    project: str
    token: str


def serve(request: TrialRequest, listening: socket.socket) -> None:
    """Answer requests until stdin ends."""
    import uvicorn

    project = Path(request.project)

    def load() -> Loaded:
        return load_package(Path(request.package), request.name, request.version, project)

    def access() -> Access:
        return Access(check_token=request.token)

    app = ServiceApp(load, access, read_lines(project))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))

    def wait() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True

    threading.Thread(target=wait, daemon=True).start()
    server.run(sockets=[listening])


def main(arguments: list[str]) -> None:
    """Run as a process: one argument, the request file."""
    request = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=TrialRequest)
    listening = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(json.dumps({"port": listening.getsockname()[1]}) + "\n")
    sys.stdout.flush()
    os.dup2(2, 1)  # what user code prints is no answer
    os.chdir(request.package)  # a service does not stand in the notebook's folder
    serve(request, listening)


if __name__ == "__main__":
    main(sys.argv[1:])
