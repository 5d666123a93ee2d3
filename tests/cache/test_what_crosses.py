"""What a step that runs gets from steps that did not run."""

from __future__ import annotations

import pytest

from nbprod.errors import RefusedError

pytestmark = pytest.mark.slow


def last_step_again(place, *cells, old="'last'", new="'LAST'"):
    """Run cells, change the last one, and run again: all but the last come from before."""
    place.write(*cells)
    first = place.run()
    reasons = {step.name: step.uncached for step in first.record.steps if step.uncached}
    place.change(len(cells), old, new)
    found = place.same()
    assert found.warnings == []
    return found, reasons


def only_last(found):
    return found.computed == {"last"}


def test_objects_that_are_shared_stay_shared(place):
    found, reasons = last_step_again(
        place,
        ("table = {'a': [1, 2]}\nother = [0]", ["step:first"]),
        ("inner = table['a']\nboth = [inner, other]", ["step:second"]),
        ("inner.append(3)\nprint('last', table, both, both[0] is table['a'])", ["step:last"]),
    )
    assert only_last(found)
    assert not reasons


def test_frames_and_their_columns(place):
    found, _ = last_step_again(
        place,
        "import numpy as np\nimport pandas as pd",
        ("frame = pd.DataFrame({'a': np.arange(5.0), 'b': list('vwxyz')})", ["step:first"]),
        (
            "column = frame['a']\nvalues = frame['a'].to_numpy()\n"
            "renamed = frame.rename(columns={'a': 'c'})",
            ["step:second"],
        ),
        (
            "column.iloc[0] = 7\nframe.loc[1, 'a'] = 8\n"
            "print('last', frame, column, values, renamed, np.shares_memory(values, renamed['c']))",
            ["step:last"],
        ),
    )
    assert only_last(found)


def test_views_of_arrays(place):
    found, _ = last_step_again(
        place,
        "import numpy as np",
        ("matrix = np.zeros((3, 3))", ["step:first"]),
        ("row = matrix[1]", ["step:second"]),
        ("row[:] = 5\nprint('last', matrix)", ["step:last"]),
    )
    assert only_last(found)


def test_seeded_random_states_go_on(place):
    found, reasons = last_step_again(
        place,
        "import random\nimport numpy as np\nnp.random.seed(3)\nrandom.seed(4)",
        ("first = np.random.rand(3)\nother = random.random()", ["step:first"]),
        ("second = [1]", ["step:second"]),
        ("print('last', np.random.rand(2), random.random(), first, other, second)", ["step:last"]),
    )
    assert not reasons
    assert only_last(found)


def test_unseeded_random_numbers_are_drawn_again(place):
    place.write(
        "import numpy as np",
        ("first = np.random.rand(3)\nprint(first)", ["step:first"]),
        ("second = first.sum() > 0\nprint(second)", ["step:second"]),
    )
    first, second = place.run(), place.run()
    assert first.text != second.text
    assert "without a seed" in first.why("first")
    assert second.cached == set()  # what it reads is another


def test_generators_go_on(place):
    found, reasons = last_step_again(
        place,
        "import numpy as np",
        ("rng = np.random.default_rng(5)\nfirst = rng.normal(size=2)", ["step:first"]),
        ("second = rng.normal(size=2)", ["step:second"]),
        ("print('last', first, second, rng.normal())", ["step:last"]),
    )
    assert not reasons
    assert only_last(found)


def test_options_environment_and_folders(place):
    (place.folder / "inner").mkdir()
    found, reasons = last_step_again(
        place,
        "import os\nimport sys\nimport warnings\nimport numpy as np\nimport pandas as pd",
        (
            "pd.set_option('display.max_rows', 4)\nnp.set_printoptions(precision=2)\n"
            "os.environ['MY_OPTION'] = 'set'\nwarnings.simplefilter('error', FutureWarning)\n"
            "numbers = np.arange(20) / 3",
            ["step:first"],
        ),
        (
            "os.chdir('inner')\nsys.path.append('/nowhere')\nframe = pd.DataFrame({'a': numbers})",
            ["step:second"],
        ),
        (
            "print('last', frame, numbers, os.environ['MY_OPTION'])\n"
            "print(os.path.basename(os.getcwd()))\n"
            "print(sys.path[-1], warnings.filters[0][0])",
            ["step:last"],
        ),
    )
    assert not reasons
    assert only_last(found)


