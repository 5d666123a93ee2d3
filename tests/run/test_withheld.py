"""Secrets are found in whatever form texts and bytes hold them, and hidden in texts."""

from __future__ import annotations

import base64
import bz2
import gzip
import html
import io
import json
import lzma
import pickle
import sys
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbprod.run.kernel import artifacts, filestate, withheld
from nbprod.run.kernel.withheld import Secrets
from nbprod.run.redaction import redact_message

SECRET = 'tök "9f8&A7b'
NOISE = np.random.default_rng(0).bytes(300_000)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Secrets:
    """This process knows the secret."""
    monkeypatch.setattr(withheld, "given", Secrets([("api_key", SECRET)]))
    monkeypatch.setattr(withheld, "notes", [])
    return withheld.given


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.txt", data)
    return file.getvalue()


def npz(data: bytes) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, texts=np.array(["", data.decode()]))
    return file.getvalue()


def parquet(data: bytes, codec: str) -> bytes:
    pytest.importorskip("pyarrow", reason="pandas writes Parquet by pyarrow")
    file = io.BytesIO()
    pd.DataFrame({"text": ["a", data.decode()], "n": [1, 2]}).to_parquet(file, compression=codec)
    return file.getvalue()


def feather(data: bytes) -> bytes:
    pytest.importorskip("pyarrow", reason="pandas writes Feather by pyarrow")
    file = io.BytesIO()
    pd.DataFrame({"text": ["a", data.decode()]}).to_feather(file, compression="lz4")
    return file.getvalue()


CONTAINERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "zip": zipped,
    "npz": npz,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "parquet": lambda data: parquet(data, "snappy"),
    "parquet, zstd": lambda data: parquet(data, "zstd"),
    "feather": feather,
    "zip in gzip": lambda data: gzip.compress(zipped(data)),
    "pickle in xz": lambda data: lzma.compress(pickle.dumps({"deep": [data.decode()]})),
    "utf-16": lambda data: data.decode().encode("utf-16"),
    "base64": lambda data: base64.b64encode(b"user:" + data),
    "hex": lambda data: data.hex().encode(),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_it_is_found_in_containers_among_other_bytes(container: str) -> None:
    secrets = Secrets([("api_key", SECRET)])
    pack = CONTAINERS[container]
    hidden = pack(f"key={SECRET};".encode())
    assert secrets.name_in_bytes(NOISE + hidden + NOISE) == "api_key"
    assert not secrets.name_in_bytes(NOISE + pack(b"key=something else;") + NOISE)


@pytest.mark.parametrize("magic", [b"\x28\xb5\x2f\xfd", b"PAR1"])
def test_what_cannot_be_looked_through_counts_as_one(
    magic: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pyarrow", "zstandard", "compression", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    found = Secrets([("api_key", SECRET)]).name_in_bytes(NOISE + magic + NOISE + magic)
    assert found.startswith("api_key, perhaps: ")


@pytest.mark.parametrize(
    "form",
    [
        str,
        json.dumps,
        repr,
        ascii,
        html.escape,
        urllib.parse.quote,
        urllib.parse.quote_plus,
        lambda text: base64.b64encode(f"u:{text}".encode()).decode(),
        lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
        lambda text: text.encode().hex(),
        lambda text: json.dumps(json.dumps({"p": text})),
        lambda text: str([json.dumps([text])]),
        lambda text: repr(repr(text)),
        lambda text: json.dumps(repr(["'", text])),
        lambda text: repr(json.dumps(json.dumps(text, ensure_ascii=False))),
    ],
)
def test_texts_are_redacted_in_each_form(form: Callable[[str], str]) -> None:
    shown = Secrets([("api_key", SECRET)]).redact(f"<{form(SECRET)}>")
    assert "[secret api_key]" in shown
    assert shown.startswith("<")
    assert shown.endswith(">")
    assert form(SECRET)[3:12] not in shown


@settings(deadline=None)
@given(
    st.text(st.characters(codec="utf-8"), min_size=4, max_size=30).filter(
        lambda text: len(text.strip()) >= 4
    ),
    st.binary(max_size=40),
    st.binary(max_size=40),
)
def test_any_text_is_found_wherever_it_stands(secret: str, before: bytes, after: bytes) -> None:
    secrets = Secrets([("name", secret)])
    assert secrets.name_in_bytes(before + secret.encode() + after) == "name"
    assert secrets.name_in_bytes(gzip.compress(before + secret.encode() + after)) == "name"
    assert secret not in secrets.redact(f"a {secret} b {secret!r}").replace("[secret name]", "\0")


def test_each_line_of_a_secret_is_one() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n"
    shown = Secrets([("key", key)]).redact(f"line: hkiG9w0BAQEFAASC\n{key}")
    assert "MIIE" not in shown
    assert "hkiG" not in shown


@settings(deadline=None)
@given(st.lists(st.integers(1, 30), max_size=12))
def test_text_that_is_printed_in_pieces_is_redacted_as_a_whole(cuts: list[int]) -> None:
    text = f"begin {SECRET} and {SECRET}{SECRET} end"
    before, withheld.given = withheld.given, Secrets([("api_key", SECRET)])
    try:
        outputs: list[dict[str, str]] = []
        while text:
            size = cuts.pop() if cuts else len(text)
            content = {"name": "stdout", "text": text[:size]}
            message = {"msg_type": "stream", "content": content}
            redact_message(message, outputs)
            shown = message["content"]["text"]
            outputs.append({"output_type": "stream", "name": "stdout", "text": shown})
            text = text[size:]
    finally:
        withheld.given = before
    whole = "".join(output["text"] for output in outputs)
    assert whole.replace("[secret api_key]", "*") == "begin * and ** end"


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        {"a": [("x", {SECRET})]},
        np.array(["", f"Bearer {SECRET}"]),
        np.array([SECRET] * 5000, dtype=object),
        np.frombuffer(NOISE + SECRET.encode(), dtype="uint8"),
        pd.DataFrame({"text": ["a", f"x{SECRET}"], "n": [1, 2]}),
        pd.Series(["a", SECRET]).astype("category"),
        gzip.compress(SECRET.encode(), mtime=0),
        lambda: f"calls {SECRET}",
        lambda key=SECRET: key,
    ],
)
def test_an_artifact_that_holds_one_is_refused(
    value: object, tmp_path: Path, known: Secrets
) -> None:
    saved = artifacts.save_variables(
        {"good": [1, 2], "bad": value}, ["good", "bad"], str(tmp_path / "a.pkl")
    )
    assert saved["members"] == ["good"]
    assert saved["unsaved"] == {"bad": "it holds the secret api_key"}
    assert withheld.take_notes() == ["`bad` holds the secret api_key"]
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or not known.name_in_file(str(path)), path
    assert not list(tmp_path.rglob("*.part"))


