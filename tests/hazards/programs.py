"""Notebooks made at random, run plainly, kernel by kernel, and as generated functions."""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st

from nbprod.diagnostics import has_errors
from nbprod.emit.modules import Layout, definitions_module, parameters_module, steps_module
from nbprod.notebook.read import read_notebook_text
from nbprod.pipeline.build import build
from nbprod.pipeline.ir import Pipeline
from nbprod.pipeline.naming import function_name
from nbprod.run.kernel import artifacts

PRELUDE = """
import copy
import numpy as np

calls = []
limit = 3

def push(target, value):
    target.append(value)

def same(value):
    return value

def reads():
    return [a, limit]

def bump():
    global b
    b = [b, limit]

def note(value):
    calls.append(len(calls))
    return value

def twice(function, value):
    function(value)
    return function(value)

def remember(value, memory=[]):
    memory.append(len(memory))
    return [value, list(memory)]

def counter():
    n = 0
    def count():
        nonlocal n
        n += 1
        return n
    return count

class Box:
    made = 0
    def __init__(self, items):
        self.items = items
    def put(self, value):
        self.items.append(value)
        return self
    @property
    def last(self):
        return self.items[-1]
    def __getitem__(self, place):
        return self.items[place]
    def append(self, value):
        self.items.append(value)
    def __repr__(self):
        return f"{type(self).__name__}({self.items!r})"
    def __len__(self):
        return len(self.items)
    def __eq__(self, other):
        return repr(self) == repr(other)
    __hash__ = None

class Small(Box):
    def put(self, value):
        super().put(value)
        self.items[:] = self.items[-2:]
"""
START = """
a = [1]
b = [2, 3]
c = {"k": a}["k"]
d = [b, a]
x = np.arange(6.0)
y = x[1:4]
box = Box(a)
other = Small([0])
count = counter()
n = 0
"""
SHOW = """
shown = [repr(v) for v in (a, b, c, d, x, y, box, other, n, calls)]
same_objects = [u is v for u in (a, b, c, d, box, other) for v in (a, b, c, d, box, other)]
inside = [box.items is a, box.items is b, other.items is c, d[0] is b]
later = [count(), repr(remember(0))]
x[2] += 1000
shown.append(repr(y))
"""
LISTS = ["a", "b", "c", "d"]
ARRAYS = ["x", "y"]
BOXES = ["box", "other"]

_list = st.sampled_from(LISTS)
_array = st.sampled_from(ARRAYS)
_box = st.sampled_from(BOXES)
_number = st.integers(0, 3)


def _shape(text: str, *parts: st.SearchStrategy[object]) -> st.SearchStrategy[str]:
    return st.builds(text.format, *parts)