def test_the_precision_of_what_is_shown(place):
    found, _ = last_step_again(
        place,
        ("import numpy as np\nx = np.float64(2) / 3", ["step:first"]),
        ("%precision 3\ny = x + 1", ["step:second"]),
        ("print('last')\ndisplay(x, y)", ["step:last"]),
    )
    assert only_last(found)


def test_functions_and_classes_of_the_notebook(place):
    found, _ = last_step_again(
        place,
        "import dataclasses",
        "threshold = 3\n\n\ndef above(values):\n    return [v for v in values if v > threshold]",
        (
            "@dataclasses.dataclass\nclass Point:\n    x: int\n    y: int = 0\n\n\n"
            "points = [Point(n) for n in range(6)]",
            ["step:first"],
        ),
        ("high = above([point.x for point in points])\nfirst = points[0]", ["step:second"]),
        (
            "print('last', high, first, isinstance(first, Point), first is points[0])\n"
            "print(above([1, 9]))",
            ["step:last"],
        ),
    )
    assert only_last(found)


def test_figures_come_back(place):
    found, reasons = last_step_again(
        place,
        "%matplotlib inline\nimport matplotlib.pyplot as plt\n"
        "plt.rcParams['figure.figsize'] = (3, 2)",
        ("numbers = [1, 3, 2]\nplt.plot(numbers);", ["step:first"]),
        ("fig, ax = plt.subplots()\nax.bar([0, 1, 2], numbers)\nplt.show()", ["step:second"]),
        ("plt.plot(numbers[::-1])\nplt.title('last')\nplt.show()", ["step:last"]),
    )
    assert not reasons
    assert only_last(found)
    assert len(found.pictures) == 3


def test_models_are_known_without_being_loaded(place):
    cells = (
        "import numpy as np\nimport pandas as pd\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "from sklearn.preprocessing import StandardScaler",
        (
            "table = pd.DataFrame({'a': np.arange(60.0), 'b': np.arange(60.0) % 7})\n"
            "label = (table['a'] > 30).astype(int)",
            ["step:load"],
        ),
        ("scaler = StandardScaler()\nscaled = scaler.fit_transform(table)", ["step:prepare"]),
        ("model = LogisticRegression().fit(scaled, label)", ["step:train"]),
        (
            "accuracy = model.score(scaled, label)\nprint('accuracy', accuracy)",
            ["step:last", "metrics"],
        ),
        ("print('last', accuracy)", ["step:show"]),
    )
    place.write(*cells)
    first = place.run()
    assert not {step.name: step.uncached for step in first.record.steps if step.uncached}
    assert place.same().computed == set()
    place.change(6, "'last'", "'LAST'")
    found = place.same()
    assert found.computed == {"show"}
    assert found.record.models[0].chain == ("scaler",)
    folder = found.folder(found.record.models[0])
    assert {path.name for path in folder.iterdir()} >= {"contract.json", "rows.json"}
    place.change(5, "model.score", "1 * model.score")
    assert place.same().computed == {"last"}
    place.change(4, "LogisticRegression()", "LogisticRegression(C=0.5)")
    assert place.same().computed >= {"train", "last"}


def test_sets_keep_their_order(place):
    found, reasons = last_step_again(
        place,
        ("names = {f'name {n}' for n in range(50)}\nordered = list(names)", ["step:first"]),
        ("print('last', [a == b for a, b in zip(names, ordered)])", ["step:last"]),
    )
    assert not reasons
    assert only_last(found)


def test_what_cannot_be_saved_is_made_again(place):
    place.write(
        (
            "import types\nthing = types.SimpleNamespace(view=memoryview(bytearray(3)))\n"
            "print('made')",
            ["step:first"],
        ),
        ("print('last', type(thing).__name__)", ["step:last"]),
    )
    first = place.run()
    place.change(2, "'last'", "'LAST'")
    found = place.same()
    assert found.text.startswith("made")
    assert bool(first.why("first")) == ("first" in found.computed)


