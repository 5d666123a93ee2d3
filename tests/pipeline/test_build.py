"""What becomes of a notebook's cells: steps, definitions, dataflow, findings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nbprod.diagnostics import has_errors
from nbprod.pipeline.environment import Environment
from nbprod.pipeline.ir import DefinitionKind, StepRole, edges
from nbprod.pipeline.validate import violations

EXAMPLES = Path(__file__).parents[2] / "example_notebooks"

LOAD = "import pandas as pd\ndf = pd.read_csv('data.csv')"
FIT = (
    "from sklearn.linear_model import LogisticRegression\n"
    "model = LogisticRegression()\nmodel.fit(df[['x']], df['y'])"
)
SCORE = "accuracy = model.score(df[['x']], df['y'])\nprint(accuracy)"


def names(variables):
    return [variable.name for variable in variables]


def codes(diagnostics):
    return [found.code for found in diagnostics]


def test_untagged_notebook_that_loads_fits_and_evaluates_gets_three_steps(built):
    pipeline, diagnostics = built(LOAD, FIT, SCORE)
    assert not has_errors(diagnostics)
    assert [step.role for step in pipeline.steps] == [
        StepRole.LOAD,
        StepRole.TRAIN,
        StepRole.EVALUATE,
    ]
    assert [step.name for step in pipeline.steps] == ["load_data", "train_model", "evaluate_model"]
    assert edges(pipeline) == (
        ("load_data", "train_model", "df"),
        ("train_model", "evaluate_model", "model"),
        ("load_data", "evaluate_model", "df"),
    )
    assert pipeline.models == ("model",)
    assert pipeline.steps[2].metrics == ("accuracy",)
    assert pipeline.steps[0].outputs[0].annotation == "pd.DataFrame"
    assert violations(pipeline) == ()


def test_tags_name_the_steps_and_untagged_cells_join_the_step_before(built):
    pipeline, _ = built(
        (LOAD, "step:get data"), "df['z'] = 1", (FIT, "step:learn"), (SCORE, "step:judge")
    )
    assert [step.name for step in pipeline.steps] == ["get_data", "learn", "judge"]
    assert pipeline.steps[0].cells == (1, 2)
    assert all(step.tagged for step in pipeline.steps)


def test_kale_tags_are_understood(built):
    """Blocks of several cells, untagged cells, and metrics that are printed, as Kale has them."""
    pipeline, diagnostics = built(
        ("import math", "imports"),
        "import json",
        ("def half(x):\n    return x / 2", "functions"),
        "def third(x):\n    return x / 3",
        ("rate = 0.5", "pipeline-parameters"),
        ("print('for people')", "skip"),
        ("x = math.ceil(rate)", "block:prepare", "limit:nvidia.com/gpu:1"),
        "x = half(x)",
        ("y = x + 1", "block:compute-it", "prev:prepare"),
        ("y = third(y)", "block:compute-it", "prev:prepare"),
        ("print(json.dumps(y))", "block:report", "prev:compute-it"),
        ("print(x)\nprint(y)", "pipeline-metrics"),
    )
    assert [(step.name, step.cells) for step in pipeline.steps] == [
        ("prepare", (7, 8)),
        ("compute_it", (9, 10)),
        ("report", (11, 12)),
    ]
    assert [each.name for each in pipeline.parameters] == ["rate"]
    assert pipeline.steps[0].params == ("rate",)
    assert [step.metrics for step in pipeline.steps] == [("x",), ("y",), ()]
    assert diagnostics == ()
    assert violations(pipeline) == ()


def test_parameters_have_types_defaults_and_the_text_of_their_comments(built):
    pipeline, diagnostics = built(
        (
            "# share held back\ntest_size = 0.2\nseed: int = 7  # of the split\n"
            "names = ['a', 'b']\nsize = 10 ** 3\nlow, high = -1, None",
            "parameters",
        ),
        ("print(test_size, seed, names, size, low, high)", "step:show"),
    )
    found = {each.name: (each.annotation, each.default, each.doc) for each in pipeline.parameters}
    assert found == {
        "test_size": ("float", "0.2", "share held back"),
        "seed": ("int", "7", "of the split"),
        "names": ("list[str]", "['a', 'b']", ""),
        "size": ("int", "1000", ""),
        "low": ("int", "-1", ""),
        "high": ("Any", "None", ""),
    }
    assert not has_errors(diagnostics)


def test_dates_and_paths_are_defaults_and_comments_list_choices(built):
    pipeline, diagnostics = built(
        (
            "import datetime\nfrom pathlib import Path\n"
            "day = datetime.date(2024, 1, 2)\nwait = datetime.timedelta(days=2)\n"
            "folder = Path('data')\n"
            "mode = 'fast'  # one of: fast, slow\n"
            "depth = 3  # @param [1, 3, 5] {type: 'raw'}\n"
            "letter = 'a'  # one of the letters\n"
            "other = 'z'  # one of a, b",
            "parameters",
        ),
        (
            "print(day, wait, folder, mode, depth, letter, other, datetime.date.today())",
            "step:show",
        ),
    )
    found = {each.name: (each.annotation, each.default) for each in pipeline.parameters}
    assert found == {
        "day": ("datetime.date", "datetime.date(2024, 1, 2)"),
        "wait": ("datetime.timedelta", "datetime.timedelta(days=2)"),
        "folder": ("Path", "Path('data')"),
        "mode": ("Literal['fast', 'slow']", "'fast'"),
        "depth": ("Literal[1, 3, 5]", "3"),
        "letter": ("str", "'a'"),
        "other": ("str", "'z'"),
    }
    assert {each.name for each in pipeline.definitions} == {"datetime", "Path"}
    assert not has_errors(diagnostics)
    assert violations(pipeline) == ()


def test_a_parameter_that_is_no_literal_is_an_error_with_line_and_fix(built):
    _, diagnostics = built(
        ("import os\nn = 1\npath = os.environ['X']", "parameters"), "print(n, path)"
    )
    found = next(each for each in diagnostics if each.code == "parameter-not-literal")
    assert (found.origin.cell, found.origin.line) == (1, 3)
    assert "cell below" in found.fix


def test_a_parameter_bound_anew_becomes_an_input_of_later_steps(built):
    pipeline, _ = built(("n = 1", "parameters"), ("n = n + 1", "step:a"), ("print(n)", "step:b"))
    first, second = pipeline.steps
    assert (first.params, names(first.outputs)) == (("n",), ["n"])
    assert (second.params, names(second.inputs)) == ((), ["n"])


@pytest.mark.parametrize(
    "change",
    [
        "df['z'] = 1",
        "df.drop(columns='x', inplace=True)",
        "df.loc[0, 'x'] = 3",
        "df.columns = ['a']",
        "df.insert(0, 'q', 1)",
        "del df['x']",
        "unknown(df)",
        "other = df\nother['z'] = 1",
        "clean(df)",
    ],
)
def test_a_changed_input_is_an_output(built, change):
    pipeline, _ = built(
        "import pandas as pd\nfrom somewhere import unknown\ndef clean(frame):\n    frame['k'] = 1",
        ("df = pd.read_csv('a.csv')", "step:load"),
        (change, "step:change"),
        ("print(df)", "step:show"),
    )
    assert "df" in names(pipeline.steps[1].inputs)
    assert "df" in names(pipeline.steps[1].outputs)


@pytest.mark.parametrize(
    "use", ["df.head()", "y = df.groupby('a').mean()", "print(len(df))", "z = df['x'] + 1"]
)
def test_what_is_only_read_is_not_handed_back(built, use):
    pipeline, _ = built(
        ("import pandas as pd\ndf = pd.read_csv('a.csv')", "step:load"),
        (use, "step:use"),
        ("print(df)", "step:show"),
    )
    assert "df" not in names(pipeline.steps[1].outputs)


def test_variables_that_share_objects_travel_in_one_artifact(built):
    pipeline, _ = built(
        ("a = [1]\nb = [a]\nc = 5", "step:make"),
        ("a.append(2)", "step:change"),
        ("print(a, b, c)", "step:show"),
    )
    assert {artifact.members for artifact in pipeline.artifacts if "make" in artifact.name} == {
        ("a", "b"),
        ("c",),
    }
    assert names(pipeline.steps[1].outputs) == ["a", "b"]


def test_a_function_that_reads_a_variable_is_repeated_where_it_is_used(built):
    pipeline, _ = built(
        ("k = 2", "step:make"),
        "def scale(v):\n    # by k\n    return v * k",
        ("x = scale(3)", "step:one"),
        ("k = 5", "step:two"),
        ("print(scale(x))", "step:three"),
    )
    scale = next(each for each in pipeline.definitions if each.name == "scale")
    assert not scale.hoisted
    assert "# by k" in scale.source
    one, three = pipeline.steps[1], pipeline.steps[3]
    assert one.definitions == three.definitions == ("scale",)
    assert names(one.inputs) == ["k"]
    assert set(names(three.inputs)) == {"x", "k"}


def test_definitions_leave_their_cells_with_their_comments(built):
    pipeline, _ = built(
        "# libraries\nimport math\n\n# adds one\ndef inc(x):\n    return x + 1\n\nLIMIT = 3\n"
        "# the start\ny = inc(LIMIT)  # kept\nprint(math.pi, y)"
    )
    kinds = {each.name: each.kind for each in pipeline.definitions}
    assert kinds == {
        "math": DefinitionKind.IMPORT,
        "inc": DefinitionKind.FUNCTION,
        "LIMIT": DefinitionKind.CONSTANT,
    }
    assert pipeline.definitions[1].source.startswith("# adds one\ndef inc")
    block = pipeline.steps[0].blocks[0]
    assert block.source == "# the start\ny = inc(LIMIT)  # kept\nprint(math.pi, y)"
    assert block.lines == (9, 10, 11)


@pytest.mark.parametrize(
    "cells",
    [
        ("LIMIT = [1]", "LIMIT.append(2)\nprint(LIMIT)"),
        ("LIMIT = 1", "LIMIT = 2\nprint(LIMIT)"),
        ("def f():\n    return 1", "def f():\n    return 2\nprint(f())"),
        ("import json as f", "f = 3\nprint(f)"),
        ("def f(x, seen=[]):\n    seen.append(x)\n    return seen", "print(f(1))"),
    ],
)
def test_what_changes_is_not_hoisted(built, cells):
    pipeline, diagnostics = built(*cells)
    assert not has_errors(diagnostics)
    assert pipeline.definitions == ()


def test_a_displayed_expression_is_left_out_and_a_fit_is_not(built):
    pipeline, _ = built(
        (LOAD + "\ndf.head()", "step:load"),
        (FIT, "step:fit"),
        ("df.sample(3)", "step:draw"),
    )
    load, fit, draw = (step.blocks[0] for step in pipeline.steps)
    assert (load.source, load.display) == ("df = pd.read_csv('data.csv')", "df.head()")
    assert fit.source.endswith("model.fit(df[['x']], df['y'])")
    assert (draw.source, draw.display) == ("df.sample(3)", "")


@pytest.mark.parametrize(
    ("function", "use", "forgettable"),
    [
        ("def f(n): return n if n < 2 else f(n - 1) + f(n - 2)", "x = f(20)", True),
        ("def f(n): return list(range(n))", "x = f(3)", True),
        ("def f(n): return list(range(n))", "x = f(3)\nx.append(1)", False),
        ("def f(n): return list(range(n))", "def g(): return f(3)", False),
        ("def f(n):\n    log(n)\n    return n", "x = f(3)", False),
        ("def f(n):\n    sys.stdout.write('a')\n    return n", "x = f(3)", False),
    ],
)
def test_a_cache_is_forgotten_only_where_nobody_sees_that(built, function, use, forgettable):
    pipeline, _ = built(
        (f"import sys\nfrom functools import cache\ndef log(m): print(m)\n@cache\n{function}",),
        (use,),
        ("print(f)",),
    )
    assert ("f" in {found.name for found in pipeline.definitions}) is forgettable


@pytest.mark.parametrize(
    ("before", "imported", "first"),
    [
        ("os.environ['MPLBACKEND'] = 'agg'", "matplotlib.pyplot", False),
        ("os.environ.update(SCIPY_ARRAY_API='1')", "sklearn", False),
        ("for name in ['A', 'B']: os.environ[name] = '1'", "sklearn", False),
        ("open('matplotlibrc', 'w').write('a: 1')", "matplotlib", False),
        ("os.environ['API_KEY'] = 'x'", "unknown_library", False),
        ("os.environ['API_KEY'] = 'x'", "pandas", True),
        ("os.environ['OMP_NUM_THREADS'] = '1'", "sklearn", True),
        ("import matplotlib\nos.environ['MPLBACKEND'] = 'agg'", "matplotlib.pyplot", True),
        ("print(os.environ['HOME'])", "matplotlib", True),
        ("os.environ['HOME'] = '/x'", "json", True),
    ],
)
def test_an_import_stays_behind_what_it_reads(built, before, imported, first):
    pipeline, _ = built((f"import os\n{before}",), (f"import {imported} as lib\nprint(lib)",))
    assert ("lib" in {found.name for found in pipeline.definitions}) is first


@pytest.mark.parametrize(
    ("measured", "refused"),
    [
        ("np.dot(values, values)", False),
        ("[each ** 2 for each in values]", False),
        ("found = sorted(values)", False),
        ("np.random.rand()", True),
        ("values.append(1)", True),
        ("list(numbers)", True),
        ("print(1)", True),
        ("list(map(noisy, values))", True),
        ("unknown.run()", True),
    ],
)
def test_measured_code_has_to_do_nothing(built, measured, refused):
    start = (
        "import numpy as np\nimport unknown\nvalues = [1, 2]\nnumbers = (i for i in values)\n"
        "def noisy(x): print(x)"
    )
    _, found = built((start, "step:a"), (f"%timeit -n 2 {measured}", "step:a"))
    assert ("magic-refused" in {each.code for each in found}) is refused


KNOWN = """
import pandas as pd, numpy as np
from pathlib import Path
from sklearn.linear_model import LinearRegression
df = pd.read_csv("data.csv")
model = LinearRegression().fit(df[["x"]], df["y"])
path, rows, frames = Path("a"), [1, 2], {"a": df}
def noisy(x): print(x); return x
class Own:
    def copy(self): print(1)
