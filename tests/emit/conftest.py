"""A pipeline written by hand, small enough to run in a second, with every kind of part."""

import textwrap

import pytest

from nbprod.origin import Origin
from nbprod.pipeline.environment import Environment
from nbprod.pipeline.ir import (
    Artifact,
    Block,
    Definition,
    DefinitionKind,
    Effect,
    Parameter,
    Pipeline,
    Requirement,
    Source,
    Step,
    StepRole,
    Variable,
)

NOTEBOOK = "leaving.ipynb"
FRAME = "pd.DataFrame"


def origin(cell: int, line: int = 1) -> Origin:
    return Origin(NOTEBOOK, cell, f"cell-{cell}", line)


def block(cell: int, source: str, doc: str = "", display: str = "") -> Block:
    text = textwrap.dedent(source).strip("\n")
    lines = tuple(range(1, text.count("\n") + 2))
    return Block(text, origin(cell), textwrap.dedent(doc).strip(), display, lines)


def imported(source: str, name: str, cell: int = 2) -> Definition:
    return Definition(name, DefinitionKind.IMPORT, source, (), True, origin(cell))


def frames(*names: str) -> tuple[Variable, ...]:
    return tuple(Variable(name, FRAME) for name in names)


def values(*names: str) -> tuple[Variable, ...]:
    return tuple(Variable(name) for name in names)


CAP = '''\
def cap(minutes: pd.Series, at: float) -> pd.Series:
    """Cap long calls."""
    return minutes.clip(upper=at)  # nobody talks that long'''

LOAD = Step(
    "load_data",
    StepRole.LOAD,
    (4,),
    params=("data_path",),
    outputs=frames("customers"),
    blocks=(
        block(
            4,
            """
            customers = pd.read_csv( data_path )
            print(f"{len(customers)} customers")
            """,
            "## Load the data",
            display="customers.head()",
        ),
    ),
    doc="## Load the data",
    effects=(Effect.PRINTS, Effect.READS_FILES),
    tagged=True,
)
EXPLORE = Step(
    "explore",
    StepRole.EXPLORE,
    (6, 7),
    inputs=frames("customers"),
    blocks=(
        block(
            6,
            """
            fig, ax = plt.subplots()
            # one bar per answer
            ax.bar(["no", "yes"], customers["left"].value_counts(sort=False))
            plt.show()
            """,
            "## A first look\n\nA few leave, *most* stay: see [the paper](https://example.org).",
        ),
        block(7, "customers.plot.scatter(x='minutes', y='calls');"),
    ),
    doc="## A first look\n\nA few leave, *most* stay: see [the paper](https://example.org).",
    effects=(Effect.PLOTS,),
    tagged=True,
)
PREPARE = Step(
    "prepare",
    StepRole.FEATURES,
    (9, 11),
    inputs=frames("customers"),
    params=("columns",),
    outputs=(Variable("X", FRAME), Variable("y", "pd.Series")),
    definitions=("halve",),
    blocks=(
        block(
            9,
            '''
            customers["minutes"] = cap(customers["minutes"], LIMIT)
            note = """two
              lines"""
            assert note == "two\\n  lines"
            ''',
        ),
        block(
            11,
            """
            X = customers[columns]
            X = X.assign(half=halve(X["minutes"]))
            y = customers["left"]
            """,
            "### Choose the columns\n\nOnly what is known before somebody leaves.",
        ),
    ),
    effects=(),
)
TRAIN = Step(
    "train",
    StepRole.TRAIN,
    (13,),
    inputs=(Variable("X", FRAME), Variable("y", "pd.Series")),
    params=("test_size", "seed"),
    outputs=values("X_test", "y_test", "model"),
    blocks=(
        block(
            13,
            """
            X_train, X_test, y_train, y_test = train_test_split(
                X, y, test_size=test_size, random_state=seed)
            model = LogisticRegression()
            model.fit(X_train, y_train)
            """,
        ),
    ),
    effects=(Effect.FITS,),
)
EVALUATE = Step(
    "evaluate",
    StepRole.METRICS,
    (15,),
    inputs=values("X_test", "y_test", "model"),
    outputs=(Variable("accuracy", "float"),),
    blocks=(
        block(15, "accuracy = float(model.score(X_test, y_test))\nprint('accuracy', accuracy)"),
    ),
    metrics=("accuracy",),
    effects=(Effect.PRINTS,),
)


@pytest.fixture
def leaving() -> Pipeline:
    """A churn-like pipeline of five steps."""
    return Pipeline(
        name="leaving",
        service="leaving",
        source=Source(
            NOTEBOOK, "0" * 64, "python3", "Who leaves?", "Customers of a **telephone** company."
        ),
        parameters=(
            Parameter(
                "data_path", "str", '"data/leaving.csv"', "one row per customer", origin(3, 1)
            ),
            Parameter("test_size", "float", "0.25", "share held back", origin(3, 2)),
            Parameter("seed", "int", "7", "", origin(3, 3)),
            Parameter(
                "columns", "list", '["minutes", "calls"]', "what the model sees", origin(3, 4)
            ),
        ),
        definitions=(
            imported("import matplotlib.pyplot as plt", "plt"),
            imported("import pandas as pd", "pd"),
            imported("import numpy as np", "np"),
            imported("from sklearn.linear_model import LogisticRegression", "LogisticRegression"),
            imported("from sklearn.model_selection import train_test_split", "train_test_split"),
            Definition("LIMIT", DefinitionKind.CONSTANT, "LIMIT = 300.0", (), True, origin(5, 1)),
            Definition("cap", DefinitionKind.FUNCTION, CAP, ("pd",), True, origin(8, 3)),
            Definition(
                "halve",
                DefinitionKind.FUNCTION,
                "def halve(values):\n    return values / (2 if len(columns) else 1)",
                ("columns",),
                False,
                origin(10, 1),
            ),
        ),
        artifacts=(Artifact("load_data", ("customers",)), Artifact("prepare", ("X", "y"))),
        steps=(LOAD, EXPLORE, PREPARE, TRAIN, EVALUATE),
        requirements=(
            Requirement("matplotlib", "matplotlib", "3.11.2"),
            Requirement("pandas", "pandas", "3.1.1"),
            Requirement("sklearn", "scikit-learn", "1.9.1"),
        ),
        models=("model",),
        python="3.11.7",
    )


@pytest.fixture
def environment() -> Environment:
    """What the notebook's kernel has installed, the same on every machine."""
    return Environment(
        "python3",
        "3.11.7",
        {
            "ipykernel": ("ipykernel", "7.4.0"),
            "matplotlib": ("matplotlib", "3.11.2"),
            "pandas": ("pandas", "3.1.1"),
            "papermill": ("papermill", "2.7.0"),
            "sklearn": ("scikit-learn", "1.9.1"),
        },
    )


@pytest.fixture
def data() -> str:
    """Text of ``data/leaving.csv``: sixty customers."""
    rows = [
        f"{10 * number % 370},{number % 7},{'yes' if number % 7 > 4 else 'no'}"
        for number in range(60)
    ]
    return "\n".join(["minutes,calls,left", *rows]) + "\n"
