"""Deploying for real: real Bentos, real ``bentoml serve``, real kills."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from nbprod.deploy import store
from nbprod.deploy.deployment import Deployment, DeploymentState
from nbprod.deploy.logs import read_log
from nbprod.deploy.stopping import stop
from nbprod.deploy.switch import switching
from nbprod.errors import SystemFailedError, UsageError
from tests.deploy.conftest import processes_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("bento_home")]

NOTEBOOK = Path("/notebooks/tiny.ipynb")


def deploy(version: str = "v1", port: int | None = None) -> Deployment:
    with switching("tiny", notebook=NOTEBOOK, port=port) as switch:
        candidate = switch.start_candidate(f"tiny:{version}", run_id=f"run-{version}")
        return switch.promote(candidate)


def ask(url: str, wait: float = 0, headers: dict[str, str] | None = None) -> dict:
    body = json.dumps({"rows": [{"a": 1, "b": 2}]}).encode()
    request = urllib.request.Request(f"{url}/predict?wait={wait}", body, headers or {})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def state() -> DeploymentState:
    deployment = store.read("tiny")
    assert deployment is not None
    return deployment.state


def eventually(condition, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


class Load:
    """Clients that never stop asking; half of them keep their connection."""

    def __init__(self, url: str, clients: int = 6) -> None:
        self.failed: list[str] = []
        self.versions: list[str] = []
        self._host = url.removeprefix("http://")
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(one,)) for one in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        connection = http.client.HTTPConnection(self._host, timeout=30)
        while not self._stop.is_set():
            try:
                connection.request("POST", "/predict?wait=0.02", b'{"rows": [{"a": 1}]}')
                response = connection.getresponse()
                document = json.loads(response.read())
                if response.status == 200:
                    self.versions.append(document["version"])
                else:
                    self.failed.append(str(document))
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                connection.close()
            if number % 2:
                connection.close()
        connection.close()


def test_no_request_fails_while_a_version_takes_over(nbprod_home: Path) -> None:
    first = deploy("v1")
    old = set(processes_of(nbprod_home))
    with Load(first.url) as load:
        second = deploy("v2")
        time.sleep(0.5)
    assert load.failed == []
    assert set(load.versions) == {"v1", "v2"}
    change = load.versions.index("v2")
    assert "v1" not in load.versions[change + 50 :]
    assert second.url == first.url
    assert second.front == first.front
    assert [one.version for one in second.history] == ["v1", "v2"]
    assert state() is DeploymentState.RUNNING
    left = {process.pid for process in old if process.is_running()}
    assert second.front is not None
    assert left == {second.front.pid}


def test_a_service_runs_logs_and_stops(nbprod_home: Path) -> None:
    deployment = deploy()
    answer = ask(deployment.url)
    assert answer["predictions"] == [3]
    assert answer["folder"] == str(store.deployment_folder("tiny") / "predictions")
    assert not answer["check"]
    eventually(lambda: "asked for 1 rows" in list(read_log("tiny")))
    assert deployment.as_json()["url"] == deployment.url
    record = (store.deployment_folder("tiny") / store.RECORD).read_text()
    assert "token" not in record
    stopped = stop("tiny")
    assert stopped.state is DeploymentState.STOPPED
    assert [one.version for one in stopped.history] == ["v1"]
    assert processes_of(nbprod_home) == []
    with socket.create_server(("127.0.0.1", deployment.port)):  # the port is free
        pass
    assert stop("tiny").state is DeploymentState.STOPPED
    again = deploy("v2")  # the same URL again, though nobody named the port
    assert again.url == deployment.url
    assert again.previous is not None
    assert again.previous.version == "v1"


def test_a_stop_lets_a_request_end(nbprod_home: Path) -> None:
    deployment = deploy()
    answers: list[dict] = []
    thread = threading.Thread(target=lambda: answers.append(ask(deployment.url, wait=2)))
    thread.start()
    time.sleep(0.7)
    stop("tiny")
    thread.join()
    assert answers[0]["predictions"] == [3]
    assert processes_of(nbprod_home) == []


@pytest.mark.parametrize("bento", ["broken:v1", "slow:v1"])
def test_a_candidate_that_fails_tells_why_and_the_old_one_serves(
    nbprod_home: Path, bento: str
) -> None:
    deployment = deploy()
    before = {process.pid for process in processes_of(nbprod_home)}
    began = time.monotonic()
    with pytest.raises(SystemFailedError) as failed, switching("tiny", notebook=NOTEBOOK) as switch:
        switch.start_candidate(bento, ready_seconds=120 if bento == "broken:v1" else 20)
    told = "the model file is damaged" if bento == "broken:v1" else "loading for ever"
    assert told in failed.value.message
    assert time.monotonic() - began < 60  # a broken one is not waited for to the end
    assert ask(deployment.url)["version"] == "v1"
    assert state() is DeploymentState.RUNNING
    assert {process.pid for process in processes_of(nbprod_home)} == before


def test_a_first_deploy_that_fails_leaves_only_its_log(nbprod_home: Path) -> None:
    with switching("tiny", notebook=NOTEBOOK) as switch:
        url = switch.url
        with pytest.raises(urllib.error.HTTPError, match="503"):
            ask(url)  # the port is ours from the first moment
        with pytest.raises(SystemFailedError):
            switch.start_candidate("broken:v1")
    assert processes_of(nbprod_home) == []
    assert store.read("tiny") is None
    assert any("damaged" in line for line in read_log("tiny"))
    with pytest.raises(urllib.error.URLError):
        ask(url)


DEPLOYER = """
import sys
from pathlib import Path
from nbprod.deploy.switch import switching
with switching("tiny", notebook=Path("/notebooks/tiny.ipynb")) as switch:
    print("prepared", flush=True)
    candidate = switch.start_candidate(sys.argv[1])
    print("ready", flush=True)
    if sys.argv[2] == "promote":
        switch.promote(candidate)
        print("promoted", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def deployer(bento: str, last: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", DEPLOYER, bento, last]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_an_interrupt_while_the_candidate_starts_leaves_nothing(
    nbprod_home: Path, number: signal.Signals
) -> None:
    with deployer("slow:v1", "wait") as process:
        assert process.stdout.readline() == "prepared\n"
        eventually(lambda: len(processes_of(nbprod_home)) >= 3)
        found = store.read("tiny")
        assert found is not None
        assert found.state is DeploymentState.STARTING
        with pytest.raises(UsageError, match=f"process {process.pid}"):
            deploy()  # one at a time
        process.send_signal(number)
        process.wait(20)
        eventually(lambda: processes_of(nbprod_home) == [])
    # A process that is just ending hides its environment before it is gone.
    eventually(lambda: store.read("tiny") is None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupt_before_the_switch_keeps_the_old_one(
    nbprod_home: Path, number: signal.Signals
) -> None:
    deployment = deploy()
    before = {process.pid for process in processes_of(nbprod_home)}
    with deployer("tiny:v2", "wait") as process:
        eventually(lambda: process.stdout.readline() == "ready\n", 60)
        assert len(processes_of(nbprod_home)) > len(before)
        process.send_signal(number)
        process.wait(20)
        eventually(lambda: {one.pid for one in processes_of(nbprod_home)} == before)
    assert ask(deployment.url)["version"] == "v1"


def test_what_was_promoted_outlives_its_deployer_and_its_terminal(nbprod_home: Path) -> None:
    with deployer("tiny:v1", "promote") as process:
        eventually(lambda: process.stdout.readline() == "promoted\n", 60)
        process.kill()
        process.wait()
    deployment = store.read("tiny")
    assert deployment is not None
    for started in processes_of(nbprod_home):
        assert os.getsid(started.pid) != os.getsid(0)
        if "nbprod.deploy." in " ".join(started.cmdline()):
            started.send_signal(signal.SIGHUP)  # what a closing terminal sends
    time.sleep(1)
    assert state() is DeploymentState.RUNNING
    assert ask(deployment.url)["version"] == "v1"


def test_killed_right_after_the_switch_the_old_one_is_retired_all_the_same(
    nbprod_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = deploy()
    code = DEPLOYER.replace(
        "with switching",
        "import os, signal\nfrom nbprod.deploy.switch import Switch\n"
        "Switch._retire = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\nwith switching",
    )
    subprocess.run([sys.executable, "-c", code, "tiny:v2", "promote"], stdin=subprocess.DEVNULL)
    assert ask(first.url)["version"] == "v2"
    assert first.backend is not None
    eventually(lambda: not first.backend.alive(), 40)
    assert ask(first.url)["version"] == "v2"
    assert state() is DeploymentState.RUNNING


def members(deployment: Deployment) -> dict[str, int]:
    assert deployment.front is not None
    assert deployment.backend is not None
    (server,) = psutil.Process(deployment.backend.pid).children()
    return {
        "front": deployment.front.pid,
        "supervisor": deployment.backend.pid,
        "server": server.pid,
    }


@pytest.mark.parametrize("victim", ["front", "supervisor", "server"])
def test_what_is_killed_shows_as_failed_and_the_next_deploy_repairs_it(
    nbprod_home: Path, victim: str
) -> None:
    deployment = deploy()
    os.kill(members(deployment)[victim], signal.SIGKILL)
    eventually(lambda: state() is DeploymentState.FAILED)
    if victim == "front":
        with pytest.raises(urllib.error.URLError):
            ask(deployment.url)
    else:
        # Not one process of the service is left behind, only the front: it answers 503.
        eventually(lambda: [one.pid for one in processes_of(nbprod_home)] == [deployment.front.pid])
        with pytest.raises(urllib.error.HTTPError, match="503"):
            ask(deployment.url)
    repaired = deploy("v2")
    assert repaired.url == deployment.url
    assert ask(deployment.url)["version"] == "v2"
    assert state() is DeploymentState.RUNNING
    stop("tiny")
    assert processes_of(nbprod_home) == []


def test_another_port_takes_over_from_the_old_one(nbprod_home: Path) -> None:
    first = deploy()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    second = deploy("v2", port=port)
    assert second.port == port
    assert ask(second.url)["version"] == "v2"
    with pytest.raises(urllib.error.URLError):
        ask(first.url)
    assert sum("nbprod.deploy.front" in one.cmdline() for one in processes_of(nbprod_home)) == 1


def test_a_port_in_use_is_refused_before_anything_starts(nbprod_home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(UsageError, match=f"Port {port}.*process {os.getpid()}"):
            deploy(port=port)
        assert time.monotonic() - began < 2
    assert processes_of(nbprod_home) == []


def test_another_notebook_cannot_take_the_name_until_it_is_stopped() -> None:
    deploy()
    other = Path("/notebooks/other.ipynb")
    with pytest.raises(UsageError) as refused, switching("tiny", notebook=other):
        pytest.fail("it was let in")
    assert "tiny.ipynb" in refused.value.message
    assert "metadata.nbprod" in refused.value.fix
    assert "nbprod stop tiny" in refused.value.fix
    stop("tiny")
    with switching("tiny", notebook=other) as switch:
        assert switch.current is not None


def test_the_deploy_check_is_told_from_traffic() -> None:
    with switching("tiny", notebook=NOTEBOOK) as switch:
        candidate = switch.start_candidate("tiny:v1")
        assert ask(candidate.url, headers={"X-Nbprod-Check": candidate.check_token})["check"]
        first = candidate.check_token
        command = psutil.Process(candidate.backend.mark.pid).cmdline()
        assert not any(first in word for word in command)
        switch.discard(candidate)
        assert not candidate.backend.mark.alive()
