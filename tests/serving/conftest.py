"""A service in this process: a real model, the real app, a client on the loopback."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from nbprod.model.contract import contract_from_json
from nbprod.model.package import Package
from nbprod.monitor.hooks import ServedModel, hookimpl
from nbprod.monitor.metrics import Metrics
from nbprod.monitor.plugins import Monitor
from nbprod.serving.access import Access
from nbprod.serving.app import Loaded, ServiceApp
from nbprod.serving.limits import Limits
from nbprod.serving.scorer import Scorer
from tests.model_projects import load_runtime

with warnings.catch_warnings():
    # Its client asks for a package of another name; httpx, which Jupyter brings, does.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

FRAME = pd.DataFrame({"age": [20, 30, 40, 50] * 5, "pay (k)": [1.0, None, 3.0, 4.0] * 5})
LABELS = pd.Series([0, 0, 1, 1] * 5)


class Recorder:
    """A monitoring plugin that remembers."""

    def __init__(self):
        self.predictions = []
        self.rejections = []
        self.stopped = 0

    @hookimpl
    def prediction_made(self, prediction):
        self.predictions.append(prediction)

    @hookimpl
    def request_rejected(self, rejection):
        self.rejections.append(rejection)

    @hookimpl
    def service_stopped(self):
        self.stopped += 1


def fitted():
    return make_pipeline(SimpleImputer(), LogisticRegression()).fit(FRAME, LABELS)


@contextmanager
def serve(
    model=None,
    features=FRAME,
    target=LABELS,
    limits=Limits(threads=1, queue=2, rows=5, body_bytes=10_000),  # noqa: B008
    access=None,
    host="127.0.0.1",
    address="127.0.0.1",
) -> Iterator[SimpleNamespace]:
    """Run the app of a model; gives client, recorder and model."""
    import json

    model = fitted() if model is None else model
    facts = load_runtime("describe").describe_frame(features, target, model)
    contract = contract_from_json(json.dumps(facts["contract"]))
    recorder, metrics = Recorder(), Metrics()
    served = ServedModel("test", "v1", contract.task, contract.classes or ())

    def load() -> Loaded:
        scorer = Scorer(model, contract, Package(format="skops", files={}))
        monitor = Monitor((("recorder", recorder), ("metrics", metrics)))
        return Loaded(served, scorer, monitor, limits)

    app = ServiceApp(load, lambda: access or Access())
    with TestClient(
        app, base_url=f"http://{host}", client=(address, 50000), raise_server_exceptions=False
    ) as client:
        yield SimpleNamespace(client=client, recorder=recorder, model=model, app=app)


@pytest.fixture
def service():
    with serve() as running:
        yield running


@pytest.fixture
def serving():
    return serve
