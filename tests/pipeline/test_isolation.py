"""Steps executed as isolated functions give what the notebook gives, or are refused."""

from __future__ import annotations

import json
import pickle

import cloudpickle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbprod.diagnostics import has_errors
from nbprod.notebook.read import read_notebook_text
from nbprod.pipeline.build import build
from nbprod.pipeline.ir import Pipeline, Step
from nbprod.pipeline.validate import violations


def notebook_text(cells: list[tuple[str, list[str]]]) -> str:
    return json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"c{i}",
                    "source": source,
                    "metadata": {"tags": tags},
                    "outputs": [],
                    "execution_count": None,
                }
                for i, (source, tags) in enumerate(cells)
            ],
        }
    )


def run_plainly(cells: list[str]) -> dict[str, object]:
    space: dict[str, object] = {}
    for cell in cells:
        exec(compile(cell, "<cell>", "exec"), space)
    return space


def step_source(pipeline: Pipeline, step: Step) -> str:
    by_name = {each.name: each for each in pipeline.definitions}
    lines = [by_name[name].source for name in step.definitions]
    lines += [block.source for block in step.blocks if block.source]
    body = "\n".join(lines).split("\n") if lines else ["pass"]
    names = [variable.name for variable in step.inputs] + list(step.params)
    returned = ", ".join(f"{v.name!r}: {v.name}" for v in step.outputs)
    text = "\n".join("    " + line for line in body)
    return f"def {step.name}({', '.join(names)}):\n    pass\n{text}\n    return {{{returned}}}\n"


def run_isolated(pipeline: Pipeline) -> dict[str, object]:
    """Each step in a namespace of its own; artifacts are pickled between them."""
    module = "\n".join(each.source for each in pipeline.definitions if each.hoisted)
    store: dict[str, bytes] = {}
    where: dict[str, str] = {}
    parameters = {each.name: each.default for each in pipeline.parameters}
    for step in pipeline.steps:
        space: dict[str, object] = {"__name__": "steps"}
        exec(module, space)
        exec(step_source(pipeline, step), space)
        loaded: dict[str, dict[str, object]] = {}
        arguments = {}
        for variable in step.inputs:
            artifact = where[variable.name]
            if artifact not in loaded:
                loaded[artifact] = pickle.loads(store[artifact])
            arguments[variable.name] = loaded[artifact][variable.name]
        for name in step.params:
            arguments[name] = eval(parameters[name])
        results = space[step.name](**arguments)
        for artifact in pipeline.artifacts:
            if artifact.name.partition(".")[0] == step.name:
                store[artifact.name] = cloudpickle.dumps({m: results[m] for m in artifact.members})
                where.update(dict.fromkeys(artifact.members, artifact.name))
    return {name: pickle.loads(store[artifact])[name] for name, artifact in where.items()}


NAMES = ["a", "b", "c", "d"]
name = st.sampled_from(NAMES)
number = st.integers(0, 3)

