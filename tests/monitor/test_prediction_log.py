"""The prediction log: every acknowledged row, valid JSON, bounded, and never in the way."""

from __future__ import annotations

import datetime
import json
import os

import numpy as np
import pytest

from nbprod.monitor.hooks import Prediction, ServedModel, hookimpl
from nbprod.monitor.metrics import Metrics
from nbprod.monitor.plugins import Monitor, find_plugins
from nbprod.monitor.prediction_log import PredictionLog

MODEL = ServedModel("churn", "1", "classification", ("no", "yes"), "run", "1.9")


def prediction(count: int = 1, **changes: object) -> Prediction:
    values = {
        "model": MODEL,
        "time": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
        "ids": [f"id-{index}" for index in range(count)],
        "rows": [{"a": np.int64(1), "b": None, "c": "ä\n"}] * count,
        "predictions": [np.str_("yes")] * count,
        "probabilities": [{"no": 0.25, "yes": np.float64("nan")}] * count,
        "source": "traffic",
        "seconds": 0.01,
        **changes,
    }
    return Prediction(**values)


def lines(folder):
    return [
        json.loads(line, parse_constant=pytest.fail)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]


def test_one_line_for_each_row_in_json_types(tmp_path):
    log = PredictionLog(tmp_path)
    log.prediction_made(prediction(2, source="deploy-check"))
    first, second = lines(tmp_path)
    assert first == {
        "time": "2026-01-02T03:04:05Z",
        "prediction_id": "id-0",
        "model": "churn:1",
        "source": "deploy-check",
        "row": {"a": 1, "b": None, "c": "ä\n"},
        "prediction": "yes",
        "probabilities": {"no": 0.25, "yes": None},
        "seconds": 0.01,
    }
    assert second["prediction_id"] == "id-1"


def test_files_are_private_and_named_for_their_process(tmp_path):
    log = PredictionLog(tmp_path / "log")
    log.service_started(MODEL)
    [path] = (tmp_path / "log").iterdir()
    assert f"-{os.getpid()}-" in path.name
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_rotation_keeps_the_newest_files(tmp_path):
    log = PredictionLog(tmp_path, max_bytes=300, keep=3)
    for index in range(20):
        log.prediction_made(prediction(ids=[f"id-{index}"]))
    assert len(list(tmp_path.glob("*.jsonl"))) == 3
    assert lines(tmp_path)[-1]["prediction_id"] == "id-19"


def test_nothing_is_written_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("NBPROD_LOG_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    log = PredictionLog()
    log.service_started(MODEL)
    log.prediction_made(prediction())
    assert list(tmp_path.iterdir()) == []


def test_half_a_line_is_taken_back(tmp_path, monkeypatch):
    log = PredictionLog(tmp_path)
    log.prediction_made(prediction(ids=["before"]))
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, text: write(file, text[:20]))
    with pytest.raises(OSError, match="20 of"):
        log.prediction_made(prediction(ids=["lost"]))
    monkeypatch.undo()
    log.prediction_made(prediction(ids=["after"]))
    assert [line["prediction_id"] for line in lines(tmp_path)] == ["before", "after"]


def test_a_log_that_cannot_be_written_is_counted_and_stops_nothing(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    metrics = Metrics()
    log = PredictionLog(blocked / "log")
    monitor = Monitor((("prediction-log", log), ("metrics", metrics)))
    monitor.service_started(MODEL)
    monitor.prediction_made(prediction())
    text = metrics.exposition()[0].decode()
    assert 'nbprod_plugin_failures_total{plugin="prediction-log"} 2.0' in text
    assert 'nbprod_predictions_total{class="yes",source="traffic"} 1.0' in text


def test_one_broken_plugin_does_not_silence_the_others():
    heard = []

    class Broken:
        @hookimpl
        def prediction_made(self):
            raise RuntimeError("broken")

        @hookimpl
        def plugin_failed(self):
            raise RuntimeError("broken too")

    class Listener:
        @hookimpl
        def prediction_made(self, prediction):
            heard.append(prediction.ids)

        @hookimpl
        def plugin_failed(self, plugin, hook, error):
            heard.append((plugin, hook, str(error)))

    for plugins in (("b", Broken()), ("l", Listener())), (("l", Listener()), ("b", Broken())):
        heard.clear()
        Monitor(plugins).prediction_made(prediction())
        assert ["id-0"] in heard
        assert ("b", "prediction_made", "broken") in heard


def test_the_built_in_plugins_come_through_the_entry_points(monkeypatch):
    monkeypatch.delenv("NBPROD_LOG_DIR", raising=False)
    found = dict(find_plugins())
    assert isinstance(found["metrics"], Metrics)
    assert isinstance(found["prediction-log"], PredictionLog)
