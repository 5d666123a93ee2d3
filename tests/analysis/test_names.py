"""What is said of names agrees with what Python does: each notebook here is executed too."""

from __future__ import annotations

import json

import pytest

from nbprod.notebook.read import read_notebook_text
from nbprod.pipeline.build import build
from nbprod.pipeline.environment import Environment

ENVIRONMENT = Environment(interpreter="python", python="3.11.7", distributions={})
RULES = {
    "undefined-name": "error",
    "used-before-definition": "error",
    "deleted-name": "error",
    "maybe-undefined-name": "warning",
}


def found(cells):
    """Return the findings about names: code, number of the cell, line."""
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    document["cells"] = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "source": source,
            "metadata": {},
            "execution_count": None,
            "outputs": [],
        }
        for number, source in enumerate(cells)
    ]
    _, diagnostics = build(read_notebook_text(json.dumps(document), "n.ipynb"), ENVIRONMENT)
    assert not any(each.code == "syntax-error" for each in diagnostics)
    return [
        (each.code, each.origin.cell, each.origin.line)
        for each in diagnostics
        if each.code in RULES
    ]


def cells_of(text):
    return [cell.strip("\n") for cell in text.split("\n---\n")]


def failing_cell(cells):
    """Execute the cells; return the number of the one that fails for want of a name, or 0."""
    namespace = {"__name__": "__main__"}
    for number, source in enumerate(cells, start=1):
        try:
            exec(compile(source, f"<cell {number}>", "exec"), namespace)
        except NameError:
            return number
    return 0


DELETED = {
    "loop": "for i in range(3):\n    y = i\ndel y\n---\ndel i",
    "loop in the same cell": "for i in range(3):\n    y = i\ndel y, i",
    "loop over what an earlier cell made": "xs = [1]\n---\nfor x in xs:\n    print(x)\n---\ndel x",
    "nested loops": "for i in [1]:\n    for j in [2]:\n        z = i * j\ndel i, j, z",
    "if": "if True:\n    flag = 1\ndel flag",
    "if in an earlier cell": "if True:\n    flag = 1\n---\ndel flag",
    "else": "if len('x') > 3:\n    q = 1\nelse:\n    q = 2\ndel q",
    "while": "n = 3\nwhile n:\n    last = n\n    n -= 1\ndel last, n",
    "endless": (
        "while True:\n    try:\n        q = 1\n        break\n    except ValueError:\n"
        "        pass\nprint(q)\ndel q"
    ),
    "try": "try:\n    q = 1\nexcept ValueError:\n    pass\ndel q",
    "bound and deleted by each cell": (
        "for i in [1]:\n    y = i\ndel i, y\n---\nfor i in [1]:\n    y = i\ndel i, y"
    ),
    "with": "import io\nwith io.StringIO('x') as f:\n    text = f.read()\ndel f, text",
    "match": "match 3:\n    case 3:\n        q = 1\ndel q",
    "in the loop itself": "for i in range(3):\n    y = i\n    del y\ndel i",
    "bound again": "for i in [1]:\n    y = i\ndel y\nfor i in [1]:\n    y = i\nprint(y)\ndel y",
    "bound again by a function": (
        "def reset():\n    global x\n    x = 5\n---\nx = 1\ndel x\nreset()\nprint(x)"
    ),
    "suppressed": (
        "import contextlib\nwith contextlib.suppress(NameError):\n    del model\n---\nmodel = 1"
    ),
}

