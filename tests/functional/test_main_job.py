"""The main job, whole: real notebooks, real kernels, real papermill, BentoML and services."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from tests.functional.conftest import MODEL_CELLS, REPOSITORY, nbprod, write_notebook

pytestmark = pytest.mark.slow

# What a person would write below the notebook to ask its own model about one row.
OWN_PREDICTION = {
    "churn": "model.predict(pd.DataFrame([row]))",
    "house_prices": "final_model.predict(scaler.transform(pd.DataFrame([row])))",
    "penguins": "classifier.predict(pd.DataFrame([row]))",
}


@pytest.fixture
def services(sandbox):
    """The sandbox; whatever was deployed in it is stopped at the end."""
    yield sandbox
    shown = nbprod("status", "--json")
    for found in json.loads(shown.stdout)["deployments"]:
        if found["state"] != "stopped":
            nbprod("stop", found["name"])


def deployed(*arguments) -> dict:
    """Deploy and return the JSON document; stdout must hold nothing else."""
    shown = nbprod("deploy", *arguments, "--json")
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout)


def ask(document: dict) -> dict:
    """Run the documented curl line in a shell, as pasted."""
    shown = subprocess.run(
        document["curl"], shell=True, capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(shown.stdout)


def row_of(document: dict) -> dict:
    """Return the row in the documented curl line."""
    import shlex

    words = shlex.split(document["curl"])
    return json.loads(words[words.index("--data-binary") + 1])["rows"][0]


def plain_prediction(notebook: Path, expression: str, row: dict) -> object:
    """Run the notebook under plain papermill with one more cell that asks its own model."""
    import nbformat

    nb = nbformat.read(notebook, as_version=4)
    ask_cell = (
        f"import json, pandas as pd\nrow = json.loads({json.dumps(json.dumps(row))})\n"
        f"print('ANSWER', json.dumps({expression}.tolist()))"
    )
    nb.cells.append(nbformat.v4.new_code_cell(ask_cell))
    asked = notebook.with_name("asked.ipynb")
    nbformat.write(nb, asked)
    subprocess.run(
        [sys.executable, "-m", "papermill", asked, "answered.ipynb", "--no-progress-bar"],
        cwd=notebook.parent,
        check=True,
        capture_output=True,
    )
    answered = nbformat.read(notebook.parent / "answered.ipynb", as_version=4)
    printed = "".join(out.get("text", "") for out in answered.cells[-1].outputs)
    return json.loads(printed.split("ANSWER", 1)[1])[0]


def alive(pattern: str) -> list[str]:
    """Return the command lines of living processes that mention ``pattern``."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = " ".join(process.info["cmdline"] or ())
        if pattern in words and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(words)
    return found


