"""``nbprod verify`` on real runs: what it compares, what it says, what it leaves alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nbprod.run import safekeeping
from nbprod.run.record import FileState, RunRecord, RunState, StretchRecord, WrittenFile
from nbprod.workflows.verify import VerifyRequest, VerifyResult, verify
from tests.functional.conftest import write_notebook

pytestmark = pytest.mark.slow

CELLS = (
    (
        "import random, time, uuid, sqlite3, os\n"
        "import numpy as np\n"
        "random.seed(1); np.random.seed(2)\n"
        "stamp = time.time()\n"
        "rows = [random.random() for _ in range(3)]\n"
        "os.mkdir('out')\n"
        "with open('out/rows.txt', 'w') as file:\n"
        "    print(len(rows), file=file)\n"
        "with open('log.txt', 'a') as file:\n"
        "    print('loaded', file=file)",
        ["step:load"],
    ),
    (
        "import matplotlib.pyplot as plt\n"
        "plt.plot(rows)\n"
        "plt.title('rows')\n"
        "display({'n': len(rows)})",
        ["step:draw"],
    ),
    (
        "with open('out/rows.txt') as file:\n"
        "    count = int(file.read())\n"
        "with open('out/rows.txt', 'a') as file:\n"
        "    print('seen', file=file)\n"
        "connection = sqlite3.connect('rows.db')\n"
        "connection.execute('create table rows (x)')\n"
        "connection.execute('insert into rows values (1)')\n"
        "connection.commit()\n"
        "connection.close()\n"
        "os.environ['ROWS'] = str(count)\n"
        "drawn = float(np.random.rand()) + random.random()",
        ["step:files"],
    ),
    ("later = stamp + count\nprint(count, os.environ['ROWS'], np.random.rand())", ["step:use"]),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NBPROD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "bentoml"))
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "log.txt").write_text("before\n")
    return tmp_path / "work"


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and ".nbprod" not in path.parts
    }


def outputs(result: VerifyResult) -> dict[tuple[str, str], Any]:
    return {(step.step, each.name): each for step in result.steps for each in step.outputs}


def test_figures_files_and_what_is_unstable(folder: Path) -> None:
    notebook = write_notebook(folder / "rows.ipynb", *CELLS)
    result = verify(VerifyRequest(notebook))
    found = outputs(result)
    assert result.equivalent, result.as_json()
    assert found["draw", "figure 1"].equal
    assert found["draw", "displayed values"].equal
    for step, name in (
        ("load", "out/rows.txt"),
        ("load", "log.txt"),
        ("files", "out/rows.txt"),
        ("files", "rows.db"),
        ("files", "count"),
        ("use", "printed text"),
    ):
        assert found[step, name].equal, found[step, name]
    # The clock is another each time, and that is said instead of being anybody's fault.
    assert [(each.step, each.name) for each in result.proof.unstable] == [("load", "stamp")]
    assert "the clock" in result.proof.unstable[0].reason
    document = result.as_json()
    assert document["stability_checked"] is True
    assert document["unstable"][0]["name"] == "stamp"  # type: ignore[index]
    assert "no model" in result.service.detail
    # Three executions later, the folder is as one run of the notebook leaves it.
    assert (folder / "log.txt").read_text() == "before\nloaded\n"
    assert (folder / "out" / "rows.txt").read_text() == "3\nseen\n"
    assert not list((folder.parent / "home" / "replays").iterdir())


def project_of(notebook: Path) -> Path:
    from nbprod.workflows.convert import ConvertRequest, convert

    convert(ConvertRequest(notebook, notebook.parent / "rows_pipeline"))
    return notebook.parent / "rows_pipeline"


def edit(project: Path, *changes: tuple[str, str]) -> None:
    steps = project / "rows" / "steps.py"
    text = steps.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    steps.write_text(text)


def test_differences_name_the_step_and_the_likely_reason(folder: Path) -> None:
    stable = [(source.replace("stamp = time.time()", "stamp = 5"), tags) for source, tags in CELLS]
    project = project_of(write_notebook(folder / "rows.ipynb", *stable))
    edit(
        project,
        ('plt.title("rows")', 'plt.title("rowz")'),
        ('print("seen", file=file)', 'print("been", file=file)'),
        ('os.environ["ROWS"] = str(count)', 'os.environ["ROWS"] = str(count + 1)'),
        ("float(np.random.rand())", "float(np.random.rand() + 0 * np.random.rand())"),
        ("later = stamp + count", 'later = stamp + count\n    open("new.txt", "w").close()'),
    )
    before = set(contents(folder))
    result = verify(VerifyRequest(project))
    found = outputs(result)
    assert not result.equivalent
    assert result.proof.stability_checked
    assert result.proof.unstable == ()
    assert result.proof.first is not None
    assert (result.proof.first[0].step, result.proof.first[1].name) == ("draw", "figure 1")  # type: ignore[union-attr]
    assert "pixels differ" in found["draw", "figure 1"].detail
    assert "rows/steps.py was edited by hand" in found["draw", "figure 1"].reason
    assert found["files", "out/rows.txt"].detail == "line 2: 'been' vs 'seen'"
    assert not found["files", "environment variable ROWS"].equal
    assert not found["files", "random state of `numpy.random`"].equal
    assert "random numbers" in found["files", "random state of `numpy.random`"].reason
    assert found["use", "new.txt"].detail == "the notebook does not write it"
    # What only the pipeline wrote is gone, and what it wrote differently is the notebook's.
    assert set(contents(folder)) == before | {"log.txt", "out/rows.txt", "rows.db"}
    assert (folder / "out" / "rows.txt").read_text() == "3\nseen\n"


def test_files_come_back_after_a_command_that_was_killed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbprod.run.folder import create_run_folder
    from nbprod.run.kernel import filestate
    from nbprod.run.record import write_record

    run = create_run_folder(folder)
    path = folder / "result.csv"
    path.write_text("the notebook's")
    state = FileState(**filestate.state(str(path), str(run.files)))
    written = WrittenFile(FileState(str(path)), state)
    record = RunRecord(
        run.run_id,
        RunState.COMPLETED,
        "nb",
        "",
        "",
        str(run.path),
        str(folder),
        "python3",
        "",
        stretches=(StretchRecord("a", (1,), files=(written,)),),
    )
    write_record(record)
    code = (
        "import os, signal\nfrom nbprod.run import safekeeping\n"
        "from nbprod.run.record import read_record\n"
        f"with safekeeping.safe_files(read_record({str(run.path)!r})):\n"
        f"    open({str(path)!r}, 'w').write('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], check=False, env=os.environ)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_text() == "half"
    safekeeping.recover()
    assert path.read_text() == "the notebook's"
    assert path.stat().st_mtime_ns == state.mtime_ns
    safekeeping.recover()  # nothing is left to do

    # Ctrl-C in the middle needs no second command.
    def interrupted() -> None:
        with safekeeping.safe_files(record) as journal:
            path.write_text("half")
            before = filestate.state(str(folder / "new.csv"), str(run.files))
            (journal / "a.jsonl").write_text(json.dumps(before) + "\n")
            (folder / "new.csv").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "the notebook's"
    assert not (folder / "new.csv").exists()


def test_the_service_leg_answers_the_notebooks_rows(folder: Path) -> None:
    from nbprod.cli.comparison_table import describe_verification
    from tests.functional.conftest import MODEL_CELLS

    result = verify(VerifyRequest(write_notebook(folder / "iris.ipynb", *MODEL_CELLS)))
    assert result.equivalent
    assert not result.proof.stability_checked
    assert result.as_json()["service"] == {
        "model": "model",
        "checked_rows": 112,
        "equal": True,
        "detail": "",
    }
    text = describe_verification(result)
    assert "service of `model`: 112 answers equal to the notebook's" in text
    json.dumps(result.as_json())
    assert not any(step.cached for step in result.steps)

    # Once more, with one cell changed: only what that touches is replayed.
    cells = [
        (each[0].replace("'accuracy', round", "'measured', round"), each[1])
        if isinstance(each, tuple)
        else each
        for each in MODEL_CELLS
    ]
    again = verify(VerifyRequest(write_notebook(folder / "iris.ipynb", *cells)))
    assert again.equivalent
    assert {step.step for step in again.steps if not step.cached} == {"evaluate"}
    assert [step["cached"] for step in again.as_json()["steps"]] == [True, True, True, False]  # type: ignore[index,attr-defined]
    assert again.service.checked_rows == 112  # asked with the model of the earlier replay
    assert "load   " in describe_verification(again)
    assert "unchanged" in describe_verification(again)
    # A verdict that was not written here counts for nothing.
    for verdict in (folder / ".nbprod" / "verified").iterdir():
        verdict.write_bytes(verdict.read_bytes().replace(b"accuracy", b"accurate") + b" ")
    quick = verify(VerifyRequest(folder / "iris.ipynb", service=False))
    assert quick.equivalent
    assert not any(step.cached for step in quick.steps)
    assert quick.service.equal is None
    assert "--no-service" in quick.service.detail


def test_a_service_that_answers_differently(folder: Path) -> None:
    from nbprod.cli.comparison_table import describe_verification

    cells = (
        ("import os\nimport numpy as np\nimport pandas as pd", []),
        (
            # In a service there is no such file: what stands beside the notebook stays there.
            "class Shifted:\n"
            "    def fit(self, X, y):\n        return self\n"
            "    def predict(self, X):\n"
            "        return np.full(len(X), 1.5 if os.path.exists('log.txt') else 2.5)",
            [],
        ),
        (
            "X = pd.DataFrame({'a': range(20)})\ny = X['a'] / 2\nmodel = Shifted().fit(X, y)",
            ["step:train"],
        ),
    )
    result = verify(
        VerifyRequest(write_notebook(folder / "s.ipynb", *cells, nbprod={"model": "model"}))
    )
    assert result.proof.equal
    assert not result.equivalent
    assert result.service.equal is False
    assert "row 1" in result.service.detail
    assert "2.5 from the service, 1.5 in the notebook" in result.service.detail
    text = describe_verification(result)
    assert "the service answers differently from the notebook's model" in text


def test_an_undeclared_change_stops_it_and_names_the_line(folder: Path) -> None:
    cells = (
        ("data = [1, 2]\nholder = type('H', (), {})", ["step:load"]),
        ("import gc\nfor found in gc.get_objects():\n    pass\nprint('kept')", ["step:keep"]),
        ("total = sum(data)\nprint(total)", ["step:use"]),
    )
    # No name of `data`: found among all lists by what it holds.
    hidden = (
        "import gc\nfor found in gc.get_objects():\n"
        "    if type(found) is list and len(found) == 2 and found[0] == 1 and found[1] == 2:\n"
        "        found.append(3)"
    )
    notebook = write_notebook(folder / "h.ipynb", cells[0], (hidden, ["step:keep"]), cells[2])
    result = verify(VerifyRequest(notebook))
    assert not result.equivalent
    assert result.record.undeclared[0].variable == "data"
    found = outputs(result)["use", "data"]
    assert found.kind == "input"
    assert "changes `data`" in found.reason
    assert "`step:load`" in found.reason


def test_a_saved_model_with_a_transformer_of_the_notebooks_own(folder: Path) -> None:
    """Its pickle names the class by another module; and no attribute says that it is fitted."""
    path = write_notebook(
        folder / "custom.ipynb",
        "import joblib, pickle\nimport numpy as np\nimport pandas as pd\n"
        "from sklearn.base import BaseEstimator, TransformerMixin\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "from sklearn.pipeline import make_pipeline",
        "class Clip(TransformerMixin, BaseEstimator):\n"
        "    def __init__(self, top=1.0):\n        self.top = top\n"
        "    def fit(self, X, y=None):\n        return self\n"
        "    def transform(self, X):\n        return np.clip(X, -self.top, self.top)",
        "rng = np.random.default_rng(0)\n"
        "df = pd.DataFrame(rng.normal(size=(200, 2)), columns=list('ab'))\n"
        "df['y'] = (df.a + df.b > 0).astype(int)",
        "X, y = df[['a', 'b']], df['y']\n"
        "model = make_pipeline(Clip(), LogisticRegression()).fit(X, y)",
        "joblib.dump(model, 'model.joblib')\n"
        "with open('model.pkl', 'wb') as file:\n    pickle.dump(model, file)",
    )
    found = verify(VerifyRequest(path))
    assert found.equivalent
    files = [name for _, name in outputs(found) if name.startswith("model.")]
    assert sorted(files) == ["model.joblib", "model.pkl"]


def test_sets_of_texts_are_replayed_in_their_order(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    cells = (
        ("words = set('the quick brown fox jumps over lazy dogs'.split())", ["step:load"]),
        ("number = {word: place for place, word in enumerate(words)}", ["step:count"]),
        ("import os\nprint(number, list(words), 'PYTHONHASHSEED' in os.environ)", ["step:show"]),
    )
    result = verify(VerifyRequest(write_notebook(folder / "words.ipynb", *cells), service=False))
    assert result.equivalent
    assert all(each.equal and not each.unstable for step in result.steps for each in step.outputs)