ADDS = 'import pandas\npandas.Series(ROWS).map(lambda row: row.update(b=row["a"] * x))'
UNSEEN = {
    "constant": (
        'ROWS = [{"a": 1}, {"a": 2}]\nx = 1',
        ADDS,
        "ROWS",
    ),
    "constant of the same step": (
        'ROWS = [{"a": 1}, {"a": 2}]\nx = 1\n' + ADDS,
        "y = len(ROWS) + x",
        "ROWS",
    ),
    "class": (
        "class Settings:\n    rate = 1\nx = 2",
        "import pandas\npandas.Series([Settings]).map(lambda kind: setattr(kind, 'ra' + 'te', x))",
        "Settings.rate",
    ),
}


@pytest.mark.parametrize("where", UNSEEN)
def test_what_stands_outside_the_steps_and_changes_unseen(place, where):
    one, two, shown = UNSEEN[where]
    place.write(
        (one, ["step:one"]),
        (two, ["step:two"]),
        (f"print('last', {shown})", ["step:three"]),
    )
    name = shown.partition(".")[0]
    first = place.run()
    assert len(first.warnings) == 1
    assert f"changes `{name}`, which the conversion did not see" in first.warnings[0]
    place.change(3, "'last'", "'LAST'")
    assert "three" in place.same().computed
    cell = 1 if "same" in where else 2
    text, tags = place.cells[cell - 1]
    place.cells[cell - 1] = (f"{text}\n{name} = {name}", tags)  # what the warning advises
    place.write(*place.cells)
    assert not place.run().warnings
    assert place.run().cached == {"one", "two", "three"}


def test_a_design_that_patsy_notes_on_its_frame_is_asked_for_again(place):
    place.write(
        (
            "import pandas as pd\n"
            "from patsy import build_design_matrices, dmatrices\n"
            "df = pd.DataFrame({'x': [1.0, 2, 4], 'y': [1.0, 3, 4]})",
            ["step:load"],
        ),
        ("y, X = dmatrices('y ~ x', df, return_type='dataframe')", ["step:design"]),
        ("print(X.columns.tolist())", ["step:show"]),
    )
    place.same()
    place.change(3, "X.columns.tolist()", "build_design_matrices([X.design_info], df.head(1))")
    place.same(starts_over=True)


def test_objects_that_hand_on_what_they_lack(place):
    place.write(
        (
            "class Wrapped:\n"
            "    def __init__(self, inner):\n"
            "        self.inner = inner\n"
            "    def __getattr__(self, name):\n"
            "        return getattr(self.inner, name)\n"
            "class Slotted(Wrapped):\n"
            "    __slots__ = ('later', 'never')",
            ["step:load"],
        ),
        ("words = Wrapped(['a', 'b'])\npair = Slotted(words)\nboth = [words, pair]", ["step:wrap"]),
        ("pair.later = words.count('a')", ["step:change"]),
        ("print(pair.inner is words, both[1] is pair, pair.later, pair.index('b'))", ["step:show"]),
    )
    plain = place.same()
    assert place.run(isolate=True, cache=False).text == plain.text
    place.change(4, "print(", "print('again', ")
    assert place.same().computed == {"show"}


def test_memory_that_objects_of_libraries_show(place):
    place.write(
        "import numpy as np\nfrom scipy.spatial import cKDTree",
        (
            "points = np.arange(6.0).reshape(3, 2)\ntree = cKDTree(points)",
            ["step:load"],
        ),
        ("print(points.sum())", ["step:change"]),
        ("print(tree.data.tolist(), tree.leafsize)", ["step:show"]),
    )
    place.same()
    place.change(3, "print(points.sum())", "points = points * 2")  # the memory is as it was
    assert place.same().computed == {"change"}
    place.change(3, "points = points * 2", "points[0] = 99")
    place.same(starts_over=True)
    assert place.same().computed == set()
    with pytest.raises(RefusedError, match=r"`tree`, which step .*, shows the memory of `points`"):
        place.run(isolate=True, cache=False)
    # What the second step does depends on what shows its memory, too.
    for made in ("cKDTree(points, leafsize=3)", "cKDTree(points.copy())", "cKDTree(points)"):
        place.change(2, place.cells[1][0].partition("tree = ")[2], made)
        place.same(starts_over=True)
