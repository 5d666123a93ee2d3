from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nbprod.deploy import store
from nbprod.deploy.backend import stop_backend
from nbprod.deploy.deployment import DeployedVersion, Deployment, DeploymentState
from nbprod.deploy.front_process import end_front
from nbprod.deploy.lock import deploy_lock
from nbprod.deploy.process import ProcessMark
from nbprod.errors import SystemFailedError, UsageError

OLD = DeployedVersion("v1", "churn:v1", "run-1", "2026-01-01T00:00:00+00:00")
NEW = DeployedVersion("v2", "churn:v2", "run-2", "2026-01-02T00:00:00+00:00")
CHURN = Deployment(
    name="churn",
    version="v2",
    bento_tag="churn:v2",
    host="127.0.0.1",
    port=4000,
    front=ProcessMark(2**22 - 1, "gone"),
    backend=ProcessMark(2**22 - 1, "gone"),
    backend_port=1,
    notebook="/notebooks/churn.ipynb",
    run_id="run-2",
    log_path="/log",
    started_at=NEW.deployed_at,
    history=(OLD, NEW),
)


def test_a_record_comes_back_with_the_state_its_processes_show() -> None:
    store.write(CHURN)
    found = store.read("churn")
    assert found is not None
    assert found.state is DeploymentState.FAILED  # the file says nothing, the pids are dead
    assert replace(found, state=CHURN.state) == CHURN
    assert found.previous == OLD
    store.write(replace(CHURN, stopped_at="2026-01-03T00:00:00+00:00", front=None, backend=None))
    assert [one.state for one in store.read_all()] == [DeploymentState.STOPPED]


def test_folders_and_files_are_closed_to_others(nbprod_home: Path) -> None:
    store.write(CHURN)
    for path in [nbprod_home, *nbprod_home.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
    assert [path.name for path in store.deployment_folder("churn").iterdir()] == [store.RECORD]


@pytest.mark.parametrize("name", ["..", "a/b", "", "Churn", "-x", "x-", "a" * 64, "a\n"])
def test_a_name_cannot_be_a_path(name: str) -> None:
    with pytest.raises(UsageError):
        store.deployment_folder(name)


def test_a_damaged_record_is_named_and_hides_no_other() -> None:
    store.write(CHURN)
    store.write(replace(CHURN, name="other"))
    (store.deployment_folder("churn") / store.RECORD).write_text('{"name": "chu')
    with pytest.raises(SystemFailedError, match=r"deployment\.json is damaged"):
        store.read("churn")
    assert [(one.name, one.state) for one in store.read_all()] == [
        ("churn", DeploymentState.FAILED),
        ("other", DeploymentState.FAILED),
    ]


def test_a_failed_write_keeps_the_old_record(monkeypatch: pytest.MonkeyPatch) -> None:
    store.write(CHURN)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SystemFailedError, match="No space left"):
        store.write(replace(CHURN, version="v3"))
    found = store.read("churn")
    assert found is not None
    assert found.version == "v2"
    assert [path.name for path in store.deployment_folder("churn").iterdir()] == [store.RECORD]


def test_a_recycled_pid_is_neither_alive_nor_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        recycled = ProcessMark(stranger.pid, "another-boot:1")
        assert not recycled.alive()
        stop_backend(recycled, grace=0)
        end_front(recycled, 0)
        assert stranger.poll() is None
        assert ProcessMark.of(stranger.pid).alive()
        stranger.kill()


def test_a_defunct_process_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    mark = ProcessMark.of(child.pid)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not mark.alive()
    child.wait()


def test_only_one_command_at_a_time(tmp_path: Path) -> None:
    with deploy_lock(tmp_path, "churn"):
        with pytest.raises(UsageError) as refused, deploy_lock(tmp_path, "churn"):
            pytest.fail("two at once")
        assert f"process {os.getpid()}, since 20" in refused.value.message
    with deploy_lock(tmp_path, "churn"):
        pass


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from nbprod.deploy.lock import deploy_lock\n"
        "with deploy_lock(pathlib.Path(sys.argv[1]), 'churn'): print('held', flush=True); input()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match=f"process {holder.pid}"), contextlib.ExitStack() as s:
            s.enter_context(deploy_lock(tmp_path, "churn"))
        holder.kill()
        holder.wait()
        with deploy_lock(tmp_path, "churn"):
            pass
