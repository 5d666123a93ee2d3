"""Keys, and what happens without one."""

from __future__ import annotations

import base64
import os

import pytest

from nbprod.errors import SystemFailedError
from nbprod.serving.access import Access

ROWS = {"rows": [{"age": 41, "pay (k)": 2.5}]}
CLOSED = ["/", "/docs", "/schema", "/openapi.json", "/metrics", "/nothing", "/healthz"]


def status(service, path="/schema", **headers):
    return service.client.get(path, headers=headers, follow_redirects=False).status_code


@pytest.fixture
def keyed(serving):
    with serving(access=Access(keys=("one", "two")), address="10.0.0.7", host="svc") as running:
        yield running


def test_each_key_opens_by_each_header(keyed):
    for key in ("one", "two"):
        assert status(keyed, authorization=f"Bearer {key}") == 200
        assert status(keyed, **{"x-api-key": key}) == 200
        basic = base64.b64encode(f"me:{key}".encode()).decode()
        assert status(keyed, authorization=f"Basic {basic}") == 200


@pytest.mark.parametrize("path", CLOSED)
def test_without_a_key_all_but_health_is_401(keyed, path):
    response = keyed.client.get(path, follow_redirects=False)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["code"] == "no-key"


def test_predictions_need_the_key(keyed):
    assert keyed.client.post("/predict", json=ROWS).status_code == 401
    headers = {"X-API-Key": "one"}
    assert keyed.client.post("/predict", json=ROWS, headers=headers).status_code == 200


def test_a_wrong_key_is_403(keyed):
    for wrong in ("three", "onee", "on", "ONE", "é"):
        response = keyed.client.get("/schema", headers=[(b"x-api-key", wrong.encode())])
        assert (response.status_code, response.json()["code"]) == (403, "wrong-key")
    assert status(keyed, authorization="Basic !!!") == 403


def test_health_needs_no_key(keyed):
    assert status(keyed, "/livez") == 200
    assert status(keyed, "/readyz") == 200


def test_a_browser_is_asked_for_the_key(keyed):
    response = keyed.client.get("/docs", headers={"accept": "text/html"})
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Basic")


def test_the_page_names_the_key_only_where_one_is_needed(keyed, serving):
    page = keyed.client.get("/docs", headers={"x-api-key": "one"}).text
    assert '<body data-key="needed">' in page
    assert 'dataset.key === "needed"' in page
    assert "Bearer one" not in page
    with serving() as service:
        assert '<body data-key="no">' in service.client.get("/docs").text


def test_without_keys_only_this_machine_is_answered(serving):
    with serving(address="10.0.0.7") as service:
        assert status(service) == 401
        assert status(service, "/livez") == 200
    with serving(address="::1", host="[::1]") as service:
        assert status(service) == 200


@pytest.mark.parametrize(
    "headers",
    [{"x-forwarded-for": "127.0.0.1"}, {"forwarded": "for=1.2.3.4"}, {"via": "1.1 proxy"},
     {"x-real-ip": "127.0.0.1"}, {"host": "rebound.example"}],
)  # fmt: skip
def test_without_keys_nothing_that_came_through_a_proxy_or_another_name(serving, headers):
    with serving() as service:
        assert status(service) == 200
        assert status(service, **headers) == 401


def test_a_page_of_another_site_cannot_send(serving):
    with serving() as service:
        headers = {"sec-fetch-site": "cross-site"}
        assert service.client.post("/predict", json=ROWS, headers=headers).status_code == 403


def test_keys_of_a_file_are_read_again_when_it_changes(serving, tmp_path):
    path = tmp_path / "keys"
    path.write_text("# people\nalpha\n\nbeta\n")
    with serving(access=Access(keys_file=path), address="10.0.0.7") as service:
        assert status(service, **{"x-api-key": "beta"}) == 200
        assert status(service, **{"x-api-key": "# people"}) == 403
        path.write_text("gamma\n")
        os.utime(path, ns=(1, 1))
        assert status(service, **{"x-api-key": "beta"}) == 403
        assert status(service, **{"x-api-key": "gamma"}) == 200


@pytest.mark.parametrize("text", [None, "", "# nothing\n"])
def test_a_file_without_keys_does_not_open_the_door(tmp_path, text):
    path = tmp_path / "keys"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SystemFailedError, match="holds no key"):
        Access(keys_file=path)


@pytest.mark.parametrize(
    ("token", "sent", "source"),
    [("t", "t", "deploy-check"), ("t", "x", "traffic"), ("t", "", "traffic"),
     ("", "", "traffic"), ("", "x", "traffic")],
)  # fmt: skip
def test_only_the_token_marks_rows_of_a_deploy_check(serving, token, sent, source):
    with serving(access=Access(check_token=token)) as service:
        service.client.post("/predict", json=ROWS, headers={"X-Nbprod-Check": sent})
        [prediction] = service.recorder.predictions
        assert prediction.source == source


def series(service, source):
    """What /metrics counts of predictions from one source."""
    lines = service.client.get("/metrics").text.splitlines()
    return sorted(
        line
        for line in lines
        if f'source="{source}"' in line and "_created" not in line
        # Reading the metrics is a request too.
        if 'route="/metrics"' not in line
    )


def test_a_deploy_check_is_no_traffic_in_any_series(serving):
    bad = {"rows": [{}]}
    with serving(access=Access(check_token="t")) as service:
        before = series(service, "traffic")
        for body in (ROWS, bad):
            service.client.post("/predict", json=body, headers={"X-Nbprod-Check": "t"})
        assert series(service, "traffic") == before
        labels = 'method="POST",route="/predict",source="deploy-check"'
        checked = series(service, "deploy-check")
        assert f'nbprod_requests_total{{{labels},status="200"}} 1.0' in checked
        assert f'nbprod_requests_total{{{labels},status="422"}} 1.0' in checked
        assert 'nbprod_model_seconds_count{source="deploy-check"} 1.0' in checked


@pytest.mark.parametrize("headers", [{}, {"X-Nbprod-Check": ""}, {"X-Nbprod-Check": "wrong"}])
def test_other_requests_are_traffic_in_every_series(serving, headers):
    with serving(access=Access(check_token="t")) as service:
        assert 'nbprod_model_seconds_count{source="traffic"} 0.0' in series(service, "traffic")
        service.client.post("/predict", json=ROWS, headers=headers)
        grown = series(service, "traffic")
        labels = 'route="/predict",source="traffic"'
        assert f'nbprod_requests_total{{method="POST",{labels},status="200"}} 1.0' in grown
        assert f"nbprod_request_seconds_count{{{labels}}} 1.0" in grown
        assert 'nbprod_model_seconds_count{source="traffic"} 1.0' in grown
        assert series(service, "deploy-check") == []
