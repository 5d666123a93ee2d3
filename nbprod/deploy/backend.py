"""The backend: one ``bentoml serve`` on a spare loopback port, out of reach of the terminal."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from nbprod.deploy.logs import last_lines
from nbprod.deploy.ports import LOOPBACK, spare_port
from nbprod.deploy.process import ProcessMark, family, kill_all, wait_until_gone
from nbprod.deploy.store import RECORD
from nbprod.errors import SystemFailedError

GRACE_SECONDS = 30.0
READY_SECONDS = 180.0
_POLL_SECONDS = 0.1
_WORKER = "_bentoml_impl.worker.service"
_FOLDER_VARIABLE = "NBPROD_DEPLOYMENT_FOLDER"
# The last line of a traceback, such as "ValueError: no such column".
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Exit|Warning|Interrupt)\b(: .*)?$")
# A notebook server tells its kernels these; there are tokens among them.
_FOREIGN_VARIABLES = ("JUPYTER", "JPY_")
_PORT_TAKEN = "Address already in use"


@dataclass(frozen=True, slots=True)
class Backend:
    """A started service.

    Attributes:
        mark: The supervisor; all else is its descendants.
        bento_tag: ``name:version``.
        port: Loopback port.
        log_path: Where its output goes.
        check_token: Value of the header ``X-Nbprod-Check`` for this start. A secret.
    """

    mark: ProcessMark
    bento_tag: str
    port: int
    log_path: Path
    check_token: str

    @property
    def url(self) -> str:
        """URL on this machine."""
        return f"http://{LOOPBACK}:{self.port}"


def start_backend(
    bento_tag: str,
    folder: Path,
    owner: int,
    *,
    environment: Mapping[str, str] | None = None,
    grace: float = GRACE_SECONDS,
) -> Backend:
    """Start a Bento, detached; it is not ready when this returns.

    It ends with the calling process unless the record in ``folder`` names it by then.

    Args:
        bento_tag: ``name:version`` in the BentoML store.
        folder: The deployment's folder.
        owner: Read end of a pipe whose write end only the caller holds.
        environment: Variables for the service beside the present ones.
        grace: Seconds that requests under way may take when it is stopped.

    Raises:
        SystemFailedError: The process cannot be started.
    """
    start = f"{bento_tag.replace(':', '-')}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    start += f"-{secrets.token_hex(2)}"
    log_path = folder / "logs" / f"{start}.log"
    token = secrets.token_urlsafe(32)
    port = spare_port()
    try:
        for made in (log_path.parent, folder / "predictions"):
            made.mkdir(mode=0o700, parents=True, exist_ok=True)
        _forget_old_logs(log_path.parent)
        with log_path.open("ab") as log:
            log_path.chmod(0o600)
            process = subprocess.Popen(
                _supervised(bento_tag, port, folder, log_path, owner, grace),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,  # a file of the notebook's folder must not shadow a module
                env=service_environment(folder, token, environment),
                start_new_session=True,
                pass_fds=(owner,),
            )
    except OSError as failed:
        raise SystemFailedError(f"Service {bento_tag} cannot be started: {failed}.") from failed
    mark = ProcessMark.of(process.pid)
    # From now on the mark tells whether it lives; no warning when this handle goes.
    process.returncode = 0
    return Backend(mark, bento_tag, port, log_path, token)


def _supervised(
    bento_tag: str, port: int, folder: Path, log_path: Path, owner: int, grace: float
) -> list[str]:
    supervisor = [sys.executable, "-P", "-m", "nbprod.deploy.supervisor"]
    options = ["--record", str(folder / RECORD), "--log", str(log_path)]
    options += ["--owner-fd", str(owner), "--grace", str(grace)]
    return [*supervisor, *options, "--", *serve_command(bento_tag, LOOPBACK, port)]


def serve_command(bento_tag: str, host: str, port: int) -> list[str]:
    """Return the command that serves a Bento; ``host`` is an IP address. It holds no secrets."""
    serve = [sys.executable, "-m", "bentoml", "serve", bento_tag]
    return [*serve, "--host", host, "--port", str(port)]


def service_environment(
    folder: Path, token: str, more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment of a service: ours without Jupyter's, and what the service is told."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN_VARIABLES)
    }
    environment.setdefault("BENTOML_DO_NOT_TRACK", "True")
    environment["PYTHONUNBUFFERED"] = "1"  # what user code prints must reach the log
    environment.update(more or {})
    for name in ("NBPROD_HOME", "BENTOML_HOME", "BENTOML_CONFIG", "NBPROD_API_KEYS_FILE"):
        if environment.get(name):  # the service runs in another folder
            environment[name] = str(Path(environment[name]).expanduser().absolute())
    environment["NBPROD_LOG_DIR"] = str(folder / "predictions")
    environment["NBPROD_CHECK_TOKEN"] = token
    environment[_FOLDER_VARIABLE] = str(folder)
    return environment


def wait_ready(
    backend: Backend, *, seconds: float = READY_SECONDS, tick: Callable[[], None] | None = None
) -> float:
    """Wait until ``/readyz`` answers 200.

    Args:
        backend: What was started.
        seconds: How long that may take.
        tick: Called at each look, about ten times a second.

    Returns:
        Seconds that it took.

    Raises:
        SystemFailedError: It ended, a worker failed, the time was over, or a stranger
            holds the port. The message ends with the last lines of its log.
    """
    began = time.monotonic()
    workers: set[int] = set()
    while time.monotonic() - began < seconds:
        processes = family(backend.mark)
        if not processes:
            raise _failed(backend, "its process ended before it was ready")
        present = {process.pid for process in processes if _is_worker(process)}
        if workers - present:
            # BentoML would start it again and again without an end.
            raise _failed(backend, "a worker ended before it was ready")
        workers = present
        if http_status(LOOPBACK, backend.port, "/readyz") == 200:
            if not _listens(processes, backend.port):
                raise _failed(backend, f"{_PORT_TAKEN}: another process answers there")
            return time.monotonic() - began
        if tick is not None:
            tick()
        time.sleep(_POLL_SECONDS)
    raise _failed(backend, f"it was not ready after {seconds:.0f} s")


def lost_its_port(failed: SystemFailedError) -> bool:
    """Tell whether a start failed because someone else took the spare port first."""
    return _PORT_TAKEN.lower() in failed.message.lower()


def http_status(host: str, port: int, path: str, timeout: float = 2.0) -> int:
    """Return the status of a GET, 0 if there is no answer."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def stop_backend(mark: ProcessMark, *, grace: float = GRACE_SECONDS) -> None:
    """Stop a service: requests under way are answered, then nothing of it is left.

    Args:
        mark: Its supervisor.
        grace: Seconds for requests under way; after that it is killed.
    """
    members = family(mark)
    if not members:
        return
    with contextlib.suppress(psutil.Error):
        members[0].terminate()
    try:
        gone = wait_until_gone(mark, grace + 10)
        members += () if gone else family(mark)
    finally:
        if not mark.alive():
            kill_all(member for member in members if member.is_running())
    if mark.alive():
        kill_all(dict.fromkeys(members + family(mark)))
        wait_until_gone(mark, 5)


