"""Starting, draining and ending the front's process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from nbprod.deploy import ports, store
from nbprod.deploy.process import ProcessMark, kill_all, terminate, wait_until_gone


def start_front(folder: Path, listener: int, owner: int) -> ProcessMark:
    """Start a front that ends with this process unless the record names it by then.

    Args:
        folder: The deployment's folder.
        listener: Descriptor of the listening public socket.
        owner: Read end of a pipe whose write end only the caller holds.
    """
    environment = dict(os.environ)
    if ports.has_api_key(environment):
        # The front only needs to know that there is one.
        environment.pop("NBPROD_API_KEYS_FILE", None)
        environment["NBPROD_API_KEY"] = "configured"
    command = [sys.executable, "-P", "-m", "nbprod.deploy.front"]
    command += ["--record", str(folder / store.RECORD)]
    with (folder / "front.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--listen-fd", str(listener), "--owner-fd", str(owner)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env=environment,
            start_new_session=True,
            pass_fds=(listener, owner),
        )
    mark = ProcessMark.of(process.pid)
    process.returncode = 0  # the mark tells whether it lives; no warning for this handle
    return mark


def end_front(mark: ProcessMark, seconds: float) -> None:
    """End a front: requests under way may take ``seconds``."""
    process = mark.process()
    if process is None:
        return
    terminate(mark)
    if not wait_until_gone(mark, seconds):
        kill_all([process])
        wait_until_gone(mark, 5)


def wait_for_drain(front: ProcessMark | None, port: int, seconds: float) -> None:
    """Wait until the front has no connection to a backend any more."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        process = front.process() if front else None
        try:
            links = process.net_connections(kind="tcp") if process else []
        except psutil.Error:
            return
        if not any(link.raddr and link.raddr.port == port for link in links):
            return
        time.sleep(0.1)
