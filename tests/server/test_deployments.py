import json
from pathlib import Path

import psutil
import pytest

from nbprod.server import handlers


async def start(call, path, **more):
    status, run = await call("POST", "deployments", body={"path": path, **more})
    assert status == 202, run
    return run


def pids(jp_root_dir):
    return [int(text) for text in Path(jp_root_dir, "work", "pids").read_text().split()]


async def test_a_deploy_is_accepted_at_once_and_ends_with_the_result(call, follow, notebook):
    run = await start(call, notebook())
    assert run["phase"] == "running"

    last = (await follow(run["id"]))[-1]

    assert last["phase"] == "succeeded"
    assert last["result"]["checked_rows"] == 1000
    assert [stage["name"] for stage in last["stages"]][:3] == ["check", "convert", "run"]
    assert {stage["state"] for stage in last["stages"]} == {"done"}
    assert last["stages"][2]["progress"] == {
        "done": 3,
        "total": 3,
        "unit": "cell",
        "detail": "cell 3",
    }
    assert last["log"] == [{"text": "picked the variable `model`", "level": "notice"}]
    assert last["error"] is None


async def test_stages_are_seen_while_they_happen(call, follow, notebook):
    run = await start(call, notebook("slow"))

    seen = await follow(run["id"])

    numbers = [snapshot["seq"] for snapshot in seen]
    assert numbers == sorted(set(numbers))
    running = [[s["name"] for s in run["stages"] if s["state"] == "started"] for run in seen]
    assert ["run"] in running
    assert ["build"] in running


async def test_parameters_reach_the_command_line_as_separate_arguments(
    call, follow, notebook, jp_root_dir
):
    values = {"rate": 0.1, "name": "a b; rm -rf /", "flag": True, "code": "01234", "items": [1, 2]}
    run = await start(call, notebook(), parameters=values)
    await follow(run["id"])

    words = json.loads(Path(jp_root_dir, "work", "calls.jsonl").read_text())

    assert words[:6] == ["-p", "rate", "0.1", "-p", "name", "a b; rm -rf /"]
    assert words[6:] == ["-p", "flag", "true", "-p", "code", "01234", "-p", "items", "[1, 2]"]


async def test_a_failing_cell_is_told_with_all_that_the_panel_shows(call, follow, notebook):
    run = await start(call, notebook("fail"))

    last = (await follow(run["id"]))[-1]

    assert last["phase"] == "failed"
    assert last["error"]["cell"] == 2
    assert last["error"]["first_line"] == "model.fit(X, y)"
    assert last["error"]["exception"] == "ValueError: <b>bad</b>"
    assert last["error"]["fix"] == "mend the cell and deploy again"
    states = {stage["name"]: stage["state"] for stage in last["stages"]}
    assert states["run"] == "failed"
    assert states["verify"] == "pending"


async def test_a_command_that_dies_without_a_word_is_a_failure_with_its_last_output(
    call, follow, notebook
):
    run = await start(call, notebook("crash"))

    last = (await follow(run["id"]))[-1]

    assert last["phase"] == "failed"
    assert "exit code 7" in last["error"]["message"]
    assert "out of luck" in last["error"]["traceback"]
    assert last["log"][0]["text"] == "printed past the CLI"


async def test_cancel_interrupts_the_command_and_its_children(call, follow, notebook, jp_root_dir):
    run = await start(call, notebook("hang"))
    await follow(run["id"], until=lambda run: any(s["state"] == "started" for s in run["stages"]))
    command, child = await wait_for_pids(jp_root_dir)

    status, cancelled = await call("DELETE", "deployments", run["id"])

    assert (status, cancelled["phase"]) == (202, "cancelling")
    last = (await follow(run["id"]))[-1]
    assert last["phase"] == "cancelled"
    assert [s["state"] for s in last["stages"] if s["name"] == "run"] == ["cancelled"]
    assert not psutil.pid_exists(command)
    assert not psutil.pid_exists(child)


async def wait_for_pids(jp_root_dir):
    import asyncio

    for _ in range(100):
        if Path(jp_root_dir, "work", "pids").exists() and len(pids(jp_root_dir)) == 2:
            return pids(jp_root_dir)
        await asyncio.sleep(0.05)
    raise AssertionError("the command never started")


async def test_a_command_that_ignores_signals_is_killed_with_its_children(
    call, follow, notebook, jp_root_dir, jp_serverapp
):
    runs = extension(jp_serverapp).runs
    runs._patience = type(runs._patience)(0.5, 0.5)
    run = await start(call, notebook("stubborn"))
    command, child = await wait_for_pids(jp_root_dir)

    await call("DELETE", "deployments", run["id"])
    last = (await follow(run["id"]))[-1]

    assert last["phase"] == "cancelled"
    assert not psutil.pid_exists(command)
    gone, _ = psutil.wait_procs([p for p in [process(child)] if p], timeout=5)
    assert process(child) is None or gone