def discard_backend(backend: Backend) -> None:
    """End a service that nobody uses yet, at once and without a trace but its log."""
    stop_backend(backend.mark, grace=5)


def end_orphans(folder: Path, keep: ProcessMark | None) -> int:
    """Kill service processes of a deployment that no living supervisor has.

    Args:
        folder: The deployment's folder.
        keep: The supervisor whose family stays.

    Returns:
        How many there were.
    """
    kept = {process.pid for process in family(keep)} if keep is not None else set()
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid not in kept and process.environ().get(_FOLDER_VARIABLE) == str(folder):
                found.append(process)
    kill_all(found)
    return len(found)


def _failed(backend: Backend, reason: str) -> SystemFailedError:
    lines = last_lines(backend.log_path, 25)
    raised = [line.strip() for line in lines if _EXCEPTION.match(line)]
    reason += f": {raised[-1]}" if raised else ""
    told = "\n".join(f"    {line}" for line in lines) or "    (it wrote nothing)"
    return SystemFailedError(
        f"Service {backend.bento_tag} did not start: {reason}. Last lines of its log:\n{told}",
        fix=f"The whole log: {backend.log_path}",
    )


def _is_worker(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and _WORKER in process.cmdline()
    except psutil.Error:
        return False


def _listens(processes: tuple[psutil.Process, ...], port: int) -> bool:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            for connection in process.net_connections(kind="tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                    return True
    return False


def _forget_old_logs(folder: Path, most: int = 20) -> None:
    logs = sorted(folder.glob("*.log*"), key=lambda path: path.stat().st_mtime)
    for old in logs[:-most]:
        old.unlink(missing_ok=True)
