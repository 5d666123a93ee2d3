"""What serves is kept, whatever fails afterwards; what does not serve goes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from nbprod.bento.store import find_bento
from nbprod.deploy import backend as backends
from nbprod.deploy import store
from nbprod.deploy import switch as switches
from nbprod.deploy.backend import Backend, http_status
from nbprod.deploy.deployment import DeploymentState
from nbprod.deploy.process import ProcessMark
from nbprod.deploy.switch import Candidate, Switch, switching
from nbprod.errors import ResultsDifferError, SystemFailedError, UsageError
from nbprod.events import LogEvent, StageEvent, StageState
from nbprod.workflows import deploy as workflow
from nbprod.workflows.target import VersionTarget

NOTEBOOK = Path("/notebooks/tiny.ipynb")
TRUTH = workflow.ServedTruth(({"a": 1, "b": 2},), {"predictions": [3], "probabilities": None})


class Ended(list):
    """What was ended: backends and fronts."""


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Ended:
    found = Ended()
    monkeypatch.setattr(backends, "discard_backend", lambda one: found.append(one.mark))
    monkeypatch.setattr(switches, "end_front", lambda mark, drain: found.append(mark))
    return found


@pytest.fixture
def living() -> Iterator[ProcessMark]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield ProcessMark.of(process.pid)
        process.kill()


@pytest.fixture
def begun(living: ProcessMark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A switch with a front of its own, and a candidate that is ready."""
    switch = Switch("tiny", store.deployment_folder("tiny", make=True), -1, str(NOTEBOOK))
    switch.host, switch.port = "127.0.0.1", 1
    switch._front, switch._own_front = ProcessMark.of(os.getpid()), True
    backend = Backend(living, "tiny:v1", 2, tmp_path / "log", "token")
    switch._candidates.append(backend)
    monkeypatch.setattr(Switch, "_confirm", lambda *_: None)
    return switch, Candidate("tiny", "tiny:v1", "run-1", backend, 0.1)


def raising(error: BaseException):
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_leaving_ends_what_was_not_promoted(begun, ended: Ended) -> None:
    switch, candidate = begun
    switch.leave()
    assert ended == [candidate.backend.mark, switch._front]
    assert not switch.adopted


def test_leaving_never_ends_what_the_record_names(begun, ended: Ended) -> None:
    switch, candidate = begun
    other = Backend(ProcessMark(1, "long ago"), "tiny:v0", 3, candidate.backend.log_path, "token")
    switch._candidates.append(other)
    store.write(switch._after(candidate))
    switch.leave()
    assert ended == [other.mark]


