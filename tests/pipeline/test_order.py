"""Which steps may run side by side, and which never do."""

from __future__ import annotations

import itertools

import pytest

from nbprod.pipeline.order import dependencies


def order(built, *cells):
    pipeline, _ = built(*((source, f"step:s{n}") for n, source in enumerate(cells)))
    assert [step.name for step in pipeline.steps] == [f"s{n}" for n in range(len(cells))]
    return {(each.before, each.after): each for each in dependencies(pipeline)}


def waits(found, first, second):
    """Whether a chain of dependencies leads from one step to the other."""
    reached = {first}
    for before, after in sorted(found):
        if before in reached:
            reached.add(after)
    return second in reached


def test_branches_of_one_frame_are_independent(built):
    found = order(
        built,
        "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]})",
        "one = df['a'].sum()",
        "two = df['a'].max()",
        "both = one + two",
    )
    assert found.keys() == {("s0", "s1"), ("s0", "s2"), ("s1", "s3"), ("s2", "s3")}
    assert found["s0", "s1"].variables == ("df",)
    assert found["s2", "s3"].variables == ("two",)


def test_a_reader_comes_before_the_next_binding(built):
    found = order(built, "x = [1]", "total = len(x)", "x.append(2)", "last = x[-1] + total")
    assert found["s1", "s2"].reasons == ("rebinds x",)
    assert waits(found, "s1", "s2")


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ("import numpy as np\na = np.random.rand()", "b = np.random.rand()", "random state"),
        (
            "import numpy as np\ndef draw():\n    return np.random.rand()\na = draw()",
            "b = draw()",
            "random state",
        ),
        ("import os\nos.environ['HOME'] = '/'", "b = 1", "environment"),
        ("import os\ndel os.environ['HOME']", "b = 1", "environment"),
        ("import os\na = 1", "os.chdir('/')", "environment"),
        ("import pandas as pd\npd.options.display.width = 9", "b = 1", "options"),
        ("import pandas as pd\npd.set_option('display.width', 9)", "b = 1", "options"),
        (
            "import pandas as pd\na = pd.DataFrame({'x': [1]})\na.to_csv('a.csv')",
            "b = pd.read_csv('a.csv')",
            "files and other systems",
        ),
        (
            "import pandas as pd\na = pd.read_csv('a.csv')",
            "open('a.csv', 'w').write('')",
            "files and other systems",
        ),
        ("import subprocess\nsubprocess.run(['touch', 'a'])", "b = open('a').read()", "files"),
    ],
)
def test_what_python_shares_silently_keeps_its_order(built, first, second, reason):
    found = order(built, first, second)
    assert any(reason in each for each in found["s0", "s1"].reasons), found


def test_readers_of_files_are_independent(built):
    found = order(
        built, "import pandas as pd\na = pd.read_csv('a.csv')", "b = pd.read_csv('b.csv')"
    )
    assert not found


def test_what_follows_from_others_is_not_said_again(built):
    found = order(built, *("import random\na = random.random()", *["b = random.random()"] * 4))
    pairs = [(f"s{n}", f"s{m}") for n, m in itertools.pairwise(range(5))]
    assert list(found) == pairs
