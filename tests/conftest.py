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
_LONG = ("tests/hazards/", *_APART)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let the tests of a file share a process, and so what they set up (pytest-xdist)."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):  # type: ignore[misc, unused-ignore]
        def _split_scope(self, nodeid: str) -> str:
            return nodeid if nodeid.startswith(_APART) else nodeid.partition("::")[0]

    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process ends long after the others."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG))


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
