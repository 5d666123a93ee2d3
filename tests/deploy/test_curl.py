from __future__ import annotations

import http.server
import json
import os
import subprocess
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbprod.deploy.curl import curl_example


class Recorder(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got = (self.path, dict(self.headers), json.loads(body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[http.server.HTTPServer]:
    with http.server.HTTPServer(("127.0.0.1", 0), Recorder) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


TEXTS = st.text(st.characters(exclude_categories=[])) | st.sampled_from(
    ["it's", '"$HOME" `id` $(id)', "!!", "a\nb", "@file", "\\", "é", "%s"]
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(TEXTS, TEXTS | st.none() | st.integers() | st.booleans(), max_size=4))
def test_it_works_as_pasted_whatever_the_values_are(
    server: http.server.HTTPServer, row: dict[str, object]
) -> None:
    url = f"http://127.0.0.1:{server.server_address[1]}"
    line = curl_example(url, row, key_needed=True)
    assert "\n" not in line
    environment = {**os.environ, "NBPROD_API_KEY": "s3cret"}
    subprocess.run(["sh", "-c", line], check=True, capture_output=True, env=environment)
    path, headers, body = server.got
    assert path == "/predict"
    assert headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == "Bearer s3cret"
    assert body == {"rows": [row]}


def test_without_a_key_none_is_sent() -> None:
    assert "Authorization" not in curl_example("http://127.0.0.1:1/", {"a": 1}, key_needed=False)
