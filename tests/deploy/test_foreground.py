from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from nbprod.deploy.foreground import serve_foreground
from nbprod.errors import UsageError

SERVE = """
import sys
from nbprod.deploy.foreground import serve_foreground
announce = lambda url: print(url, flush=True)
sys.exit(serve_foreground(sys.argv[1], host="127.0.0.1", port=None, announce=announce))
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_it_is_told_to_end(bento_home: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-c", SERVE, "tiny:v1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        host = url.removeprefix("http://")
        deadline = time.monotonic() + 60
        status = 0
        while status != 200 and time.monotonic() < deadline:
            time.sleep(0.2)
            connection = http.client.HTTPConnection(host, timeout=5)
            try:
                connection.request("GET", "/readyz")
                status = connection.getresponse().status
            except OSError:
                continue
            finally:
                connection.close()
        assert status == 200
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 2
        process.send_signal(number)
        process.stdout.read()
        assert process.wait(20) == 0
    assert not any(member.is_running() for member in family)


@pytest.mark.slow
def test_a_service_that_cannot_start_ends_with_its_own_code(bento_home: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SERVE, "nothing:v1"], capture_output=True)
    assert done.returncode not in (0, 130)
    assert b"nothing:v1" in done.stderr


def test_refuses_what_cannot_be() -> None:
    with pytest.raises(UsageError, match="API key"):
        serve_foreground("tiny:v1", host="0.0.0.0", port=None, announce=print)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(UsageError, match=f"process {os.getpid()}"):
            serve_foreground("tiny:v1", host="127.0.0.1", port=port, announce=print)
