"""What cells are for."""

from __future__ import annotations

import pytest

LOAD = "import pandas as pd\nimport matplotlib.pyplot as plt\ndf = pd.read_csv('data.csv')"


@pytest.mark.parametrize(
    ("source", "role"),
    [
        ("plt.hist(df.age.dropna())", "explore"),
        ("df.drop(columns='age').head()", "explore"),
        ("df['age'].map(lambda age: age // 10)", "explore"),
        ("df.dropna(inplace=True)", "clean"),
        ("df = df.dropna()\nplt.hist(df.age)", "clean"),
        ("df['old'] = df.age > 60", "features"),
        ("df.columns = ['a', 'b']", "features"),
        ("names = list(map(str, range(3)))\nprint(names)", "other"),
        ("class Account:\n    rate = 1\nacc = Account()\nAccount.rate = 2\nprint(acc)", "other"),
    ],
)
def test_a_cell_is_known_by_what_is_kept_of_what_it_does(built, source, role):
    pipeline, _ = built((LOAD, "step:load"), (source, "step:next"), ("print(df)", "step:last"))
    assert pipeline.steps[1].role == role
    assert not pipeline.steps[1].metrics
