"""The framing of answers, against answers of every shape cut at every place."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nbprod.deploy.framing import AnswerFraming, begins_request

BODIES = st.binary(max_size=300)


def whole(head: bytes, body: bytes = b"") -> bytes:
    return b"HTTP/1.1 " + head + b"\r\n\r\n" + body


@st.composite
def kept_alive_answers(draw: st.DrawFn) -> bytes:
    """An answer after which the connection is at rest."""
    body = draw(BODIES)
    kind = draw(st.sampled_from(["length", "chunked", "empty", "interim"]))
    if kind == "chunked":
        cuts = draw(st.lists(st.integers(1, 40), min_size=1, max_size=5))
        coded, place = b"", 0
        for size in cuts:
            part = body[place : place + size]
            place += size
            if part:
                coded += b"%x;name=value\r\n%s\r\n" % (len(part), part)
        trailer = draw(st.sampled_from([b"", b"Digest: x\r\n"]))
        return whole(b"200 OK\r\nTransfer-Encoding: chunked", coded + b"0\r\n" + trailer + b"\r\n")
    if kind == "empty":
        return whole(draw(st.sampled_from([b"204 No Content", b"304 Not Modified\r\nETag: x"])))
    answer = whole(b"200 OK\r\ncontent-length: %d" % len(body), body)
    return whole(b"100 Continue") + answer if kind == "interim" else answer


def feed(framing: AnswerFraming, data: bytes, cuts: list[int]) -> list[bool]:
    """Feed ``data`` in pieces; return ``at_rest`` after each byte position that ends a piece."""
    states, place = [], 0
    for cut in [*cuts, len(data)]:
        piece = data[place : place + cut]
        place += len(piece)
        if piece:
            framing.received(piece)
            states.append(framing.at_rest)
    if place < len(data):
        framing.received(data[place:])
        states.append(framing.at_rest)
    return states


@given(st.lists(kept_alive_answers(), min_size=1, max_size=4), st.lists(st.integers(1, 60)))
def test_is_at_rest_after_each_whole_answer_and_never_within(
    answers: list[bytes], cuts: list[int]
) -> None:
    framing = AnswerFraming()
    for answer in answers:
        framing.sent(b"POST /predict HTTP/1.1\r\n\r\n")
        assert not framing.at_rest
        *within, last = feed(framing, answer, cuts)
        assert not any(within)
        assert last
        assert framing.reusable


@given(kept_alive_answers().filter(lambda answer: b"content-length: 0" not in answer))
def test_every_single_cut_is_within(answer: bytes) -> None:
    for cut in range(1, len(answer)):
        framing = AnswerFraming()
        framing.sent(b"GET / HTTP/1.1\r\n\r\n")
        framing.received(answer[:cut])
        assert not framing.at_rest
        framing.received(answer[cut:])
        assert framing.at_rest


def test_an_answer_to_head_has_no_body() -> None:
    framing = AnswerFraming()
    framing.sent(b"HE")
    framing.sent(b"AD / HTTP/1.1\r\n\r\n")
    framing.received(whole(b"200 OK\r\nContent-Length: 500"))
    assert framing.at_rest


def test_an_answer_that_ends_with_the_connection_is_never_at_rest() -> None:
    for head in (b"200 OK", b"101 Switching Protocols\r\nUpgrade: websocket", b"nonsense"):
        framing = AnswerFraming()
        framing.sent(b"GET / HTTP/1.1\r\n\r\n")
        framing.received(whole(head, b"anything"))
        assert not framing.at_rest
        assert not framing.reusable


def test_an_announced_close_is_at_rest_but_not_reusable() -> None:
    framing = AnswerFraming()
    framing.sent(b"GET / HTTP/1.1\r\n\r\n")
    framing.received(whole(b"200 OK\r\nConnection: Keep-Alive, Close\r\nContent-Length: 1", b"x"))
    assert framing.at_rest
    assert not framing.reusable


@given(st.lists(st.binary(max_size=200)))
def test_no_bytes_of_a_backend_break_it(pieces: list[bytes]) -> None:
    framing = AnswerFraming()
    for piece in pieces:
        framing.received(piece)


def test_a_request_is_told_from_the_rest_of_a_body() -> None:
    assert begins_request(b"POST /predict HTTP/1.1\r\n")
    assert not begins_request(b'{"rows": []}')
    assert not begins_request(b"\x00\x01 binary")
