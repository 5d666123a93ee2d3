"""One thing changes at a time: what depends on it runs again, and nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nbprod.errors import UserCodeError

pytestmark = pytest.mark.slow

STEPS = (
    ("scale: float = 2.0\nrate: float = 0.5", ["parameters"]),
    "import json\nfrom pathlib import Path",
    ("numbers = json.loads(Path('numbers.json').read_text())\nprint(numbers)", ["step:load"]),
    ("doubled = [each * scale for each in numbers]\nprint('doubled', doubled)", ["step:scale"]),
    (
        "def total(values):\n    return sum(values)\n\n\nsquares = [x * x for x in numbers]",
        ["step:square"],
    ),
    (
        "result = total(doubled) * rate + total(squares)\nprint('result', result)",
        ["step:add", "metrics"],
    ),
)


@pytest.fixture
def sums(place):
    (place.folder / "numbers.json").write_text("[1, 2, 3]")
    place.write(*STEPS)
    first = place.run()
    assert first.computed == {"load", "scale", "square", "add"}
    assert not first.warnings
    return place


def result_of(found):
    assert not found.warnings
    return found.record.metrics["result"]


def test_nothing(sums):
    found = sums.same()
    assert found.computed == set()
    assert result_of(found) == 20.0
    marks = [cell.metadata.get("nbprod", {}).get("cached") for cell in found.cells]
    assert set(marks[2:]) == {found.record.steps[-1].cached}


def test_a_comment(sums):
    sums.change(3, "numbers = ", "# what we have\nnumbers =  ")
    assert sums.run().computed == set()


def test_a_parameter(sums):
    found = sums.same(("rate", "0.25"))
    assert found.computed == {"add"}
    assert result_of(found) == 17.0
    found = sums.run(("scale", "3"))
    assert found.computed == {"scale", "add"}
    assert result_of(found) == 23.0
    assert sums.run(("rate", "0.25")).computed == set()


def test_a_files_content(sums):
    (sums.folder / "numbers.json").write_text("[1, 2, 4]")
    found = sums.run()
    assert found.computed == {"load", "scale", "square", "add"}
    assert result_of(found) == 28.0
    (sums.folder / "numbers.json").write_text("[1, 2, 3]")
    assert sums.run().computed == set()
    (sums.folder / "numbers.json").write_text("[1,  2,  3]")
    assert sums.run().computed == {"load"}  # what it gives is the same


def test_a_definition(sums):
    sums.change(5, "return sum(values)", "return sum(values) + 1")
    found = sums.run()
    assert found.computed == {"square", "add"}
    assert result_of(found) == 21.5


def test_a_step_in_the_middle_and_the_last(sums):
    sums.change(4, "each * scale", "each * scale + 1")
    found = sums.run()
    assert found.computed == {"scale", "add"}
    assert result_of(found) == 21.5
    sums.change(6, "* rate", "* rate * 2")
    found = sums.same()
    assert found.computed == {"add"}
    assert result_of(found) == 29.0


def test_a_new_step_that_imports_and_plots(sums):
    sums.cells.insert(3, ("import matplotlib.pyplot as plt\nplt.plot(numbers);", ["step:look"]))
    sums.change(4, "plt.plot", "plt.plot")
    found = sums.same()
    assert found.computed == {"look"}
    sums.change(4, "plt.plot", "plt.rcParams['lines.linewidth'] = 3\nplt.plot")
    assert sums.same().computed == {"look", "scale", "square", "add"}


SETTINGS = (
    "pio.templates.default = 'plotly_dark'; px.defaults.width = 321",
    "matplotlib.colormaps.register(ListedColormap(['red', 'blue']), name='brand', force=True)",
    "%config InlineBackend.figure_format = 'svg'",
    "set_matplotlib_formats('retina')",
    "get_ipython().display_formatter.formatters['text/plain'].for_type("
    "float, lambda value, p, cycle: p.text(f'<{value}>'))",
    "pd.set_option('styler.format.formatter', {'a': '{:.1f}'})",
)


def test_options_of_an_earlier_step(place):
    place.write(
        "import matplotlib\nimport matplotlib.pyplot as plt\nimport pandas as pd\n"
        "import plotly.express as px\nimport plotly.io as pio\n"
        "from matplotlib.colors import ListedColormap\n"
        "from matplotlib_inline.backend_inline import set_matplotlib_formats\n"
        "matplotlib.colormaps.register(ListedColormap(['white', 'black']), name='brand')",
        ("number = 1.5", ["step:first"]),
        (
            "figure = px.line(x=[1, 2], y=[1, 2])\nprint(figure.layout.width, "
            "figure.layout.template.layout.paper_bgcolor)\n"
            "print(pd.DataFrame({'a': [1.23456]}).style.to_string())\n"
            "plt.imshow([[number, 2]], cmap='brand')\nplt.show()\nnumber",
            ["step:show"],
        ),
    )
    place.run()
    for setting in SETTINGS:  # each behind those before it
        text, _ = place.cells[1]
        place.change(2, text, f"{text}\n{setting}")
        assert "show" in place.run().computed, setting
    place.change(3, "number, 2", "number, 2.5")
    place.same()  # behind a step that set all of that


def test_what_libraries_read_past_python(place):
    for name, text in (("a.csv", "x\n1\n"), ("b.json", '{"x": 1}\n'), ("parts/c.csv", "x\n1\n")):
        path = place.folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    place.write(
        "from pyarrow import csv, dataset, json\nfolder = 'data'",
        ("table = csv.read_csv(f'{folder}/a.csv').to_pydict()", ["step:table"]),
        ("rows = json.read_json(f'{folder}/b.json').to_pydict()", ["step:rows"]),
        ("parts = dataset.dataset(f'{folder}/parts', format='csv')", ["step:parts"]),
        ("print(table, rows, parts.to_table().to_pydict())", ["step:end"]),
    )
    place.run()
    (place.folder / "data" / "a.csv").write_text("x\n2\n")
    assert place.same().computed >= {"table", "end"}
    (place.folder / "data" / "b.json").write_text('{"x": 2}\n')
    assert place.same().computed >= {"rows", "end"}
    (place.folder / "data" / "parts" / "c.csv").write_text("x\n2\n")
    assert "2]} {'x': [2]} {'x': [2]}" in place.same().text


def test_readers_past_python_that_go_by_other_names(place):
    table = (
        "import pyarrow as pa\nimport pyarrow.parquet as pq\n"
        "pq.write_table(pa.table({{'x': [{0}]}}), {1!r})"
    )

    def write(value):
        (place.folder / "data").mkdir(exist_ok=True)
        (place.folder / "data" / "c.csv").write_text(f"x\n{value}\n")
        (place.folder / "data" / "j.json").write_text(f'{{"x": {value}}}\n')
        path = str(place.folder / "data" / "q.parquet")
        subprocess.run([sys.executable, "-c", table.format(value, path)], check=True)

    write(1)
    place.write(
        "import functools\nimport pyarrow as pa\nimport pyarrow.csv as pacsv\n"
        "import pyarrow.fs as pfs\nimport pyarrow.json as pj\nimport pyarrow.parquet as pq\n"
        "from pyarrow.parquet import read_table as table_of\n"
        "c, j, q = ['data/' + each for each in ('c.csv', 'j.json', 'q.parquet')]",
        ("read = pacsv.read_csv\nprint(read(c)['x'].to_pylist())", ["step:alias"]),
        ("later = read(c)['x'].to_pylist()\nprint(later)", ["step:later"]),
        ("read_part = functools.partial(pq.read_table, columns=['x'])", ["step:partial"]),
        ("part = read_part(q)['x'].to_pylist()\nprint(part)", ["step:part"]),
        (
            "mapped = [t['x'].to_pylist() for t in map(pq.read_table, [q])]\nprint(mapped)",
            ["step:map"],
        ),
        ("got = getattr(pj, 'read_' + 'json')(j).to_pylist()\nprint(got)", ["step:getattr"]),
        ("named = table_of(q)['x'].to_pylist()\nprint(named)", ["step:named"]),
        ("stream = pa.input_stream(c).read()\nprint(stream)", ["step:stream"]),
        ("local = pfs.LocalFileSystem().open_input_stream(c).read()\nprint(local)", ["step:local"]),
        (
            "none = 0\ntry:\n    none = pacsv.read_csv('no' + 'ne.csv').num_rows\n"
            "except OSError:\n    pass\nprint(none)",
            ["step:none"],
        ),
        ("plain = pq.read_table(q).num_rows\nprint(plain)", ["step:plain"]),
    )
    place.run()
    assert {"stream", "none", "plain"} <= place.run().cached
    write(2)
    (place.folder / "none.csv").write_text("x\n1\n")
    place.same()


def test_folders_that_environment_variables_name(place, monkeypatch, tmp_path):
    place.write(
        "import tempfile\nfrom pathlib import Path",
        ("folder = tempfile.gettempdir()\nprint(folder)", ["step:folder"]),
        ("home = str(Path.home())\nprint(home)", ["step:home"]),
    )
    place.run()
    assert place.run().computed == set()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert place.same().text.startswith(f"{tmp_path}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert place.same().text == f"{tmp_path}\n" * 2


def test_variables_that_a_formula_names(place):
    place.write(
        "import numpy as np\nimport pandas as pd\nimport statsmodels.formula.api as smf",
        (
            "frame = pd.DataFrame({'a': [0, 1, 2, 3], 'y': [1.0, 2.0, 4.0, 9.0]})\n"
            "shift = np.array([1.0, 2.0, 3.0, 5.0]) ** 1",
            ["step:load"],
        ),
        ("print(smf.ols('y ~ a + shift', frame).fit().params.round(4).to_dict())", ["step:fit"]),
    )
    place.run()
    place.change(2, "** 1", "** 2")
    assert place.same().computed == {"load", "fit"}


def test_an_environment_variable_that_libraries_read(sums, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert sums.run().cached == set()


def test_a_changed_import_cell(sums):
    sums.change(2, "import json\n", "import json as json\n")
    assert result_of(sums.run()) == 20.0


def test_steps_that_failed_are_not_kept(sums):
    sums.change(5, "for x in numbers", "for x in numbers if 1 / (x - 1)")
    for _ in range(2):
        with pytest.raises(UserCodeError, match="ZeroDivisionError"):
            sums.run()
    sums.change(5, " if 1 / (x - 1)", "")
    assert sums.run().computed == set()


def test_a_step_that_ran_behind_restored_ones_is_known_the_next_time(place):
    # Libraries that are imported in another order, or again, change no option by that.
    place.write(
        ("k = 1\nlast = 1", ["parameters"]),
        "import pandas as pd\nimport seaborn as sns\nimport matplotlib.pyplot as plt\n"
        "import statsmodels.api as sm\nfrom sklearn.ensemble import RandomForestClassifier\n"
        "from sklearn.model_selection import train_test_split",
        ("X = pd.DataFrame({'a': range(60), 'b': [1, 2] * 30})\ny = X.a > 30", ["step:load"]),
        ("A, B, c, d = train_test_split(X, y, random_state=0)", ["step:split"]),
        (
            "model = RandomForestClassifier(5, max_depth=k, random_state=1).fit(A, c)\n"
            "line = sm.OLS(c.astype(float), A.astype(float)).fit()\nprint(line.params)\n"
            "sns.histplot(A.a)\nplt.show()",
            ["step:train"],
        ),
        ("print(model.score(B, d) * last)", ["step:evaluate"]),
    )
    place.run()
    assert place.run(("k", "2")).computed == {"train", "evaluate"}
    assert place.same(("k", "2"), ("last", "2")).computed == {"evaluate"}
    assert place.same(("last", "2")).computed == {"evaluate"}
    assert not place.run(("k", "2"), ("last", "2")).computed


def test_what_a_library_draws_while_it_is_imported_is_no_draw_of_the_step(place):
    place.write(
        "import random",
        ("import rich.style\nlength = len(rich.style.Style.null().color or '')", ["step:measure"]),
        ("print(length)", ["step:end"]),
    )
    first = place.run()
    assert not first.why("measure")
    place.change(3, "print(length)", "print(length + 1)")
    assert place.run().cached == {"measure"}
    # Once there is a seed, an import moves the generator, as it does in Jupyter.
    place.change(1, "import random", "import random\nrandom.seed(1)")
    place.change(3, "print(length + 1)", "print(random.random())")
    program = "import random; random.seed(1); import rich.style; print(random.random())"
    plainly = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True)
    assert place.same().text == plainly.stdout.decode()
    assert plainly.stdout != b"0.13436424411240122\n"  # what the seed alone leads to


def test_functions_that_change_global_variables(place):
    place.write(
        (
            "counter = 0\ndef bump(by):\n    global counter\n    counter += by\n    return counter",
            ["step:count"],
        ),
        ("bump(1)\nprint(counter)", ["step:one"]),
        ("bump(10)\nprint(counter)", ["step:two"]),
        ("print(bump(100))", ["step:three"]),
    )
    place.run()
    place.change(3, "bump(10)", "bump(20)")
    found = place.same()
    assert not found.warnings
    assert found.cached == {"count", "one"}


def test_code_that_variables_hold_of_own_modules_and_of_the_notebook(place, monkeypatch):
    (place.folder / "helper.py").write_text(
        "import os\ndef make_reader():\n    def read():\n"
        "        return os.environ.get('NBPROD_TEST_MODE', 'none')\n    return read\n"
    )
    (place.folder / "clock.py").write_text(
        "import time\nclass Clock:\n    def now_there(self):\n        return time.time() > 0\n"
    )
    (place.folder / "sums.py").write_text("def twice(x):\n    return 2 * x\n")
    place.write(
        "import time\nfrom clock import Clock\nfrom helper import make_reader\n"
        "from sums import twice",
        ("reader, clock = make_reader(), Clock()", ["step:make"]),
        ("def timed():\n    def ask():\n        return time.time() > 0\n    return ask", []),
        (
            "def doubled():\n    def ask():\n        return twice(1)\n    return ask",
            [],
        ),
        ("def stamp():\n    return time.time()", []),  # which nobody holds
        ("asker, doubler = timed(), doubled()\nplain = [1]", ["step:local"]),
        ("print(reader())", ["step:environment"]),
        ("print(clock.now_there())", ["step:own"]),
        ("print(asker())", ["step:asks"]),
        ("print(doubler())", ["step:calls"]),
        ("print(plain)", ["step:end"]),
    )
    monkeypatch.setenv("NBPROD_TEST_MODE", "a")
    place.run()
    found = place.run()
    assert found.computed >= {"own", "asks"}
    assert found.cached >= {"calls", "end"}
    (place.folder / "sums.py").write_text("def twice(x):\n    return 3 * x\n")
    assert "calls" in place.run().computed
    monkeypatch.setenv("NBPROD_TEST_MODE", "b")
    assert place.run().text.startswith("b\n")


def test_a_query_whose_text_is_computed(place):
    place.write(
        ("threshold = 1\nQUERY = 'v > @threshold'\nunused = 1", ["parameters"]),
        ("import pandas as pd\nframe = pd.DataFrame({'v': [1, 2, 3]})", ["step:load"]),
        ("print(len(frame.query(QUERY)))", ["step:use"]),
    )
    assert place.run().text == "2\n"
    assert place.run().computed == set()
    assert place.run(("threshold", "2")).text == "1\n"


def test_documentation_that_is_shown(place):
    place.write(
        ('def clean(x):\n    """Old."""\n    return x', []),
        (
            "class Base:\n    @classmethod\n    def text(cls):\n"
            "        return vars(cls)['__' + 'doc__']",
            [],
        ),
        ('class Order(Base):\n    """Old."""', []),
        ("help(clean)", ["step:help"]),
        ("print(Order.text())", ["step:shown"]),
        ("print(clean(1))", ["step:end"]),
    )
    place.run()
    assert place.run().computed == set()
    place.change(1, "Old", "New")
    place.change(3, "Old", "New")
    found = place.same()
    assert "Old" not in found.text
    assert found.cached == {"end"}


def test_a_query_that_comes_from_a_file(place):
    (place.folder / "config.json").write_text('{"filter": "v > @limit"}')
    place.write(
        "import json\nimport pandas as pd",
        ("frame = pd.DataFrame({'v': [1, 2, 3]})\nlimit = 1", ["step:load"]),
        ("config = json.load(open('config.json'))", ["step:configure"]),
        ("print(len(frame.query(config['filter'])))", ["step:use"]),
    )
    assert place.run().text == "2\n"
    assert place.run().computed == set()
    place.change(2, "limit = 1", "limit = 2")
    assert place.same().text == "1\n"


def test_what_a_property_keeps_of_a_file(place):
    (place.folder / "a.txt").write_text("old")
    place.write(
        "from functools import cached_property\nclass Data:\n    def __init__(self, path):\n"
        "        self.path = path\n    @cached_property\n    def text(self):\n"
        "        with open(self.path) as file:\n            return file.read()",
        ("data = Data('a.txt')\nprint(len(data.text))", ["step:load"]),
        ("print(data.text)", ["step:use"]),
    )
    assert place.run().text == "3\nold\n"
    (place.folder / "a.txt").write_text("new")
    assert place.same().text == "3\nnew\n"


def test_classes_that_are_found_by_the_one_above(place):
    place.write(
        "class Rule:\n    pass",
        "class Small(Rule):\n    def check(self, x):\n        return x < 100",
        ("print([rule().check(50) for rule in Rule.__subclasses__()])", ["step:apply"]),
    )
    assert place.run().text == "[True]\n"
    place.change(2, "100", "10")
    assert place.same().text == "[False]\n"


def test_the_order_of_a_set(place):
    place.write(
        ("codes = {0, 8, 16}", ["step:make"]),
        ("print(list(codes))", ["step:show"]),
    )
    place.run()
    assert place.run().computed == set()
    place.change(1, "{0, 8, 16}", "set([16, 8, 0])")
    assert place.same().computed == {"make", "show"}


def test_what_a_cached_step_sets_for_later_ones(place):
    place.write(
        "import reprlib\nimport matplotlib.pyplot as plt",
        (
            "reprlib.aRepr.maxlist = 2\nplt.style.library['house'] = {'lines.linewidth': 7.0}",
            ["step:setup"],
        ),
        (
            "print(reprlib.repr([1, 2, 3, 4]))\nwith plt.style.context('house'):\n"
            "    print(plt.rcParams['lines.linewidth'])",
            ["step:use"],
        ),
    )
    assert place.run().text == "[1, 2, ...]\n7.0\n"
    place.change(3, "print(plt", "print('wide', plt")
    found = place.same()
    assert found.text == "[1, 2, ...]\nwide 7.0\n"
    assert found.cached == {"setup"}


def test_a_parameter_that_means_the_time(place):
    place.write(
        ("until = '2024-01-01'", ["parameters"]),
        ("import pandas as pd\nstamp = pd.Timestamp(until)\nprint(stamp)", ["step:ask"]),
    )
    assert not place.run().why("ask")
    found = place.run(("until", "now"))
    assert "asks for the time" in found.why("ask")
    assert place.run(("until", "now")).text != found.text


def test_a_semicolon_hides_what_a_cell_shows(place):
    place.write(("x = 1\nx", ["step:show"]), ("print(x)", ["step:print"]))
    place.run()
    place.change(1, "\nx", "\nx;")
    assert place.same().computed == {"show"}
    place.change(1, "x;", "x;  # not shown")
    assert place.same().computed == set()


def test_a_variable_of_the_environment_that_only_a_library_reads(place, monkeypatch):
    cell = (
        "import click\n@click.command()\n@click.option('--a', envvar='NBPROD_TEST_A')\n"
        "def told(a):\n    print(a)\ntold([], standalone_mode=False)"
    )
    place.write((cell, ["step:tell"]))
    monkeypatch.setenv("NBPROD_TEST_A", "one")
    assert place.run().text == "one\n"
    assert place.same().computed == set()
    monkeypatch.setenv("NBPROD_TEST_A", "two")
    assert place.same().text == "two\n"


def test_a_seed_that_is_drawn_is_no_seed(place):
    cell = "import numpy as np\nnp.random.seed(np.random.randint(10**6))\nx = np.random.rand()"
    place.write((cell, ["step:draw"]), ("print(2)", ["step:other"]))
    place.run()
    assert place.run().computed == {"draw"}


def test_what_a_function_says_that_is_handed_on(place):
    place.write(
        "import click",
        ('def clean(x):\n    """Old."""\n    return x', []),
        ("print(click.command()(clean).help)", ["step:shown"]),
        ("print(clean(1))", ["step:end"]),
    )
    place.run()
    place.change(2, "Old", "New")
    found = place.same()
    assert "Old" not in found.text
    assert found.cached == {"end"}


def test_options_that_a_library_keeps_in_its_modules(place):
    place.write(
        "import dask\nimport pandas as pd",
        ("pd.plotting.plot_params['x_compat'] = True", ["step:plots"]),
        ("dask.config.set({'hazard.rows': 5});", ["step:rows"]),
        ("y = 1", ["step:other"]),
        ("print(dask.config.get('hazard.rows'))", ["step:shown"]),
        ("print('last', pd.plotting.plot_params['xaxis.compat'], y)", ["step:last"]),
    )
    place.run()
    place.change(6, "'last'", "'LAST'")
    assert place.same().text == "5\nLAST True 1\n"
    place.change(3, "5", "6")
    assert "6\n" in place.same().text
    place.change(2, "True", "False")
    assert place.same().text == "6\nLAST False 1\n"


def test_a_variable_that_a_library_reads_by_a_name_of_its_own(place, monkeypatch):
    place.write(
        "from sklearn.linear_model import LinearRegression\nimport PIL.Image",
        ("image = PIL.Image.new('L', (4, 4))\nsize = image.size", ["step:drawn"]),
        ("print('last', size)", ["step:last"]),
    )
    place.run()
    assert place.run().computed == set()
    monkeypatch.setenv("PILLOW_BLOCKS_MAX", "64")
    assert "drawn" in place.run().computed
    assert place.run().computed == set()
    monkeypatch.setenv("TERM", "another")  # of no concern to what is computed
    assert place.run().computed == set()


def test_files_that_libraries_write_elsewhere_come_back(place, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    place.write(
        f"import pandas as pd\nimport pyarrow as pa\nimport pyarrow.parquet as pq\n"
        f"folder = {str(folder)!r}",
        (
            "table = pa.table({'a': [1, 2]})\n"
            "table.to_pandas().to_parquet(folder + '/frame.parquet')\n"
            "pq.write_table(table, folder + '/table.parquet')",
            ["step:written"],
        ),
        ("print('last', table.num_rows)", ["step:last"]),
    )
    place.run()
    held = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert held.keys() == {"frame.parquet", "table.parquet"}
    for path in folder.iterdir():
        path.unlink()
    assert place.run().computed == set()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == held


def test_the_size_in_memory_tells_how_a_list_grew(place):
    place.write(
        "import sys",
        ("values = []\nfor number in range(10):\n    values.append(number)", ["step:grown"]),
        ("y = 1", ["step:other"]),
        ("print('last', sys.getsizeof(values), y)", ["step:last"]),
    )
    place.run()
    place.change(4, "'last'", "'LAST'")
    found = place.same()
    assert "other" in found.cached


def test_pictures_are_compared_by_what_they_show(place):
    place.write(
        "from PIL import Image",
        ("image = Image.new('L', (4, 4), 7)", ["step:made"]),
        ("image.putpixel((0, 0), 9)", ["step:changed"]),
        ("print('last', image.getpixel((0, 0)), image.getpixel((1, 1)))", ["step:last"]),
    )
    place.run()
    assert place.run().computed == set()
    place.change(3, "9", "8")
    assert place.same().text == "last 8 7\n"
    place.change(4, "'last'", "'LAST'")
    assert place.same().computed == {"last"}


def test_memory_that_objects_of_libraries_show(place):
    place.write(
        "import numpy as np\nimport pyarrow as pa",
        ("values = np.arange(4.0)\nshown = pa.array(values)", ["step:made"]),
        ("values[0] = 9", ["step:changed"]),
        ("print('last', shown[0], values)", ["step:last"]),
    )
    place.run()
    place.change(4, "'last'", "'LAST'")
    assert place.same().text == "LAST 9.0 [9. 1. 2. 3.]\n"


SET_IN_MODULES = {
    "in C code": (
        "import pyarrow as pa",
        "pa.set_cpu_count(VALUE)",
        "print(pa.cpu_count())",
        ("3", "7"),
    ),
    "legend": (
        "from matplotlib.legend import Legend\n"
        "from matplotlib.legend_handler import HandlerLine2D\n"
        "from matplotlib.lines import Line2D",
        "Legend.update_default_handler_map({Line2D: HandlerLine2D(numpoints=VALUE)})",
        "print(Legend.get_default_handler_map()[Line2D]._numpoints)",
        ("3", "1"),
    ),
    "color sequences": (
        "import matplotlib as mpl",
        "mpl.color_sequences.register('own', ['r', VALUE])",
        "print(mpl.color_sequences['own'])",
        ("'k'", "'g'"),
    ),
    "contexts": (
        "import decimal",
        "decimal.BasicContext.prec = VALUE",
        "print(decimal.BasicContext.divide(decimal.Decimal(1), 3))",
        ("4", "6"),
    ),
    "archives": (
        "import shutil",
        "def pack(base_name, base_dir, **_):\n    return VALUE\n"
        "shutil.register_archive_format('own', pack)",
        "print(shutil.make_archive('o', 'own', '.'))",
        ("'one'", "'two'"),
    ),
    "functions of Arrow": (
        "import pyarrow as pa\nimport pyarrow.compute as pc",
        "def plus(_, x):\n    return pc.add(x, VALUE)\n"
        "kind = {'summary': 'own', 'description': 'own'}\n"
        "pc.register_scalar_function(plus, 'plus_own', kind, {'x': pa.int64()}, pa.int64())",
        "print(pc.call_function('plus_own', [pa.array([1, 2])]).to_pylist())",
        ("1", "5"),
    ),
    "constants": (
        "import scipy.constants",
        "scipy.constants.physical_constants['mine'] = (VALUE, 'm', 0)",
        "print(scipy.constants.value('mine'))",
        ("1.5", "2.5"),
    ),
}


@pytest.mark.parametrize("kind", SET_IN_MODULES)
def test_what_is_set_in_modules(place, kind):
    imports, sets, asks, (old, new) = SET_IN_MODULES[kind]
    place.write(
        imports,
        (sets.replace("VALUE", old), ["step:set"]),
        ("y = 1", ["step:other"]),
        (asks, ["step:ask"]),
        ("print('last', y)", ["step:last"]),
    )
    place.run()
    place.change(2, old, new)
    place.same()
    place.change(4, "print(", "print(5, ")
    assert place.same().text.startswith("5 ")


SHARED = {
    # What a step gives, looked at in between, changed, and shown; what of it is another then.
    "a frame by two names": (
        "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]})\nwork = df",
        "print(df.shape)",
        "work['c'] = 1\nprint(list(df.columns))",
        ("work = df", "work = df.copy()"),
    ),
    "a dict that becomes shared": (
        "base = {'rate': 1}\nchosen = dict(base)",
        "print(base)",
        "chosen['rate'] = 5\nprint(base)",
        ("chosen = dict(base)", "chosen = base"),
    ),
    "a part of an array": (
        "import numpy as np\nbase = np.arange(4.0)\npart = base[::2]",
        "print(base.sum())",
        "part *= 10\nprint(base)",
        ("base[::2]", "base[::2].copy()"),
    ),
    "a third name for it": (
        "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]})\nwork = df",
        "given = df",
        "given['c'] = 1\nprint(list(work.columns))",
        ("work = df", "work = df.copy()"),
    ),
    "what holds it beside something else": (
        "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]})\nheld = {'data': df, 'rate': 1}",
        "given = df",
        "print(held['rate'], given is held['data'])",
        ("'rate': 1", "'rate': 2"),
    ),
}


@pytest.mark.parametrize("kind", SHARED)
def test_who_shares_an_object(place, kind):
    gives, between, last, (old, new) = SHARED[kind]
    place.write(
        (gives, ["step:give"]),
        (between, ["step:between"]),
        ("y = 1", ["step:other"]),
        (last, ["step:last"]),
    )
    place.run()
    place.change(1, old, new)
    assert "other" in place.same().cached
    assert place.run().computed == set()
    place.change(1, new, old)
    place.same()


def test_what_shares_nothing_with_a_result_stays_what_it_is(place):
    place.write(
        ("class Rate:\n    def __init__(self, value):\n        self.value = value", ["step:make"]),
        ("one = Rate(1)", ["step:one"]),
        ("other = Rate(5)", ["step:other"]),
        ("print(other.value)", ["step:look"]),
        ("print(one.value)", ["step:last"]),
    )
    place.run()
    place.change(2, "1", "2")
    assert place.same().text == "5\n2\n"


PICKLED = {
    "class": (
        "class Rate:\n    kind = 'old'",
        "with open('rate.pkl', 'wb') as file:\n    pickle.dump(Rate(), file)",
        "with open('rate.pkl', 'rb') as file:\n    print(pickle.load(file).kind)",
    ),
    "function": (
        "def doubled(values):\n    return [*values, 'old']",
        "joblib.dump(doubled, 'function.joblib')",
        "print(joblib.load('function.joblib')([1]))",
    ),
    "what a function reads": (
        "offset = 'old'\ndef moved(value):\n    return value + offset",
        "joblib.dump(moved, 'moved.joblib')",
        "print(joblib.load('moved.joblib')('1'))",
    ),
}


@pytest.mark.parametrize("kind", PICKLED)
def test_code_that_pickled_objects_name(place, kind):
    makes, saves, loads = PICKLED[kind]
    place.write(
        ("import pickle\nimport joblib", []),
        (makes, ["step:make"]),
        (saves, ["step:save"]),
        (loads, ["step:load"]),
    )
    place.run()
    assert "load" not in place.run().computed
    place.change(2, "old", "new")
    assert "new" in place.same().text


def test_a_pickled_object_finds_its_class_behind_cached_steps(place):
    place.write(
        ("factor = 3", ["parameters"]),
        (
            "import pickle\nclass Rate:\n    def __init__(self, value):\n"
            "        self.value = value\n    def times(self):\n        return self.value * factor",
            ["step:make"],
        ),
        ("with open('rate.pkl', 'wb') as f:\n    pickle.dump(Rate(1), f)", ["step:save"]),
        ("print(factor)", ["step:other"]),
        ("with open('rate.pkl', 'rb') as f:\n    print(pickle.load(f).times())", ["step:load"]),
    )
    place.run()
    place.change(5, "times())", "times(), 'again')")
    assert place.run(starts_over=True).text == "3\n3 again\n"