def test_an_interrupt_while_confirming_takes_it_back(begun, ended: Ended, monkeypatch) -> None:
    switch, candidate = begun
    monkeypatch.setattr(Switch, "_confirm", raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        switch.promote(candidate)
    assert not switch.adopted
    assert store.read("tiny") is None or not store.read("tiny").history
    switch.leave()
    assert ended == [candidate.backend.mark, switch._front]


def test_what_could_not_be_taken_back_serves_and_is_kept(begun, ended: Ended, monkeypatch) -> None:
    switch, candidate = begun
    monkeypatch.setattr(Switch, "_confirm", raising(KeyboardInterrupt()))
    monkeypatch.setattr(Switch, "_restore", raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        switch.promote(candidate)
    assert switch.adopted
    switch.leave()
    assert ended == []


@pytest.mark.parametrize("error", [OSError("no space"), SystemFailedError("no"), KeyboardInterrupt])
@pytest.mark.parametrize("place", ["_retire", "forget_candidate"])
def test_nothing_after_the_switch_makes_it_fail(
    begun, ended: Ended, monkeypatch, place: str, error
) -> None:
    switch, candidate = begun
    owner = Switch if place == "_retire" else store
    monkeypatch.setattr(owner, place, raising(error))
    assert switch.promote(candidate).version == "v1"
    assert switch.adopted
    switch.leave()
    assert ended == []


def test_a_record_damaged_after_the_switch_ends_nothing(begun, ended: Ended) -> None:
    switch, candidate = begun
    switch.promote(candidate)
    (store.deployment_folder("tiny") / store.RECORD).write_text("{")
    switch.leave()
    assert switch.adopted
    assert ended == []


@pytest.mark.parametrize("adopted", [True, False])
def test_only_a_bento_that_does_not_serve_is_deleted(monkeypatch, adopted: bool) -> None:
    deleted: list[str] = []

    def delete(tag: str) -> None:
        deleted.append(tag)
        raise UsageError("there is no Bento")

    monkeypatch.setattr(workflow, "delete_bento", delete)
    switch = SimpleNamespace(adopted=adopted)
    with (
        pytest.raises(ResultsDifferError, match="the real error"),
        workflow._kept_only_if_deployed(switch, "tiny:v1"),
    ):
        raise ResultsDifferError("the real error")
    assert deleted == ([] if adopted else ["tiny:v1"])


def test_a_trained_model_without_rows_to_compare_is_not_served(tmp_path, monkeypatch) -> None:
    prepared = SimpleNamespace(
        pipeline=SimpleNamespace(service="tiny"), subject=SimpleNamespace(notebook=NOTEBOOK)
    )
    trained = SimpleNamespace(
        choice=SimpleNamespace(candidate=SimpleNamespace(variable="model")),
        record=SimpleNamespace(folder=str(tmp_path), run_id="run-1"),
    )
    monkeypatch.setattr(workflow, "prepare", lambda *_: prepared)
    monkeypatch.setattr(workflow, "train", lambda *_: trained)
    monkeypatch.setattr(workflow, "switching", lambda *_, **__: contextlib.nullcontext())
    monkeypatch.setattr(workflow, "build_stage", lambda *_: pytest.fail("it was built"))
    folder = tmp_path / "models" / "model"
    folder.mkdir(parents=True)
    for rows in (None, "[]"):
        if rows is not None:
            (folder / "rows.json").write_text(rows)
            (folder / "expected.json").write_text('{"predictions": []}')
        with pytest.raises(SystemFailedError, match="no rows to compare with"):
            workflow._deploy_training(workflow.DeployRequest(NOTEBOOK), lambda _: None)


def test_an_earlier_version_without_rows_is_served_with_a_warning(monkeypatch) -> None:
    bento = SimpleNamespace(name="tiny", tag="tiny:v1", labels={})
    served = (SimpleNamespace(url="http://127.0.0.1:1"), workflow.ServedComparison(0))
    switch = contextlib.nullcontext(SimpleNamespace(current=None))
    monkeypatch.setattr(workflow, "find_bento", lambda _: bento)
    monkeypatch.setattr(workflow, "switching", lambda *_, **__: switch)
    monkeypatch.setattr(workflow, "_serve", lambda *_: served)
    events: list[object] = []
    request = workflow.DeployRequest(Path("tiny:v1"))
    result = workflow._deploy_version(VersionTarget("tiny", "v1"), request, events.append)
    assert result.checked_rows == 0
    assert [one.level for one in events if isinstance(one, LogEvent)] == ["warning"]


@pytest.mark.slow
@pytest.mark.usefixtures("bento_home")
def test_a_listener_that_fails_after_the_switch_leaves_all_that_serves() -> None:
    def listener(event: object) -> None:
        if isinstance(event, StageEvent) and (event.stage, event.state) == (
            "switch",
            StageState.DONE,
        ):
            raise BrokenPipeError("nobody reads")

    with (
        pytest.raises(BrokenPipeError),
        switching("tiny", notebook=NOTEBOOK) as switch,
        workflow._kept_only_if_deployed(switch, "tiny:v1"),
    ):
        workflow._serve(switch, "tiny:v1", "run-1", TRUTH, listener)
    assert find_bento("tiny:v1").tag == "tiny:v1"
    deployment = store.read("tiny")
    assert deployment is not None
    assert deployment.state is DeploymentState.RUNNING
    assert deployment.version == "v1"
    assert http_status("127.0.0.1", deployment.port, "/livez") == 200
