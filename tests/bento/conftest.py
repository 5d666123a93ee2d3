"""Real Bentos in a store of the tests' own, and real `bentoml serve` processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nbprod.bento.spec import ServiceSpec
from tests.model_projects import PROJECTS, ModelProject

VERSION = "20261121T100000Z-abc123"


@pytest.fixture(scope="session")
def bentoml_home(tmp_path_factory) -> Iterator[Path]:
    """A store of our own: BentoML reads its place once, when it is imported."""
    home = tmp_path_factory.mktemp("bentoml")
    changes = {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    if "bentoml" in sys.modules:
        from bentoml._internal.configuration.containers import BentoMLContainer

        BentoMLContainer.bentoml_home.set(str(home))
    yield home
    for name, value in before.items():
        if value is None:
            os.environ.pop(name)
        else:
            os.environ[name] = value


@pytest.fixture(scope="session")
def packaged(tmp_path_factory) -> Callable[[str], ModelProject]:
    """Make a project and package its model, once for each kind."""
    made: dict[str, ModelProject] = {}

    def make(kind: str) -> ModelProject:
        if kind not in made:
            project = PROJECTS[kind](tmp_path_factory.mktemp(kind))
            result = project.package(project.project.parent / "package")
            assert result["ok"], result
            made[kind] = project
        return made[kind]

    return make


@pytest.fixture(scope="session")
def spec_of(packaged) -> Callable[..., ServiceSpec]:
    def make(kind: str, version: str = VERSION, **changes: object) -> ServiceSpec:
        project = packaged(kind)
        values = {
            "name": project.name,
            "version": version,
            "model_package": project.project.parent / "package",
            "project": project.project,
            "run_id": version,
            "notebook": f"{kind}.ipynb",
            "source_digest": "d" * 64,
            **changes,
        }
        return ServiceSpec(**values)

    return make


class Server:
    """A running service."""

    def __init__(self, port: int, process: subprocess.Popen, log: Path):
        self.url = f"http://127.0.0.1:{port}"
        self.process = process
        self.log = log

    def ask(self, path: str, body: object = None, **headers: str) -> tuple[int, str]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def predict(self, rows: object, **headers: str) -> dict:
        status, text = self.ask("/predict", {"rows": rows}, **headers)
        assert status == 200, text
        return json.loads(text)

    def first_answer(self, path: str, seconds: float = 90) -> tuple[int, str]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                return self.ask(path)
            except OSError:
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def wait(self) -> None:
        status, text = self.first_answer("/readyz")
        assert status == 200, text


@contextmanager
def serve(target: str, folder: Path, log: Path, **environment: str) -> Iterator[Server]:
    """Run plain `bentoml serve TARGET` in a folder, without nbprod's CLI."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("bentoml")), "serve", target,
             "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder, stdout=stream, stderr=stream, start_new_session=True,
            env={**os.environ, **environment},
        )  # fmt: skip
    try:
        yield Server(port, process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
