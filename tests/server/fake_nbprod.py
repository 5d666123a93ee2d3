# ruff: noqa: T201
"""Stands in for ``nbprod`` where only the server is under test: quick, and it fails on demand.

The notebook's text chooses what happens: see SCRIPTS. Every call appends its
arguments to ``calls.jsonl`` beside the notebook. What is deployed stands in
``services.json`` in the working directory.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

STAGES = ["check", "convert", "run", "verify", "package", "build", "start", "compare", "switch"]
SEQUENCE = 0
SERVICES = Path("services.json")


def tell(event, **fields):
    global SEQUENCE
    SEQUENCE += 1
    print(json.dumps({"event": event, "seq": SEQUENCE, **fields}), flush=True)


def plan():
    tell("plan", stages=[[name, name.capitalize()] for name in STAGES])


def stage(name, state, detail=""):
    tell("stage", stage=name, state=state, detail=detail)


def succeed(pause=0.0):
    plan()
    for name in STAGES:
        stage(name, "started")
        if name == "run":
            for cell in range(1, 4):
                tell(
                    "progress", stage="run", done=cell, total=3, unit="cell", detail=f"cell {cell}"
                )
                time.sleep(pause)
        time.sleep(pause)
        stage(name, "done", f"{name} went well")
    tell("log", text="picked the variable `model`", level="notice")
    url = "http://127.0.0.1:9/"
    result = {
        "name": "churn",
        "version": "20261121t101500z-abc123",
        "url": url,
        "run_id": "20261121T101500Z-abc123",
        "checked_rows": 1000,
        "curl": f"curl -s {url}predict -H 'content-type: application/json' -d '{{\"rows\": []}}'",
    }
    services = deployed()
    services["churn"] = {
        "name": "churn",
        "version": result["version"],
        "state": "running",
        "url": url,
        "pid": 1,
    }
    SERVICES.write_text(json.dumps(services))
    tell("result", result=result)
    return 0


def deployed():
    return json.loads(SERVICES.read_text()) if SERVICES.exists() else {}


def stop(name):
    services = deployed()
    if name == "broken":
        print("Traceback…\nOSError: disk on fire", file=sys.stderr)
        return 4
    if name not in services:
        error = {"message": f"no service named {name}", "fix": "see nbprod status"}
        print(json.dumps({"error": error}))
        return 2
    del services[name]
    SERVICES.write_text(json.dumps(services))
    print(json.dumps({"name": name, "state": "stopped"}))
    return 0


def fail():
    plan()
    stage("check", "started")
    stage("check", "done")
    stage("run", "started")
    stage("run", "failed", "cell 2")
    error = {
        "message": "cell 2 of failing.ipynb failed",
        "exit_code": 1,
        "fix": "mend the cell and deploy again",
        "cell": 2,
        "line": 3,
        "step": "train",
        "first_line": "model.fit(X, y)",
        "exception": "ValueError: <b>bad</b>",
        "traceback": "Traceback…\nValueError: <b>bad</b>",
        "diagnostics": [],
    }
    tell("error", **error)
    return 1


def hang(notebook, polite):
    """Run until stopped, with a child, as a deploy has kernels and builds."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    if not polite:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    plan()
    stage("run", "started")
    (notebook.parent / "pids").write_text(f"{os.getpid()} {child.pid}")
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        tell("error", message="interrupted", exit_code=130)
        return 130


def service():
    """Succeed and leave a service behind that inherited our pipes and never closes them."""
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    child = subprocess.Popen(command, start_new_session=True)
    tell("log", text=f"service {child.pid}")
    return succeed()


def crash():
    print("Fatal Python error: out of luck", file=sys.stderr)
    print("printed past the CLI")
    return 7


def deploy(notebook):
    script = json.loads(notebook.read_text())["metadata"].get("script", "succeed")
    match script:
        case "fail":
            return fail()
        case "hang":
            return hang(notebook, polite=True)
        case "stubborn":
            return hang(notebook, polite=False)
        case "service":
            return service()
        case "crash":
            return crash()
        case "slow":
            return succeed(pause=0.4)
        case _:
            return succeed()


def main():
    arguments = sys.argv[1:]
    match arguments:
        case ["deploy", notebook, "--events", "-", *parameters]:
            calls = Path(notebook).parent / "calls.jsonl"
            with calls.open("a") as log:
                log.write(json.dumps(parameters) + "\n")
            return deploy(Path(notebook))
        case ["status", "--json"]:
            print(json.dumps({"deployments": list(deployed().values())}))
        case ["stop", "--json", "--", name]:
            return stop(name)
        case _:
            print(f"unexpected arguments: {arguments}", file=sys.stderr)
            return 2
    return 0


sys.exit(main())
