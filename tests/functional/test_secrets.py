"""No byte that nbprod writes holds a secret, whatever a notebook does with it."""

from __future__ import annotations

import base64
import bz2
import gzip
import html
import io
import json
import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.conftest import nbprod, write_notebook

TOKEN = 'tok-9f8A7b/"6c5D+4é'
PASSWORD = "p4ss&wörd-7Q2x"
SECRETS = {"nbprod": {"secrets": ["api_token", "DB_PASSWORD"]}}
GIVEN = {"NBPROD_PARAM_api_token": TOKEN, "DB_PASSWORD": PASSWORD}

CELLS = (
    ('api_token: str = ""  # of the service\nrows = 40', ["parameters"]),
    (
        "import base64, json, logging, os, subprocess, sys\n"
        "import pandas as pd\n"
        "from sklearn.linear_model import LogisticRegression",
        [],
    ),
    (
        "assert len(api_token) == 19\n"
        "print('token', api_token, 'password', os.environ['DB_PASSWORD'])\n"
        "for letter in api_token:\n"
        "    print(letter, end='', flush=True)\n"
        "sys.stderr.write(base64.b64encode(f'user:{api_token}'.encode()).decode())\n"
        "os.write(2, (api_token + '\\n').encode())\n"
        "logging.warning('logged %s', os.environ)\n"
        "subprocess.run(['sh', '-c', 'echo direct $DB_PASSWORD >&2'])\n"
        "os.environ['SERVICE_KEY'] = api_token\n"
        "data = pd.DataFrame({'a': range(rows), 'b': [n % 7 for n in range(rows)]})\n"
        "data['y'] = (data.a > rows / 2).astype(int)\n"
        "{'token': api_token, 'url': f'postgresql://u:{api_token}@host/db'}",
        ["step:load"],
    ),
    (
        "assert os.environ['SERVICE_KEY'] == api_token\n"
        "model = LogisticRegression().fit(data[['a', 'b']], data['y'])\n"
        "accuracy = float(model.score(data[['a', 'b']], data['y']))\n"
        "print(json.dumps({'key': api_token}))",
        ["step:fit", "metrics"],
    ),
)

LIGHT = (CELLS[0], ("import base64", []))  # no libraries that take long to import


@pytest.fixture
def secretive(sandbox, tmp_path, monkeypatch):
    """A sandbox whose home and temporary folder are its own, too, and the secrets are given."""
    for variable, folder in (("HOME", "user"), ("TMPDIR", "t"), ("NBPROD_HOME", "home")):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / folder))
    for variable, value in GIVEN.items():
        monkeypatch.setenv(variable, value)
    return sandbox


FORMS = tuple(
    form
    for text in (TOKEN, PASSWORD)
    for form in {
        text.encode(),
        json.dumps(text)[1:-1].encode(),
        json.dumps(text, ensure_ascii=False)[1:-1].encode(),
        html.escape(text).encode(),
        repr(text)[1:-1].encode(),
        text.encode("utf-16-le"),
        text.encode("utf-32-le"),
        text.encode().hex().encode(),
        *(base64.b64encode(b"\0" * n + text.encode())[4:-4] for n in range(3)),
    }
)