own = Own()
owns, numbers, reader = [own], (i for i in rows), pd.read_csv("data.csv", chunksize=3)
"""


@pytest.mark.parametrize(
    "shown",
    [
        "df.describe().T",
        "df.shape[0] / len(df)",
        "df.groupby('x')['y'].agg(['mean', 'count'])",
        "df.loc[df.x > 3, ['x', 'y']].head()",
        "df.groupby('x').y.agg(np.mean)",
        "df.query('x > 3')",
        "frames['a'].head()",
        "model.coef_, model.get_params()",
        "pd.__version__, np.pi",
        "sorted(rows, key=len)",
        "f'{len(df)} rows of {rows[0]}'",
        "type(own)",
    ],
)
def test_what_is_asked_of_a_library_alone_is_left_out(built, shown):
    pipeline, _ = built((KNOWN, "step:a"), (shown, "step:a"), ("print(df)", "step:b"))
    assert any(block.display for block in pipeline.steps[0].blocks)


@pytest.mark.parametrize(
    "shown",
    [
        "path.rename('b')",
        "path.name",
        "list(numbers)",
        "(*numbers, 1)",
        "2 in numbers",
        "df.isin(numbers)",
        "list(reader)",
        "df.groupby('x').y.agg(noisy)",
        "df.groupby('x').agg({'y': noisy})",
        "df.groupby('x').agg(print)",
        "df.query('x > @noisy(x)')",
        "sorted(rows, key=noisy)",
        "owns[0].copy()",
        "owns == owns",
        "str(owns)",
        "np.array(owns).copy()",
        "own in rows",
        "{own: 1}",
        "f'{own}'",
        "-own",
        "unknown.head() if (unknown := frames.popitem()) else 0",
    ],
)
def test_what_may_call_code_of_the_notebook_or_use_something_up_is_kept(built, shown):
    pipeline, _ = built((KNOWN, "step:a"), (shown, "step:a"), ("print(df)", "step:b"))
    assert not any(block.display for step in pipeline.steps for block in step.blocks)


@pytest.mark.parametrize(
    ("cells", "code", "cell", "line"),
    [
        (("x = 1\nprint(nope)",), "undefined-name", 1, 2),
        (("print(x)", "x = 1"), "used-before-definition", 1, 1),
        (("x = 1", "del x", "print(x)"), "deleted-name", 3, 1),
        ((("x = 1", "skip"), "print(x)"), "skipped-name", 2, 1),
        (("x = (",), "syntax-error", 1, 1),
        (("x = 1\ny = = 2",), "syntax-error", 1, 2),
        (("%run other.py",), "magic-refused", 1, 1),
        (("import asyncio\nasyncio.create_task(main())",), "unfinished-task", 1, 2),
        (("globals()['x'] = 1",), "dynamic-namespace", 1, 1),
        (("import sys\nsys.modules['__main__'].x = 2",), "dynamic-namespace", 1, 2),
        (("import __main__\n__main__.x = 2",), "dynamic-namespace", 1, 1),
        (("import sys\nsys._getframe().f_globals['x'] = 2",), "dynamic-namespace", 1, 2),
        ((("x = 1", "Step:load"),), "unclear-step-tag", 1, 0),
        ((("x = 1", "step:"),), "unclear-step-tag", 1, 0),
        ((("1 / 0", "raises-exception"),), "exception-expected", 1, 0),
        (("key = 'AKIAABCDEFGHIJKLMNOP'",), "secret-in-source", 1, 1),
        (("db_password = 'hunter22'",), "secret-in-source", 1, 1),
        (("x = open('/home/me/data.csv')",), "absolute-path", 1, 1),
        (("print(Out[1])",), "notebook-history", 1, 1),
    ],
)
def test_findings_name_cell_and_line(built, cells, code, cell, line):
    _, diagnostics = built(*cells)
    found = next(each for each in diagnostics if each.code == code)
    assert (found.origin.cell, found.origin.line) == (cell, line)
    assert found.message.endswith(".")


@pytest.mark.parametrize(
    "cells",
    [
        ("for i in range(3):\n    last = i\nprint(last)",),
        ("try:\n    import fancy\nexcept ImportError:\n    fancy = None\nprint(fancy)",),
        ("xs = [1]\nprint([x for x in xs if (y := x)], y)",),
        ("match [1, 2]:\n    case [a, *rest]:\n        pass\nprint(a, rest)",),
        ("class A:\n    n = 1\n    def f(self):\n        return A.n\nprint(A().f())",),
        ("with open('f') as f:\n    t = f.read()\nprint(t)",),
        ("def f():\n    return later\nlater = 2\nprint(f())",),
        ("x = {'a': 1}\nprint(f'{x[\"a\"]!r:>{4}}', __name__)",),
        ("f = lambda n: 1 if n < 2 else n * f(n - 1)\nprint(f(3))",),
        ("display(1)",),
    ],
)
def test_correct_code_has_no_findings(built, cells):
    _, diagnostics = built(*cells)
    assert codes(diagnostics) == []


def test_all_findings_are_collected(built):
    _, diagnostics = built("print(one)", "x = (", "print(two)", "%run a.py")
    assert codes(diagnostics) == [
        "undefined-name",
        "syntax-error",
        "undefined-name",
        "magic-refused",
    ]


def test_rules_can_be_switched_off_for_a_cell_and_a_notebook(built):
    path = "x = open('/home/me/a.csv')"
    assert codes(built((path, "ignore:absolute-path"))[1]) == []
    assert codes(built(path, metadata={"nbprod": {"ignore": ["absolute-path"]}})[1]) == []


def test_what_cannot_be_stored_keeps_cells_together_or_is_refused(built):
    cells = [
        "numbers = (n for n in range(5))",
        "first = next(numbers)",
        "print(sum(numbers), first)",
    ]
    headings = [part for cell in cells for part in (("md", f"## About {len(cell)}"), cell)]
    pipeline, diagnostics = built(*headings)
    assert len(pipeline.steps) == 1
    assert "steps-merged" in codes(diagnostics)
    tagged = [(cell, f"step:s{number}") for number, cell in enumerate(cells)]
    _, diagnostics = built(*tagged)
    assert "steps-inseparable" in codes(diagnostics)


def test_code_that_reads_a_variable_bound_anew_is_refused(built):
    _, diagnostics = built(
        ("k = 1\nfs = [lambda: k]", "step:a"), ("k = 2", "step:b"), ("print(fs[0]())", "step:c")
    )
    assert "steps-inseparable" in codes(diagnostics)


KEPT = {
    "attribute": "import pandas as pd\nk = 1\ndef f(self): return k\npd.DataFrame.f = f",
    "setattr": "import pandas as pd\nk = 1\nsetattr(pd.DataFrame, 'f', lambda self: k)",
    "option": (
        "import numpy as np\nk = 1\nnp.set_printoptions(formatter={'float': lambda v: str(k)})"
    ),
    "in a function": (
        "import pandas as pd\nk = 1\n"
        "def settle():\n    pd.set_option('display.float_format', lambda v: str(k))\nsettle()"
    ),
    "accessor": (
        "import pandas as pd\nk = 1\n"
        "@pd.api.extensions.register_dataframe_accessor('tax')\n"
        "class Tax:\n    def __init__(self, frame):\n        self.k = k"
    ),
    "signal": "import signal\nk = 1\nsignal.signal(signal.SIGUSR1, lambda *given: print(k))",
}


@pytest.mark.parametrize("source", KEPT.values(), ids=KEPT)
def test_code_that_a_library_keeps_stays_with_what_it_reads(built, source):
    again = ("k = 2", "step:b"), ("print(k)", "step:c")
    _, diagnostics = built((source, "step:a"), *again)
    (found,) = (each for each in diagnostics if each.code == "steps-inseparable")
    assert "`k` is read by code that a library keeps, and bound anew later" in found.message
    _, diagnostics = built((source, "step:a"), ("print(k)", "step:b"))
    assert "steps-inseparable" not in codes(diagnostics)


@pytest.mark.parametrize("given", ["reg", ""])
def test_functions_that_functions_put_into_what_they_are_given_or_find(built, given):
    source = f"""k = 1
