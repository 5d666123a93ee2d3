"""The comparison of served answers, against a server that answers what it is told to."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator

import pytest

from nbprod.deploy.check import check_served, configured_key
from nbprod.errors import SystemFailedError

Reply = tuple[int, object]
Serve = Callable[[Callable[[list[dict]], Reply]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers = []

    def start(answer: Callable[[list[dict]], Reply]) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                assert self.headers["X-Nbprod-Check"] == "token"
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, document = answer(json.loads(body)["rows"])
                text = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Retry-After", "0")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args: object) -> None:
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


def answering(predictions: Callable[[dict], object]) -> Callable[[list[dict]], Reply]:
    return lambda rows: (200, {"predictions": [predictions(row) for row in rows]})


ROWS = [{"age": number if number % 10 else None, "plan": "basic"} for number in range(95)]


def test_equal_answers_in_batches(serve: Serve) -> None:
    sizes: list[int] = []

    def answer(rows: list[dict]) -> Reply:
        sizes.append(len(rows))
        return 200, {
            "predictions": ["yes"] * len(rows),
            "probabilities": [{"no": 0.25 + 1e-8, "yes": 0.75}] * len(rows),
        }

    expected = {"predictions": ["yes"] * 95, "probabilities": [{"no": 0.25, "yes": 0.75}] * 95}
    steps: list[tuple[int, int]] = []
    compared = check_served(
        serve(answer), "token", ROWS, expected, 40, progress=lambda *step: steps.append(step)
    )
    assert compared.equal
    assert compared.checked_rows == 95
    assert sizes == [40, 40, 15]
    assert steps == [(40, 95), (80, 95), (95, 95)]


@pytest.mark.parametrize(
    ("got", "wanted", "equal"),
    [
        ("1", 1, False), (True, 1, False), (1.0, 1, False), (1, 1, True), (None, None, True),
        (1.0 + 9e-7, 1.0, True), (1.0 + 2e-6, 1.0, False), (1e9 + 2000, 1e9, False),
        (None, 1.0, False), ([1.0, 2.0], [1.0, 2.0], True), ([1.0], [1.0, 2.0], False),
        ("a", "A", False), (3.0, "3.0", False), (0.0, 1e-5, False),
    ],
)  # fmt: skip
def test_labels_exactly_floats_within_a_millionth(
    serve: Serve, got: object, wanted: object, equal: bool
) -> None:
    compared = check_served(
        serve(answering(lambda row: got)), "token", [{"a": 1}], {"predictions": [wanted]}
    )
    assert compared.equal is equal


@pytest.mark.parametrize(
    ("got", "wanted", "equal"),
    [
        (1e-7, 2e-7, False), (9e-7, 0.0, False), (1e-7 * (1 + 9e-7), 1e-7, True),
        (0.5 + 1e-6, 0.5, False), (1e-13, 0.0, True), (1e-300, 0.0, True),
    ],
)  # fmt: skip
def test_probabilities_within_a_millionth_of_themselves(
    serve: Serve, got: float, wanted: float, equal: bool
) -> None:
    document = {"predictions": ["a"], "probabilities": [{"a": got}]}
    expected = {"predictions": ["a"], "probabilities": [{"a": wanted}]}
    url = serve(lambda rows: (200, document))
    assert check_served(url, "token", [{"x": 1}], expected).equal is equal


def test_one_large_value_does_not_excuse_the_small_ones(serve: Serve) -> None:
    answers = iter([1e12, 0.05])
    url = serve(answering(lambda row: next(answers)))
    compared = check_served(url, "token", [{"a": 1}, {"a": 2}], {"predictions": [1e12, 0.04]})
    assert compared.differing_rows == 1


def test_rounding_next_to_zero_is_no_difference(serve: Serve) -> None:
    answers = iter([1000.0, 1e-12])
    expected = {"predictions": [1000.0, 0.0], "probabilities": None}
    rows = [{"a": 1}, {"a": 2}]
    assert check_served(serve(answering(lambda row: next(answers))), "token", rows, expected).equal


def test_a_difference_is_told_in_plain_words(serve: Serve) -> None:
    url = serve(answering(lambda row: "yes" if row["age"] is None else "no"))
    compared = check_served(url, "token", ROWS, {"predictions": ["no"] * 95})
    assert not compared.equal
    assert compared.differing_rows == 10
    assert str(compared.differences[1]) == (
        "row 11 ('age' is missing, as in all 10 differing rows and in no other): "
        'prediction is "yes" from the service, "no" in the notebook'
    )


def test_a_probability_that_differs_or_lacks(serve: Serve) -> None:
    expected = {"predictions": ["a"], "probabilities": [{"a": 0.9, "b": 0.1}]}
    for chances, what in (
        ([{"a": 0.9, "b": 0.11}], "probability of b"),
        ([{"a": 0.9}], "probabilities"),
        (None, "probabilities"),
    ):
        document = {"predictions": ["a"], "probabilities": chances}
        url = serve(lambda rows, document=document: (200, document))
        (difference,) = check_served(url, "token", [{"x": 1}], expected).differences
        assert difference.what == what


def test_a_refused_row_is_found_in_its_batch(serve: Serve) -> None:
    def answer(rows: list[dict]) -> Reply:
        if any(row["age"] == 33 for row in rows):
            errors = [{"row": 0, "column": "age", "code": "range", "message": "33 is too much"}]
            return 422, {"title": "Invalid", "errors": errors}
        return 200, {"predictions": [1] * len(rows)}

    compared = check_served(serve(answer), "token", ROWS, {"predictions": [1] * 95})
    (difference,) = compared.differences
    assert difference.row == 34
    assert "refuses it: 422 column 'age': 33 is too much" in str(difference)


def test_waits_when_the_service_is_busy(serve: Serve) -> None:
    states = iter([429, 503, 200])
    url = serve(lambda rows: (next(states), {"predictions": [1]}))
    assert check_served(url, "token", [{"a": 1}], {"predictions": [1]}).equal


def test_what_is_no_comparison_is_an_error(serve: Serve) -> None:
    one = {"predictions": [1]}
    with pytest.raises(SystemFailedError, match="does not answer"):
        check_served("http://127.0.0.1:1", "token", [{"a": 1}], one)
    with pytest.raises(SystemFailedError, match="something else than 1 predictions"):
        check_served(serve(lambda rows: (200, {"predictions": []})), "token", [{"a": 1}], one)
    with pytest.raises(SystemFailedError) as refused:
        check_served(serve(lambda rows: (401, {"detail": "no key"})), "token", [{"a": 1}], one)
    assert "NBPROD_API_KEY" in refused.value.fix
    with pytest.raises(SystemFailedError, match="2 rows, but not as many predictions"):
        check_served("http://127.0.0.1:1", "token", [{"a": 1}, {"a": 2}], one)
    assert not check_served("http://127.0.0.1:1", "token", [], {"predictions": []}).equal


def test_the_key_of_the_service(tmp_path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("# ours\n\n first \nsecond\n")
    assert configured_key({"NBPROD_API_KEYS_FILE": str(keys)}) == "first"
    assert configured_key({"NBPROD_API_KEY": "one", "NBPROD_API_KEYS_FILE": str(keys)}) == "one"
    assert configured_key({}) == ""
