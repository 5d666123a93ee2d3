"""A real JupyterLab in a folder of its own, for the browser tests."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 90


@dataclass(frozen=True)
class Lab:
    """A running server: where it is, where its notebooks lie, what its commands see."""

    url: str
    token: str
    root: Path
    environment: dict[str, str]
    log: Path

    def page(self, notebook: str) -> str:
        """Return the address that opens a notebook, alone in a fresh workspace."""
        return f"{self.url}lab/tree/{notebook}?token={self.token}&reset"


@contextmanager
def running_lab(
    folder: Path, theme: str = "JupyterLab Light", command: Sequence[str] = ()
) -> Iterator[Lab]:
    """Start JupyterLab with a token under a base URL, as behind a hub; stop it at the end.

    Args:
        folder: Everything it writes goes here.
        theme: Name of the theme.
        command: How the server calls nbprod; empty for the real command.
    """
    root = folder / "root"
    root.mkdir(parents=True)
    environment = _environment(folder)
    _write_settings(folder, theme, command)
    token = secrets.token_hex(16)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/user/bob/"
    log = folder / "lab.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                f"--ServerApp.port={port}",
                "--ServerApp.port_retries=0",
                "--ServerApp.base_url=/user/bob/",
                f"--ServerApp.root_dir={root}",
                f"--IdentityProvider.token={token}",
                "--LabApp.extension_manager=readonly",
            ],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=root,
        )
    try:
        _await(f"{url}api/status?token={token}", server, log)
        yield Lab(url, token, root, environment, log)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _environment(folder: Path) -> dict[str, str]:
    ours = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "MPLCONFIGDIR": "matplotlib",
        "NBPROD_HOME": "nbprod",
        "BENTOML_HOME": "bentoml",
    }
    paths = {name: str(folder / place) for name, place in ours.items()}
    return {**os.environ, **paths, "BENTOML_DO_NOT_TRACK": "true"}


def _write_settings(folder: Path, theme: str, command: Sequence[str]) -> None:
    config = {
        "LabApp": {
            "news_url": None,
            "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        },
        "NbprodServerExtension": {"command": list(command)} if command else {},
    }
    _write_json(folder / "config" / "jupyter_server_config.json", config)
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    _write_json(settings / "themes.jupyterlab-settings", {"theme": theme})
    _write_json(settings / "notification.jupyterlab-settings", {"fetchNews": "false"})


def _write_json(file: Path, document: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document))


def _await(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()[-4000:]}")
