"""A service on trial, for as long as somebody asks it: see :mod:`.trial_process`."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbprod.errors import InterruptedRunError, ResultsDifferError, SystemFailedError

_READY_SECONDS = 120.0
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_OF_THE_SERVICE = ("NBPROD_API_KEY", "NBPROD_API_KEYS_FILE", "NBPROD_LOG_DIR")


@dataclass(frozen=True, slots=True)
class TrialService:
    """Where the service on trial answers.

    Attributes:
        url: On loopback.
        token: Value of ``X-Nbprod-Check``.
    """

    url: str
    token: str


@contextlib.contextmanager
def trial_service(name: str, version: str, package: Path, project: Path) -> Iterator[TrialService]:
    """Serve a packaged model on a loopback port while inside; nothing is deployed.

    Args:
        name: Name of the service.
        version: Its version, to be told.
        package: Folder of the packaged model.
        project: Folder of the generated project, whose classes it may need.

    Raises:
        ResultsDifferError: The model does not load in a service.
        SystemFailedError: The process does not start.
        InterruptedRunError: Ctrl-C; the process is gone.
    """
    token = secrets.token_hex(16)
    request = package.parent / "trial-request.json"
    document = {"name": name, "version": version, "token": token}
    document |= {"package": str(package), "project": str(project)}
    request.write_text(json.dumps(document))
    environment = {key: value for key, value in os.environ.items() if key not in _OF_THE_SERVICE}
    for variable in _THREADS:  # as in a Bento
        environment.setdefault(variable, "1")
    with (package.parent / "trial.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "nbprod.bento.trial_process", str(request)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            start_new_session=True,  # Ctrl-C reaches us alone; we end it
        )
    try:
        port = _port(process, Path(log.name))
        _wait_until_ready(port, process, Path(log.name))
        yield TrialService(f"http://127.0.0.1:{port}", token)
    except KeyboardInterrupt:
        raise InterruptedRunError("interrupted") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        request.unlink(missing_ok=True)


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise _dead(process, log)
    return int(json.loads(line)["port"])


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Ask whether it is ready: its port is open from the start, so that one request waits."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_READY_SECONDS)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        status, body = response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        if process.poll() is not None:
            raise _dead(process, log) from None
        raise SystemFailedError(f"the service on trial does not answer: {error}") from None
    finally:
        connection.close()
    if status != 200:
        reason = json.loads(body or b"{}").get("detail", status)
        raise ResultsDifferError(f"the model does not load in a service: {reason}")


def _dead(process: subprocess.Popen[bytes], log: Path) -> SystemFailedError:
    process.wait()
    words = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    last = words[-1] if words else "without a word"
    return SystemFailedError(f"the service on trial ended with {process.returncode}: {last}")
