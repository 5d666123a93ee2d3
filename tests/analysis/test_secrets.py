"""Secrets are found, and nothing that nbprod says holds one."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from nbprod.analysis.lint.credentials import credentials_in, names_secret, printed_secrets
from nbprod.cli.main import command

# Put together here, so that no scanner takes this file for a leak.
TOKENS = {
    "AWS": "AKIA" + "QX7JTP2M4LZD9VWB",
    "GitHub": "gh" + "p_" + "a8Fk2LmQ9xT4vB7nR3wY6zC1dE5hJ0pSuGi2",
    "GitLab": "glpat" + "-a8Fk2LmQ9xT4vB7nR3wY",
    "Slack": "xox" + "b-2847-1938475610-a8Fk2LmQ9xT4vB7n",
    "OpenAI": "sk-" + "proj-a8Fk2LmQ9xT4vB7nR3wY6zC1dE5hJ0pSuGi2",
    "Anthropic": "sk-" + "ant-api03-a8Fk2LmQ9xT4vB7nR3wY6zC1dE5hJ0pSuGi2",
    "Stripe": "sk_" + "live_a8Fk2LmQ9xT4vB7nR3wY6zC1",
    "Google": "AIza" + "SyA8Fk2LmQ9xT4vB7nR3wY6zC1dE5hJ0pSu",
    "Hugging Face": "hf_" + "a8FkTLmQexTtvBsnRcwYszCadEhhJupSuGik",
    "PyPI": "pypi-" + "AgEIcHlwaS5vcmcCJa8Fk2LmQ9xT4vB7nR3wY6zC1dE5hJ0pSuGi2xZ7",
    "signed": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0.dBjftJeZ4CVPmB92K27u",
    "private": "-----BEGIN RSA "
    + "PRIVATE KEY-----\n"
    + "MIIEowIBAAKCAQEAx7Fk2LmQ9xT4vB7nR3wY6zC1dE5hJ0pS",
    "URL": "mongodb+srv://ana:" + "t4usend-w0rte@cluster0.example.net",
}


@pytest.mark.parametrize("kind", TOKENS)
def test_tokens_of_known_shape_are_found_wherever_they_stand(kind):
    text = f"x = {TOKENS[kind]!r} # and more"
    assert list(credentials_in(text)), text
    assert list(credentials_in("long output " * 10_000 + text))


@pytest.mark.parametrize(
    "text",
    [
        "AKIA" + "IOSFODNN7EXAMPLE",
        "sk-" + "x" * 40,
        "hf_" + "your" + "a" * 32,
        "https://user:password@example.org",
        "https://example.org:8080/a@b",
        "postgresql://{user}:{password}@host/x",
        "task-management-and-scheduling-of-notebooks",
        "-----BEGIN PRIVATE KEY-----",
    ],
)
def test_placeholders_are_no_secrets(text):
    assert not list(credentials_in(text))


SECRET = "t4" + "Usend-w0rte"
JAVASCRIPT = (
    "F={REQUIRE_ACCESS_TOKEN:!0,ACCESS_TOKEN:null,MAX_PARALLEL_IMAGE_REQUESTS:16},B={a:!1};"
)


@pytest.mark.parametrize(
    "text",
    [
        f"DB_PASSWORD={SECRET}",
        f"DB_PASSWORD={SECRET},DB_USER=ana",
        f"{{'db_password': '{SECRET}'}}",
        f'<td>{{"api_key":"{SECRET}","user":"ana"}}</td>',
        f"<p>api_key: {SECRET}</p><script>var x = 1</script>",
        f"<script>var x = 1</script>{{api_key:{SECRET},user:1}}",
    ],
)
def test_secrets_printed_beside_their_names_are_found(text):
    assert [secret for _, secret in printed_secrets(text)] == [SECRET]


@pytest.mark.parametrize(
    "text",
    [
        JAVASCRIPT,
        f"<div></div><script type='text/javascript'>{JAVASCRIPT}</script>",
        f"<script>x.api_key='{SECRET}'",
        "token=e.next(),r2=d[4]!==7;accessToken=a.get(b3)",
    ],
)
def test_code_that_an_output_carries_is_not_printed(text):
    assert not list(printed_secrets(text))


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_any_text_can_be_searched(text):
    list(credentials_in(text))
    names_secret("password", text, named_directly=True)


def test_no_door_shows_a_secret(tmp_path):
    secret = TOKENS["GitHub"]
    password = "t4usend-w0rte"
    cells = [
        (f"password = '{password}'", ["parameters"]),
        (f"token = '{secret}", []),
        (f"!curl -H 'Authorization: {secret}' https://example.org", []),
    ]
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {
                "cell_type": "code",
                "id": f"c{number}",
                "source": source,
                "metadata": {"tags": tags},
                "execution_count": None,
                "outputs": [{"output_type": "stream", "name": "stdout", "text": [secret]}],
            }
            for number, (source, tags) in enumerate(cells)
        ],
    }
    notebook = tmp_path / "n.ipynb"
    notebook.write_text(json.dumps(document))
    for arguments in (["check"], ["check", "--json"], ["convert", "-o", str(tmp_path / "p")]):
        shown = CliRunner().invoke(command, [arguments[0], str(notebook), *arguments[1:]])
        assert shown.exit_code == 2, shown.output
        assert "secret-in-source" in shown.output
        assert "secret-in-output" in shown.output
        assert secret[:12] not in shown.output
        assert password not in shown.output
