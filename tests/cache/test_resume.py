"""Runs that are killed: the next one goes on with what they kept."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from nbprod.run.history import recorded_runs
from nbprod.run.record import RunState
from nbprod.workflows.cache import CacheRequest, cache

pytestmark = pytest.mark.slow

STEPS = 4


def write_slow(place):
    cells = [("import time", [])]
    for number in range(STEPS):
        before = f"*value{number - 1}, " if number else ""
        source = f"time.sleep(0.4)\nvalue{number} = [{before}{number}]\nprint(value{number})"
        cells.append((source, [f"step:s{number}"]))
    place.write(*cells)


def start(place, *options):
    command = [sys.executable, "-m", "nbprod", "run", str(place.notebook), "--json", *options]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )


def kernels_of(pid):
    import psutil

    return psutil.Process(pid).children(recursive=True)


def kill(process, *, kernel):
    """Kill the run without warning, and its kernel at the same moment or not."""
    children = kernels_of(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    for child in children if kernel else ():
        child.kill()


def test_runs_killed_at_random_moments(place):
    write_slow(place)
    chosen = random.Random(7)
    kept = 0
    for turn in range(5):
        process = start(place)
        try:
            process.communicate(timeout=chosen.uniform(1.5, 6))
        except subprocess.TimeoutExpired:
            kill(process, kernel=bool(turn % 2))
        now = len(cache(CacheRequest(place.folder)).steps)
        assert now >= kept  # nothing that was kept is lost
        kept = now
    states = [record.state for record in recorded_runs(place.folder)]
    assert RunState.RUNNING not in states
    found = place.same()
    assert found.text.endswith("[0, 1, 2, 3]\n")
    assert not list((place.folder / ".nbprod" / "cache").rglob("*.part"))
    assert len(place.run().cached) == STEPS


def test_a_killed_run_loses_the_step_in_progress_only(place):
    write_slow(place)
    process = start(place, "--events", "-")
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event.get("detail") == "s3":
            break
    kill(process, kernel=True)
    assert [record.state for record in recorded_runs(place.folder)] == [RunState.INTERRUPTED]
    found = place.run()
    assert found.cached >= {"s0", "s1", "s2"}
    plain = place.run(cache=False)
    assert found.text == plain.text


def test_a_killed_kernel_loses_the_step_in_progress_only(place):
    write_slow(place)
    text = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    place.cells.insert(4, (text, ["step:dies"]))
    place.write(*place.cells)
    process = start(place)
    process.communicate()
    assert process.returncode == 1
    place.cells.pop(4)
    place.write(*place.cells)
    assert place.same().cached == {"s0", "s1", "s2"}


def test_damaged_files_are_computed_again(place):
    write_slow(place)
    place.run()
    for path in sorted((place.folder / ".nbprod" / "cache" / "entries").rglob("*.pkl")):
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data[: len(data) // 2])
    place.change(STEPS + 1, "print(value3)", "print('value', value3)")
    found = place.run(starts_over=True)
    assert found.text.endswith("value [0, 1, 2, 3]\n")
    assert any("every step runs again" in text for text in found.warnings)
    for path in (place.folder / ".nbprod" / "cache" / "entries").rglob("entry.json"):
        path.write_bytes(path.read_bytes()[:-9])
    assert place.run().cached == set()


def test_another_home_does_not_trust_the_cache(place, monkeypatch, tmp_path):
    write_slow(place)
    place.run()
    monkeypatch.setenv("NBPROD_HOME", str(tmp_path / "other"))
    assert place.run().cached == set()


def test_papermill_has_it_too(place):
    write_slow(place)
    command = [sys.executable, "-m", "papermill", "--engine", "nbprod", "--no-progress-bar"]
    for turn in range(2):
        output = place.folder / f"out{turn}.ipynb"
        done = subprocess.run([*command, place.notebook, output], capture_output=True, check=True)
        assert b"Traceback" not in done.stderr
    cells = nbformat.read(Path("out1.ipynb"), as_version=4).cells
    assert all(cell.metadata.get("nbprod", {}).get("cached") for cell in cells)
    first = nbformat.read(Path("out0.ipynb"), as_version=4).cells
    assert [cell.outputs for cell in cells] == [cell.outputs for cell in first]
    subprocess.run(
        [*command, place.notebook, "out2.ipynb"],
        check=True,
        env={**os.environ, "NBPROD_CACHE": "0"},
    )
    cells = nbformat.read(Path("out2.ipynb"), as_version=4).cells
    assert not any(cell.metadata.get("nbprod", {}).get("cached") for cell in cells)
