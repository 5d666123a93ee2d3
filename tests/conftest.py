"""For all tests: signals do what they do in a terminal, and tests may say something at the end.

A shell that starts tests in the background, and ``nohup``, let them ignore Ctrl-C or the
terminal's end. The commands under test would inherit that.
"""

from __future__ import annotations

import signal
from typing import Any

import pytest

_SAID = pytest.StashKey[list[str]]()

for _number, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (getattr(signal, "SIGHUP", None), signal.SIG_DFL),
):
    if _number is not None and signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)


def pytest_configure(config: pytest.Config) -> None:
    """Make the place for what is said."""
    config.stash[_SAID] = []


@pytest.fixture(scope="session")
def said(pytestconfig: pytest.Config) -> list[str]:
    """Return the lines to print after the tests, those of other test processes included."""
    return pytestconfig.stash[_SAID]


# Few tests, each of them long, that share nothing: they need not run in one process.
_APART = ("tests/functional/", "tests/workflows/test_verify.py", "tests/deploy/test_switch.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the tests of a file share a process, and so what they set up (pytest-xdist)."""
    for item in items:
        path = item.path.relative_to(config.rootpath).as_posix()
        if not path.startswith(_APART):
            item.add_marker(pytest.mark.xdist_group(path))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what this test process says to the one that prints (pytest-xdist)."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["said"] = session.config.stash[_SAID]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a test process said."""
    output = getattr(node, "workeroutput", None) or {}
    node.config.stash[_SAID].extend(output.get("said", ()))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print it."""
    for line in config.stash[_SAID]:
        terminalreporter.write_line(line)
