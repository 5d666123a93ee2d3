"""State that is no variable of the notebook, between kernels and before numpy is loaded."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nbprod.errors import RefusedError
from nbprod.events import Event, LogEvent
from nbprod.run.execute import RunRequest, execute
from nbprod.run.kernel import seeding

Make = Callable[..., Any]

LOCAL = """
import threading
FACTOR = 2.0
NOTHING = object()
lock = threading.Lock()
cache = {}
class Config:
    debug = False
def set_factor(value, other=NOTHING):
    global FACTOR
    assert other is NOTHING
    FACTOR = value
"""
HAZARDS = [
    (
        "step:a",
        "import decimal, json, os, sys, sklearn, pandas as pd, local_state\n"
        "from sklearn.preprocessing import StandardScaler\n"
        "local_state.set_factor(5.0); local_state.cache['n'] = 1; cache = local_state.cache\n"
        "local_state.Config.debug = True\n"
        "sklearn.set_config(transform_output='pandas'); decimal.getcontext().prec = 5\n"
        "sys.path.insert(0, '/nowhere'); json.MARK = 'yes'\n"
        "pd.DataFrame.double = lambda self: self * 2\n"
        "d = pd.DataFrame({'a': [1.0, 2.0]}); os.makedirs('other'); os.chdir('other')",
    ),
    (
        "step:b",
        "print(local_state.FACTOR, local_state.cache is cache, cache, local_state.Config.debug)\n"
        "local_state.set_factor(6.0); cache['m'] = 2\n"
        "print(type(StandardScaler().fit_transform(d)).__name__, decimal.Decimal(1) / 3)\n"
        "print(sys.path, json.MARK, d.double(), os.getcwd())",
    ),
    (
        "step:c",
        "print(local_state.FACTOR, local_state.cache is cache, cache, local_state.Config.debug)\n"
        "print(sys.path[0], json.MARK, d.double(), decimal.Decimal(1) / 3)",
    ),
]


def printed(path: str | Path) -> list[str]:
    cells = json.loads(Path(path).read_text())["cells"]
    return ["".join("".join(out["text"]) for out in cell["outputs"]) for cell in cells]


@pytest.mark.slow
def test_isolated_steps_keep_what_earlier_ones_changed_outside_the_notebook(
    write_notebook: Make, make_pipeline: Make, tmp_path: Path
) -> None:
    (tmp_path / "local_state.py").write_text(LOCAL)
    path = write_notebook(HAZARDS)
    pipeline = make_pipeline(path)
    plain = execute(RunRequest(path, pipeline, capture=False))
    (tmp_path / "other").rmdir()
    logs: list[Event] = []
    run = execute(RunRequest(path, pipeline, capture=False, isolate=True), logs.append)
    assert printed(run.output) == printed(plain.output)
    assert "5.0 True {'n': 1} True" in printed(run.output)[1]
    assert [event for event in logs if isinstance(event, LogEvent)] == []


@pytest.mark.slow
def test_isolated_steps_iterate_over_sets_of_texts_in_one_order(
    write_notebook: Make, make_pipeline: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their hashes are others in every process; the notebook does not see who chose them."""
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    words = "words = set('the quick brown fox jumps over lazy dogs'.split())\norder = list(words)"
    told = "import os\nprint(list(words) == order, 'PYTHONHASHSEED' in os.environ)"
    path = write_notebook([("step:a", words), ("step:b", told)])
    run = execute(RunRequest(path, make_pipeline(path), isolate=True))
    assert printed(run.output)[1] == "True False\n"


@pytest.mark.slow
def test_isolation_names_the_module_state_that_nothing_can_carry(
    write_notebook: Make, make_pipeline: Make, tmp_path: Path
) -> None:
    (tmp_path / "local_state.py").write_text(LOCAL)
    change = "import local_state; local_state.cache['open'] = (n for n in range(3))"
    path = write_notebook([("step:a", change), ("step:b", "print(len(local_state.cache))")])
    with pytest.raises(RefusedError, match=r"local_state\.cache was changed"):
        execute(RunRequest(path, make_pipeline(path), isolate=True))


