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