def check(x):
    return x > k
def install({given}):
    reg["a"] = check
reg = {{}}
install({given})"""
    rest = ("k = 10", "step:b"), ("print(reg['a'](5))", "step:c")
    _, diagnostics = built((source, "step:a"), *rest)
    assert "`reg` holds code that reads k" in " ".join(each.message for each in diagnostics)


def test_scattered_cells_of_a_step_become_steps_of_their_own(built):
    pipeline, diagnostics = built(
        ("x = 1", "step:a"), ("y = x", "step:b"), ("x = y + 1\nprint(x)", "step:a")
    )
    assert [step.name for step in pipeline.steps] == ["a", "b", "a_2"]
    assert "step-split" in codes(diagnostics)


def test_a_builtin_read_before_it_is_shadowed_stays_the_builtin(built):
    pipeline, _ = built(("sum = sum([1, 2])", "step:a"), ("print(sum)", "step:b"))
    assert pipeline.steps[0].blocks[0].source == "from builtins import sum\nsum = sum([1, 2])"
    assert names(pipeline.steps[1].inputs) == ["sum"]


def test_star_imports_become_the_names_that_are_used(built):
    pipeline, diagnostics = built(
        "from math import *\nfrom mine import *\nprint(sqrt(2), tool())",
        local={"mine.py": b"def tool():\n    return 1\n"},
    )
    assert {each.source for each in pipeline.definitions} == {
        "from math import sqrt",
        "from mine import tool",
    }
    assert set(codes(diagnostics)) == {"star-import"}
    assert [each.path for each in pipeline.local_modules] == ["mine.py"]


def test_a_star_import_of_a_local_module_binds_what_is_bound_anew_later(built):
    pipeline, diagnostics = built(
        "from preamble import *",
        "print(pd.Series([1]).sum(), sqrt(4), used)",
        "import pandas as pd\nused = 0\nprint(pd.Series([used]).mean())",
        local={
            "preamble.py": b"import pandas as pd\nfrom more import *\nused = other = 1\n",
            "more.py": b"from math import *\nfrom preamble import *\n",
        },
    )
    assert set(codes(diagnostics)) == {"star-import"}
    sources = {each.source for each in pipeline.definitions}
    sources |= {block.source for step in pipeline.steps for block in step.blocks}
    assert any("from preamble import pd, sqrt, used" in source for source in sources)


def test_a_local_module_with_a_star_import_of_who_knows_what_is_not_known(built):
    _, diagnostics = built(
        "from preamble import *\nprint(found)",
        local={"preamble.py": b"from elsewhere import *\n"},
    )
    assert "undefined-name" not in codes(diagnostics)


def test_memory_of_a_c_library_stays_in_its_step_and_models_made_of_it_do_not(built):
    pipeline, diagnostics = built(
        "import xgboost as xgb\nX, y, results = [[1.0], [2.0]], [1, 2], {}",
        ("md", "## Prepare"),
        "data = xgb.DMatrix(X, label=y)\nwatched = [(data, 'train')]",
        ("md", "## Train"),
        "model = xgb.train({}, data, 3, evals=watched, evals_result=results)",
        ("md", "## Evaluate"),
        "print(model.get_score())",
        ("md", "## Show"),
        "print(results)",
    )
    assert "steps-merged" in codes(diagnostics)
    held = [names(step.inputs) for step in pipeline.steps]
    assert not {"data", "watched"} & {name for each in held for name in each}
    assert "model" in held[-2]
    assert "results" in held[-1]


def test_requirements_come_from_the_environment(built):
    environment = Environment(python="3.11.7", distributions={"sklearn": ("scikit-learn", "1.9.1")})
    pipeline, diagnostics = built(
        "import sklearn.svm, json\nimport absent\nprint(sklearn, json, absent)",
        environment=environment,
    )
    assert [(each.distribution, each.version) for each in pipeline.requirements] == [
        ("absent", ""),
        ("scikit-learn", "1.9.1"),
    ]
    assert codes(diagnostics) == ["not-installed"]


def test_markdown_becomes_title_and_documentation(built):
    pipeline, _ = built(
        ("md", "# Prices\nWhat houses cost."),
        ("md", "## Load the data\nFrom a file."),
        LOAD,
        ("md", "## Fit"),
        FIT,
        ("md", "Almost done."),
        SCORE,
    )
    assert (pipeline.source.title, pipeline.source.doc) == ("Prices", "What houses cost.")
    assert [step.name for step in pipeline.steps] == ["load_data", "fit", "evaluate_model"]
    assert pipeline.steps[0].doc == "## Load the data\nFrom a file."


def test_a_step_never_has_the_name_of_a_definition(built):
    pipeline, diagnostics = built(
        ("def load():\n    return [1]", "functions"),
        ("x = load()", "step:load"),
        ("print(x)", "step:show"),
    )
    assert [step.name for step in pipeline.steps] == ["load_step", "show"]
    assert "step-renamed" in codes(diagnostics)


@pytest.mark.parametrize("cells", [(), (("md", "# Only text"),), ("",), ("# nothing",)])
def test_a_notebook_without_code_is_an_error(built, cells):
    pipeline, diagnostics = built(*cells)
    assert pipeline is None
    assert codes(diagnostics) == ["no-code"]


@pytest.mark.parametrize("name", ["churn", "house_prices", "penguins"])
def test_example_notebooks_build_without_errors(name):
    from nbprod.notebook.read import read_notebook
    from nbprod.pipeline.build import build

    pipeline, diagnostics = build(read_notebook(EXAMPLES / f"{name}.ipynb"))
    assert not has_errors(diagnostics)
    assert violations(pipeline) == ()
    assert len(pipeline.steps) >= 3
    assert pipeline.models


def test_the_same_notebook_gives_the_same_pipeline_whatever_the_hash_seed():
    program = (
        "import json, sys\nfrom nbprod.notebook.read import read_notebook\n"
        "from nbprod.pipeline.build import build\nfrom nbprod.pipeline.serialize import to_json\n"
        "print(json.dumps(to_json(build(read_notebook(sys.argv[1]))[0])))"
    )
    path = str(EXAMPLES / "house_prices.ipynb")
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program, path],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1


def test_a_variable_bound_by_a_called_function_alone_is_a_local_of_the_step(built):
    pipeline, diagnostics = built(
        ("def make():\n    global z\n    z = 1", "functions"),
        ("make()", "step:a"),
        ("print(z)", "step:b"),
    )
    assert codes(diagnostics) == []
    assert pipeline.definitions[0].source == "def make():\n    nonlocal z\n    z = 1"
    assert pipeline.steps[0].blocks[0].source == "z: object\nmake()"
    assert names(pipeline.steps[0].outputs) == ["z"]


def test_imports_after_a_seed_stay_where_they_are_since_they_may_draw(built):
    pipeline, _ = built(
        ("import random\nrandom.seed(1)", "step:a"),
        ("import sklearn\nx = random.random()", "step:b"),
        ("print(sklearn, x)", "step:c"),
    )
    assert [each.name for each in pipeline.definitions] == ["random"]
    assert names(pipeline.steps[1].outputs) == ["sklearn", "x"]


def test_a_function_that_remembers_is_not_made_anew_in_each_step(built):
    """Each copy would have a cache of its own, and call the function once more."""
    pipeline, diagnostics = built(
        "import functools\ncalls = []\n@functools.lru_cache\ndef double(x):\n"
        "    calls.append(x)\n    return x * 2\ndouble(1)",
        ("double(1)\ndouble(2)", "step:again"),
        ("print(calls, double.cache_info())", "step:show"),
    )
    assert "double" not in [each.name for each in pipeline.definitions]
    assert {"calls", "double"} <= set(names(pipeline.steps[-1].inputs))
    assert not has_errors(diagnostics)


def test_a_class_without_state_may_be_used_in_several_steps(built):
    pipeline, diagnostics = built(
        "class A:\n    n = 0\n    @classmethod\n    def make(cls):\n        return cls()\n"
        "    @staticmethod\n    def two():\n        return 2",
        ("a = A.make()", "step:make"),
        ("print(a.two(), A.n)", "step:show"),
    )
    assert not has_errors(diagnostics)
    assert [each.name for each in pipeline.definitions if each.hoisted] == ["A"]


def test_a_class_that_exists_once_is_handed_from_step_to_step(built):
    pipeline, diagnostics = built(
        ("class A:\n    n = 0\n    @classmethod\n    def more(cls):\n        cls.n += 1", "step:a"),
        ("A.more()", "step:b"),
        ("print(A.n)", "step:c"),
    )
    assert not has_errors(diagnostics)
    assert not pipeline.definitions
    assert names(pipeline.steps[0].outputs) == ["A"]
    assert names(pipeline.steps[1].outputs) == ["A"]
    assert names(pipeline.steps[2].inputs) == ["A"]


READ = """
import csv, sqlite3
with open("a.txt") as file:
    text = file.read()
    first = file.readline()
    rest = file.readlines()
    lines = [line.strip() for line in file]
