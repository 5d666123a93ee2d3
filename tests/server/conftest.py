"""A real Jupyter server with the extension, over the fake command line."""

import json
import sys
from pathlib import Path

import pytest

# Fixtures and hooks of pytest-jupyter, for this folder only: its hooks run coroutine tests.
from pytest_jupyter.jupyter_server import *  # noqa: F403

FAKE = Path(__file__).with_name("fake_nbprod.py")


@pytest.fixture
def jp_server_config():
    return {
        "ServerApp": {"jpserver_extensions": {"nbprod.server": True}},
        "NbprodServerExtension": {
            "command": [sys.executable, str(FAKE)],
            "interrupt_seconds": 5.0,
            "terminate_seconds": 0.5,
        },
    }


@pytest.fixture
def notebook(jp_root_dir):
    """Write a notebook whose deploy follows a script of the fake; return its API path."""

    def write(script="succeed", path="work/churn.ipynb"):
        file = Path(jp_root_dir, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        document = {"cells": [], "metadata": {"script": script}, "nbformat": 4, "nbformat_minor": 5}
        file.write_text(json.dumps(document))
        return path

    return write


@pytest.fixture
def call(jp_fetch):
    """Call a route; return (status, document), errors included."""
    from tornado.httpclient import HTTPClientError

    async def fetch(method, *route, body=None, raw=None, params=None):
        payload = raw if raw is not None else (None if body is None else json.dumps(body))
        if method == "POST" and payload is None:
            payload = ""
        try:
            answer = await jp_fetch(
                "nbprod", *route, method=method, body=payload, params=params or {}
            )
        except HTTPClientError as error:
            answer = error.response
        return answer.code, json.loads(answer.body)

    return fetch


@pytest.fixture
def follow(call):
    """Follow a run by long-polling, as the panel does, until ``until`` holds."""

    async def poll(run_id, until=lambda run: run["phase"] not in ("running", "cancelling")):
        seen = []
        after = 0
        for _ in range(500):
            status, run = await call("GET", "deployments", run_id, params={"after": after})
            assert status == 200
            seen.append(run)
            if until(run):
                return seen
            after = run["seq"]
        raise AssertionError("the run never got there")

    return poll
