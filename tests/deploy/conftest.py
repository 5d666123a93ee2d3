"""Real Bentos, small enough to start quickly; every test has an NBPROD_HOME of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

SERVICE = """
import asyncio, os
import bentoml
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

VERSION = "{version}"

async def predict(request):
    rows = (await request.json())["rows"]
    await asyncio.sleep(float(request.query_params.get("wait", "0")))
    print("asked for", len(rows), "rows")
    answers = [sum(v for v in row.values() if isinstance(v, (int, float))) for row in rows]
    return JSONResponse({{
        "predictions": answers, "probabilities": None, "prediction_ids": [], "version": VERSION,
        "check": request.headers.get("x-nbprod-check") == os.environ["NBPROD_CHECK_TOKEN"],
        "folder": os.environ["NBPROD_LOG_DIR"],
    }})

{body}

app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])

@bentoml.service(name="{name}", metrics={{"enabled": False}})
@bentoml.asgi_app(app, path="/")
class Service:
    pass
"""
BUILD = """
import sys, bentoml
bentoml.build(
    "service:Service", name=sys.argv[1], version=sys.argv[2], python={"lock_packages": False}
)
"""
BODIES = {
    "tiny:v1": "",
    "tiny:v2": "",
    "broken:v1": 'print("about to fail")\nraise RuntimeError("the model file is damaged")',
    "slow:v1": 'import time\nprint("loading for ever")\ntime.sleep(600)',
}


@pytest.fixture(scope="session")
def bentos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BentoML store with ``tiny:v1``, ``tiny:v2``, ``broken:v1`` and ``slow:v1``."""
    store = tmp_path_factory.mktemp("bentos")
    environment = {**os.environ, "BENTOML_HOME": str(store), "BENTOML_DO_NOT_TRACK": "True"}
    for tag, body in BODIES.items():
        name, version = tag.split(":")
        folder = tmp_path_factory.mktemp("source")
        # The build imports the service: what fails must fail only where it is served.
        guarded = f'if os.environ.get("NBPROD_DEPLOYMENT_FOLDER"):\n{textwrap.indent(body, "    ")}'
        text = SERVICE.format(name=name, version=version, body=guarded if body else "")
        (folder / "service.py").write_text(text)
        subprocess.run(
            [sys.executable, "-c", BUILD, name, version],
            cwd=folder,
            env=environment,
            check=True,
        )
    return store


@pytest.fixture(autouse=True)
def nbprod_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An NBPROD_HOME of the test's own; what still runs for it afterwards is killed."""
    home = tmp_path / "nbprod-home"
    monkeypatch.setenv("NBPROD_HOME", str(home))
    for name in ("NBPROD_API_KEY", "NBPROD_API_KEYS_FILE"):
        monkeypatch.delenv(name, raising=False)
    yield home
    left = processes_of(home)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=10)


@pytest.fixture
def bento_home(bentos: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Point BentoML at the small Bentos, in processes to come and in this one."""
    from bentoml._internal.bento import BentoStore
    from bentoml._internal.configuration.containers import BentoMLContainer

    monkeypatch.setenv("BENTOML_HOME", str(bentos))
    with BentoMLContainer.bento_store.patch(BentoStore(bentos / "bentos")):
        yield bentos


def processes_of(home: Path) -> list[psutil.Process]:
    """Every front, supervisor, server and worker of any deployment under ``home``."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            folder = process.environ().get("NBPROD_DEPLOYMENT_FOLDER", "")
            words = process.cmdline()
            ours = any(word.startswith("nbprod.deploy.") for word in words)
            if folder.startswith(str(home)) or (ours and any(str(home) in word for word in words)):
                found.append(process)
    return found
