"""Steps computed side by side (`--jobs`): the run gives what it gives by itself."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import psutil
import pytest

from nbprod.errors import UsageError, UserCodeError
from nbprod.run.ahead import choice, processes
from nbprod.run.ahead.choice import Room, roomiest, side_by_side, worth_a_process
from nbprod.run.ahead.processes import Processes
from nbprod.run.ahead.request import AheadRequest

slow = pytest.mark.slow

ANY_STEP = "from nbprod.run.ahead import choice; choice.START = 0.0"


@pytest.fixture(autouse=True)
def any_step_is_worth_a_process(monkeypatch):
    monkeypatch.setattr(choice, "START", 0.0)


def write_two(place, left="", right=""):
    place.write(
        ("k = 1", ["parameters"]),
        "import time",
        ("data = [1, 2, 3]\nprint(len(data))", ["step:load"]),
        (f"left = [k * each for each in data]\n{left}\nprint('left', left)", ["step:left"]),
        (f"right = [each - k for each in data]\n{right}\nprint('right', right)", ["step:right"]),
        ("total = sum(left) + sum(right)\nprint(total)", ["step:total", "metrics"]),
    )


def in_turn(ran):
    return dict(text.split(": runs in its turn, since ") for text in ran.told if "turn" in text)


@slow
def test_two_steps_give_what_they_give_one_after_the_other(place):
    write_two(place)
    assert not place.run(jobs=2).told  # how much memory they need is not known yet
    found = place.same(("k", "2"), jobs=2)
    assert found.ahead == {"left", "right"}
    assert found.cached == {"load"}
    assert all(step.seconds > 0 for step in found.record.steps if step.name in found.ahead)
    assert found.record.metrics["total"] == 12
    assert not (place.folder / ".nbprod" / "runs" / found.record.run_id / "ahead").exists()
    again = place.run(("k", "2"), jobs=2)
    assert not again.told
    assert again.cached == {"load", "left", "right", "total"}


@slow
def test_behind_a_step_that_runs_each_time(place):
    write_two(place)
    place.change(3, "data = [1, 2, 3]", "data = [1, 2, 3, time.time_ns()]")
    place.change(6, "total =", "print(left[3] - right[3], len(data))\ntotal =")
    place.run()
    found = place.run(("k", "1"), jobs=2)
    assert found.ahead == {"left", "right"}
    assert "asks for the time" in found.why("load")
    assert found.text.splitlines()[-2] == "1 4"
    entries = place.folder / ".nbprod" / "cache" / "entries"
    kept = [path for path in entries.glob("*/*") if (path / "entry.json").exists()]
    assert all(b'"step":"load"' not in (path / "entry.json").read_bytes() for path in kept)


@slow
def test_models_and_frames_of_a_library(place):
    place.write(
        ("k = 1", ["parameters"]),
        "import numpy as np\nimport pandas as pd\nnp.random.seed(3)",
        (
            "frame = pd.DataFrame(np.random.rand(80, 3), columns=list('abc'))\n"
            "y = (frame.a + frame.b > 1).astype(int)",
            ["step:load"],
        ),
        (
            "import matplotlib.pyplot as plt\nfrom sklearn.tree import DecisionTreeClassifier\n"
            "tree = DecisionTreeClassifier(max_depth=k, random_state=0).fit(frame, y)\n"
            "plt.plot(tree.feature_importances_)\nplt.show()",
            ["step:tree"],
        ),
        (
            "from sklearn.linear_model import LogisticRegression\n"
            "line = LogisticRegression(C=k, random_state=0).fit(frame, y)\ndisplay(frame.head(2))",
            ["step:line"],
        ),
        (
            "accuracy = tree.score(frame, y)\nother = line.score(frame, y)\n"
            "print(accuracy, other, np.random.rand())",
            ["step:evaluate", "metrics"],
        ),
    )
    place.run()
    found = place.same(("k", "2"), jobs=2)
    assert found.ahead == {"tree", "line"}
    assert not found.warnings  # what a step beside imports changes no options
    assert {model.variable for model in found.record.models} == {"tree", "line"}


@slow
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("open('log.txt', 'a').write('x')", "outside"),
        ("getattr(__import__('os'), 'sys' + 'tem')('echo x >> log.txt')", "outside"),
        ("getattr(__import__('subp' + 'rocess'), 'run')(['touch', 'log.txt'])", "outside"),
    ],
)
def test_what_changes_something_outside_does_it_once_and_in_its_turn(place, code, reason):
    write_two(place, right=f"handle = (lambda: {code})() if data else None")
    log = place.folder / "log.txt"
    place.run()
    before = log.read_text()
    found = place.run(("k", "2"), jobs=2)
    assert log.read_text() in {before * 2, before}  # appended once, or touched
    if found.told:
        assert reason in in_turn(found)["right"]
    assert found.record.metrics["total"] == 12


@slow
def test_a_step_that_fails_is_told_once_and_where_it_stands(place):
    write_two(place, right="1 / (2 - k)")
    place.run()
    with pytest.raises(UserCodeError, match="ZeroDivisionError") as raised:
        place.run(("k", "2"), jobs=2)
    assert "cell 5" in str(raised.value).lower()


@slow
def test_processes_that_wait_for_a_step_in_vain_end_with_the_run(place, monkeypatch):
    write_two(place)
    place.change(3, "data = [1, 2, 3]", "data = [1, 2, 3 // (2 - k)]")
    place.run()
    started = []
    start = processes.start_process
    monkeypatch.setattr(processes, "start_process", lambda: started.append(start()) or started[-1])
    with pytest.raises(UserCodeError, match="ZeroDivisionError"):
        place.run(("k", "2"), jobs=2)  # `load` fails
    assert [each.returncode for each in started] == [0, 0]


@slow
def test_a_process_that_is_killed_costs_nothing_but_time(place, monkeypatch):
    write_two(place, left="time.sleep(1.5)", right="time.sleep(1.5)")
    place.run()
    start, killed = Processes.start, []

    def start_and_kill(self, job, session, peak):
        begun = start(self, job, session, peak)
        if not killed:
            killed.append(job.step)
            process = psutil.Process(begun.process.pid)
            while not process.children():
                time.sleep(0.05)
            process.kill()
        return begun

    monkeypatch.setattr(Processes, "start", start_and_kill)
    found = place.same(("k", "2"), jobs=2)
    assert "exit code -9" in in_turn(found)[killed[0]]
    assert len(found.ahead) == 1


@slow
def test_no_more_at_a_time_than_memory_allows(place, monkeypatch):
    write_two(place, left="time.sleep(0.5)", right="time.sleep(0.5)")
    place.run()
    begun, together = [], []
    start = Processes.start

    def note(self, *arguments):
        begun.append(start(self, *arguments))
        together.append(sum(each.process.poll() is None for each in begun))
        return begun[-1]

    monkeypatch.setattr(Processes, "start", note)
    monkeypatch.setattr(processes, "free_memory", lambda: 1)
    found = place.same(("k", "2"), jobs=2)
    assert together == [1, 1]
    assert found.ahead == {"left", "right"}


@slow
def test_ctrl_c_leaves_no_process(place):
    write_two(place, left="time.sleep(60 * (k - 1))", right="time.sleep(60 * (k - 1))")
    place.run()
    command = [sys.executable, "-c", f"{ANY_STEP}; from nbprod.cli.main import main; main()"]
    arguments = ["run", str(place.notebook), "-p", "k", "2", "--jobs", "2"]
    process = subprocess.Popen(
        [*command, *arguments], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None
    with process.stderr as lines:
        assert any("Side by side: left, right" in line for line in lines)
        deadline = time.monotonic() + 60
        ours = []
        while len(ours) < 5 and time.monotonic() < deadline:  # three kernels, two processes
            ours = psutil.Process(process.pid).children(recursive=True)
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    _, alive = psutil.wait_procs(ours, timeout=15)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]


@slow
def test_the_time_for_the_run_counts_for_what_is_computed_ahead(place):
    write_two(place, left="time.sleep(60 * (k - 1))", right="time.sleep(60 * (k - 1))")
    place.run()
    began = time.monotonic()
    with pytest.raises(UserCodeError, match="12 s"):
        place.run(("k", "2"), jobs=2, run_timeout=12.0)
    assert time.monotonic() - began < 45


@slow
@pytest.mark.parametrize("options", [{"use_cache": False}, {"isolate": True}])
def test_options_that_do_not_go_together(place, options):
    from nbprod.workflows.run import RunWorkflowRequest, run

    write_two(place)
    with pytest.raises(UsageError, match="--jobs does not go with"):
        run(RunWorkflowRequest(place.notebook, ahead=AheadRequest(jobs=2), **options))


BEFORE = {
    "load": frozenset(),
    "left": frozenset({"load"}),
    "right": frozenset({"load"}),
    "total": frozenset({"load", "left", "right"}),
    "one": frozenset({"load", "left", "right", "total"}),
    "other": frozenset({"load", "left", "right", "total"}),
}


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (set(BEFORE), set()),  # all wait for `load`
        (set(BEFORE) - {"load"}, {"left", "right"}),  # those behind `total` wait for it
        ({"left", "right"}, {"left", "right"}),
        ({"left", "total"}, set()),
        ({"one", "other"}, {"one", "other"}),
        (set(), set()),
    ],
)
def test_only_steps_that_do_not_wait_for_each_other_are_chosen(names, chosen):
    assert side_by_side(BEFORE, names) == chosen


@pytest.mark.parametrize(
    ("seconds", "worth"),
    [
        ({"left": 9.0, "right": 9.0}, {"load", "left", "right"}),  # with what they wait for
        ({"left": 9.0, "right": 1.0}, {"load", "left"}),
        ({"one": 9.0}, set(BEFORE) - {"other"}),
        ({"left": 1.0, "right": 1.0}, set()),
        ({}, set()),
    ],
)
def test_short_steps_are_not_worth_a_process(monkeypatch, seconds, worth):
    monkeypatch.setattr(choice, "START", 5.0)
    assert worth_a_process(BEFORE, seconds) == worth


def test_a_worker_gets_no_more_than_it_has_room_for():
    rooms = {"small": Room(4, 2e9), "large": Room(2, 8e9), "busy": Room(0, 9e9)}
    assert roomiest(0, rooms) == "small"
    assert roomiest(4_000_000_000, rooms) == "large"
    rooms["large"] -= Room(1, 5e9)
    assert roomiest(4_000_000_000, rooms) is None
    assert roomiest(3_000_000_000, rooms) == "large"
