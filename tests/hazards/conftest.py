"""Hazards are run once, in processes beside the tests; what ran is told at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from tests.hazards.hazard import Hazard
from tests.hazards.routes import Fate, run_all


class Fates:
    """How hazards fared, in whatever order they are asked for.

    Args:
        hazards: The hazards to run.
        ordinary: Start each kernel and step process anew, as users' are.
    """

    def __init__(self, hazards: Sequence[Hazard], ordinary: bool = False) -> None:
        self._coming = run_all(hazards, ordinary=ordinary)
        self._known: dict[str, Fate] = {}

    def of(self, hazard: Hazard) -> Fate:
        """Wait until ``hazard`` has run by all routes."""
        while hazard.name not in self._known:
            found = next(self._coming, None)
            assert found is not None, f"the process that ran {hazard.name!r} ended before it"
            self._known[found.hazard] = found
        return self._known[hazard.name]

    def close(self) -> None:
        """End the processes."""
        self._coming.close()


class Told:
    """What is said of the hazards and programs after the tests."""

    def __init__(self) -> None:
        self.verdicts: dict[str, Counter[str]] = {}
        self.programs = ""

    def lines(self) -> Iterator[str]:
        """Yield the sentences."""
        for route, counts in self.verdicts.items():
            parts = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
            yield f"hazards by {route}: {parts}"
        if self.programs:
            yield f"random notebooks, plainly, isolated and as generated code: {self.programs}"


_TOLD = pytest.StashKey[Told]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the place for what is told."""
    config.stash[_TOLD] = Told()


@pytest.fixture(scope="session")
def told(pytestconfig: pytest.Config) -> Told:
    """Return the place for what is told at the end."""
    return pytestconfig.stash[_TOLD]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how many hazards and programs ran."""
    for line in config.stash[_TOLD].lines():
        terminalreporter.write_line(line)