def test_numpy_is_seeded_as_planned_when_it_is_imported_and_not_before() -> None:
    code = (
        "import random, sys; before = random.getstate()\n"
        "from nbprod.run.kernel import ambient; ambient.plan_numpy()\n"
        "state = ambient._random_state()\n"
        "assert 'numpy' not in sys.modules and random.getstate() == before\n"
        "import numpy as np; first = list(np.random.permutation(50))\n"
        "ambient._restore_random(state); assert list(np.random.permutation(50)) == first\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_numpy_that_a_startup_file_has_seeded_stays_as_it_is() -> None:
    code = (
        "import numpy as np; np.random.seed(1); wanted = np.random.RandomState(1).rand(3)\n"
        "from nbprod.run.kernel import ambient; ambient.note_start()\n"
        "assert list(np.random.rand(3)) == list(wanted)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_colors_and_converters_mean_is_carried_to_another_process(tmp_path: Path) -> None:
    """Beside matplotlib's options: color letters, converters of dates, colormaps."""
    script = """
import pickle, sys
from pathlib import Path
from nbprod.run.kernel import plotting
import matplotlib, matplotlib.colors, matplotlib.dates, matplotlib.units
kept = Path(sys.argv[1])
if not kept.exists():
    import pandas, seaborn
    seaborn.set_theme()
    pandas.plotting.register_matplotlib_converters()
    matplotlib.colormaps.register(matplotlib.colors.ListedColormap(["r", "k"]), name="mine")
    kept.write_bytes(pickle.dumps(plotting.snapshot()))
else:
    plotting.restore(pickle.loads(kept.read_bytes()))
converters = sorted(str(type(each)) for each in matplotlib.units.registry.values())
print(matplotlib.colors.to_hex("b"), matplotlib.colormaps["mine"].N, converters)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "state")]
    first, second = (
        subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)
    )
    assert first == second
    assert first.startswith("#4c72b0 2")
    assert "pandas" in first


@pytest.fixture
def forget_generators() -> Iterator[None]:
    yield
    seeding.start({})


@pytest.mark.usefixtures("forget_generators")
def test_generators_that_were_only_drawn_from_are_told_from_seeded_ones() -> None:
    mine, theirs = random.Random(), np.random.RandomState()

    def states() -> dict[str, Any]:
        return {"python": mine.getstate(), "numpy": theirs.get_state()}

    seeding.start(states())
    [mine.gauss(0, 1) for _ in range(3000)]
    theirs.rand(3000)
    assert seeding.unseeded(states()) == ["numpy", "python"]
    theirs.seed(1)
    assert seeding.unseeded(states()) == ["python"]
    mine.seed(1)
    theirs.rand()
    assert seeding.unseeded(states()) == []

    # Another kernel goes on with what it is told; numpy's seed is planned there.
    seeding.resume({"python": mine.getstate(), "numpy_seed": [5]}, ["numpy"])
    assert seeding.unseeded({"python": mine.getstate(), "numpy_seed": [5]}) == ["numpy"]
    planned = np.random.RandomState([5])
    planned.rand(9)
    assert seeding.unseeded({**states(), "numpy": planned.get_state()}) == ["numpy"]
    seeding.resume({"python": mine.getstate(), "numpy_seed": [5]}, ["numpy"])
    assert seeding.unseeded(states()) == []


def test_filters_of_warnings_count_if_the_notebook_sets_them(tmp_path: Path) -> None:
    """Importing a library adds its own, wherever and whether it is imported."""
    (tmp_path / "mine.py").write_text("import warnings\nwarnings.simplefilter('once')\n")
    script = """
import sys, warnings
from nbprod.run.kernel import ambient
ambient.note_start()
before = ambient.snapshot({})
lost = lambda: ambient.differences(before, ambient.snapshot({}), before, before)
import scipy.special
assert len(warnings.filters) > len(before["warnings"]) and lost() == {}, lost()
sys.path.insert(0, sys.argv[1])
import mine
sys.path.pop(0)
assert "'once'" in lost()["warnings filters"]
del warnings.filters[0]
assert lost() == {}
warnings.simplefilter("always", scipy.special.SpecialFunctionWarning)
assert "SpecialFunctionWarning" in lost()["warnings filters"]
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