with open("a.csv") as file:
    rows = list(csv.reader(file))
    records = [row for row in csv.DictReader(file)]
con = sqlite3.connect("a.db")
cursor = con.cursor()
every = cursor.execute("select 1").fetchall()
one = [row for row in con.execute("select 1")]
"""


def test_what_was_read_from_a_file_or_database_may_leave_the_step(built):
    read = ["text", "first", "rest", "lines", "rows", "records", "every", "one"]
    pipeline, diagnostics = built((READ, "step:load"), (f"print({', '.join(read)})", "step:show"))
    assert not has_errors(diagnostics)
    assert sorted(names(pipeline.steps[1].inputs)) == sorted(read)


@pytest.mark.parametrize("name", ["con", "cursor"])
def test_a_connection_may_not(built, name):
    _, diagnostics = built((READ, "step:load"), (f"print({name}.fetchone)", "step:show"))
    assert "steps-inseparable" in codes(diagnostics)


@pytest.mark.parametrize(
    "bound", ["", "from IPython.display import HTML, display\n", "def display(x):\n    pass\n"]
)
def test_a_figure_at_a_cells_end_is_displayed_unless_display_is_the_authors(built, bound):
    pipeline, _ = built(
        f"{bound}import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1])",
        "ax.plot([2])\nfig",
    )
    sources = [block.source for step in pipeline.steps for block in step.blocks]
    assert any("display(fig)" in source for source in sources) is not bound.startswith("def")


def test_a_class_that_one_step_uses_stays_with_it(built):
    pipeline, _ = built(
        "class A:\n    made = []\n    def __init__(self):\n        self.made.append(self)",
        ("x = 1", "step:a"),
        ("print(len(A().made), x)", "step:b"),
    )
    (found,) = pipeline.definitions
    assert (found.name, found.hoisted) == ("A", False)
    assert pipeline.steps[1].definitions == ("A",)


@pytest.mark.parametrize(
    "registry",
    [
        "class Base:\n    known = []\n    def __init_subclass__(cls):\n"
        "        Base.known.append(cls.__name__)",
        "class Meta(type):\n    known = []\n    def __init__(cls, *more):\n"
        "        cls.known.append(cls.__name__)\nclass Base(metaclass=Meta):\n    pass",
    ],
)
def test_a_new_class_changes_what_keeps_a_registry_of_classes(built, registry):
    pipeline, diagnostics = built(
        (registry, "step:a"),
        ("class More(Base):\n    pass", "step:b"),
        ("print(Base.known)", "step:c"),
    )
    assert not has_errors(diagnostics)
    assert "Base" in names(pipeline.steps[1].outputs)


def test_what_a_context_manager_yields_may_leave_the_step(built):
    pipeline, diagnostics = built(
        "from contextlib import contextmanager\n@contextmanager\ndef five():\n    yield 5",
        ("with five() as v:\n    w = v", "step:enter"),
        ("print(w)", "step:show"),
    )
    assert not has_errors(diagnostics)
    assert names(pipeline.steps[-1].inputs) == ["w"]


def test_steps_of_the_same_role_are_told_apart_by_what_they_are_about(built):
    pipeline, _ = built(
        LOAD,
        FIT,
        SCORE,
        "from sklearn.tree import DecisionTreeClassifier\n"
        "tree = DecisionTreeClassifier(random_state=0)\ntree.fit(df[['x']], df['y'])",
        "other = tree.score(df[['x']], df['y'])",
    )
    assert [step.name for step in pipeline.steps] == [
        "load_data",
        "train_model",
        "evaluate_model",
        "train_tree",
        "evaluate_tree",
    ]


def test_fitting_and_judging_in_one_cell_still_leaves_three_steps(built):
    pipeline, _ = built(LOAD, "limit = df['x'].max() * 2", f"{FIT}\n{SCORE}")
    assert [step.cells for step in pipeline.steps] == [(1,), (2,), (3,)]


def test_plots_and_looks_are_steps_of_exploration_and_options_are_not(built):
    pipeline, _ = built(
        "import seaborn as sns\nsns.set_theme(style='whitegrid')",
        LOAD,
        "import matplotlib.pyplot as plt\nplt.hist(df['x'])\nplt.show()",
        FIT,
        SCORE,
    )
    assert [step.role for step in pipeline.steps] == [
        StepRole.LOAD,
        StepRole.EXPLORE,
        StepRole.TRAIN,
        StepRole.EVALUATE,
    ]


def test_a_heading_above_definitions_names_the_step_that_follows(built):
    pipeline, _ = built(
        LOAD,
        ("md", "## Features\n\nAges, mostly."),
        "def add_age(frame):\n    return frame.assign(age=2020 - frame['built'])",
        "df = add_age(df)",
        FIT,
    )
    assert [step.name for step in pipeline.steps] == ["load_data", "features", "train_model"]
    assert "Ages, mostly." in pipeline.steps[1].doc


def test_a_heading_above_displays_names_the_step_that_follows(built):
    pipeline, _ = built(
        LOAD,
        ("md", "## 2. Data Preprocessing"),
        "df.head()",
        "df.shape",
        "df = df.dropna()",
        FIT,
    )
    assert [step.name for step in pipeline.steps] == [
        "load_data",
        "data_preprocessing",
        "train_model",
    ]
    assert pipeline.steps[1].cells == (3, 4, 5)


def test_markdown_behind_the_last_code_cell_is_kept(built):
    pipeline, _ = built(LOAD, ("md", "## What to do\n\nCall them."), ("md", "Thanks."))
    assert pipeline.source.closing == "## What to do\n\nCall them.\n\nThanks."


def test_rows_taken_out_of_a_reader_are_no_reader(built):
    _, diagnostics = built(
        "import csv\nwith open('a.csv') as file:\n    rows = list(csv.DictReader(file))",
        ("rows[0]['c'] = '3'", "step:change"),
        ("print(rows)", "step:show"),
    )
    assert not has_errors(diagnostics)


@pytest.mark.parametrize(
    ("ending", "stays"),
    [("", True), ("log.close()", False), ("print('x', file=log, flush=True)", True)],
)
def test_a_file_that_is_left_open_is_not_looked_at_by_another_step(built, ending, stays):
    cell = f"log = open('log.txt', 'w')\nlog.write('text')\n{ending}"
    _, diagnostics = built((cell, "step:a"), ("text = open('log.txt').read()", "step:b"))
    assert ("steps-inseparable" in codes(diagnostics)) is stays


@pytest.mark.parametrize(
    ("cell", "look", "stays"),
    [
        ("logs = [open(f'{n}.txt', 'w') for n in range(2)]", "print(open('1.txt').read())", True),
        ("logs = [open(f'{n}.txt') for n in range(2)]", "print(open('1.txt').read())", False),
        ("import zipfile as z\na = z.ZipFile('a.zip', 'w')", "import os\nos.stat('a.zip')", True),
        ("import zipfile as z\na = z.ZipFile('a.zip')", "import os\nos.stat('a.zip')", False),
        ("import csv\nrows = csv.writer(open('a.csv', 'w'))", "!cat a.csv", True),
        ("import json\njson.dump([1], open('a.json', 'w'))", "print(open('a.json').read())", False),
        ("log = open('log.txt', 'w')", "print(open('other.txt').read())", False),
        ("log = open(f'{1}.txt', 'w')", "print(open('other.txt').read())", True),
        ("log = open('a.txt', 'w')\ndel log", "print(open('a.txt').read())", False),
        ("def opened(p):\n    return open(p, 'w')\nlog = opened('a')", "open('a').read()", True),
        (
            "def save(p):\n    f = open(p, 'w')\n    f.write('')\nsave('a')",
            "open('a').read()",
            False,
        ),
    ],
)
def test_a_file_is_open_while_anything_holds_it(built, cell, look, stays):
    _, diagnostics = built((cell, "step:a"), (look, "step:b"))
    assert ("steps-inseparable" in codes(diagnostics)) is stays


def test_a_file_of_a_metrics_name_is_none(built):
    pipeline, _ = built(
        "import json\nf1 = open('rows.json')\nrows = json.load(f1)\nf1.close()", "print(rows)"
    )
    assert all("f1" not in step.outputs for step in pipeline.steps)