def contents(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """Yield bytes, and what is compressed in them."""
    yield data
    if depth > 3:
        return
    for magic, unpack in (
        (b"\x1f\x8b", lambda at: zlib.decompressobj(31).decompress(data[at:])),
        (b"\x78\x9c", lambda at: zlib.decompressobj().decompress(data[at:])),
        (b"BZh", lambda at: bz2.BZ2Decompressor().decompress(data[at:])),
        (b"\xfd7zXZ", lambda at: lzma.LZMADecompressor().decompress(data[at:])),
    ):
        for found in re.finditer(re.escape(magic), data):
            try:
                inside = unpack(found.start())
            except (OSError, ValueError, zlib.error, lzma.LZMAError, EOFError):
                continue
            yield from contents(inside, depth + 1)
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from contents(archive.read(name), depth + 1)
    for found in re.finditer(rb"[A-Za-z0-9+/]{40,}={0,2}", data if depth < 2 else b""):
        text = found[0][: len(found[0]) // 4 * 4]
        yield base64.b64decode(text)


def leaks(folder: Path) -> list[str]:
    """Return the files below a folder that hold a secret, by content or name."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            held = any(form in part for part in contents(path.read_bytes()) for form in FORMS)
            if held or any(form in os.fsencode(path) for form in FORMS):
                found.append(str(path))
    return found


def shows(done) -> bool:
    text = (done.stdout + done.stderr).encode()
    return any(form in part for part in contents(text) for form in FORMS)


def test_the_search_finds_what_it_looks_for(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"\0" * 100 + gzip.compress(f"x{TOKEN}y".encode()))
    with zipfile.ZipFile(tmp_path / "b.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("c", f"x{PASSWORD}y")
    (tmp_path / "d.ipynb").write_text(json.dumps({"text": [f'"{TOKEN}"']}))
    (tmp_path / "e.txt").write_bytes(base64.b64encode(f"{'u' * 60}:{TOKEN}:x".encode()))
    (tmp_path / "f.txt").write_text("nothing of it")
    assert [Path(path).name for path in leaks(tmp_path)] == ["a.bin", "b.npz", "d.ipynb", "e.txt"]


@pytest.mark.slow
def test_no_byte_of_a_run_and_a_bento_holds_a_secret(secretive, tmp_path):
    write_notebook(secretive / "nb.ipynb", *CELLS, **SECRETS)
    reports = ("--junit", "j.xml", "--summary", "s.md", "--report", "r.html", "--events", "e.jsonl")
    done = nbprod("run", "nb.ipynb", "out.ipynb", "--isolate", "--json", *reports)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["secrets"] == ["api_token", "DB_PASSWORD"]
    assert not shows(done)
    output = (secretive / "out.ipynb").read_text()
    assert output.count("[secret api_token]") >= 6
    assert "[secret DB_PASSWORD]" in output
    assert "direct [secret DB_PASSWORD]" in output + "".join(
        path.read_text() for path in secretive.glob(".nbprod/runs/*/kernel.log")
    )
    built = nbprod("build", "nb.ipynb", "--json")
    assert built.returncode == 0, built.stderr  # the steps were replayed, and gave the same
    assert not shows(built)
    assert leaks(tmp_path) == []


@pytest.mark.slow
def test_a_traceback_shows_no_secret(secretive, tmp_path):
    failing = (
        "def sign_in(key):\n"
        "    basic = base64.b64encode(key.encode()).decode()\n"
        "    raise RuntimeError(f'401 for Basic {basic}: {key}')\n"
        "sign_in(api_token)",
        ["step:fit"],
    )
    write_notebook(secretive / "nb.ipynb", *LIGHT, failing, **SECRETS)
    reports = ("--junit", "j.xml", "--summary", "s.md", "--report", "r.html", "--events", "e.jsonl")
    done = nbprod(
        "run", "nb.ipynb", "out.ipynb", "--json", *reports, env={"GITHUB_ACTIONS": "true"}
    )
    assert done.returncode == 1
    assert "401 for Basic [secret api_token]" in done.stderr
    assert not shows(done)
    assert leaks(tmp_path) == []


@pytest.mark.slow
def test_what_holds_a_secret_crosses_no_step(secretive, tmp_path):
    made = ("session = {'headers': [b'Bearer ' + api_token.encode()]}\nx = 1", ["step:open"])
    used = ("print(len(session['headers']), x)", ["step:use"])
    write_notebook(secretive / "nb.ipynb", *LIGHT, made, used, **SECRETS)
    done = nbprod("run", "nb.ipynb")
    assert done.returncode == 0, done.stderr
    assert "`session` holds the secret api_token: nothing of it is saved" in done.stderr
    isolated = nbprod("run", "nb.ipynb", "--isolate")
    assert isolated.returncode == 2
    assert "`session`, which step use reads: it holds the secret api_token" in isolated.stderr
    verified = nbprod("verify", "nb.ipynb")
    assert verified.returncode == 2, verified.stderr
    assert "`session` holds the secret api_token" in verified.stderr
    assert leaks(tmp_path) == []


def test_a_missing_secret_is_named_with_the_way_to_give_it(secretive, monkeypatch):
    write_notebook(secretive / "nb.ipynb", *CELLS, **SECRETS)
    for variable in GIVEN:
        monkeypatch.delenv(variable)
    done = nbprod("run", "nb.ipynb")
    assert done.returncode == 2
    assert "api_token (a parameter); DB_PASSWORD (an environment variable)" in done.stderr
    assert "Set NBPROD_PARAM_api_token and DB_PASSWORD in the environment" in done.stderr
    assert not (secretive / ".nbprod").exists()


@pytest.mark.parametrize("where", ["default", "cell"])
def test_a_notebook_that_holds_a_secret_itself_is_refused(secretive, where, tmp_path):
    cells = list(CELLS)
    if where == "default":
        cells[0] = ('api_token = "tok-in-the-notebook"\nrows = 40', ["parameters"])
    else:
        cells[2:] = [(f"copied = {TOKEN!r}", ["step:load"])]
    write_notebook(secretive / "nb.ipynb", *cells, **SECRETS)
    done = nbprod("run", "nb.ipynb")
    assert done.returncode == 2
    assert not shows(done)
    assert "tok-in" not in done.stderr
    named = "is one of the notebook's secrets" if where == "default" else "Cell 3 holds the value"
    assert named in done.stderr


def test_secrets_on_the_command_line_are_warned_of_and_kept_from_grids(secretive):
    write_notebook(secretive / "nb.ipynb", *LIGHT, ("print(1)", []), **SECRETS)
    done = nbprod("run", "nb.ipynb", "--grid", "api_token=aaaa,bbbb")
    assert done.returncode == 2
    assert "api_token is a secret" in done.stderr
    short = nbprod("run", "nb.ipynb", "-p", "api_token", "abc")
    assert short.returncode == 2
    assert "fewer than 4 characters" in short.stderr
    given = nbprod("run", "nb.ipynb", "--require", "x>1", "-p", "api_token", TOKEN)
    assert "came with -p: your shell's history keeps it" in given.stderr


def test_a_secret_parameter_is_there_behind_cached_steps(secretive):
    cells = (
        ("import os", []),
        ("rows = 5\napi_token: str = ''", ["parameters"]),
        ("numbers = list(range(rows))", ["step:count"]),
        ("print(len(api_token))\ndone = 1", ["step:ask"]),
    )
    write_notebook(secretive / "nb.ipynb", *cells, **SECRETS)
    for _ in range(2):
        nbprod("run", "nb.ipynb", "out.ipynb")
        texts = [
            output["text"]
            for cell in json.loads((secretive / "out.ipynb").read_text())["cells"]
            for output in cell.get("outputs", ())
        ]
        assert ["19\n"] in texts or "19\n" in texts