@pytest.mark.parametrize("name", OWN_PREDICTION)
def test_an_example_notebook_is_served_as_itself(services, name):
    shutil.copytree(REPOSITORY / "example_notebooks", services, dirs_exist_ok=True)
    document = deployed(f"{name}.ipynb")
    assert document["checked_rows"] >= 240
    assert document["verified_steps"] >= 3

    answer = ask(document)
    expected = plain_prediction(services / f"{name}.ipynb", OWN_PREDICTION[name], row_of(document))
    if isinstance(expected, float):
        expected = pytest.approx(expected, rel=1e-6)
    assert answer["predictions"] == [expected]
    assert document["expected"] == expected
    assert answer["model"] == f"{document['name']}:{document['version']}"

    listed = json.loads(nbprod("status", "--json").stdout)["deployments"]
    assert [(found["name"], found["state"]) for found in listed] == [(document["name"], "running")]

    # Check rows are logged as such and never count as traffic.
    folder = Path(os.environ["NBPROD_HOME"]) / "deployments" / document["name"]
    records = [
        json.loads(line)
        for path in folder.rglob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    sources = [record["source"] for record in records]
    assert sources.count("deploy-check") == document["checked_rows"]
    assert sources.count("traffic") == 1


def test_what_was_not_verified_is_noted(services):
    notebook = write_notebook(services / "iris.ipynb", *MODEL_CELLS)
    labels = {}
    for option in ("--verify", "--no-verify"):
        done = nbprod("build", notebook, option, "--json")
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        text = (Path(document["path"]) / "bento.yaml").read_text()
        labels[option] = next(line for line in text.splitlines() if "verified:" in line).strip()
        assert document["verified_steps"] == (4 if option == "--verify" else 0)
    assert labels == {"--verify": "verified: 4 steps", "--no-verify": "verified: 'no'"}


def test_versions_replace_each_other_without_a_lost_request(services):
    notebook = write_notebook(services / "iris.ipynb", *MODEL_CELLS)
    first = deployed(notebook)
    lost, answered = [], []
    stop = threading.Event()

    def load():
        body = json.dumps({"rows": [row_of(first)]}).encode()
        headers = {"Content-Type": "application/json"}
        while not stop.is_set():
            request = urllib.request.Request(first["url"] + "/predict", body, headers)
            try:
                with urllib.request.urlopen(request, timeout=30) as response:
                    answered.append(json.load(response)["model"])
            except OSError as error:
                lost.append(repr(error))
            time.sleep(0.02)

    client = threading.Thread(target=load)
    client.start()
    try:
        second = deployed(notebook, "-p", "seed", "11")
        back = deployed(f"iris:{first['version']}")
    finally:
        stop.set()
        client.join()
    assert lost == []
    assert second["url"] == first["url"] == back["url"]
    order = list(dict.fromkeys(answered))
    assert order == [f"iris:{first['version']}", f"iris:{second['version']}"]
    assert ask(back)["model"] == f"iris:{first['version']}"
    assert back["checked_rows"] == first["checked_rows"] > 0

    # A candidate that fails changes nothing, and leaves nothing.
    cells = list(MODEL_CELLS)
    cells[-1] = ("accuracy = 1 / 0", ["step:evaluate", "metrics"])
    write_notebook(notebook, *cells)
    failed = nbprod("deploy", notebook)
    assert failed.returncode == 1
    assert "ZeroDivisionError" in failed.stderr
    assert ask(back)["model"] == f"iris:{first['version']}"

    # Nor may another notebook take its name.
    (services / "other").mkdir()
    write_notebook(services / "other" / "iris.ipynb", *MODEL_CELLS)
    refused = nbprod("deploy", services / "other" / "iris.ipynb")
    assert refused.returncode == 2
    assert str(notebook) in refused.stderr

    assert nbprod("logs", "iris").stdout.strip()
    assert nbprod("stop", "iris").returncode == 0
    port = int(first["url"].rpartition(":")[2])
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))
    assert alive(f"iris:{first['version']}") == []


def test_a_project_that_people_edit(services):
    notebook = write_notebook(services / "iris.ipynb", *MODEL_CELLS)
    assert nbprod("convert", notebook, "-o", "iris_pipeline").returncode == 0
    steps = services / "iris_pipeline" / "iris" / "steps.py"
    original = steps.read_text()

    # An edit that changes no result passes, and is what gets deployed.
    steps.write_text(original.replace("max_iter=500", "max_iter=250 + 250"))
    again = nbprod("convert", notebook, "-o", "iris_pipeline")
    assert again.returncode == 2
    assert "iris/steps.py" in again.stderr
    document = deployed("iris_pipeline")
    assert ask(document)["predictions"] == [document["expected"]]

    # One that changes a result is named, and is not deployed.
    steps.write_text(original.replace("max_iter=500", "max_iter=500, C=0.01"))
    shown = nbprod("verify", "iris_pipeline", "--json")
    assert shown.returncode == 3
    verdict = json.loads(shown.stdout)
    assert not verdict["equivalent"]
    differing = [step["name"] for step in verdict["steps"] if not step["equal"]]
    assert differing[0] == "train"
    refused = nbprod("deploy", "iris_pipeline")
    assert refused.returncode == 3
    assert "train" in refused.stderr
    assert ask(document)["model"] == f"iris:{document['version']}"


