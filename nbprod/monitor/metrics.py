"""Prometheus metrics of a service: rate, errors, duration, and what it predicts.

With ``PROMETHEUS_MULTIPROC_DIR`` set, ``/metrics`` of any worker tells of all.
Labels have few values by construction: routes from an allow-list, classes from the
contract, codes from the checker; never what a client sent.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from nbprod.monitor.hooks import Exchange, Prediction, Rejection, ServedModel, hookimpl
from nbprod.monitor.liveness import is_alive

# From 0.5 ms, because a small model answers in that, to 10 s.
BUCKETS = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
ROW_BUCKETS = (1, 2, 5, 10, 50, 100, 500, 1000, 5000, 10000)
MAX_CLASSES = 50
_LIVE_FILE = re.compile(r"gauge_live\w+_(\d+)\.db")


class Metrics:
    """Count requests, predictions, rejections and failures of other plugins."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._classes: frozenset[str] = frozenset()
        self._requests = Counter(
            "nbprod_requests",
            "Requests answered.",
            ["route", "method", "status", "source"],
            registry=registry,
        )
        self._seconds = Histogram(
            "nbprod_request_seconds",
            "Time to answer a request.",
            ["route", "source"],
            buckets=BUCKETS,
            registry=registry,
        )
        self._model_seconds = Histogram(
            "nbprod_model_seconds",
            "Time the model took for one request.",
            ["source"],
            buckets=BUCKETS,
            registry=registry,
        )
        self._rows = Histogram(
            "nbprod_request_rows",
            "Rows in one request that was predicted.",
            ["source"],
            buckets=ROW_BUCKETS,
            registry=registry,
        )
        self._predictions = Counter(
            "nbprod_predictions",
            "Rows predicted, by class where there are classes.",
            ["class", "source"],
            registry=registry,
        )
        self._rejected = Counter(
            "nbprod_rejections",
            "Errors found in refused requests, by code.",
            ["code", "source"],
            registry=registry,
        )
        self._failures = Counter(
            "nbprod_plugin_failures",
            "Failures of monitoring plugins; of prediction-log: predictions not logged.",
            ["plugin"],
            registry=registry,
        )
        self._info = Gauge(
            "nbprod_model_info",
            "The model that answers; always 1.",
            ["name", "version", "task", "run_id", "framework"],
            multiprocess_mode="mostrecent",
            registry=registry,
        )

    @hookimpl
    def service_started(self, model: ServedModel) -> None:
        """Show which model answers, and start its counters at zero."""
        self._classes = frozenset(_label(label) for label in model.classes[:MAX_CLASSES])
        self._info.labels(model.name, model.version, model.task, model.run_id, model.framework).set(
            1
        )
        for label in self._classes:
            self._predictions.labels(label, "traffic")
        self._model_seconds.labels("traffic")
        self._failures.labels("prediction-log")

    @hookimpl
    def exchange_done(self, exchange: Exchange) -> None:
        """Count a request and its time."""
        status = str(exchange.status)
        self._requests.labels(exchange.route, exchange.method, status, exchange.source).inc()
        self._seconds.labels(exchange.route, exchange.source).observe(exchange.seconds)

    @hookimpl
    def prediction_made(self, prediction: Prediction) -> None:
        """Count rows by class."""
        self._model_seconds.labels(prediction.source).observe(prediction.seconds)
        self._rows.labels(prediction.source).observe(len(prediction.ids))
        counts: dict[str, int] = {}
        for answer in prediction.predictions:
            name = _label(answer) if self._classes else ""
            name = name if name in self._classes else ("other" if self._classes else "")
            counts[name] = counts.get(name, 0) + 1
        for name, count in counts.items():
            self._predictions.labels(name, prediction.source).inc(count)

    @hookimpl
    def request_rejected(self, rejection: Rejection) -> None:
        """Count errors by code."""
        for code, count in rejection.codes.items():
            self._rejected.labels(code, rejection.source).inc(count)

    @hookimpl
    def plugin_failed(self, plugin: str) -> None:
        """Count a failure of another plugin."""
        self._failures.labels(plugin).inc()

    @hookimpl
    def service_stopped(self) -> None:
        """Take this process's live gauges away."""
        if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            mark_process_dead(os.getpid(), folder)  # type: ignore[no-untyped-call]

    def exposition(self) -> tuple[bytes, str]:
        """Return the metrics of all workers in Prometheus' text format."""
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
        if not folder or not Path(folder).is_dir():
            return generate_latest(self._registry), CONTENT_TYPE_LATEST
        _bury_dead(Path(folder))
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST


def _bury_dead(folder: Path) -> None:
    """Drop live gauges of workers that were killed and could not say goodbye."""
    for path in folder.glob("gauge_live*.db"):
        if (match := _LIVE_FILE.fullmatch(path.name)) and not is_alive(int(match[1])):
            mark_process_dead(int(match[1]), str(folder))  # type: ignore[no-untyped-call]


def _label(label: object) -> str:
    if isinstance(label, bool):
        return "true" if label else "false"
    return str(label)
