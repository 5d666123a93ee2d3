from __future__ import annotations

from pathlib import Path

import pytest

from nbprod.deploy.backend import service_environment


def test_the_tokens_of_a_notebook_server_stay_out_of_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("JUPYTER_TOKEN", "JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN", "JPY_SESSION_NAME"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("MY_JUPYTER", "mine")
    environment = service_environment(Path("/deployments/tiny"), "token", {"EXTRA": "1"})
    assert "secret" not in environment.values()
    assert environment["MY_JUPYTER"] == "mine"
    assert environment["EXTRA"] == "1"
    assert environment["NBPROD_CHECK_TOKEN"] == "token"
