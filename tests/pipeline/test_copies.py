"""What pandas copies, and what shares."""

from __future__ import annotations

from nbprod.pipeline.environment import Environment


def test_before_pandas_3_a_column_shares_its_frames_values(built):
    cells = (
        "import pandas as pd\ndf = pd.read_csv('data.csv')\nprint(df)",
        "df['Age'].fillna(df['Age'].mean(), inplace=True)\nX = df[['Age']]",
        "from sklearn.cluster import KMeans\nmodel = KMeans().fit(X)\nprint(df)",
    )
    given = {}
    for version in ("2.3.1", "3.1.1"):
        environment = Environment(distributions={"pandas": ("pandas", version)})
        pipeline, _ = built(*cells, environment=environment)
        step = next(each for each in pipeline.steps if 2 in each.cells)
        given[version] = [each.name for each in step.outputs if step.cells == (2,)]
    assert given == {"2.3.1": ["df", "X"], "3.1.1": ["X"]}