_SHAPES = [
    _shape("{} = [{}]", _list, _number),
    _shape("{} = {}", _list, _list),
    _shape("{} = {}[:]", _list, _list),
    _shape("{} = copy.copy({})", _list, _list),
    _shape("{} = copy.deepcopy({})", _list, _list),
    _shape("{}.append({})", _list, _number),
    _shape("{}.append({})", _list, _list),
    _shape("{}[0] = {}", _list, _number),
    _shape("{} += [{}]", _list, _number),
    _shape("{}.insert(0, {})", _list, _number),
    _shape("{}, {} = {}, {}", _list, _list, _list, _list),
    _shape("{} = [{}, {}]", _list, _list, _list),
    _shape("{} = sorted({}, key=str)", _list, _list),
    _shape("{0} = [v for v in {1} if v is not {1}]", _list, _list),
    _shape("for n in range({}):\n    {}.append(n)", _number, _list),
    _shape("for n in range({}):\n    {} = [n]", _number, _list),
    _shape("while len({0}) < 3:\n    {0}.append({1})", _list, _number),
    _shape("if len({}) > 1:\n    {} = {}", _list, _list, _list),
    _shape("if n:\n    {} = {}\nelse:\n    {}.append(9)", _list, _list, _list),
    _shape("try:\n    {0}[5] = 1\nexcept IndexError as error:\n    {0}.append(7)", _list),
    _shape("with open('/dev/null') as file:\n    {} = [file.read()]", _list),
    _shape("if (n := len({})) > 1:\n    pass", _list),
    _shape("match {}:\n    case [{}, *_]:\n        pass\n    case _:\n        n = 5", _list, _list),
    _shape("n += {}", _number),
    _shape("n = limit + {}", _number),
    _shape("limit = {}", _number),
    _shape("push({}, {})", _list, _number),
    _shape("push({}, {})", _list, _list),
    _shape("{} = same({})", _list, _list),
    _shape("{} = reads()", _list),
    st.just("bump()"),
    _shape("{} = note({})", _list, _list),
    _shape("twice(lambda v: {}.append(v), {})", _list, _number),
    _shape("{} = remember({})", _list, _number),
    st.just("n = count()"),
    _shape("f = lambda: {}", _list),
    st.just("d = [f()]"),
    _shape("def g(v):\n    {}.append(v)\n    return {}", _list, _list),
    _shape("{} = g({})", _list, _number),
    _shape("{}[{}] = {}", _array, _number.map(lambda k: k % 3), _number),
    _shape("{} *= 2", _array),
    _shape("{} = {}", _array, _array),
    _shape("{} = {}.copy()", _array, _array),
    _shape("{} = {}[::-1]", _array, _array),
    _shape("{} = np.concatenate([{}, {}])", _array, _array, _array),
    _shape("{0}.sort()", _array),
    _shape("np.add({0}, 1, out={0})", _array),
    _shape("{}.append({}.tolist())", _list, _array),
    _shape("{}.append({})", _list, _array),
    _shape("{} = Box({})", _box, _list),
    _shape("{} = Small({})", _box, _list),
    _shape("{} = {}", _box, _box),
    _shape("{}.put({})", _box, _number),
    _shape("{}.append({})", _box, _number),
    _shape("{} = {}.items", _list, _box),
    _shape("{}.items = {}", _box, _list),
    _shape("n = len({}[0:1])", _box),
    _shape("{} = [{}.last]", _list, _box),
    _shape("{}.label = {}", _box, _list),
    _shape("{}.append({}.put({}))", _list, _box, _number),
    _shape("del {}[0]", _list),
    _shape("class Box(Small):\n    label = {}", _number),
]
statements = st.lists(st.one_of(_SHAPES), min_size=1, max_size=12)
cuts = st.lists(st.sampled_from(["", "one", "two", "three", "four"]), min_size=12, max_size=12)


@dataclass
class Tally:
    """How many programs ran, by outcome."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, outcome: str) -> None:
        """Count one."""
        self.counts[outcome] = self.counts.get(outcome, 0) + 1

    def __str__(self) -> str:
        total = sum(self.counts.values())
        parts = ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items()))
        return f"{total} programs: {parts}"


@dataclass(frozen=True)
class Program:
    """A notebook of cells, each with the name of its step or none."""

    cells: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, body: list[str], steps: list[str], tagged: bool) -> Program:
        """Put ``body`` between what it starts from and what shows its results."""
        names = steps if tagged else [""] * len(steps)
        first, last = ("start", "show") if tagged else ("", "")
        middle = zip(body, names[: len(body)], strict=True)
        return cls(((PRELUDE, first), (START, first), *middle, (SHOW, last)))

    def document(self) -> str:
        """Return the notebook."""
        cells = []
        for number, (source, step) in enumerate(self.cells):
            tags = [f"step:{step}"] if step else []
            tags += ["metrics"] if source == SHOW else []
            cells.append(
                {
                    "cell_type": "code",
                    "id": f"c{number}",
                    "source": source.strip("\n"),
                    "metadata": {"tags": tags},
                    "outputs": [],
                    "execution_count": None,
                }
            )
        return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})


RESULTS = ("shown", "same_objects", "inside", "later")


def _results(space: dict[str, object]) -> dict[str, object]:
    return {name: space[name] for name in RESULTS}


def run_plainly(program: Program) -> dict[str, object]:
    """Execute all cells in one namespace."""
    with _main() as space:
        for source, _ in program.cells:
            exec(compile(source, "<cell>", "exec"), space)
        return _results(space)


def run_isolated(program: Program) -> dict[str, object]:
    """Execute each stretch of one step in a namespace restored from an artifact."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "namespace.pkl")
        saved: dict[str, object] = {}
        for _, stretch in itertools.groupby(program.cells, key=lambda cell: cell[1]):
            with _main() as space:
                if saved:
                    found = artifacts.load_variables(path, str(saved["sha256"]), scope=space)
                    space.update(found["variables"])
                for source, _ in stretch:
                    exec(compile(source, "<cell>", "exec"), space)
                names = [name for name in space if not name.startswith("__")]
                saved = artifacts.save_variables(space, names, path, scope=space)
                result = {name: space.get(name) for name in RESULTS}
    return result


