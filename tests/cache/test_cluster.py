"""Steps computed by the workers of a Dask cluster (`--runner dask`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import venv

import psutil
import pytest
from click.testing import CliRunner

from nbprod.cli.main import command
from nbprod.errors import SystemFailedError
from nbprod.run.ahead.cluster import Cluster
from nbprod.run.history import recorded_runs

pytestmark = pytest.mark.slow


class LocalCluster:
    """A scheduler and workers, each a process of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.processes = []
        self._start("dask_scheduler", "--port", "0", "--scheduler-file", str(self.file))
        deadline = time.monotonic() + 60
        while not self._written() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.address = json.loads(self._written())["address"]

    def _written(self):
        return self.file.read_text() if self.file.exists() else ""

    def worker(self, **environment):
        options = ["--nthreads", "1", "--no-nanny", "--local-directory", str(self.folder)]
        return self._start(
            "dask_worker", self.address, *options, environment={**os.environ, **environment}
        )

    def _start(self, kind, *arguments, environment=None):
        log = (self.folder / f"{kind}-{len(self.processes)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{kind}", *arguments, "--no-dashboard"],
                stdout=log,
                stderr=log,
                env=environment,
            )
        self.processes.append(process)
        return process

    def wait_for(self, count):
        """Wait until so many workers are there."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=60)

    def close(self):
        for process in reversed(self.processes):  # the scheduler last: workers tell it
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def cluster(tmp_path):
    (tmp_path / "dask").mkdir()
    found = LocalCluster(tmp_path / "dask")
    yield found
    found.close()


def write_two(place, pause=""):
    place.write(
        ("k = 1", ["parameters"]),
        "import time\nimport pandas as pd\nfrom sklearn.tree import DecisionTreeClassifier",
        (
            "frame = pd.DataFrame({'a': range(40), 'b': [1, 2] * 20})\ny = [0, 1] * 20",
            ["step:load"],
        ),
        (
            f"{pause}\nleft = DecisionTreeClassifier(max_depth=k, random_state=0).fit(frame, y)",
            ["step:left"],
        ),
        (f"{pause}\nright = frame.groupby('b').a.sum() * k\nprint(right)", ["step:right"]),
        ("accuracy = left.score(frame, y)\nprint(accuracy, right.sum())", ["step:total"]),
    )


def test_workers_give_what_this_machine_gives(place, cluster):
    write_two(place)
    for _ in range(2):
        cluster.worker(OMP_NUM_THREADS="3")  # as Dask itself sets some of that kind
    cluster.wait_for(2)
    found = place.same(("k", "2"), scheduler=cluster.address)
    assert found.ahead == {"load", "left", "right", "total"}
    assert not found.cached
    assert not found.warnings
    assert not (place.folder / ".nbprod" / "runs" / found.record.run_id / "ahead").exists()
    # Another folder to hand things on, and only what changed.
    shared = place.folder.parent / "shared"
    place.change(6, "accuracy = ", "accuracy = 1 * ")
    found = place.same(("k", "2"), scheduler=cluster.address, artifacts=shared.as_uri())
    assert found.ahead == {"total"}
    assert not list(shared.iterdir())


def test_a_worker_that_dies_costs_a_retry(place, cluster):
    write_two(place, pause="time.sleep(4)")
    workers = [cluster.worker() for _ in range(3)]
    cluster.wait_for(3)
    killed = []

    def kill_a_busy_one():
        deadline = time.monotonic() + 60
        while not killed and time.monotonic() < deadline:
            for worker in workers:
                children = psutil.Process(worker.pid).children(recursive=True)
                if any("ipykernel" in " ".join(child.cmdline()) for child in children):
                    time.sleep(1.5)  # in the midst of `load`, or of the steps behind it
                    worker.kill()
                    killed.append(children)
                    break
            time.sleep(0.1)

    killer = threading.Thread(target=kill_a_busy_one)
    killer.start()
    found = place.run(("k", "2"), scheduler=cluster.address)
    killer.join()
    assert killed
    assert found.ahead == {"load", "left", "right", "total"}
    _, alive = psutil.wait_procs(killed[0], timeout=15)
    assert not alive  # what the dead worker had started is gone, too
    plain = place.run(("k", "2"), cache=False)
    assert found.text == plain.text


def test_workers_that_differ_or_reach_nothing_are_refused(place, cluster, tmp_path, monkeypatch):
    write_two(place)
    venv.create(tmp_path / "other")
    spec = tmp_path / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    python = str(tmp_path / "other" / "bin" / "python")
    argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "other", "language": "python"})
    )
    cluster.worker(JUPYTER_PATH=str(tmp_path / "jupyter"))
    cluster.worker()
    cluster.wait_for(2)
    found = place.run(scheduler=cluster.address)
    refused = [text for text in found.warnings if "is not used" in text]
    assert len(refused) == 1
    assert "its environment differs" in refused[0]
    assert found.ahead == {"load", "left", "right", "total"}
    monkeypatch.setattr(Cluster, "takes", lambda self, peak, beside: False)
    found = place.run(("k", "2"), scheduler=cluster.address)  # no worker has the memory
    assert not found.ahead
    assert found.computed == {"left", "right", "total"}
    with pytest.raises(SystemFailedError, match="No worker of"):
        place.run(("k", "3"), scheduler=cluster.address, artifacts="memory://nowhere")


def test_no_scheduler_answers(place):
    write_two(place)
    with pytest.raises(SystemFailedError, match="does not answer"):
        place.run(scheduler="tcp://127.0.0.1:9")
    assert not list(recorded_runs(place.folder))  # nothing ran


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--runner", "dask"], "needs the address"),
        (["--scheduler", "tcp://127.0.0.1:9"], "Add --runner dask"),
        (["--runner", "dask", "--scheduler", "tcp://x:1", "--no-cache"], "does not go with"),
    ],
)
def test_options_that_do_not_fit(place, options, words):
    write_two(place)
    ran = CliRunner().invoke(command, ["run", str(place.notebook), *options])
    assert ran.exit_code == 2
    assert words in ran.output