def test_state_that_holds_one_is_left_out_and_said(tmp_path: Path, known: Secrets) -> None:
    state = {"folder": "/", "path": [], "modules": [("openai", "", "api_key", True, SECRET)]}
    saved = artifacts.save_variables({"x": 1}, ["x"], str(tmp_path / "a.pkl"), state=state)
    assert saved["members"] == ["x"]
    assert withheld.take_notes() == ["the process's state (modules) holds the secret api_key"]
    assert not known.name_in_file(str(tmp_path / "a.pkl"))


def test_no_copy_is_kept_of_a_file_that_holds_one(tmp_path: Path, known: Secrets) -> None:
    (tmp_path / "kept").mkdir()
    path = tmp_path / "written.pkl.gz"
    path.write_bytes(gzip.compress(cloudpickle.dumps({"k": SECRET})))
    assert filestate.state(str(path), str(tmp_path / "kept"))["sha256"] == filestate.UNKNOWN
    assert list((tmp_path / "kept").iterdir()) == []
    assert withheld.take_notes() == [f"the file {path} holds the secret api_key"]


@pytest.mark.parametrize("before", range(40, 60))
@pytest.mark.parametrize("width", [64, 76])
def test_base64_is_found_however_it_is_broken(before: int, width: int) -> None:
    value = "a-long-secret-with-many-words/" * 6
    secrets = Secrets([("api_key", value)])
    whole = base64.b64encode(b"x" * before + value.encode() + b"y" * 30).decode()
    text = "\n".join(whole[at : at + width] for at in range(0, len(whole), width))
    assert secrets.name_in_bytes(NOISE + text.encode() + NOISE) == "api_key"
    shown = secrets.redact(text)
    assert "[secret api_key]" in shown
    ((start, end, _),) = secrets.spans(text)
    assert shown == f"{text[:start]}[secret api_key]{text[end:]}"
    hidden = base64.b64decode(shown.replace("[secret api_key]", "").replace("\n", "") + "====")
    assert b"-with-many-words" not in hidden


def test_ends_of_lines_may_be_escaped() -> None:
    secrets = Secrets([("api_key", SECRET)])
    broken = base64.encodebytes(b"u:" * 25 + SECRET.encode())
    for text in (repr(broken), json.dumps(broken.decode()), broken.decode().replace("\n", "\r\n")):
        assert "[secret api_key]" in secrets.redact(text)


def test_base64_of_something_else_is_left() -> None:
    secrets = Secrets([("api_key", "a-long-secret-with-many-words/" * 6)])
    text = base64.encodebytes(b"a-long-secret-with-few-words/" * 6).decode()
    assert secrets.redact(text) == text
