"""Plain `bentoml serve`, over real HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import psutil
import pytest

from nbprod.bento.build import build_bento
from nbprod.model.agreement import disagreements
from tests.bento.conftest import VERSION, serve

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bento_of(spec_of, bentoml_home):
    built = {}

    def build(kind):
        if kind not in built:
            built[kind] = build_bento(spec_of(kind))
        return built[kind]

    return build


@pytest.mark.parametrize("kind", ["penguins", "ratios", "cancer", "spam"])
def test_the_service_answers_what_the_notebook_predicted(
    kind, bento_of, packaged, bentoml_home, tmp_path
):
    project = packaged(kind)
    log = tmp_path / "predictions"
    environment = {"NBPROD_LOG_DIR": str(log), "NBPROD_CHECK_TOKEN": "token"}
    with serve(bento_of(kind).tag, tmp_path, tmp_path / "log", **environment) as server:
        server.wait()
        answer = server.predict(project.rows, **{"X-Nbprod-Check": "token"})
        found = disagreements(answer["predictions"], answer["probabilities"], project.expected)
        assert found == ()
        assert answer["model"] == f"{project.name}:{VERSION.lower()}"
        for route in ("/livez", "/readyz", "/schema", "/openapi.json", "/docs", "/metrics", "/"):
            assert server.ask(route)[0] == 200
        assert server.ask("/docs.json")[0] == 404
        example = json.loads(server.ask("/schema")[1])["example"]
        server.predict(example["rows"])
    [path] = log.iterdir()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    sources = [line["source"] for line in lines]
    assert sources == ["deploy-check"] * len(project.rows) + ["traffic"]
    assert [line["prediction_id"] for line in lines[:-1]] == answer["prediction_ids"]


def test_the_bentos_own_code_answers_also_in_the_projects_folder(
    bento_of, packaged, bentoml_home, tmp_path
):
    """`bentoml serve ratios:V` first imports a module `ratios` from where it is started."""
    project = packaged("ratios")
    bento = bento_of("ratios")
    definitions = project.project / "ratios" / "definitions.py"
    page = bento.path / "src/nbprod/serving/docs.html"
    kept, kept_page = definitions.read_text(), page.read_text()
    init = project.project / "ratios" / "__init__.py"
    definitions.write_text(kept.replace("X[self.over] /", "1000 * X[self.over] /"))
    init.write_text("from ratios import definitions\n")
    page.write_text("the vendored page")
    try:
        with serve(bento.tag, project.project, tmp_path / "log") as server:
            server.wait()
            assert server.predict([{"a": 1.0, "b": 2.0}])["predictions"][0] == pytest.approx(
                0.5, 0.1
            )
            assert server.ask("/docs") == (200, "the vendored page")
    finally:
        definitions.write_text(kept)
        init.write_text("")
        page.write_text(kept_page)


def test_a_project_folder_is_served_with_the_newest_model(
    bento_of, packaged, bentoml_home, tmp_path
):
    bento_of("ratios")
    with serve("service:service", packaged("ratios").project, tmp_path / "log") as server:
        server.wait()
        assert server.predict([{"a": 1.0, "b": 2.0}])["model"].startswith("ratios:")


def test_keys_are_asked_for(bento_of, bentoml_home, tmp_path):
    with serve(bento_of("cancer").tag, tmp_path, tmp_path / "log", NBPROD_API_KEY="k") as server:
        server.wait()
        assert server.ask("/schema")[0] == 401
        assert server.ask("/schema", **{"X-API-Key": "x"})[0] == 403
        assert server.ask("/schema", Authorization="Bearer k")[0] == 200


def test_a_changed_model_file_is_not_served(bento_of, bentoml_home, tmp_path):
    tag = bento_of("cancer").tag
    path = bentoml_home / "models" / tag.replace(":", "/") / "model.skops"
    kept = path.read_bytes()
    path.write_bytes(kept + b" ")
    try:
        with serve(tag, tmp_path, tmp_path / "log") as server:
            status, text = server.first_answer("/readyz")
            assert (status, json.loads(text)["code"]) == (503, "cannot-answer")
            assert "its sha256 differs" in text
            row = {f"x{index}": 1.0 for index in range(6)}
            assert server.ask("/predict", {"rows": [row]})[0] == 503
            assert server.ask("/livez")[0] == 200
    finally:
        path.write_bytes(kept)
    log = (tmp_path / "log").read_text()
    assert "its sha256 differs" in log
    assert "Traceback" not in log


def test_acknowledged_predictions_survive_a_killed_worker(bento_of, bentoml_home, tmp_path):
    log = tmp_path / "predictions"
    row = {f"x{index}": 1.0 for index in range(6)}
    environment = {"NBPROD_LOG_DIR": str(log)}
    with serve(bento_of("cancer").tag, tmp_path, tmp_path / "log", **environment) as server:
        server.wait()
        acknowledged = []
        for index in range(200):
            acknowledged += server.predict([row])["prediction_ids"]
            if index == 150:
                for child in psutil.Process(server.process.pid).children(recursive=True):
                    if "worker.service" in " ".join(child.cmdline()):
                        os.kill(child.pid, signal.SIGKILL)
                server.wait()
        metrics = server.ask("/metrics")[1]
    logged = {
        json.loads(line)["prediction_id"]
        for path in log.iterdir()
        for line in path.read_text().splitlines()
    }
    assert len(set(acknowledged)) == 200
    assert set(acknowledged) <= logged
    assert metrics.count("nbprod_model_info{") == 1


def test_two_services_of_one_store_do_not_share_metrics(bento_of, bentoml_home, tmp_path):
    row = {f"x{index}": 1.0 for index in range(6)}
    with serve(bento_of("cancer").tag, tmp_path, tmp_path / "log1") as first:
        first.wait()
        first.predict([row])
        with serve(bento_of("ratios").tag, tmp_path, tmp_path / "log2") as second:
            second.wait()
            assert 'name="cancer"' not in second.ask("/metrics")[1]
        text = first.ask("/metrics")[1]
    assert 'name="ratios"' not in text
    assert 'route="/predict",source="traffic",status="200"} 1.0' in text


def test_promtool_accepts_the_metrics(bento_of, bentoml_home, tmp_path):
    import shutil

    if shutil.which("promtool") is None:
        pytest.skip("promtool (Debian's prometheus) is not installed")
    with serve(bento_of("cancer").tag, tmp_path, tmp_path / "log") as server:
        server.wait()
        text = server.ask("/metrics")[1]
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