statement = st.one_of(
    st.builds("{} = [{}]".format, name, number),
    st.builds("{} = {{'k': {}}}".format, name, name),
    st.builds("{} = {}".format, name, name),
    st.builds("{} = [{}, {}]".format, name, name, name),
    st.builds("{}.append({})".format, name, number),
    st.builds("{}.append({})".format, name, name),
    st.builds("{}[0] = {}".format, name, name),
    st.builds("{} += [{}]".format, name, number),
    st.builds("{} = {}[0]".format, name, name),
    st.builds("{} = {}.copy()".format, name, name),
    st.builds("{} = {} + {}".format, name, name, name),
    st.builds("{}, {} = {}, {}".format, name, name, name, name),
    st.builds("for {} in range({}):\n    {}.append({})".format, name, number, name, name),
    st.builds("for i in range({}):\n    {} = {}".format, number, name, name),
    st.builds("if {}:\n    {} = [{}]".format, name, name, number),
    st.builds("if {}:\n    {} = [1]\nelse:\n    {} = {}".format, name, name, name, name),
    st.builds("{} = [x for x in {}]".format, name, name),
    st.builds("{} = sorted({}, key=str)".format, name, name),
    st.builds("push({}, {})".format, name, name),
    st.builds("{} = same({})".format, name, name),
    st.builds("{} = wrap({})".format, name, name),
    st.builds("{} = read()".format, name),
    st.builds("bump()".format),
    st.builds("keep({})".format, name),
    st.builds("{} = fresh()".format, name),
    st.builds("del {}".format, name),
    st.builds("{} = (lambda v: [v, {}])({})".format, name, name, name),
    st.builds("{} = lambda: {}".format, st.just("f"), name),
    st.builds("{} = f()".format, name),
    st.builds("f = adder({})".format, name),
    st.builds("f = nested({})".format, name),
    st.builds("for i in range({}):\n    y = {}\ndel i, y".format, st.integers(1, 2), name),
    st.builds("{} = {} is {}".format, st.just("e"), name, name),
    st.builds(
        "try:\n    {} = {}[1]\nexcept Exception as error:\n    {} = [2]".format, name, name, name
    ),
    st.builds("with_default({})".format, name),
    st.builds("{} = Box({})".format, name, name),
    st.builds("{} = {}.items".format, name, name),
    st.builds("{}.items = {}".format, name, name),
    st.builds("{}.put({})".format, name, name),
    st.builds("while len({0}) < 3:\n    {0}.append({1})".format, name, number),
    st.builds("if ({} := {}):\n    pass".format, name, name),
    st.builds(
        "match {}:\n    case [{}, *_]:\n        pass\n    case _:\n        {} = [0]".format,
        name,
        name,
        name,
    ),
)

PRELUDE = """
def push(target, value):
    target.append(value)

def same(value):
    return value

def wrap(value):
    return {"w": [value]}

def read():
    return [a]

def bump():
    global b
    b = [b]

def keep(value):
    c.append(value)

def fresh():
    return []

def with_default(value, memory=[]):
    memory.append(value)
    value.append(len(memory))

def adder(kept):
    def add():
        kept.append(7)
        return kept
    return add

def nested(a):
    seen = []
    def outer():
        def inner():
            seen.append(len(a))
            a.append(seen)
            return [a]
        return inner
    return outer()

class Box:
    def __init__(self, items):
        self.items = items
    def put(self, value):
        self.items.append(value)
    def __repr__(self):
        return f"Box({self.items!r})"
    def __eq__(self, other):
        return repr(self) == repr(other)
    __hash__ = None
    def __bool__(self):
        return True
"""

UNBOUND = {"undefined-name", "used-before-definition", "deleted-name"}
START = "a = [1]\nb = [2, 3]\nc = {'k': a}['k']\nd = [b]\ne = 0"
SHOW = (
    "shown = [repr(v) for v in (a, b, c, d, e)]\n"
    "same_objects = [x is y for x in (a, b, c, d) for y in (a, b, c, d)]"
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    statements=st.lists(statement, min_size=1, max_size=10),
    cuts=st.lists(st.sampled_from(["", "one", "two", "three"]), min_size=10, max_size=10),
    tagged=st.booleans(),
)
def test_isolated_steps_give_the_plain_result_or_are_refused(statements, cuts, tagged):
    cells = [PRELUDE, START, *statements, SHOW]
    try:
        plain = run_plainly(cells)
    except Exception:
        return
    tags = [["step:start"], ["step:start"]]
    tags += [[f"step:{cut}"] if cut else [] for cut in cuts[: len(statements)]]
    tags += [["step:show"]]
    if not tagged:
        tags = [[] for _ in cells]
    cells_tagged = [
        (c, [*t, "metrics"] if c == SHOW else t) for c, t in zip(cells, tags, strict=True)
    ]
    pipeline, diagnostics = build(read_notebook_text(notebook_text(cells_tagged)))
    if " at 0x" in str(plain["shown"]):
        return
    if pipeline is None or has_errors(diagnostics):
        assert diagnostics
        assert not {each.code for each in diagnostics} & UNBOUND
        return
    assert violations(pipeline) == ()
    results = run_isolated(pipeline)
    assert results["shown"] == plain["shown"]
    assert results["same_objects"] == plain["same_objects"]
