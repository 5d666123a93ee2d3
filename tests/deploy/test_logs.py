from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nbprod.deploy import store
from nbprod.deploy.logs import last_lines, read_log
from nbprod.deploy.rotation import RotatingLog, part
from nbprod.errors import UsageError
from tests.deploy.test_store import CHURN


def test_a_log_keeps_its_size_and_its_last_lines(tmp_path: Path) -> None:
    path = tmp_path / "service.log"
    log = RotatingLog(path, most_bytes=1000, parts=2)
    for number in range(500):
        log.write(b"line %04d\n" % number)
    log.close()
    sizes = [file.stat().st_size for file in (path, part(path, 1), part(path, 2))]
    assert all(0 < size <= 1000 for size in sizes)
    assert len(list(tmp_path.iterdir())) == 3
    assert last_lines(path, 150) == [f"line {number:04d}" for number in range(350, 500)]


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "missing" / "service.log")
    log.write(b"lost\n")
    (tmp_path / "missing").mkdir()
    log.write(b"kept\n")
    log.close()
    assert last_lines(tmp_path / "missing" / "service.log", 5) == ["kept"]


def test_following_goes_on_over_rotation_and_a_new_version(tmp_path: Path) -> None:
    first, second = tmp_path / "v1.log", tmp_path / "v2.log"
    log = RotatingLog(first, most_bytes=400, parts=3)
    log.write(b"old\n")
    store.write(replace(CHURN, log_path=str(first)))
    got: list[str] = []

    def follow() -> None:
        got.extend(read_log("churn", lines=10, follow=True))

    thread = threading.Thread(target=follow)
    thread.start()
    time.sleep(0.5)
    for number in range(60):
        log.write(b"line %02d\n" % number)
        time.sleep(0.02)
    time.sleep(0.8)
    second.write_text("new version\n")
    store.write(replace(CHURN, log_path=str(second)))
    time.sleep(0.8)
    store.write(replace(CHURN, log_path=str(second), stopped_at="now", front=None, backend=None))
    thread.join(10)
    log.close()
    assert not thread.is_alive()
    assert got == ["old", *(f"line {number:02d}" for number in range(60)), "new version"]


def test_a_name_that_is_not_deployed() -> None:
    with pytest.raises(UsageError, match="No service named 'nothing'") as refused:
        read_log("nothing")
    assert "nbprod deploy" in refused.value.fix
    store.write(CHURN)
    with pytest.raises(UsageError) as refused:
        read_log("nothing")
    assert "churn" in refused.value.fix
