import json

import pytest


async def test_services_are_what_status_says(call, follow, notebook):
    assert await call("GET", "services") == (200, {"deployments": []})
    _, run = await call("POST", "deployments", body={"path": notebook()})
    await follow(run["id"])

    status, document = await call("GET", "services")

    assert status == 200
    assert document["deployments"][0]["name"] == "churn"


async def test_stop_answers_what_the_command_says(call, follow, notebook):
    _, run = await call("POST", "deployments", body={"path": notebook()})
    await follow(run["id"])

    status, document = await call("POST", "services", "churn", "stop")

    assert (status, document["state"]) == (200, "stopped")
    assert await call("GET", "services") == (200, {"deployments": []})


@pytest.mark.parametrize("name", ["nobody", "--help", "a%20b"])
async def test_stopping_an_unknown_service_is_a_404_with_a_fix(call, name):
    status, problem = await call("POST", "services", name, "stop")
    assert status == 404
    assert problem["message"].startswith("no service named")
    assert problem["fix"] == "see nbprod status"


async def test_a_command_that_breaks_gives_its_last_line(call):
    status, problem = await call("POST", "services", "broken", "stop")
    assert status == 502
    assert "disk on fire" in problem["message"]


async def test_a_command_that_cannot_start_is_told(call, jp_serverapp):
    (app,) = jp_serverapp.extension_manager.extension_apps["nbprod.server"]
    services = next(parts["services"] for _, _, parts in app.handlers)
    services._command = ("/nonexistent/nbprod",)
    status, problem = await call("GET", "services")
    assert status == 502
    assert "could not be run" in problem["message"]
    assert json.dumps(problem)
