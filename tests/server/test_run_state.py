from nbprod.events import LogEvent, PlanEvent, ProgressEvent, StageEvent, StageState, event_as_json
from nbprod.server.run_state import LOG_LINES, RunPhase, RunState


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def fold(state, *events):
    import json

    for number, event in enumerate(events, 1):
        state.apply(json.loads(json.dumps(event_as_json(event, number))))


def test_the_events_of_nbprod_itself_fold_into_a_snapshot():
    clock = Clock()
    state = RunState("1", "a.ipynb", clock)
    fold(
        state,
        PlanEvent((("check", "Check the notebook"), ("run", "Run it"))),
        StageEvent("check", StageState.STARTED),
    )
    clock.now += 2
    fold(
        state,
        StageEvent("check", StageState.DONE, "4 steps"),
        StageEvent("run", StageState.STARTED),
        ProgressEvent("run", 1, 9, detail="cell 1"),
    )
    clock.now += 3

    document = state.as_json()

    assert document["elapsed"] == 5
    check, run = document["stages"]
    assert (check["title"], check["state"], check["detail"]) == (
        "Check the notebook",
        "done",
        "4 steps",
    )
    assert check["elapsed"] == 2
    assert (run["state"], run["elapsed"], run["progress"]["total"]) == ("started", 3, 9)


def test_every_change_raises_seq_and_noise_does_not():
    state = RunState("1", "a.ipynb")
    before = state.seq
    for noise in ({}, {"event": "new-kind"}, {"event": "stage", "stage": 1}, {"event": "progress"}):
        state.apply(noise)
    assert state.seq == before
    fold(state, LogEvent("hello"))
    assert state.seq == before + 1


def test_a_stage_that_was_not_planned_is_shown_too():
    state = RunState("1", "a.ipynb")
    fold(state, StageEvent("extra", StageState.STARTED))
    assert state.as_json()["stages"][0]["title"] == "extra"


def test_nothing_changes_after_the_end():
    state = RunState("1", "a.ipynb")
    state.end(RunPhase.CANCELLED)
    before = state.as_json()["seq"]
    fold(state, StageEvent("run", StageState.STARTED))
    state.cancel()
    assert state.as_json()["seq"] == before
    assert state.as_json()["phase"] == "cancelled"


def test_the_log_keeps_its_tail():
    state = RunState("1", "a.ipynb")
    fold(state, *(LogEvent(str(number)) for number in range(LOG_LINES + 10)))
    lines = state.as_json()["log"]
    assert len(lines) == LOG_LINES
    assert lines[-1]["text"] == str(LOG_LINES + 9)