@pytest.mark.parametrize("moment", ["run", "verify", "package", "build", "start"])
def test_ctrl_c_at_any_stage_leaves_nothing(services, moment):
    notebook = write_notebook(services / "iris.ipynb", *MODEL_CELLS)
    events = services / "events.ndjson"
    process = subprocess.Popen(
        [sys.executable, "-m", "nbprod", "deploy", str(notebook), "--events", str(events)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        text = events.read_text() if events.exists() else ""
        if f'"stage": "{moment}", "state": "started"' in text:
            break
        time.sleep(0.02)
    time.sleep(0.3)
    assert process.poll() is None, process.communicate()[0]
    # A terminal's Ctrl-C goes to the whole foreground group.
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 130, output
    assert "Traceback (most recent call last)" not in output
    time.sleep(0.5)
    assert alive(str(services)) == []
    assert alive(str(os.environ["BENTOML_HOME"])) == []
    assert json.loads(nbprod("status", "--json").stdout)["deployments"] == []
    import bentoml  # noqa: F401 - the store is read by a process with this BENTOML_HOME

    stored = nbprod("deploy", "iris:latest")
    assert stored.returncode == 2, "a half-built Bento was left in the store"
    leftovers = [path for path in services.rglob("*") if path.suffix in {".part", ".writing"}]
    assert leftovers == []


def test_a_model_that_looks_at_the_rows_beside_is_not_deployed(services):
    """Alone, as clients ask, a row would get another answer than in the notebook."""
    cells = list(MODEL_CELLS)
    cells[4] = (
        "from sklearn.linear_model import LogisticRegression\n"
        "from sklearn.pipeline import make_pipeline\n"
        "from sklearn.preprocessing import FunctionTransformer\n"
        "def centred(rows):\n    return rows - rows.mean()\n"
        "model = make_pipeline(FunctionTransformer(centred), LogisticRegression(max_iter=500))\n"
        "model.fit(train.drop(columns='target'), train['target'])",
        ["step:train"],
    )
    shown = nbprod("deploy", write_notebook(services / "beside.ipynb", *cells))
    assert shown.returncode == 3, shown.stderr
    assert "rows beside" in shown.stderr
    assert json.loads(nbprod("status", "--json").stdout)["deployments"] == []


def test_an_earlier_version_takes_no_training_options(sandbox):
    shown = nbprod("deploy", "iris:20260101t000000z-abcdef", "-p", "seed", "3")
    assert shown.returncode == 2
    assert "-p" in shown.stderr


def test_a_kernel_that_dies(sandbox):
    cells = [*MODEL_CELLS[:3], ("import os\nos._exit(9)", ["step:split"])]
    notebook = write_notebook(sandbox / "dies.ipynb", *cells)
    shown = nbprod("run", notebook)
    assert shown.returncode == 1
    for part in ("cell 4", "import os", "kernel died"):
        assert part.lower() in shown.stderr.lower()
    record = next((sandbox / ".nbprod" / "runs").glob("*/record.json"))
    assert json.loads(record.read_text())["state"] == "failed"


KALE_CELLS = (
    ("import pandas as pd\nfrom sklearn.datasets import load_iris", ["imports"]),
    ("from sklearn.linear_model import LogisticRegression", []),
    ("def named(frame):\n    return frame.rename(columns=lambda name: name[:-5])", ["functions"]),
    ("rounds = 300\nheld_back = 30", ["pipeline-parameters"]),
    ("%matplotlib inline\nnamed(load_iris(as_frame=True).data).head()", ["skip"]),
    ("iris = load_iris(as_frame=True)", ["block:load-data", "limit:nvidia.com/gpu:1"]),
    ("features, target = named(iris.data), iris.target", []),
    (
        "mixed = features.sample(frac=1, random_state=0)\n"
        "train, test = mixed[held_back:], mixed[:held_back]",
        ["block:split", "prev:load-data"],
    ),
    (
        "model = LogisticRegression(max_iter=rounds).fit(train, target[train.index])",
        ["block:train", "prev:split", "prev:load-data"],
    ),
    (
        "accuracy = model.score(test, target[test.index])\nprint(accuracy)",
        ["block:evaluate", "prev:train"],
    ),
    ("print(accuracy)", ["pipeline-metrics"]),
)


def test_a_kale_notebook_is_deployed_as_it_is(services):
    path = write_notebook(services / "kale.ipynb", *KALE_CELLS)
    before = path.read_bytes()
    document = deployed(str(path), "-p", "rounds", "250")
    answer = ask(document)
    assert len(answer["predictions"]) == 1
    assert document["checked_rows"] > 0
    shown = json.loads(nbprod("check", str(path), "--json").stdout)
    names = ["load_data", "split", "train", "evaluate"]
    assert [step["name"] for step in shown["steps"]] == names
    assert [step["metrics"] for step in shown["steps"]] == [[], [], [], ["accuracy"]]
    assert [each["name"] for each in shown["parameters"]] == ["rounds", "held_back"]
    assert path.read_bytes() == before
