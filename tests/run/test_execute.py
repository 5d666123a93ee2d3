"""Real kernels, real papermill."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbprod.errors import SystemFailedError, UsageError, UserCodeError
from nbprod.events import Event, LogEvent, ProgressEvent
from nbprod.pipeline.ir import Parameter, Pipeline
from nbprod.run.execute import RunRequest, execute
from nbprod.run.folder import run_folders
from nbprod.run.record import RunState, read_record

pytestmark = pytest.mark.slow

Make = Callable[..., Any]


def outputs(path: str | Path) -> list[str]:
    document = json.loads(Path(path).read_text())
    return [
        "".join(
            "".join(found.get("text", found.get("data", {}).get("text/plain", "")))
            for found in cell.get("outputs", [])
        )
        for cell in document["cells"]
    ]


def kernels_of(pid: int) -> list[psutil.Process]:
    """Return what runs below ``pid``; dead children of earlier tests do not."""
    return [
        child
        for child in psutil.Process(pid).children(recursive=True)
        if child.is_running() and child.status() != psutil.STATUS_ZOMBIE
    ]


def test_a_run_leaves_a_record_and_the_output(
    write_notebook: Make, make_pipeline: Make, tmp_path: Path
) -> None:
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    path = write_notebook(
        [
            ("parameters", "n: int = 2\nband = (0, 1)"),
            ("step:load", "text = open('data.csv').read()\nprint(band, type(band).__name__)"),
            ("skip", "raise ValueError('never run')"),
            ("step:count", "count = len(text) * n\nscore = {'count': count}\ncount"),
        ]
    )
    pipeline = make_pipeline(
        path,
        {"load": ([], ["text"]), "count": (["text"], ["count", "score"])},
        metrics=("count", "score"),
        parameters=(Parameter("n", "int", "2"), Parameter("band", "tuple", "(0, 1)")),
    )
    events: list[Event] = []
    out = tmp_path / "out.ipynb"
    record = execute(
        RunRequest(path, pipeline, {"n": 3, "band": (1, 2)}, output=out), events.append
    )
    assert record.state is RunState.COMPLETED
    assert record.metrics == {"count": 24, "score": {"count": 24}}
    assert record.parameters == {"n": 3, "band": [1, 2]}
    assert [found.path for found in record.files_read] == [str(tmp_path / "data.csv")]
    assert [step.name for step in record.steps if step.name] == ["load", "count"]
    assert record.artifact("count", "inputs").members == ("text",)  # type: ignore[union-attr]
    assert read_record(record.folder) == record
    assert outputs(out) == outputs(record.output) == ["", "", "(1, 2) tuple\n", "", "24"]
    document = json.loads(out.read_text())
    assert [cell["execution_count"] for cell in document["cells"]] == [1, 2, 3, None, 4]
    assert "nbprod_capture" not in out.read_text()
    progress = [event for event in events if isinstance(event, ProgressEvent)]
    assert (progress[-1].done, progress[-1].total, progress[-1].detail) == (4, 4, "count")
    assert (tmp_path / ".nbprod" / ".gitignore").read_text() == "*\n"
    assert (tmp_path / ".nbprod").stat().st_mode & 0o777 == 0o700
    assert kernels_of(os.getpid()) == []


def test_a_failing_cell_is_named(write_notebook: Make, make_pipeline: Make, tmp_path: Path) -> None:
    path = write_notebook(
        [
            ("step:load", "x = 1"),
            ("step:train", "# fit\ndef half(v):\n    return v / 0\n\nhalf(x)"),
            "print('later')",
        ]
    )
    pipeline = make_pipeline(path, {"load": ([], ["x"])})
    with pytest.raises(UserCodeError) as caught:
        execute(RunRequest(path, pipeline, output=tmp_path / "out.ipynb"))
    error = caught.value
    assert (error.step, error.where.cell, error.where.line) == ("train", 2, 5)  # type: ignore[union-attr]
    assert error.first_line == "# fit"
    assert error.exception == "ZeroDivisionError: division by zero"
    assert "return v / 0" in error.traceback
    assert "\x1b" not in error.traceback
    record = read_record(run_folders(tmp_path)[-1])
    assert record.state is RunState.FAILED
    assert record.failure is not None
    assert (record.failure.step, record.failure.cell) == ("train", 2)
    assert "division by zero" in (tmp_path / "out.ipynb").read_text()


def test_a_missing_file_says_where_it_was_looked_for(
    write_notebook: Make, make_pipeline: Make, tmp_path: Path
) -> None:
    path = write_notebook(["open('data/none.csv')"])
    with pytest.raises(UserCodeError) as caught:
        execute(RunRequest(path, make_pipeline(path)))
    assert str(tmp_path) in caught.value.fix
    assert "data/none.csv" in caught.value.fix


@pytest.mark.parametrize(
    ("source", "own", "said"),
    [
        ("import emails", "from emails import Message\n", "emails.py beside the notebook"),
        ("from emails import Mesage", "class Message: ...\n", "Define Mesage in emails.py"),
        ("from pandas import Frame", "", "The pandas that is installed has no Frame"),
        ("import no_such_package", "", "Install the package"),
    ],
)
def test_an_import_that_fails_says_which_of_its_reasons_it_is(
    source: str,
    own: str,
    said: str,
    write_notebook: Make,
    make_pipeline: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "emails.py").write_text(own)
    monkeypatch.chdir(tmp_path)
    path = write_notebook([source])
    with pytest.raises(UserCodeError) as caught:
        execute(RunRequest(path, make_pipeline(path)))
    assert said in caught.value.fix


def test_a_dead_kernel_is_said_and_its_children_are_gone(
    write_notebook: Make, make_pipeline: Make, tmp_path: Path
) -> None:
    path = write_notebook(
        [
            "import subprocess, os, pathlib\n"
            "child = subprocess.Popen(['sleep', '300'])\n"
            "pathlib.Path('pid').write_text(str(child.pid))",
            "os._exit(1)",
        ]
    )
    with pytest.raises(UserCodeError, match=r"Cell 2 \(os._exit\(1\)\): the kernel died"):
        execute(RunRequest(path, make_pipeline(path)))
    child = int((tmp_path / "pid").read_text())
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie"
    assert read_record(run_folders(tmp_path)[-1]).state is RunState.FAILED


def stumbling_kernel(folder: Path, starts: set[int]) -> None:
    """Install a kernel ``stumbling`` that ends at once at these of its starts, counted from 1."""
    script = folder / "stumbling.py"
    script.write_text(
        "import pathlib, runpy\n"
        f"count = pathlib.Path({str(folder / 'starts')!r})\n"
        "number = 1 + len(count.read_text()) if count.exists() else 1\n"
        "count.write_text('.' * number)\n"
        f"if number in {starts!r}:\n"
        "    raise SystemExit('zmq.error.ZMQError: Address already in use')\n"
        "runpy.run_module('ipykernel_launcher', run_name='__main__')\n"
    )
    spec = folder / "kernels" / "stumbling"
    spec.mkdir(parents=True)
    command = [sys.executable, str(script), "-f", "{connection_file}"]
    spec.joinpath("kernel.json").write_text(
        json.dumps({"argv": command, "display_name": "stumbling", "language": "python"})
    )


Stumbling = Callable[[set[int], bool], tuple[Path, RunRequest]]


@pytest.fixture
def stumbling(
    write_notebook: Make,
    make_pipeline: Make,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Stumbling:
    """Ask for a run of two steps in such a kernel; its folder counts the ``starts``."""

    def ask(starts: set[int], isolate: bool) -> tuple[Path, RunRequest]:
        home = tmp_path_factory.mktemp("jupyter")
        stumbling_kernel(home, starts)
        monkeypatch.setenv("JUPYTER_PATH", str(home))
        path = write_notebook([("step:one", "x = 1"), ("step:two", "print(x + 1)")])
        pipeline = make_pipeline(path, {"one": ([], ["x"]), "two": (["x"], [])})
        return home, RunRequest(path, pipeline, kernel_name="stumbling", isolate=isolate)

    return ask


@pytest.mark.parametrize("isolate", [False, True])
def test_a_kernel_that_dies_before_it_answers_is_started_again(
    stumbling: Stumbling, isolate: bool
) -> None:
    home, request = stumbling({1, 3}, isolate)
    record = execute(request)
    assert outputs(record.output) == ["", "2\n"]
    assert len((home / "starts").read_text()) == (4 if isolate else 2)
    assert kernels_of(os.getpid()) == []


@pytest.mark.parametrize("isolate", [False, True])
def test_a_kernel_that_never_starts_is_said(
    stumbling: Stumbling, tmp_path: Path, isolate: bool
) -> None:
    home, request = stumbling(set(range(1 + isolate, 9)), isolate)
    with pytest.raises(SystemFailedError, match="Address already in use"):
        execute(request)
    assert len((home / "starts").read_text()) == 3 + isolate
    assert read_record(run_folders(tmp_path)[-1]).state is RunState.FAILED
    assert kernels_of(os.getpid()) == []


@pytest.mark.parametrize("limit", ["cell_timeout", "run_timeout"])
def test_timeouts(write_notebook: Make, make_pipeline: Make, limit: str) -> None:
    path = write_notebook(["x = 1", "import time; time.sleep(60)"])
    started = time.monotonic()
    with pytest.raises(UserCodeError, match="3 s") as caught:
        execute(RunRequest(path, make_pipeline(path), **{limit: 3}))
    assert caught.value.where.cell == 2  # type: ignore[union-attr]
    assert time.monotonic() - started < 30
    assert kernels_of(os.getpid()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupts_end_the_kernel_and_leave_a_record(
    write_notebook: Make, tmp_path: Path, own_home: Path, number: int
) -> None:
    path = write_notebook(["x = 1", "import time; print('here', flush=True); time.sleep(60)"])
    script = (
        "import sys; from pathlib import Path; import hashlib\n"
        "from nbprod.run.execute import *\n"
        "from nbprod.pipeline.ir import *\n"
        "from nbprod.errors import InterruptedRunError\n"
        f"path = Path({str(path)!r})\n"
        "source = Source('d', hashlib.sha256(path.read_bytes()).hexdigest())\n"
        "def tell(event): print(event, flush=True)\n"
        "try:\n"
        "    execute(RunRequest(path, Pipeline('d', 'd', source)), tell)\n"
        "except InterruptedRunError as error:\n"
        "    print(error, flush=True); sys.exit(130)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "done=1" in line:
            break
    time.sleep(1)
    kernels = kernels_of(process.pid)
    assert kernels
    process.send_signal(number)
    rest = process.communicate(timeout=60)[0]
    assert process.returncode == 130, rest
    assert "Cell 2" in rest
    assert not [kernel for kernel in kernels if kernel.is_running()]
    record = read_record(run_folders(tmp_path)[-1])
    assert record.state is RunState.INTERRUPTED
    assert Path(record.output).exists()


def test_a_kernel_that_does_not_start(
    write_notebook: Make, make_pipeline: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "jupyter" / "kernels" / "broken"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-c", "import sys; sys.exit('no such library')", "{connection_file}"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "b", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    path = write_notebook(["x = 1"])
    with pytest.raises(SystemFailedError, match="'broken' did not start: no such library"):
        execute(RunRequest(path, make_pipeline(path), kernel_name="broken", start_timeout=20))
    with pytest.raises(UsageError, match="no kernel named 'nope'") as caught:
        execute(RunRequest(path, make_pipeline(path), kernel_name="nope"))
    assert "python3" in caught.value.message
    assert "broken" in caught.value.message


def test_the_runtime_leaves_no_trace(write_notebook: Make, make_pipeline: Make) -> None:
    path = write_notebook(
        [
            "seen = set(dir()); import random; random.seed(1); first = random.random()",
            "print(sorted(n for n in set(dir()) - seen if 'nbprod' in n.lower()), len(In), _i)",
            "%who",
            "random.seed(1); print(random.random() == first)",
            "%reset -f",
            "y = 2\nprint(y, sorted(n for n in globals() if 'nbprod' in n))",
        ]
    )
    record = execute(RunRequest(path, make_pipeline(path)))
    texts = outputs(record.output)
    assert texts[1].startswith("[] 3 ")
    assert "nbprod" not in texts[2]
    assert texts[3] == "True\n"
    assert texts[5] == "2 []\n"
    assert record.problems == ()


def test_a_part_of_an_own_package_is_imported_after_the_package(
    write_notebook: Make, make_pipeline: Make, tmp_path: Path
) -> None:
    """As the cells of a converted project do with their steps."""
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("")
    (tmp_path / "pack" / "part.py").write_text("number = 3\n")
    path = write_notebook(
        [("step:a", "import pack\nx = 1"), ("step:b", "from pack import part\nx = part.number")]
    )
    record = execute(RunRequest(path, make_pipeline(path)))
    assert record.problems == ()
    assert {each.step for each in record.artifacts} == {"a", "b"}


def test_unpicklable_variables_are_noted_and_the_run_goes_on(
    write_notebook: Make, make_pipeline: Make
) -> None:
    path = write_notebook(
        [
            ("step:a", "lines = (n for n in range(3)); kept = [1]; same = kept"),
            ("step:b", "print(next(lines), same is kept)"),
        ]
    )
    record = execute(RunRequest(path, make_pipeline(path, {"a": ([], ["lines", "kept", "same"])})))
    artifact = record.artifact("a", "outputs")
    assert artifact is not None
    assert artifact.members == ("kept", "same")
    assert "generator" in artifact.unsaved["lines"]
    assert outputs(record.output)[1] == "0 True\n"


ISOLATED = [
    "import random, os, numpy as np, pandas as pd\nfrom dataclasses import dataclass",
    ("step:a", "random.seed(3); np.random.seed(3)\nbase = 10\ndef plus(v): return v + base"),
    ("step:a", "a = [1]; b = a; view = np.arange(6); part = view[2:]; os.environ['MODE'] = 'x'"),
    (
        "step:b",
        "b.append(plus(1)); part[0] = 99; base = 20\n"
        "@dataclass\nclass Point:\n    x: int\n    def far(self): return self.x + base\n"
        "p = Point(3); pd.set_option('display.precision', 2)\n"
        "print(a, view, random.random(), np.random.rand(), os.environ['MODE'])",
    ),
    (
        "step:c",
        "base = 30\nprint(plus(1), p.far(), isinstance(p, Point), a is b)\n"
        "print(pd.Series([1.23456])); print(random.random(), np.random.rand())\n"
        "a",
    ),
]


def test_isolated_steps_give_what_one_kernel_gives(
    write_notebook: Make, make_pipeline: Make
) -> None:
    path = write_notebook(ISOLATED)
    pipeline = make_pipeline(path)
    plain = execute(RunRequest(path, pipeline, capture=False))
    logs: list[Event] = []
    isolated = execute(RunRequest(path, pipeline, capture=False, isolate=True), logs.append)
    assert outputs(isolated.output) == outputs(plain.output)
    counts = [
        [cell["execution_count"] for cell in json.loads(Path(run.output).read_text())["cells"]]
        for run in (plain, isolated)
    ]
    assert counts[0] == counts[1]
    assert [event for event in logs if isinstance(event, LogEvent)] == []
    assert kernels_of(os.getpid()) == []


def test_the_precision_of_what_is_shown_goes_on(write_notebook: Make, make_pipeline: Make) -> None:
    path = write_notebook(
        [
            ("step:a", "import numpy as np\nx = np.float64(2) / 3\nz = 1 / 3"),
            ("step:b", "%precision 3\nnp.set_printoptions(precision=5)\ny = x + z"),
            ("step:c", "print(np.arange(3) / 7)\nx, y, z"),
        ]
    )
    flow = {"a": ([], ["x", "z"]), "b": (["x", "z"], ["y"]), "c": (["x", "y", "z"], [])}
    pipeline = make_pipeline(path, flow)
    for options in ({"capture": False}, {}, {"isolate": True}):
        record = execute(RunRequest(path, pipeline, **options))
        shown = outputs(record.output)[2]
        assert shown == "[0.      0.14286 0.28571]\n(0.667, 1.000, 0.333)", options


def test_isolation_says_what_it_cannot_carry(write_notebook: Make, make_pipeline: Make) -> None:
    path = write_notebook([("step:a", "lines = (n for n in range(3))"), ("step:b", "next(lines)")])
    with pytest.raises(UserCodeError) as caught:
        execute(RunRequest(path, make_pipeline(path), isolate=True))
    assert "lines could not be carried" in caught.value.fix


# jupyter_core keeps an event loop per thread and never closes it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_runs_in_threads_keep_their_working_directories(
    write_notebook: Make, make_pipeline: Make, tmp_path: Path
) -> None:
    path = write_notebook(["import os; print(os.getcwd())"])
    here = Path.cwd()
    found: dict[str, str] = {}

    def run(name: str) -> None:
        folder = tmp_path / name
        folder.mkdir()
        record = execute(RunRequest(path, make_pipeline(path), working_directory=folder))
        found[name] = outputs(record.output)[0].strip()

    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {name: str(tmp_path / name) for name in ("one", "two")}
    assert Path.cwd() == here
    gc.collect()


def test_a_folder_that_cannot_be_written(write_notebook: Make, make_pipeline: Make) -> None:
    path = write_notebook(["x = 1"])
    (path.parent / ".nbprod").write_text("a file where the folder should be")
    with pytest.raises(SystemFailedError, match="cannot be recorded"):
        execute(RunRequest(path, make_pipeline(path)))


def test_the_output_may_not_be_the_notebook(write_notebook: Make) -> None:
    path = write_notebook(["x = 1"])
    from nbprod.pipeline.ir import Source

    pipeline = Pipeline("d", "d", Source("d.ipynb", ""))
    with pytest.raises(UsageError, match="the notebook itself"):
        execute(RunRequest(path, pipeline, output=path))
    with pytest.raises(UsageError, match="cannot be written"):
        execute(RunRequest(path, pipeline, output=path.parent / "no" / "out.ipynb"))
