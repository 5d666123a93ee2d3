from __future__ import annotations

import os
import socket

import pytest

from nbprod.deploy import ports
from nbprod.errors import ExitCode, UsageError


def test_a_port_in_use_names_who_holds_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(UsageError) as refused:
            ports.listen("127.0.0.1", port)
    assert refused.value.exit_code == ExitCode.USAGE
    assert f"Port {port}" in refused.value.message
    assert f"process {os.getpid()}" in refused.value.message
    assert "--port" in refused.value.fix


def test_a_listening_port_is_ours_at_once() -> None:
    with ports.listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert port > 0
        with pytest.raises(UsageError):
            ports.listen("127.0.0.1", port)
    ports.listen("127.0.0.1", port).close()


@pytest.mark.parametrize(
    ("host", "port", "told"),
    [
        ("no-such-host.invalid", 0, "not known"),
        ("192.0.2.1", 0, "no address of this machine"),
        ("127.0.0.1", 70000, "does not exist"),
    ],
)
def test_hosts_and_ports_that_cannot_be(host: str, port: int, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        ports.listen(host, port)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_loopback_needs_no_key(host: str) -> None:
    ports.require_key_beyond_loopback(host, {})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1"])
def test_any_other_host_needs_a_key(host: str) -> None:
    for environment in ({}, {"NBPROD_API_KEY": " "}):
        with pytest.raises(UsageError) as refused:
            ports.require_key_beyond_loopback(host, environment)
        assert "NBPROD_API_KEY" in refused.value.fix
    ports.require_key_beyond_loopback(host, {"NBPROD_API_KEYS_FILE": "/keys"})


@pytest.mark.parametrize("host", ["bad host", "no-such-host.invalid", "a" * 70, "."])
def test_an_unknown_host_is_told_as_such_with_a_key_or_without(host: str) -> None:
    for environment in ({}, {"NBPROD_API_KEY": "one"}):
        with pytest.raises(UsageError, match="not known"):
            ports.require_key_beyond_loopback(host, environment)


def test_urls_work_on_this_machine() -> None:
    assert ports.service_url("0.0.0.0", 80) == "http://127.0.0.1:80"
    assert ports.service_url("::1", 80) == "http://[::1]:80"
    assert ports.service_url("localhost", 80) == "http://localhost:80"