@contextmanager
def _main() -> Iterator[dict[str, object]]:
    """Be the module ``__main__``, as a kernel's namespace is."""
    before = sys.modules["__main__"]
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    try:
        yield module.__dict__
    finally:
        sys.modules["__main__"] = before


_numbers = itertools.count()


def run_generated(pipeline: Pipeline) -> dict[str, object]:
    """Call the generated functions, each with what the artifacts of earlier ones hold."""
    package = f"generated_{next(_numbers)}"
    layout = Layout.of(pipeline, package)
    store: dict[str, tuple[str, str]] = {}
    with _package(package, layout) as steps, tempfile.TemporaryDirectory() as folder:
        for number, step in enumerate(pipeline.steps):
            loaded: dict[str, dict[str, object]] = {}
            arguments = {}
            for variable in step.inputs:
                path, digest = store[variable.name]
                if path not in loaded:
                    loaded[path] = artifacts.load_variables(path, digest)["variables"]
                arguments[variable.name] = loaded[path][variable.name]
            returned = getattr(steps, function_name(step.name))(**arguments)
            names = [variable.name for variable in step.outputs]
            values = dict(zip(names, returned if len(names) > 1 else [returned], strict=False))
            for artifact in pipeline.artifacts:
                if artifact.name.partition(".")[0] == step.name:
                    path = str(Path(folder) / f"{number}-{artifact.name}.pkl")
                    saved = artifacts.save_variables(values, artifact.members, path)
                    assert not saved["unsaved"], saved["unsaved"]
                    store.update(dict.fromkeys(artifact.members, (path, saved["sha256"])))
        loaded = {}
        results = {}
        for name in RESULTS:
            path, digest = store[name]
            results[name] = artifacts.load_variables(path, digest)["variables"][name]
    return results


@contextmanager
def _package(name: str, layout: Layout) -> Iterator[types.ModuleType]:
    texts = {
        f"{name}.parameters": parameters_module(layout),
        f"{name}.definitions": definitions_module(layout),
        f"{name}.steps": steps_module(layout),
    }
    package = types.ModuleType(name)
    package.__path__ = []  # type: ignore[attr-defined]
    sys.modules[name] = package
    try:
        for full, text in texts.items():
            module = types.ModuleType(full)
            sys.modules[full] = module
            setattr(package, full.rpartition(".")[2], module)
            exec(compile(text, f"<{full}>", "exec"), module.__dict__)
        yield sys.modules[f"{name}.steps"]
    finally:
        for full in (name, *texts):
            sys.modules.pop(full, None)


def check(program: Program, tally: Tally) -> None:
    """Assert that all routes give the plain run's results, or that a refusal says why."""
    try:
        plain = run_plainly(program)
    except Exception:
        tally.add("no notebook")
        return
    if " at 0x" in str(plain["shown"]):
        tally.add("no notebook")
        return
    pipeline, diagnostics = build(read_notebook_text(program.document()))
    if pipeline is None or has_errors(diagnostics):
        assert any(each.severity.value == "error" and each.message for each in diagnostics)
        tally.add("refused")
        return
    tally.add("correct")
    isolated = run_isolated(program)
    assert isolated == plain, "isolated"
    generated = run_generated(pipeline)
    assert generated == plain, "generated"
