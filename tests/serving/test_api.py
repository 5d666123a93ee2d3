"""The HTTP API, as its contract says."""

from __future__ import annotations

import json
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbprod.serving.limits import Limits
from tests.serving.conftest import FRAME, LABELS

ROW = {"age": 41, "pay (k)": 2.5}


def post(service, document, **options):
    return service.client.post("/predict", json=document, **options)


def refused(response, status, *codes):
    """Check a problem document and return its errors."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == status
    assert document["detail"]
    found = [error["code"] for error in document.get("errors", [])]
    assert found == list(codes)
    return document.get("errors", [])


def test_predictions_are_the_models_own(service):
    rows = [ROW, {"age": 20, "pay (k)": None}]
    response = post(service, {"rows": rows})
    assert response.status_code == 200
    answer = response.json()
    frame = pd.DataFrame(rows).astype({"pay (k)": float})
    assert answer["predictions"] == service.model.predict(frame).tolist()
    table = service.model.predict_proba(frame)
    assert answer["probabilities"] == [
        {"0": pytest.approx(row[0]), "1": pytest.approx(row[1])} for row in table
    ]
    assert answer["model"] == "test:v1"
    assert len({uuid.UUID(one) for one in answer["prediction_ids"]}) == 2


def test_every_error_is_listed(service):
    response = post(service, {"rows": [ROW, {"age": "x", "more": 1}, 7]})
    errors = refused(
        response, 422, "wrong-type", "missing-column", "unknown-column", "not-an-object"
    )
    assert [(error["row"], error["column"]) for error in errors] == [
        (1, "age"), (1, "pay (k)"), (1, "more"), (2, None),
    ]  # fmt: skip
    assert service.recorder.rejections[0].codes["wrong-type"] == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b'{"rows": [NaN]}', b"[" * 200_000, b'{"rows":[]}x', b'"\\ud800"'],
    ids=["empty", "cut", "not utf-8", "nan", "nested", "trailing", "surrogate"],
)
def test_malformed_json_is_400(serving, body):
    with serving(limits=Limits(threads=1)) as service:
        refused(service.client.post("/predict", content=body), 400)


@pytest.mark.parametrize(
    ("document", "codes"),
    [
        ([], ["not-an-object"]),
        (None, ["not-an-object"]),
        ({}, ["missing-key"]),
        ({"row": []}, ["unknown-key", "missing-key"]),
        ({"rows": []}, ["no-rows"]),
        ({"rows": ROW}, ["not-a-list"]),
        ({"rows": None}, ["not-a-list"]),
    ],
)
def test_json_of_another_shape_is_422(service, document, codes):
    response = service.client.post("/predict", content=json.dumps(document))
    refused(response, 422, *codes)


def test_too_many_rows_and_too_large_a_body_are_413(service):
    refused(post(service, {"rows": [ROW] * 6}), 413)
    refused(service.client.post("/predict", content=b" " * 10_001), 413)


def test_a_body_without_a_length_is_stopped_on_the_way(service):
    sent = []

    def endless():
        for _ in range(100):
            sent.append(1)
            yield b" " * 1000

    refused(service.client.post("/predict", content=endless()), 413)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/predict", 405), ("DELETE", "/schema", 405), ("GET", "/nothing", 404),
     ("GET", "/predict/", 404), ("GET", "/schema.json", 404), ("BREW", "/docs", 405)],
)  # fmt: skip
def test_routes_and_methods_that_are_not_there(service, method, path, status):
    response = service.client.request(method, path)
    refused(response, status)
    if status == 405:
        assert response.headers["allow"]


def test_health_and_the_way_to_the_page(service):
    assert service.client.get("/livez").status_code == 200
    assert service.client.get("/readyz").json() == {"status": "ready", "model": "test:v1"}
    response = service.client.get("/", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (307, "docs")
    assert service.client.get("/").status_code == 200


def test_the_schema_is_the_contract(service):
    schema = service.client.get("/schema").json()
    assert [column["name"] for column in schema["columns"]] == ["age", "pay (k)"]
    assert schema["classes"] == [0, 1]
    assert post(service, schema["example"]).status_code == 200


def test_the_openapi_document_is_valid_and_its_example_works(service):
    from openapi_spec_validator import OpenAPIV31SpecValidator

    document = service.client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()
    operation = document["paths"]["/predict"]["post"]
    body = operation["requestBody"]["content"]["application/json"]
    assert post(service, body["example"]).status_code == 200
    assert {"400", "401", "403", "413", "422", "429"} <= set(operation["responses"])
    assert set(document["paths"]) | {"/"} == {route.path for route in service.app.starlette.routes}


def test_the_answers_keep_the_openapi_document(service):
    from jsonschema import Draft202012Validator

    document = service.client.get("/openapi.json").json()
    for name, answer in (
        ("PredictResponse", post(service, {"rows": [ROW]}).json()),
        ("Problem", post(service, {"rows": [{}]}).json()),
    ):
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        Draft202012Validator(schema).validate(answer)


def test_the_page_needs_nothing_from_elsewhere(service):
    response = service.client.get("/docs")
    assert response.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "http://" not in response.text
    assert "https://" not in response.text


def test_paths_of_strangers_do_not_become_metrics(service):
    for index in range(200):
        service.client.get(f"/random-{index}")
    text = service.client.get("/metrics").text
    assert "random" not in text
    assert 'route="unmatched",source="traffic",status="404"} 200.0' in text
    assert len(text) < 20_000


class Picky:
    """A model that rejects some values, fails on others, and answers what is not JSON."""

    def predict(self, frame):
        value = frame["x"].iloc[0]
        if value == 1:
            raise ValueError("x must not be 1")
        if value == 2:
            raise AttributeError("a defect of the model")
        return np.where(frame["x"] == 3, np.nan, np.where(frame["x"] == 4, np.inf, frame["x"]))


PICKY = {"features": pd.DataFrame({"x": [0.5, 9.5]}), "target": pd.Series([0.5, 1.5])}


def test_a_row_that_the_model_rejects_is_422_and_named(serving):
    with serving(model=Picky(), **PICKY) as service:
        errors = refused(post(service, {"rows": [{"x": 1}]}), 422, "model-rejected")
        assert errors[0]["message"] == "x must not be 1"
        errors = refused(post(service, {"rows": [{"x": 1}, {"x": 5}]}), 422, "model-rejected")
        assert errors[0]["row"] == 0


def test_a_broken_model_is_500_without_its_depths(serving):
    with serving(model=Picky(), **PICKY) as service:
        response = post(service, {"rows": [{"x": 2}]})
        refused(response, 500)
        assert "defect" not in response.text
        assert post(service, {"rows": [{"x": 5}]}).status_code == 200
        counted = 'route="/predict",source="traffic",status="500"} 1.0'
        assert counted in service.client.get("/metrics").text


def test_what_is_not_finite_is_null(serving):
    with serving(model=Picky(), **PICKY) as service:
        for value in (3, 4):
            text = post(service, {"rows": [{"x": value}]}).text
            assert json.loads(text, parse_constant=pytest.fail)["predictions"] == [None]


@pytest.mark.parametrize(
    ("labels", "kind"),
    [([False, True], bool), ([0, 1], int), ([0.0, 1.0], float), (["n", "y"], str)],
)
def test_labels_keep_their_json_type(serving, labels, kind):
    from sklearn.linear_model import LogisticRegression

    target = pd.Series([labels[0]] * 10 + [labels[1]] * 10)
    features = pd.DataFrame({"x": np.arange(20.0)})
    model = LogisticRegression().fit(features, target)
    with serving(model=model, features=features, target=target) as service:
        answer = post(service, {"rows": [{"x": 19.0}]}).json()
    assert answer["predictions"] == [labels[1]]
    assert type(answer["predictions"][0]) is kind
    assert sum(answer["probabilities"][0].values()) == pytest.approx(1)


def test_the_monitor_hears_of_each_prediction_before_the_client(service):
    answer = post(service, {"rows": [ROW]}).json()
    [prediction] = service.recorder.predictions
    assert list(prediction.ids) == answer["prediction_ids"]
    assert prediction.rows == [ROW]
    assert prediction.source == "traffic"


class Slow:
    """Takes until it is told."""

    def __init__(self):
        self.go = threading.Event()

    def predict(self, frame):
        self.go.wait(20)
        return np.zeros(len(frame))


def test_overload_is_429_while_health_still_answers(serving):
    model = Slow()
    features, target = pd.DataFrame({"x": [1.0, 2.0]}), pd.Series([0.5, 1.5])
    with (
        serving(model=model, features=features, target=target) as service,
        ThreadPoolExecutor(3) as pool,
    ):
        # One is scored and two wait: the fourth is too many.
        running = [pool.submit(post, service, {"rows": [{"x": 1}]}) for _ in range(3)]
        desk = service.app._loaded.desk
        deadline = time.monotonic() + 10
        while desk._pending < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        response = post(service, {"rows": [{"x": 1}]})
        healthy = service.client.get("/livez").status_code
        model.go.set()
        assert [call.result().status_code for call in running] == [200, 200, 200]
        refused(response, 429)
        assert int(response.headers["retry-after"]) > 0
        assert healthy == 200
        assert post(service, {"rows": [{"x": 1}]}).status_code == 200


def test_an_end_is_told_to_the_monitor(serving):
    with serving() as service:
        pass
    assert service.recorder.stopped == 1


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["rows"]), inner),
    max_leaves=10,
)


@pytest.fixture(scope="module")
def lasting():
    from tests.serving.conftest import serve

    with serve() as running:
        yield running


@given(
    anything.map(json.dumps).map(str.encode)
    | st.binary()
    | st.lists(st.fixed_dictionaries({"age": anything, "pay (k)": anything}))
    .map(lambda rows: json.dumps({"rows": rows}).encode())
)  # fmt: skip
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_that_a_client_sends_is_a_500(lasting, body):
    response = lasting.client.post("/predict", content=body)
    assert response.status_code in (200, 400, 413, 422)
    json.loads(response.text, parse_constant=pytest.fail)


def test_one_job_and_one_transformation_for_each_request():
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    from nbprod.model.contract import Column, Contract
    from nbprod.model.package import Package
    from nbprod.serving.scorer import Scorer

    calls = []

    class Counting(SimpleImputer):
        def transform(self, X):
            calls.append(len(X))
            return super().transform(X)

    model = make_pipeline(Counting(), RandomForestClassifier(5, n_jobs=2)).fit(FRAME, LABELS)
    columns = (Column("age", "integer", "int64"), Column("pay (k)", "number", "float64"))
    contract = Contract("classification", "frame", columns, (0, 1))
    scorer = Scorer(model, contract, Package(format="skops", files={}))
    assert model[-1].n_jobs == 1
    calls.clear()
    answer = scorer.score([ROW])
    assert calls == [1]
    assert answer.probabilities is not None


def test_a_transformer_without_anything_fitted_is_asked_all_the_same():
    """scikit-learn calls a Pipeline of such transformers alone not fitted."""
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline

    from nbprod.model.contract import Column, Contract
    from nbprod.model.package import Package
    from nbprod.serving.scorer import Scorer

    class Half(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return X / 2

    model = make_pipeline("passthrough", Half(), RandomForestClassifier(5)).fit(FRAME, LABELS)
    columns = (Column("age", "integer", "int64"), Column("pay (k)", "number", "float64"))
    contract = Contract("classification", "frame", columns, (0, 1))
    answer = Scorer(model, contract, Package(format="skops", files={})).score([ROW])
    assert answer.predictions == model.predict(FRAME.__class__([ROW])[list(FRAME)]).tolist()
