"""Setters of libraries, and who tells what they set."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

from nbprod.run.kernel import setters


class Library(types.ModuleType):
    """A library that keeps what it is told where no variable of its module shows it."""

    def __init__(self, pairs: dict[str, str], value: Any) -> None:
        super().__init__("a_library_of_setters")
        self.told: list[str] = []
        held = dict.fromkeys(pairs, value)

        def sets(setter: str) -> Any:
            return lambda *given, **named: held.update({setter: given[0] if given else named})

        def tells(setter: str, getter: str) -> Any:
            return lambda: self.told.append(getter) or held[setter]

        for setter, getter in pairs.items():
            setattr(self, setter, sets(setter))
            setattr(self, getter, tells(setter, getter))


@pytest.fixture(autouse=True)
def apart() -> Iterator[None]:
    setters._first.clear()
    yield
    setters._first.clear()
    sys.modules.pop("a_library_of_setters", None)


def library(pairs: dict[str, str], value: Any) -> Library:
    found = Library(pairs, value)
    sys.modules[found.__name__] = found
    for setter in pairs:
        setters.watch(found, setter)
    return found


@pytest.mark.parametrize(
    ("setter", "getter"),
    [
        ("set_precision", "get_precision"),
        ("setNumThreads", "getNumThreads"),
        ("set_grad_enabled", "is_grad_enabled"),
        ("use_deterministic_algorithms", "are_deterministic_algorithms_enabled"),
        ("set_cpu_count", "cpu_count"),
    ],
)
def test_what_is_set_comes_back_in_another_process(setter, getter):
    first = library({setter: getter}, 1)
    getattr(first, setter)(2)
    found = setters.snapshot()
    assert list(found.values()) == [2]
    setters._first.clear()
    another = library({setter: getter}, 1)
    assert setters.snapshot() == {}
    assert list(setters.restore(found)) == []
    assert getattr(another, getter)() == 2


def test_options_are_set_by_their_names():
    first = library({"set_config": "get_config"}, {"verbosity": 1})
    first.set_config(verbosity=0)
    found = setters.snapshot()
    another = library({"set_config": "get_config"}, {"verbosity": 1})
    assert list(setters.restore(found)) == []
    assert another.get_config() == {"verbosity": 0}


def test_a_verb_is_not_called_to_look():
    found = library({"set_seed": "seed"}, 1)
    setters.snapshot()
    assert found.told == []


def test_objects_are_left_alone():
    found = library({"set_session": "get_session"}, object())
    found.set_session(object())
    assert setters.snapshot() == {}


def test_who_does_not_set_says_so():
    found = library({"set_rows": "get_rows"}, 1)
    found.set_rows(5)
    left = setters.snapshot()
    found.set_rows = lambda _rows: None
    found.get_rows = lambda: 1
    assert list(setters.restore(left)) == ["a_library_of_setters.set_rows: 1 instead of 5"]