def process(pid):
    try:
        found = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None
    return None if found.status() == psutil.STATUS_ZOMBIE else found


def extension(serverapp):
    (app,) = serverapp.extension_manager.extension_apps["nbprod.server"]
    return app


async def test_shutdown_interrupts_deploys_and_leaves_services_alone(
    call, follow, notebook, jp_root_dir, jp_serverapp
):
    served = await start(call, notebook("service", "work/served.ipynb"))
    log = (await follow(served["id"]))[-1]["log"]
    service = psutil.Process(int(log[0]["text"].split()[-1]))
    await start(call, notebook("hang"))
    command, child = await wait_for_pids(jp_root_dir)
    try:
        await extension(jp_serverapp).stop_extension()

        assert not psutil.pid_exists(command)
        assert not psutil.pid_exists(child)
        assert service.is_running()
    finally:
        service.kill()


async def test_a_service_that_keeps_the_pipe_open_does_not_keep_the_run_open(
    call, follow, notebook
):
    run = await start(call, notebook("service"))
    last = (await follow(run["id"]))[-1]
    psutil.Process(int(last["log"][0]["text"].split()[-1])).kill()

    assert last["phase"] == "succeeded"
    assert last["elapsed"] < 20


async def test_one_deploy_of_a_notebook_at_a_time(call, follow, notebook):
    path = notebook("hang")
    first = await start(call, path)

    status, problem = await call("POST", "deployments", body={"path": "/" + path})

    assert status == 409
    assert problem["id"] == first["id"]
    assert problem["fix"]
    await call("DELETE", "deployments", first["id"])
    await follow(first["id"])


async def test_runs_are_listed_newest_first_so_that_a_reload_finds_them(call, follow, notebook):
    first = await start(call, notebook("succeed", "one.ipynb"))
    await follow(first["id"])
    second = await start(call, notebook("fail", "two.ipynb"))
    await follow(second["id"])

    _, document = await call("GET", "deployments")

    assert [run["path"] for run in document["runs"]] == ["two.ipynb", "one.ipynb"]
    assert document["runs"][1]["result"]["name"] == "churn"


async def test_cancelling_what_has_ended_is_refused(call, follow, notebook):
    run = await start(call, notebook())
    await follow(run["id"])

    status, problem = await call("DELETE", "deployments", run["id"])

    assert status == 409
    assert "ended" in problem["message"]


async def test_long_poll_answers_after_its_time_when_nothing_is_new(
    call, follow, notebook, monkeypatch
):
    monkeypatch.setattr(handlers, "LONG_POLL_SECONDS", 0.2)
    run = await start(call, notebook("hang"))
    snapshot = (
        await follow(run["id"], until=lambda r: any(s["state"] == "started" for s in r["stages"]))
    )[-1]

    status, again = await call(
        "GET", "deployments", run["id"], params={"after": snapshot["seq"] + 5}
    )

    assert status == 200
    assert again["phase"] == "running"
    await call("DELETE", "deployments", run["id"])
    await follow(run["id"])


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"path": "missing.ipynb"}, 404, "no notebook"),
        ({"path": "work"}, 400, "not a notebook"),
        ({"path": "../outside.ipynb"}, 400, "outside"),
        ({"path": "work/../../outside.ipynb"}, 400, "outside"),
        ({"path": "work/.hidden/x.ipynb"}, 404, "no notebook"),
        ({"path": "a\0b.ipynb"}, 400, "outside"),
        ({"path": ""}, 400, "path"),
        ({"path": 7}, 400, "path"),
        ({}, 400, "path"),
        ({"path": "work/churn.ipynb", "paramters": {}}, 400, "paramters"),
        ({"path": "work/churn.ipynb", "parameters": [1]}, 400, "parameters"),
        ({"path": "work/churn.ipynb", "parameters": {"--model": "x"}}, 400, "--model"),
        ([1], 400, "JSON object"),
    ],
)
async def test_bad_requests_get_a_problem_not_a_500(
    call, notebook, jp_root_dir, body, status, words
):
    notebook()
    notebook(path="work/.hidden/x.ipynb")
    Path(jp_root_dir).parent.joinpath("outside.ipynb").write_text("{}")

    answered, problem = await call("POST", "deployments", body=body)

    assert answered == status
    assert words in problem["message"]
    _, document = await call("GET", "deployments")
    assert document["runs"] == []


async def test_malformed_json_and_unknown_ids(call):
    status, problem = await call("POST", "deployments", raw="{")
    assert (status, "not JSON" in problem["message"]) == (400, True)
    for method in ("GET", "DELETE"):
        status, problem = await call(method, "deployments", "0123456789abcdef")
        assert status == 404
        assert problem["fix"]


async def test_a_crooked_after_is_refused(call, follow, notebook):
    run = await start(call, notebook())
    await follow(run["id"])
    status, problem = await call("GET", "deployments", run["id"], params={"after": "-1"})
    assert status == 400
    assert "after" in problem["message"]
