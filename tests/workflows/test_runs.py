"""Recorded runs: listed, shown, compared, repeated, and told to a CI system."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import psutil
import pytest
from click.testing import CliRunner

from nbprod.cli.main import command
from nbprod.errors import InterruptedRunError
from nbprod.run.folder import state_folder
from nbprod.run.history import find_run, tidy
from nbprod.workflows import sweep
from nbprod.workflows.rerun import changed_inputs
from tests.functional.conftest import write_notebook

CELLS = (
    ("scale: float = 2.0", ["parameters"]),
    (
        "with open('numbers.txt') as file:\n    numbers = [float(line) for line in file]",
        ["step:load"],
    ),
    ("total = sum(numbers) * scale\nprint('total', total)", ["step:add"]),
    ("mean = total / len(numbers)", ["step:rate", "metrics"]),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with three runs of one notebook: as it is, with a parameter, edited."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "numbers.txt").write_text("1\n2\n3\n")
    before = Path.cwd(), dict(os.environ)
    os.chdir(folder)
    os.environ["NBPROD_HOME"] = str(folder / "home")
    notebook = write_notebook(folder / "sums.ipynb", *CELLS)
    try:
        assert nbprod("run", notebook).exit_code == 0
        assert nbprod("run", notebook, "-p", "scale", "3").exit_code == 0
        edited = list(CELLS)
        edited[2] = ("total = sum(numbers) * scale + 1\nprint('total', total)", ["step:add"])
        write_notebook(notebook, *edited)
        assert nbprod("run", notebook, "-p", "scale", "3").exit_code == 0
        yield folder
    finally:
        os.chdir(before[0])
        os.environ.clear()
        os.environ.update(before[1])


def nbprod(*arguments, **variables):
    return CliRunner().invoke(command, list(map(str, arguments)), env=variables)


def told(*arguments, code=0):
    shown = nbprod(*arguments, "--json")
    assert shown.exit_code == code, shown.output
    return json.loads(shown.stdout)


@pytest.fixture
def ids(place):
    """Ids of the three runs, oldest first."""
    return [run["run_id"] for run in reversed(told("runs")["runs"])][:3]


def test_runs_are_listed_newest_first_with_their_metrics(place, ids):
    shown = nbprod("runs", "sums.ipynb").stdout
    lines = shown.splitlines()
    assert [line.split()[0] for line in lines[-3:]] == ids[::-1]
    assert re.search(r"mean 4$", lines[-1])
    assert "completed" in lines[0]
    assert nbprod("runs", "-n", "1").stdout.splitlines()[-1].startswith("… and ")


def test_a_run_is_shown_with_all_it_used(place, ids):
    shown = nbprod("show", ids[1][-6:]).stdout
    for part in ("scale  3.0", "numbers.txt", "mean  6", "add ", "sums.ipynb", "kernel python3"):
        assert part in shown
    record = told("show", ids[1])
    assert record["metrics"] == {"mean": 6.0}
    assert record["environment"]["cores"] == os.cpu_count()
    lock = Path(record["folder"], "lock.txt").read_text()
    assert re.search(r"^ipykernel==\S+  # sha256 [0-9a-f]{64}$", lock, re.M)


def test_the_peak_memory_of_each_step_is_recorded(place):
    notebook = write_notebook(
        place / "memory.ipynb",
        ("large = bytearray(150_000_000)\ndel large", ["step:large"]),
        ("small = 1", ["step:small"]),
    )
    assert nbprod("run", notebook).exit_code == 0
    peaks = {step["name"]: step["peak_memory"] for step in told("show", "last")["steps"]}
    assert peaks["large"] - peaks["small"] > 100_000_000


@pytest.mark.parametrize(
    ("name", "reason"), [("nothing", "no run nothing"), ("2", "may be any of")]
)
def test_a_name_that_is_no_run_or_several(place, name, reason):
    shown = nbprod("show", name)
    assert shown.exit_code == 2
    assert reason in shown.stderr


def test_a_diff_names_parameters_code_and_metrics(place, ids):
    first, second, third = ids
    one = told("diff", first, second)["differences"]
    assert [(found["kind"], found["name"]) for found in one] == [
        ("parameter", "scale"),
        ("metric", "mean"),
    ]
    shown = nbprod("diff", second, third).stdout
    assert "-total = sum(numbers) * scale\n" in shown
    assert "+total = sum(numbers) * scale + 1" in shown
    assert re.search(r"mean\s+6 → 6.33333\s+\(\+0.3333\)", shown)
    assert "no difference" in nbprod("diff", first, first).stdout


def test_a_run_repeated_gives_the_same(place, ids):
    found = told("rerun", ids[2], "--check")
    assert found["same"] is True
    assert {(each["name"], each["kind"]) for each in found["results"]} >= {
        ("total", "output"),
        ("printed text", "printed"),
        ("mean", "metric"),
    }


def test_a_rerun_says_what_is_another_now(place, ids):
    shown = nbprod("rerun", ids[0], "--check")
    assert shown.exit_code == 2
    assert "sums.ipynb (code)" in shown.stderr
    numbers = place / "numbers.txt"
    before = numbers.read_text()
    numbers.write_text("4\n")
    try:
        shown = nbprod("rerun", ids[2], "--check")
        assert shown.exit_code == 2
        assert "used is another now: " in shown.stderr
        assert "numbers.txt (data)" in shown.stderr
        numbers.unlink()
        shown = nbprod("rerun", ids[2], "--check")
        assert shown.exit_code == 2
        assert "used is gone: " in shown.stderr
        assert "numbers.txt (data)" in shown.stderr
    finally:
        numbers.write_text(before)


def test_what_is_not_repeated_is_named(place):
    notebook = write_notebook(
        place / "clock.ipynb",
        ("import time\nstamp = time.time_ns()", ["step:look"]),
        ("digits = len(str(stamp))\nprint(stamp)", ["step:count"]),
    )
    assert nbprod("run", notebook).exit_code == 0
    shown = nbprod("rerun", "last", "--check")
    assert shown.exit_code == 3
    assert "step look: stamp" in shown.stdout
    assert "step count: printed text" in shown.stdout


def test_sets_have_one_order_in_all_runs_beside_a_notebook(place, monkeypatch):
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    notebook = write_notebook(
        place / "towns.ipynb",
        ("towns = {f'town {number}' for number in range(40)}", ["step:load"]),
        ("order = list(towns)\nprint(order)", ["step:list"]),
    )
    assert nbprod("run", notebook).exit_code == 0
    (first,) = told("runs", notebook)["runs"]
    assert told("rerun", first["run_id"], "--check")["same"] is True
    assert nbprod("run", notebook, "--no-cache").exit_code == 0
    last = told("runs", notebook)["runs"][0]
    printed = [
        nbformat.read(place / ".nbprod" / "runs" / run["run_id"] / "output.ipynb", 4).cells[1]
        for run in (first, last)
    ]
    assert printed[0].outputs[0].text == printed[1].outputs[0].text


def test_a_gate_that_is_not_met_fails_the_run_and_is_told(place):
    junit, summary = place / "report.xml", place / "summary.md"
    shown = nbprod(
        "run",
        "sums.ipynb",
        *("--require", "mean>=4", "--require", "mean < 1", "--require", "nothing > 0"),
        *("--junit", junit, "--summary", summary),
    )
    assert shown.exit_code == 1
    assert "mean < 1: 4.33333" in shown.stderr
    assert "nothing > 0: no such metric; there are: mean" in shown.stderr
    suite = ElementTree.parse(junit).getroot().find("testsuite")
    failed = {case.get("name"): case.find("failure") is not None for case in suite}
    assert failed == {
        "cells of no step": False,
        "load": False,
        "add": False,
        "rate": False,
        "require mean >= 4": False,
        "require mean < 1": True,
        "require nothing > 0": True,
    }
    assert (suite.get("tests"), suite.get("failures")) == ("7", "2")
    text = summary.read_text()
    assert "❌ sums.ipynb" in text
    # Beside the metrics of the run before.
    assert re.search(r"\| mean \| 4.33333 \| \S+ \| \S*\d+\S* \|", text)


@pytest.mark.parametrize("condition", ["accuracy", "accuracy >= high", ">= 3"])
def test_a_condition_that_is_none(place, condition):
    shown = nbprod("run", "sums.ipynb", "--require", condition)
    assert shown.exit_code == 2
    assert "--require 'accuracy>=0.9'" in shown.stderr


def test_a_failing_cell_is_told_to_ci_with_its_line_in_the_file(place):
    cells = list(CELLS)
    cells[2] = ("# first\ntotal = sum(numbers) / 0", ["step:add"])
    notebook = write_notebook(place / "broken.ipynb", *cells)
    shown = nbprod(
        *("run", notebook, "--junit", "broken.xml", "--summary", "broken.md", "--report", "b.html"),
        GITHUB_ACTIONS="true",
        GITHUB_WORKSPACE=str(place),
    )
    assert shown.exit_code == 1
    found = re.search(r"^::error file=broken.ipynb,line=(\d+),title=\w+::(.*)$", shown.stderr, re.M)
    assert "total = sum(numbers) / 0" in notebook.read_text().splitlines()[int(found[1]) - 1]
    assert "ZeroDivisionError" in found[2]
    suite = ElementTree.parse(place / "broken.xml").getroot().find("testsuite")
    kinds = {case.get("name"): [child.tag for child in case] for case in suite}
    assert kinds["add"] == ["failure"]
    assert kinds["rate"] == ["skipped"]
    assert "ZeroDivisionError" in (place / "broken.md").read_text()
    report = (place / "b.html").read_text()
    links = re.findall(r'<a download="(.*?)" href="data:.*?;base64,(.*?)">', report)
    assert [name for name, _ in links] == ["output.ipynb", "record.json", "lock.txt"]
    run = Path(told("show", "last")["folder"])
    assert all(base64.b64decode(data) == (run / name).read_bytes() for name, data in links)
    assert 'href="./' not in report  # it can be published by itself
    assert Path(told("show", "last", "--report")["report"]).name == "report.html"
    assert "ZeroDivisionError" in report
    assert "numbers.txt" in report


def test_a_gate_that_is_missed_is_told_where_the_metric_is(place):
    shown = nbprod(
        *("run", "sums.ipynb", "--require", "mean > 100"),
        GITHUB_ACTIONS="true",
        GITHUB_WORKSPACE=str(place),
    )
    assert shown.exit_code == 1
    found = re.search(r"^::error file=sums.ipynb,line=(\d+),title=\w+::(.*)$", shown.stderr, re.M)
    lines = (place / "sums.ipynb").read_text().splitlines()
    assert "mean = " in lines[int(found[1]) - 1]
    assert "mean > 100" in found[2]


def test_runs_are_known_in_a_folder_that_was_moved(place, ids, tmp_path):
    moved = shutil.copytree(place, tmp_path / "elsewhere")
    shown = json.loads(nbprod("runs", moved / "sums.ipynb", "--json").stdout)
    assert {found["run_id"] for found in shown["runs"]} >= set(ids)
    page = tmp_path / "page.md"
    assert nbprod("run", moved / "sums.ipynb", "--summary", page).exit_code == 0
    assert "last run" in page.read_text()
    first = told("show", ids[0], "--of", moved)
    assert first["folder"] == str(moved / ".nbprod" / "runs" / ids[0])
    assert {Path(found["path"]).parent for found in first["files_read"]} == {moved}
    again = told("rerun", ids[2], "--of", moved, "--check")
    assert again["same"]


def test_jobs_summaries_are_added_to(place):
    page = place / "page.md"
    page.write_text("before\n")
    shown = nbprod("run", "sums.ipynb", "--summary", page, GITHUB_STEP_SUMMARY=str(page))
    assert shown.exit_code == 0
    assert page.read_text().startswith("before\n")
    assert "✅ sums.ipynb" in page.read_text()


def test_findings_of_check_are_annotations_on_github(place):
    notebook = write_notebook(place / "undefined.ipynb", "x = 1", "print(y)")
    shown = nbprod("check", notebook, GITHUB_ACTIONS="true", GITHUB_WORKSPACE=str(place))
    found = re.search(
        r"^::error file=undefined.ipynb,line=(\d+),title=[\w-]+::", shown.stderr, re.M
    )
    assert "print(y)" in notebook.read_text().splitlines()[int(found[1]) - 1]
    assert "::" not in nbprod("check", notebook).stderr


def test_the_last_run_is_found_by_its_folder_too(place, ids):
    record = find_run(ids[0], place)
    assert find_run(record.folder, Path("/")).run_id == ids[0]


def test_a_grid_runs_all_combinations_into_a_table(place):
    arguments = ("run", "sums.ipynb", "--grid", "scale=1,2.5", "--require", "mean>3")
    shown = nbprod(*arguments, "--junit", "grid.xml", "--summary", "grid.md")
    assert shown.exit_code == 1
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert lines[0] == ["scale", "mean", "time", "state", "run"]
    assert [line[:2] for line in lines[1:]] == [["1.0", "2.33333"], ["2.5", "5.33333"]]
    assert "not met: mean > 3: 2.33333" in shown.stdout
    suites = ElementTree.parse(place / "grid.xml").getroot()
    assert [suite.get("name") for suite in suites] == [
        "sums.ipynb (scale=1.0)",
        "sums.ipynb (scale=2.5)",
    ]
    assert "| 2.5 | 5.33333 |" in (place / "grid.md").read_text()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("scale", "--grid learning_rate=0.01,0.1"),
        ("scale=", "--grid learning_rate=0.01,0.1"),
        ("scael=1,2", "Did you mean scale?"),
        ("scale=1,high", "scale: float = 2.0"),
    ],
)
def test_a_grid_that_is_none(place, line, reason):
    shown = nbprod("run", "sums.ipynb", "--grid", line)
    assert shown.exit_code == 2
    assert reason in shown.stderr


def test_values_of_a_grid_may_hold_commas():
    from nbprod.workflows.sweep import parse_grid

    assert parse_grid("layers=[10, 5],[3]") == ("layers", ("[10, 5]", "[3]"))
    assert parse_grid("name='a,b',c") == ("name", ("a,b", "c"))


def test_a_run_that_takes_too_long_is_stopped_where_it_is(place):
    cells = ("import time", *(f"time.sleep(1.{number})" for number in range(9)))
    shown = nbprod("run", write_notebook(place / "slow.ipynb", *cells), "--run-timeout", "3")
    assert shown.exit_code == 1
    assert "3 s" in shown.stderr
    assert "slow.ipynb, cell " in shown.stderr
    assert told("show", "last")["state"] == "failed"


@pytest.fixture
def alone(tmp_path, monkeypatch):
    monkeypatch.setenv("NBPROD_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_that_is_changed_behind_its_reading_is_recorded_as_it_was_read(alone):
    (alone / "data.txt").write_text("1\n")
    notebook = write_notebook(
        alone / "grows.ipynb",
        ("text = open('data.txt').read()", ["step:load"]),
        ("with open('data.txt', 'a') as file:\n    written = file.write('2\\n')", ["step:more"]),
        ("total = len(text)", ["step:count", "metrics"]),
    )
    assert nbprod("run", notebook).exit_code == 0
    (file,) = told("show", "last")["files_read"]
    assert file["sha256"] == hashlib.sha256(b"1\n").hexdigest()
    assert file["size"] == 2
    again = nbprod("rerun", "last", "--check")
    assert again.exit_code == 2
    assert "data.txt (data)" in again.output


def test_a_changed_module_is_a_difference(alone):
    module = alone / "helper.py"
    module.write_text("def double(x):\n    return 2 * x\n")
    notebook = write_notebook(
        alone / "own.ipynb",
        "import helper",
        ("total = helper.double(4)", ["step:add", "metrics"]),
    )
    assert nbprod("run", notebook).exit_code == 0
    first = find_run("last", alone).run_id
    module.write_text("def double(x):\n    return 3 * x\n")
    assert nbprod("run", notebook).exit_code == 0
    found = {(each["kind"], each["name"]) for each in told("diff", first, "last")["differences"]}
    assert found == {("module", "helper.py"), ("metric", "total")}
    assert "helper.py" in nbprod("diff", first, "last").output


def test_a_package_of_another_version_is_another_input(alone):
    notebook = write_notebook(alone / "one.ipynb", ("total = 1", ["step:add", "metrics"]))
    assert nbprod("run", notebook).exit_code == 0
    record = find_run("last", alone)
    assert not list(changed_inputs(record))
    older = replace(record, environment=replace(record.environment, installed="0" * 64))
    assert [found.kind for found in changed_inputs(older)] == ["environment"]


def test_what_a_stopped_grid_has_is_told(alone, monkeypatch):
    notebook = write_notebook(
        alone / "grid.ipynb", ("k: int = 1", ["parameters"]), ("m = k", ["step:a", "metrics"])
    )
    run = sweep.execute_stage

    def stop_in_the_second(subject, parameters, *arguments, **options):
        if parameters["k"] == 2:
            raise InterruptedRunError("stopped")
        return run(subject, parameters, *arguments, **options)

    monkeypatch.setattr(sweep, "execute_stage", stop_in_the_second)
    grid = ("--grid", "k=1,2,3", "--junit", "report.xml", "--summary", "summary.md")
    shown = nbprod("run", notebook, *grid)
    assert shown.exit_code == 130
    assert re.search(r"^1 +1 .* completed", shown.stdout, re.MULTILINE)
    assert re.search(r"^2 .* interrupted", shown.stdout, re.MULTILINE)
    assert len(ElementTree.parse("report.xml").getroot()) == 1
    assert "| 1 | 1 |" in Path("summary.md").read_text()


@pytest.mark.parametrize("stop", [InterruptedRunError("stopped"), KeyboardInterrupt()])
def test_a_stopped_grid_is_interrupted_not_failed(alone, monkeypatch, stop):
    notebook = write_notebook(
        alone / "grid.ipynb", ("k: int = 1", ["parameters"]), ("m = k", ["step:a", "metrics"])
    )

    def stop_at_once(*_arguments, **_options):
        raise stop

    monkeypatch.setattr("nbprod.workflows.run.execute", stop_at_once)
    shown = nbprod("run", notebook, "--grid", "k=1,2", "--json")
    assert shown.exit_code == 130
    assert "Run 1 of 2: k=1: interrupted" in shown.stderr
    assert "failed" not in shown.stderr
    document = json.loads(shown.stdout)
    assert document["error"]["exit_code"] == 130
    assert [found["state"] for found in document["runs"]] == ["interrupted"]


def test_a_grid_and_a_parameter_of_one_name(alone):
    notebook = write_notebook(alone / "grid.ipynb", ("k: int = 1", ["parameters"]), "print(k)")
    wrong = nbprod("run", notebook, "--grid", "k=1,2", "-p", "k", "3")
    assert wrong.exit_code == 2
    assert "k is given by --grid and by -p" in wrong.output


def test_a_notebook_that_ends_itself_in_order_has_no_failure(alone):
    notebook = write_notebook(
        alone / "ends.ipynb", ("import sys\nsys.exit(0)", ["step:go"]), ("m = 1", ["step:on"])
    )
    assert nbprod("run", notebook, "--junit", "report.xml").exit_code == 0
    suite = ElementTree.parse("report.xml").getroot()[0]
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "1")


def test_metrics_of_many_types(alone):
    notebook = write_notebook(
        alone / "types.ipynb",
        "import datetime\nimport decimal",
        (
            "day = datetime.date(2024, 1, 2)\nrate = decimal.Decimal('0.95')\n"
            "kinds = {'b', 'a'}\nnothing = float('nan')\nmost = float('inf')",
            ["step:a", "metrics"],
        ),
    )
    met = nbprod("run", notebook, "--require", "rate>=0.9", "--require", "most>=1")
    assert met.exit_code == 0
    found = told("show", "last")["metrics"]
    assert found == {
        "day": "2024-01-02",
        "rate": 0.95,
        "kinds": ["a", "b"],
        "nothing": "nan",
        "most": "inf",
    }
    missed = nbprod("run", notebook, "--require", "nothing!=1")
    assert missed.exit_code == 1
    assert "nothing != 1: nan" in missed.output
    assert nbprod("run", notebook, "--require", "rate>=nan").exit_code == 2


def test_what_a_killed_run_left_is_removed_by_the_next(alone):
    notebook = write_notebook(alone / "one.ipynb", ("total = 1", ["step:add", "metrics"]))
    assert nbprod("run", notebook).exit_code == 0
    folder = Path(find_run("last", alone).folder)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    began = psutil.Process(process.pid).create_time()
    path = folder / "record.json"
    name = f"{platform.node()} {process.pid} {began:.2f}"
    path.write_text(json.dumps({**json.loads(path.read_text()), "process": name}))
    (folder / ".reserve").write_text("")
    (folder / "ahead").mkdir()
    half = folder / "artifacts" / "blobs" / f"0123.{process.pid}.part"
    half.parent.mkdir(exist_ok=True)
    half.write_bytes(b"half")
    tidy(alone)
    assert (folder / "ahead").exists()  # it still runs
    assert half.exists()
    process.kill()
    process.wait()
    tidy(alone)
    assert not (folder / "ahead").exists()
    assert not (folder / ".reserve").exists()
    assert not half.exists()


def test_what_a_full_disk_left_empty_is_written_again(alone):
    ignore = state_folder(alone) / ".gitignore"
    assert ignore.read_text() == "*\n"
    ignore.write_text("")
    state_folder(alone)
    assert ignore.read_text() == "*\n"
    ignore.write_text("cache\n")
    state_folder(alone)
    assert ignore.read_text() == "cache\n"  # by hand