CLOSURES = {
    "three deep": (
        "def a(x):\n    def b(y):\n        def c(z):\n            return x + y + z\n"
        "        return c\n    return b\n---\nprint(a(1)(2)(3))"
    ),
    "four deep, one name of each": (
        "def a(p):\n    q = p + 1\n    def b():\n        r = q + p\n        def c():\n"
        "            s = r + q + p\n            def d():\n                return p, q, r, s\n"
        "            return d\n        return c\n    return b\n---\nd = a(1)()()\nprint(d())"
    ),
    "decorator with arguments": (
        "def retry(times):\n    def deco(f):\n        def wrapper(*given):\n"
        "            for _ in range(times):\n                try:\n"
        "                    return f(*given)\n                except ValueError:\n"
        "                    pass\n        return wrapper\n    return deco\n---\n"
        "@retry(3)\ndef g(x):\n    return x\nprint(g(1))"
    ),
    "decorator that wraps": (
        "import functools\nimport time\ndef timed(label):\n    def deco(f):\n"
        "        @functools.wraps(f)\n        def wrapper(*given, **named):\n"
        "            begin = time.time()\n            result = f(*given, **named)\n"
        "            print(label, time.time() >= begin)\n            return result\n"
        "        return wrapper\n    return deco\n---\n@timed('x')\ndef g(x):\n    return x\ng(1)"
    ),
    "decorator of lambdas": (
        "def scaled(by):\n    return lambda f: lambda *given: f(*given) * by\n---\n"
        "@scaled(2)\ndef g(x):\n    return x\nprint(g(1))"
    ),
    "decorator of a method": (
        "def named(label):\n    def deco(f):\n        def wrapper(self):\n"
        "            return label, f(self)\n        return wrapper\n    return deco\n---\n"
        "class A:\n    @named('m')\n    def m(self):\n        return 1\nprint(A().m())"
    ),
    "class that decorates": (
        "class Log:\n    def __init__(self, label):\n        self.label = label\n"
        "    def __call__(self, f):\n        def wrapper(*given):\n"
        "            print(self.label)\n            return f(*given)\n        return wrapper\n---\n"
        "@Log('x')\ndef g(x):\n    return x\ng(1)"
    ),
    "instance of an inner class": (
        "def make():\n    rate = 1\n    class Opt:\n        lr = rate\n"
        "        def step(self):\n            return rate\n        def same(self):\n"
        "            return Opt()\n    return Opt()\n---\no = make()\nprint(o.step(), o.same().lr)"
    ),
    "inner class": (
        "def make(n):\n    class A:\n        def m(self):\n            return lambda: n\n"
        "    return A\n---\nA1 = make(1)\na = A1()\nprint(a.m()())"
    ),
    "inner class that inherits": (
        "def make(n):\n    class Base:\n        def m(self):\n            return n\n"
        "    class Derived(Base):\n        def m(self):\n            return super().m() + n\n"
        "    return Derived()\n---\nd = make(2)\nprint(d.m())"
    ),
    "lambdas": "f = lambda a: lambda b: lambda c: a + b + c\n---\nprint(f(1)(2)(3))",
    "lambda in a comprehension": (
        "fs = [lambda: (lambda: k) for k in range(3)]\n---\nprint(fs[0]()())"
    ),
    "comprehension in a closure": (
        "def a(x):\n    def b(y):\n        return [lambda z: x + y + z + k for k in range(3)]\n"
        "    return b\n---\nfs = a(1)(2)\nprint(fs[0](3), [f(1) for f in fs])"
    ),
    "generator": (
        "def a(x):\n    def numbers():\n        for k in range(x):\n"
        "            yield lambda: k + x\n    return numbers\n---\nfor f in a(2)():\n    print(f())"
    ),
    "generator expression": (
        "def a(x):\n    def b():\n        return (k + x for k in range(x))\n    return b\n---\n"
        "print(list(a(3)()))"
    ),
    "nonlocal": (
        "def counter():\n    n = 0\n    def outer():\n        def inner():\n"
        "            nonlocal n\n            n += 1\n            return n\n"
        "        return inner\n    return outer\n---\ncount = counter()()\nprint(count(), count())"
    ),
    "closures kept in a dict": (
        "def registry():\n    kept = {}\n    def register(name):\n        def deco(f):\n"
        "            kept[name] = f\n            return f\n        return deco\n"
        "    register.kept = kept\n    return register\n---\nregister = registry()\n"
        "@register('a')\ndef g():\n    return 1\nprint(register.kept['a']())"
    ),
    "the caller's name is another": (
        "def f():\n    return lambda: x\ndef g(x):\n    return f()\n---\n"
        "x = 5\nh = g(1)\nprint(h())"
    ),
    "walrus, star and exception names": (
        "def a(*xs, **kw):\n    if (n := len(xs)):\n        first, *rest = xs\n    try:\n"
        "        raise ValueError\n    except ValueError as e:\n        text = repr(e)\n"
        "    import math as m\n    def b():\n        def c():\n"
        "            return n, first, rest, kw, text, m.pi\n        return c\n    return b\n---\n"
        "print(a(1, 2, k=3)()())"
    ),
}

