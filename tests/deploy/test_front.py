"""The front as the process it is, between real sockets."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbprod.deploy.ports import listen


class Answering(http.server.BaseHTTPRequestHandler):
    """Echoes the length of what it got, tells its version, waits if asked."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(float(self.headers.get("X-Wait", "0")))
        size = int(self.headers.get("X-Answer-Bytes", "0"))
        answer = json.dumps({"version": self.server.version, "got": len(body)}).encode()
        answer += b" " * size
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(answer)

    def log_message(self, *args: object) -> None:
        pass


class HttpBackend(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, version: str) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.version = version

    def handle_error(self, *args: object) -> None:
        pass


@contextlib.contextmanager
def backend(version: str) -> Iterator[int]:
    server = HttpBackend(version)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


class RunningFront:
    def __init__(self, folder: Path, *, owned: bool = False) -> None:
        self.record = folder / "deployment.json"
        listener = listen("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        command = [sys.executable, "-P", "-m", "nbprod.deploy.front", "--record", str(self.record)]
        command += ["--listen-fd", str(listener.fileno())]
        fds = [listener.fileno()]
        self.owner: int | None = None
        if owned:
            owner, self.owner = os.pipe()
            command += ["--owner-fd", str(owner)]
            fds.append(owner)
        self.process = subprocess.Popen(command, pass_fds=fds)
        listener.close()
        if owned:
            os.close(owner)

    def route(self, port: int) -> None:
        beside = self.record.with_suffix(".new")
        beside.write_text(
            json.dumps(
                {"front": {"pid": self.process.pid}, "backend": {"pid": 1}, "backend_port": port}
            )
        )
        beside.replace(self.record)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.owner is not None:
            os.close(self.owner)


@pytest.fixture
def front(tmp_path: Path) -> Iterator[RunningFront]:
    running = RunningFront(tmp_path)
    with contextlib.closing(running.connect()) as connection:
        ask(connection)  # it is up
    yield running
    running.end()


def ask(connection: http.client.HTTPConnection, body: bytes = b"{}", **headers: str) -> dict:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", "/predict", body, named)
    response = connection.getresponse()
    document = json.loads(response.read())
    return {"status": response.status, "headers": response.headers, **document}


def test_forwards_many_requests_over_one_connection(front: RunningFront) -> None:
    with backend("v1") as port, contextlib.closing(front.connect()) as connection:
        front.route(port)
        for size in (0, 1, 70_000, 3_000_000):
            assert ask(connection, b"x" * size)["got"] == size


def test_answers_503_as_problem_json_while_nothing_serves(front: RunningFront) -> None:
    with contextlib.closing(front.connect()) as connection:
        answer = ask(connection, b"x" * 2_000_000)
    assert answer["status"] == 503
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert int(answer["headers"]["Retry-After"]) > 0
    assert "not running" in answer["detail"]


def test_answers_503_when_the_backend_is_gone(front: RunningFront) -> None:
    with backend("v1") as port:
        front.route(port)
    with contextlib.closing(front.connect()) as connection:
        assert ask(connection)["status"] == 503


def test_a_backend_that_dies_at_work_is_a_502_and_not_a_reset(front: RunningFront) -> None:
    with socket.create_server(("127.0.0.1", 0)) as dying:
        front.route(dying.getsockname()[1])
        with contextlib.closing(front.connect()) as connection:
            connection.request("POST", "/predict", b"{}")
            accepted, _ = dying.accept()
            accepted.recv(1000)
            accepted.close()
            response = connection.getresponse()
            assert response.status == 502
            assert json.loads(response.read())["title"] == "Bad Gateway"


def test_a_broken_answer_does_not_look_whole(front: RunningFront) -> None:
    with socket.create_server(("127.0.0.1", 0)) as dying:
        front.route(dying.getsockname()[1])
        with contextlib.closing(front.connect()) as connection:
            connection.request("POST", "/predict", b"{}")
            accepted, _ = dying.accept()
            accepted.recv(1000)
            accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            accepted.close()
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                connection.getresponse().read()


def test_a_kept_alive_client_moves_to_the_new_backend(front: RunningFront) -> None:
    with contextlib.closing(front.connect()) as connection, backend("v2") as new:
        with backend("v1") as old:
            front.route(old)
            assert ask(connection)["version"] == "v1"
            front.route(new)
        assert ask(connection)["version"] == "v2"  # the same socket: nobody noticed


def test_a_request_under_way_ends_on_the_old_backend(front: RunningFront) -> None:
    with backend("v1") as old, backend("v2") as new:
        front.route(old)
        answers: list[dict] = []

        def slow() -> None:
            with contextlib.closing(front.connect()) as connection:
                answers.append(ask(connection, X_Wait="1"))
                answers.append(ask(connection))

        thread = threading.Thread(target=slow)
        thread.start()
        time.sleep(0.4)
        front.route(new)
        with contextlib.closing(front.connect()) as connection:
            assert ask(connection)["version"] == "v2"
        thread.join()
    assert [answer["version"] for answer in answers] == ["v1", "v2"]


def test_no_request_fails_while_backends_change_under_load(front: RunningFront) -> None:
    stop = threading.Event()
    seen: set[str] = set()
    failed: list[str] = []
    counts = [0] * 8

    def load(number: int) -> None:
        connection = front.connect()
        while not stop.is_set():
            try:
                if number % 2:  # half of the clients keep their connection
                    connection.close()
                    connection = front.connect()
                answer = ask(connection, b"x" * 500)
                seen.add(answer["version"])
                if answer["status"] != 200:
                    failed.append(str(answer))
                counts[number] += 1
            except (OSError, http.client.HTTPException) as error:
                failed.append(repr(error))
                connection.close()
        connection.close()

    with contextlib.ExitStack() as stack:
        first = stack.enter_context(backend("v0"))
        front.route(first)
        threads = [threading.Thread(target=load, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for number in range(1, 9):
            time.sleep(0.15)
            front.route(stack.enter_context(backend(f"v{number}")))
        time.sleep(0.2)
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []
    assert len(seen) >= 8
    assert min(counts) > 5


def test_the_old_backend_has_no_connection_left_after_a_switch(front: RunningFront) -> None:
    import psutil

    with backend("v1") as old, backend("v2") as new:
        front.route(old)
        idle = [front.connect() for _ in range(20)]
        for connection in idle:
            ask(connection)
        front.route(new)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            links = psutil.Process(front.process.pid).net_connections(kind="tcp")
            if not [link for link in links if link.raddr and link.raddr.port == old]:
                break
            time.sleep(0.05)
        else:
            pytest.fail("connections to the old backend remain")
        assert {ask(connection)["version"] for connection in idle} == {"v2"}
        for connection in idle:
            connection.close()


def test_a_client_that_half_closes_gets_its_answer(front: RunningFront) -> None:
    with backend("v1") as port:
        front.route(port)
        with socket.create_connection(("127.0.0.1", front.port), timeout=10) as client:
            client.sendall(
                b"POST / HTTP/1.1\r\nHost: x\r\nX-Wait: 0.5\r\nContent-Length: 2\r\n\r\n{}"
            )
            client.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := client.recv(1000):
                answer += piece
        assert b'"version": "v1"' in answer


def test_a_slow_reader_neither_fills_the_memory_nor_stops_others(front: RunningFront) -> None:
    import psutil

    process = psutil.Process(front.process.pid)
    size = 100_000_000
    with backend("v1") as port:
        front.route(port)
        with contextlib.closing(front.connect()) as slow:
            slow.request("POST", "/", b"{}", {"X-Answer-Bytes": str(size)})
            time.sleep(1)
            assert process.memory_info().rss < 60_000_000
            with contextlib.closing(front.connect()) as other:
                assert ask(other)["status"] == 200
            assert len(slow.getresponse().read()) > size


class Deaf(socketserver.BaseRequestHandler):
    """Takes a request's head, then nothing for a while."""

    def handle(self) -> None:
        self.request.recv(100)
        time.sleep(1.5)
        with contextlib.suppress(OSError):
            while self.request.recv(1_000_000):
                pass


def test_a_slow_backend_does_not_fill_the_memory(front: RunningFront) -> None:
    import psutil

    process = psutil.Process(front.process.pid)
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Deaf)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    front.route(server.server_address[1])
    with socket.create_connection(("127.0.0.1", front.port)) as client:
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):  # held back long before all is taken
            client.sendall(
                b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 90_000_000
            )
        assert process.memory_info().rss < 60_000_000
    server.shutdown()
    server.server_close()


def test_serves_three_hundred_clients_at_once(front: RunningFront) -> None:
    with backend("v1") as port:
        front.route(port)
        clients = [front.connect() for _ in range(300)]
        for client in clients:
            client.request("POST", "/", b"{}", {"X-Wait": "0.2"})
        statuses = []
        for client in clients:
            response = client.getresponse()
            statuses.append(response.status)
            response.read()
            client.close()
        assert statuses == [200] * 300


def test_sigterm_lets_a_request_end_and_takes_no_new_one(front: RunningFront) -> None:
    with backend("v1") as port:
        front.route(port)
        with contextlib.closing(front.connect()) as connection:
            connection.request("POST", "/", b"{}", {"X-Wait": "1"})
            time.sleep(0.4)
            front.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", front.port)).close()
            assert connection.getresponse().status == 200
        assert front.process.wait(10) == 0


@pytest.mark.parametrize("adopted", [True, False])
def test_outlives_its_starter_only_if_it_was_adopted(tmp_path: Path, adopted: bool) -> None:
    front = RunningFront(tmp_path, owned=True)
    try:
        with backend("v1") as port:
            if adopted:
                front.route(port)
            assert front.owner is not None
            os.close(front.owner)
            front.owner = None
            if adopted:
                time.sleep(0.7)
                with contextlib.closing(front.connect()) as connection:
                    assert ask(connection)["status"] == 200
            else:
                assert front.process.wait(10) == 0
    finally:
        front.end()


@pytest.mark.parametrize("key", ["", "NBPROD_API_KEY", "NBPROD_API_KEYS_FILE"])
def test_listens_beyond_loopback_only_with_a_key(tmp_path: Path, key: str) -> None:
    environment = {**os.environ, **({key: "secret"} if key else {})}
    command = [sys.executable, "-P", "-m", "nbprod.deploy.front"]
    front = subprocess.Popen(
        [*command, "--record", str(tmp_path / "x"), "--bind", "0.0.0.0", "0"],
        env=environment,
        stderr=subprocess.PIPE,
    )
    try:
        if key:
            with pytest.raises(subprocess.TimeoutExpired):
                front.wait(1.5)
        else:
            assert front.wait(10) == 2
            assert b"NBPROD_API_KEY" in front.stderr.read()
    finally:
        front.kill()
        front.communicate()


def test_imports_the_standard_library_only() -> None:
    code = (
        "import sys; import nbprod.deploy.front; "
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('psutil', 'msgspec', 'bentoml', 'click', 'platformdirs')])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
