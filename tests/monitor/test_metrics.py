"""Prometheus metrics: few series, and those of all worker processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

from nbprod.monitor.hooks import Exchange, ServedModel
from nbprod.monitor.metrics import Metrics
from tests.monitor.test_prediction_log import MODEL, prediction


def exposed(metrics: Metrics) -> str:
    return metrics.exposition()[0].decode()


def test_requests_are_counted_by_route_and_status():
    metrics = Metrics()
    metrics.exchange_done(Exchange("/predict", "POST", 200, 0.0007))
    text = exposed(metrics)
    labels = 'route="/predict",source="traffic"'
    assert (
        'nbprod_requests_total{method="POST",route="/predict",source="traffic",status="200"} 1.0'
        in text
    )
    assert f'nbprod_request_seconds_bucket{{le="0.0005",{labels}}} 0.0' in text
    assert f'nbprod_request_seconds_bucket{{le="0.001",{labels}}} 1.0' in text


def test_classes_that_the_contract_does_not_have_are_one_series():
    metrics = Metrics()
    metrics.service_started(MODEL)
    metrics.prediction_made(prediction(3, predictions=["yes", "strange", "stranger"]))
    text = exposed(metrics)
    assert 'nbprod_predictions_total{class="other",source="traffic"} 2.0' in text
    assert 'nbprod_predictions_total{class="no",source="traffic"} 0.0' in text
    assert "strange" not in text


def test_boolean_classes():
    metrics = Metrics()
    metrics.service_started(ServedModel("m", "1", "classification", (False, True)))
    metrics.prediction_made(prediction(predictions=[True]))
    assert 'nbprod_predictions_total{class="true",source="traffic"} 1.0' in exposed(metrics)


def test_numbers_predicted_by_a_regression_are_no_labels():
    metrics = Metrics()
    metrics.service_started(ServedModel("m", "1", "regression"))
    metrics.prediction_made(prediction(2, predictions=[1.25, 2.5]))
    text = exposed(metrics)
    assert 'nbprod_predictions_total{class="",source="traffic"} 2.0' in text
    assert "1.25" not in text


def test_workers_are_added_up(tmp_path):
    code = """
        from nbprod.monitor.metrics import Metrics
        from nbprod.monitor.hooks import Exchange, ServedModel
        metrics = Metrics()
        metrics.service_started(ServedModel("m", "1"))
        metrics.exchange_done(Exchange("/predict", "POST", 200, 0.01))
        print(metrics.exposition()[0].decode())
    """
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
    assert 'route="/predict",source="traffic",status="200"} 2.0' in done.stdout
    assert done.stdout.count("nbprod_model_info{") == 1
