"""Free names follow Python's scoping rules: compared with what Python itself looks up."""

from __future__ import annotations

import ast
import builtins

import pytest

from nbprod.analysis.scopes import definition_names


def free(source):
    return definition_names(ast.parse(source).body[0])


@pytest.mark.parametrize(
    ("source", "immediate", "deferred"),
    [
        ("def f(a, b=B): return a + C", {"B"}, {"C"}),
        ("def f(x: T) -> R: pass", {"T", "R"}, set()),
        ("@D\ndef f(): pass", {"D"}, set()),
        ("def f():\n    x = 1\n    def g():\n        return x + Y\n    return g", set(), {"Y"}),
        ("def f():\n    return [i for i in XS if i > K]", set(), {"XS", "K"}),
        ("def f():\n    if (n := A): return n", set(), {"A"}),
        ("def f():\n    return [(y := x) for x in XS], y", set(), {"XS"}),
        ("def f():\n    try: pass\n    except E as e: print(e)", set(), {"E", "print"}),
        ("def f(v):\n    match v:\n        case {'k': k, **rest}: return k, rest", set(), set()),
        ("def f():\n    import os\n    return os, sys", set(), {"sys"}),
        ("def f():\n    global G\n    G = G + 1", set(), {"G"}),
        ("class A(B):\n    x = C\n    y = x\n    def m(self): return x", {"B", "C"}, {"x"}),
        ("class A:\n    x = x", {"x"}, set()),
        ("class A:\n    def m(self): return __class__, A", set(), {"A"}),
        ("def f(): return f'{A!r:>{W}}'", set(), {"A", "W"}),
        ("def f(): return lambda q=D: q + E", set(), {"D", "E"}),
        ("def f(df): return df.query('a > @LIMIT')", set(), {"LIMIT"}),
        ("def f():\n    del x\n    x = 1", set(), set()),
    ],
)
def test_free_names(source, immediate, deferred):
    found = free(source)
    assert set(found.immediate) == immediate
    assert set(found.deferred) == deferred


def test_global_binds_are_told_apart():
    assert free("def f():\n    global G\n    G = 1").binds == {"G"}
    assert free("def f():\n    def g():\n        global G\n        G = 1").binds == {"G"}


@pytest.mark.parametrize(
    "source",
    [
        "def f(a):\n    b = a\n    return [c for c in b for d in c], lambda e: e + g",
        "def f():\n    class K:\n        z = 1\n        def m(self):\n            return z\n    return K",  # noqa: E501
        "def f(x):\n    for i, (j, *k) in x:\n        with i as l:\n            pass\n    return i, j, k, l, m",  # noqa: E501
    ],
)
def test_agrees_with_the_symbol_table_of_python(source):
    import symtable

    table = symtable.symtable(source, "x", "exec").get_children()[0]
    expected: set[str] = set()
    pending = [table]
    while pending:
        each = pending.pop()
        pending.extend(each.get_children())
        expected |= {
            s.get_name() for s in each.get_symbols() if s.is_global() and s.is_referenced()
        }
    assert set(free(source).deferred) == {n for n in expected if not hasattr(builtins, n)}