CLASS_BODIES = {
    "loop": "class A:\n    for k in range(3):\n        z = k\n    w = z, k\n---\nA()",
    "loop over places": "class A:\n    for a, (b, *c) in [(1, (2, 3))]:\n        d = a, b, c\n",
    "what the round before bound": (
        "class A:\n    for k in range(3):\n        if k:\n            w = prev\n        prev = k"
    ),
    "with": "import io\nclass A:\n    with io.StringIO('x') as f:\n        q = f\n    r = q",
    "property in an if": (
        "class A:\n    if True:\n        @property\n        def v(self):\n            return 1\n"
        "        @v.setter\n        def v(self, x):\n            pass\n---\nprint(A().v)"
    ),
    "try": (
        "class A:\n    try:\n        import json as j\n        v = j.dumps(1)\n"
        "    except ImportError as e:\n        v = repr(e)\n    else:\n        w = v\n"
        "    finally:\n        u = 1\n    t = u, v, w"
    ),
    "while": "class A:\n    n = 3\n    while n:\n        n -= 1\n        m = n\n    w = m",
    "match": "class A:\n    match 3:\n        case int(p):\n            r = p\n    s = r",
    "walrus": "class A:\n    (t := 5)\n    u = t\n    if (v := 3) > 2:\n        w = v",
    "definitions": (
        "class A:\n    def f(self):\n        return 1\n    class B:\n        pass\n    b = B()\n"
        "    g = staticmethod(f)\n    def h(self, q=b):\n        return q"
    ),
    "in a function": (
        "def f():\n    class A:\n        for k in range(3):\n            z = k\n    return A\n---\n"
        "print(f().z)"
    ),
    "deleted": "class A:\n    for k in range(3):\n        z = k\n    del k\n---\nprint(A.z)",
    "imported, unpacked and annotated": (
        "class A:\n    import math\n    from os import path as p\n    a, b = 1, 2\n"
        "    c: int = a\n    d = math.pi, p, b, c"
    ),
    "the notebook's own": "z = 1\n---\nclass A:\n    z = z + 1\n    z += 1\n---\nprint(A.z)",
    "in a nested class": (
        "class A:\n    class B:\n        for k in range(2):\n            z = k\n    y = B.z"
    ),
}

VALID = {
    f"{kind}: {name}": text
    for kind, notebooks in (("del", DELETED), ("closure", CLOSURES), ("class", CLASS_BODIES))
    for name, text in notebooks.items()
}


@pytest.mark.parametrize("text", VALID.values(), ids=VALID)
def test_nothing_is_said_of_names_that_are_bound(text):
    cells = cells_of(text)
    assert failing_cell(cells) == 0
    assert found(cells) == []


INVALID = {
    "del of nothing": ("del zz", "undefined-name", 1, 1),
    "deleted behind a loop": (
        "for i in range(3):\n    y = i\ndel y\n---\nprint(y)",
        "deleted-name",
        2,
        1,
    ),
    "deleted behind a loop, same cell": (
        "for i in range(3):\n    y = i\ndel y\nprint(y)",
        "deleted-name",
        1,
        4,
    ),
    "deleted twice": ("x = 1\n---\ndel x\n---\ndel x", "deleted-name", 3, 1),
    "deleted, then changed": ("x = 1\n---\ndel x\n---\nx = x + 1", "deleted-name", 3, 1),
    "changed before there is one": ("x = x + 1", "used-before-definition", 1, 1),
    "deleted in the same cell": ("x = 1\n---\ndel x\nprint(x)", "deleted-name", 2, 2),
    "deleted before the loop": ("del i\nfor i in [1]:\n    pass", "used-before-definition", 1, 1),
    "bound and deleted later": ("print(x)\n---\nx = 1\ndel x", "used-before-definition", 1, 1),
    "read three deep": (
        "def a(x):\n    def b(y):\n        def c(z):\n            return x + y + z + nope\n"
        "        return c\n    return b\n---\na(1)(2)(3)",
        "undefined-name",
        2,
        1,
    ),
    "closure of a namesake": (
        "def f():\n    return x\ndef g():\n    x = 1\n    return f\n---\ng()()",
        "undefined-name",
        2,
        1,
    ),
    "class body": ("class A:\n    z = z", "undefined-name", 1, 1),
    "class body, before": ("class A:\n    print(q)\n    q = 1", "undefined-name", 1, 1),
    "class body, changed": ("class A:\n    q += 1", "undefined-name", 1, 1),
    "class body, deleted": (
        "class A:\n    q = 1\n    del q\n    print(q)",
        "undefined-name",
        1,
        1,
    ),
    "base of a class": ("class A(Base):\n    pass", "undefined-name", 1, 1),
    "method's default": (
        "class A:\n    def f(self, x=late):\n        pass",
        "undefined-name",
        1,
        1,
    ),
}


@pytest.mark.parametrize(("text", "code", "cell", "line"), INVALID.values(), ids=INVALID)
def test_names_that_are_certainly_unbound_are_errors(text, code, cell, line):
    cells = cells_of(text)
    assert failing_cell(cells) == cell
    assert found(cells) == [(code, cell, line)]
    assert RULES[code] == "error"


UNCERTAIN = {
    "try": "try:\n    del model\nexcept NameError:\n    pass",
    "suppressed": "import contextlib\nwith contextlib.suppress(NameError):\n    print(model)",
    "class body": "class A:\n    if len('x') > 3:\n        q = nowhere",
    "class body's choice": "class A:\n    q = nowhere if len('x') > 3 else 1",
}


@pytest.mark.parametrize("text", UNCERTAIN.values(), ids=UNCERTAIN)
def test_names_in_code_that_may_not_matter_are_warnings(text):
    cells = cells_of(text)
    assert failing_cell(cells) == 0
    assert [code for code, *_ in found(cells)] == ["maybe-undefined-name"]
