"""Steps whose outcome no key can tell: they run each time, and `show` says why."""

from __future__ import annotations

import os

import pytest
from click.testing import CliRunner

from nbprod.cli.main import command
from nbprod.run.cache.store import Store

pytestmark = pytest.mark.slow

STEPS = {
    "clock": ("import time\nvalue = time.time()", "asks for the time"),
    "date": ("import datetime\nvalue = str(datetime.datetime.now())", "asks for the time"),
    "stamp": ("import pandas as pd\nvalue = str(pd.Timestamp('now'))", "asks for the time"),
    "ids": ("import uuid\nvalue = str(uuid.uuid4())", "system's randomness"),
    "rng": ("import numpy as np\nvalue = np.random.default_rng().random()", "without a seed"),
    "name": (
        "import numpy as np\nno_seed = None\nvalue = np.random.RandomState(no_seed).rand()",
        "without a seed",
    ),
    "python": ("import random\nvalue = random.Random(*[]).random()", "without a seed"),
    "alias": (
        "import numpy as np\nmake = np.random.default_rng\nvalue = make().random()",
        "without a seed",
    ),
    "library": (
        "from scipy.stats import qmc\nvalue = qmc.Sobol(2).random(1).sum()",
        "without a seed",
    ),
    "again": ("import numpy as np\nnp.random.seed(None)\nvalue = 1", "without a seed"),
    "keyword": (
        "import pandas as pd\nvalue = str(pd.date_range(end='now', periods=1)[0])",
        "asks for the time",
    ),
    "hours": (
        "import pandas as pd\nvalue = str(pd.to_datetime(open('hours.txt').read()))",
        "asks for the time",
    ),
    "parsed": (
        "from dateutil import parser\nvalue = str(parser.parse(open('hours.txt').read()))",
        "asks for the time",
    ),
    "any_case": ("import numpy as np\nvalue = str(np.datetime64('Today'))", "asks for the time"),
    "timer": ("import timeit\nvalue = timeit.default_timer()", "asks for the time"),
    "allowed": ("import os\nvalue = os.access('maybe', os.R_OK)", "which files there are"),
    "draw": ("import random\nvalue = random.random()", "without a seed"),
    "log": (
        "import logging\nvalue = logging.Formatter('%(asctime)s').format("
        "logging.LogRecord('', 1, '', 1, '', (), None))",
        "asks for the time",
    ),
    "late": ("import random\nvalue = random.random()\nrandom.seed(1)", "sets the seed after"),
    "program": ("import subprocess\nvalue = subprocess.check_output(['echo', 'x'])", "program"),
    "shell": ("value = !echo x", "program"),
    "database": ("import sqlite3\nc = sqlite3.connect('a.db')\nc.close()\nvalue = 1", "database"),
    "asks": ("import os\nvalue = os.path.exists('maybe')", "which files there are"),
    "net": (
        "import socket\ntry:\n    socket.create_connection(('localhost', 9), 1)\n"
        "except OSError:\n    value = 'none'",
        "network",
    ),
    "temporary": ("import tempfile\nvalue = tempfile.mkdtemp()", "random names"),
    "factory": (
        "import time\nfrom dataclasses import dataclass, field\n@dataclass\nclass Made_value:\n"
        "    at: float = field(default_factory=time.time)\nvalue = Made_value().at",
        "asks for the time",
    ),
    "imported": ("from time import time as instant\nvalue = instant()", "asks for the time"),
    "computed": ("import time\nvalue = getattr(time, 'ti' + 'me')()", "computes the name"),
    "maybe": (
        "import importlib\ntry:\n    value = importlib.import_module('may' + 'be').VALUE\n"
        "except ImportError:\n    value = 0",
        "whose name is computed",
    ),
    "mail": ("import email.utils\nvalue = email.utils.formatdate()", "asks for the time"),
    "uptime": ("value = open('/proc/' + 'uptime').read()", "the machine or the process"),
    "busy": ("import os\nvalue = os.getloadavg()", "the machine or the process"),
    "thread": ("import threading\nvalue = threading.get_native_id()", "the machine"),
    "node": ("import platform\nvalue = platform.node()", "the machine or the process"),
    "nodename": ("import os\nvalue = os.uname().nodename", "the machine or the process"),
    "terminal": ("import shutil\nvalue = shutil.get_terminal_size().columns", "its terminal"),
    "which": ("import shutil\nvalue = shutil.which('mytool')", "which files there are"),
    "spec": (
        "import importlib.util\nvalue = importlib.util.find_spec('maybe') is not None",
        "which files there are",
    ),
    "descriptor": (
        "import os\nvalue = os.open('folder', os.O_RDONLY)\nos.close(value)\nvalue = 1",
        "by the descriptor of a folder",
    ),
    "fork": (
        "import os\nchild = os.fork()\nif not child:\n    os._exit(0)\n"
        "os.waitpid(child, 0)\nvalue = 1",
        "processes of its own",
    ),
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    from tests.cache.conftest import Place

    folder = tmp_path_factory.mktemp("each-time")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NBPROD_HOME", str(folder / "home"))
        (folder / "work").mkdir()
        patch.chdir(folder / "work")
        place = Place(folder / "work")
        (place.folder / "folder").mkdir()
        (place.folder / "hours.txt").write_text("10:30")
        cells = [
            (source.replace("value", f"value_{name}"), [f"step:{name}"])
            for name, (source, _) in STEPS.items()
        ]
        sure = ("sure = 1\nprint(sure)", ["step:sure"])
        place.write(*cells, sure)
        first = place.run()
        shown = CliRunner().invoke(command, ["show", "last"]).stdout
        return first, place.run(), shown


@pytest.mark.parametrize("name", STEPS)
def test_it_runs_and_says_why(ran, name):
    first, second, shown = ran
    assert name in second.computed
    assert STEPS[name][1] in first.why(name)
    assert f"runs each time, since {first.why(name)}" in shown


def test_others_come_from_the_cache(ran):
    assert "sure" in ran[1].cached


def test_what_takes_a_seed_and_is_given_one(place):
    place.write(
        (
            "from sklearn.ensemble import RandomForestClassifier\nimport numpy as np\n"
            "forest = RandomForestClassifier(3, random_state=1).fit([[1], [2]], [0, 1])\n"
            "drawn = np.random.default_rng(3).random(), np.random.RandomState(1).rand()",
            ["step:forest"],
        ),
        ("print(forest.predict([[2]]), drawn)", ["step:show"]),
    )
    assert not place.run().why("forest")
    assert place.run().cached == {"forest", "show"}


def test_texts_that_say_the_whole_date(place):
    place.write(
        (
            "import pandas as pd\nfrom dateutil import parser\nfrom datetime import datetime\n"
            "day = datetime(2024, 1, 2)\n"
            "dates = [pd.to_datetime('3 May 2024 10:30'), parser.parse('2024-05-03'),\n"
            "         pd.to_datetime('May 2024'), parser.parse('10:30', default=day)]",
            ["step:read"],
        ),
        ("print(dates)", ["step:show"]),
    )
    assert not place.run().why("read")
    assert place.run().cached == {"read", "show"}


def test_the_environment(place, monkeypatch):
    monkeypatch.setenv("REGION", "north")
    place.write(("import os\nregion = os.environ.get('REGION')\nprint(region)", ["step:ask"]))
    place.run()
    assert place.run().cached == {"ask"}
    monkeypatch.setenv("REGION", "south")
    assert place.same().text == "south\n"


def test_secrets_are_in_no_key_and_no_entry(place):
    import nbformat

    place.write(
        ("token: str = ''", ["parameters"]),
        ("length = len(token)\nprint(length)", ["step:use"]),
        ("twice = 2 * length\nprint(twice)", ["step:later"]),
    )
    nb = nbformat.read(place.notebook, as_version=4)
    nb.metadata["nbprod"] = {"secrets": ["token"]}
    nbformat.write(nb, place.notebook)
    first = place.run(("token", "s3cret-of-mine"))
    assert "secret token" in first.why("use")
    second = place.run(("token", "another-secret"))
    assert second.cached == {"later"}  # both are as long
    files = [path for path in (place.folder / ".nbprod").rglob("*") if path.is_file()]
    assert not any(b"s3cret-of-mine" in path.read_bytes() for path in files)


def test_what_the_last_cell_returned(place):
    place.write(
        ("numbers = [1, 2]\nnumbers * 2", ["step:first"]),
        ("print(sum(numbers))", ["step:last"]),
    )
    place.run()
    found = place.same()
    assert found.cached == {"first", "last"}
    assert found.cells[0].outputs[0]["execution_count"] == 1


def test_no_cache_keeps_nothing(place):
    place.write(("value = 1\nprint(value)", ["step:only"]))
    place.run(cache=False)
    assert not (place.folder / ".nbprod" / "cache").exists()
    assert place.run().cached == set()


def test_the_limit_holds(place, monkeypatch):
    place.write(
        "import numpy as np",
        ("big = np.arange(300_000.0)", ["step:big"]),
        ("total = big.sum()\nprint(total)", ["step:total"]),
    )
    monkeypatch.setenv("NBPROD_CACHE_LIMIT", "1M")
    place.run()
    sizes = [p.stat().st_size for p in (place.folder / ".nbprod/cache").rglob("*") if p.is_file()]
    assert sum(sizes) <= 1 << 20
    assert "big" in place.same().computed
    monkeypatch.setenv("NBPROD_CACHE_LIMIT", "lots")
    with pytest.raises(Exception, match="lots"):
        place.run()


def test_what_was_not_used_for_longest_goes_first(place):
    store = Store(place.folder)
    for number in range(10):
        entry = store.entries_folder / "key" / str(number)
        entry.mkdir(parents=True)
        (entry / "entry").write_bytes(bytes(1000))
        os.utime(entry, (number, number))
    assert store.trim(9500) == 1
    left = {path.name for path in (store.entries_folder / "key").iterdir()}
    assert left == {str(number) for number in range(1, 10)}


def test_a_parameter_behind_imports_leaves_earlier_steps_in_the_cache(place):
    place.write(
        "import math",
        ("k = 1", ["parameters"]),
        ("base = [1, 2, 3]", ["step:load"]),
        ("total = math.fsum(base) * k\nprint(total)", ["step:add"]),
    )
    place.run()
    again = place.run(("k", "2"))
    assert again.cached == {"load"}
    assert not again.warnings


def test_the_command_shows_and_empties_it(place):
    place.write(("value = 1\nprint(value)", ["step:only"]))
    runner = CliRunner()
    assert "nothing is kept" in runner.invoke(command, ["cache"]).stdout
    place.run()
    assert "only" in runner.invoke(command, ["cache", "demo.ipynb"]).stdout
    emptied = runner.invoke(command, ["cache", "--clear"])
    assert "forgot 1 step" in emptied.stdout
    assert place.run().cached == set()
    assert runner.invoke(command, ["cache", "--limit", "many"]).exit_code == 2


def test_magics_without_their_sign_look_again(place):
    place.write(
        ("pip list --format=freeze > /dev/null", ["step:list"]),
        ("ls", ["step:look"]),
        ("ls -a", ["step:look_again"]),
        ("print(1)", ["step:show"]),
    )
    place.run()
    (place.folder / "new.txt").write_text("")
    assert "new.txt" in place.run().text
