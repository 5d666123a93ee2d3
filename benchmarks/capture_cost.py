"""What capture costs: a run of nbprod's engine beside plain papermill, pair by pair.

    python benchmarks/capture_cost.py [PAIRS] [NOTEBOOK ...]

Without notebooks: the example notebooks, and one with a table of 336,776 rows made up
in the shape of the flights of New York in 2013. Each pair runs in random order; printed
are the medians and the median of the pairs' ratios, of wall-clock time and of processor
time, which says more on a machine that others use too.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
LIMIT = 1.25

FLIGHTS = (
    ("load", "import numpy as np\nimport pandas as pd\nflights = pd.read_csv('flights.csv')"),
    ("load", "print(flights.shape, flights['arr_delay'].mean())"),
    (
        "clean",
        "known = flights.dropna().reset_index(drop=True)\n"
        "known['late'] = known['arr_delay'] > 30\n"
        "known['speed'] = known['distance'] / known['air_time'].clip(lower=1) * 60",
    ),
    (
        "explore",
        "by_carrier = known.groupby('carrier')['arr_delay'].agg(['mean', 'count'])\n"
        "by_hour = known.groupby(['origin', 'hour'])['late'].mean()\n"
        "busiest = known['dest'].value_counts().head(20)\n"
        "print(by_carrier.head())",
    ),
    (
        "features",
        "columns = ['month', 'day', 'dep_delay', 'distance', 'hour', 'minute']\n"
        "X = pd.concat([known[columns], pd.get_dummies(known['carrier'])], axis=1)\n"
        "y = known['late']",
    ),
    (
        "split",
        "from sklearn.model_selection import train_test_split\n"
        "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=1)",
    ),
    (
        "train",
        "from sklearn.ensemble import HistGradientBoostingClassifier\n"
        "model = HistGradientBoostingClassifier(random_state=1).fit(X_train, y_train)",
    ),
    ("evaluate", "accuracy = float(model.score(X_test, y_test))\nprint(accuracy)"),
)


def write_flights(folder: Path) -> Path:
    """Write the table and the notebook that works on it."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(2013)
    rows = 336_776
    delay = rng.gamma(1.2, 20, rows) - 10
    frame = pd.DataFrame(
        {
            "year": 2013,
            "month": rng.integers(1, 13, rows),
            "day": rng.integers(1, 29, rows),
            "dep_time": rng.integers(1, 2400, rows).astype(float),
            "sched_dep_time": rng.integers(1, 2400, rows),
            "dep_delay": delay.round(),
            "arr_time": rng.integers(1, 2400, rows).astype(float),
            "sched_arr_time": rng.integers(1, 2400, rows),
            "arr_delay": (delay + rng.normal(0, 15, rows)).round(),
            "carrier": rng.choice(list("ABCDEFGHIJKLMNOP"), rows),
            "flight": rng.integers(1, 8500, rows),
            "tailnum": [f"N{n}" for n in rng.integers(100, 4100, rows)],
            "origin": rng.choice(["EWR", "JFK", "LGA"], rows),
            "dest": rng.choice([f"D{n:02}" for n in range(105)], rows),
            "air_time": rng.integers(20, 690, rows).astype(float),
            "distance": rng.integers(80, 4983, rows),
            "hour": rng.integers(5, 24, rows),
            "minute": rng.integers(0, 60, rows),
            "time_hour": pd.date_range("2013-01-01", periods=rows, freq="93s").astype(str),
        }
    )
    frame.loc[rng.choice(rows, 9430, replace=False), ["arr_delay", "air_time"]] = np.nan
    frame.to_csv(folder / "flights.csv", index=False)
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {"tags": [f"step:{step}"]},
            "source": source,
            "execution_count": None,
            "outputs": [],
        }
        for number, (step, source) in enumerate(FLIGHTS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document = {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = folder / "flights.ipynb"
    path.write_text(json.dumps(document))
    return path


def seconds(notebook: Path, *, captured: bool) -> tuple[float, float]:
    """Run a notebook through papermill's own command; return wall and processor seconds."""
    output = notebook.with_suffix(".out.ipynb")
    engine = ["--engine", "nbprod"] if captured else []
    begun, used = time.perf_counter(), _processor()
    subprocess.run(
        [sys.executable, "-m", "papermill", "--no-progress-bar", *engine, notebook, output],
        cwd=notebook.parent,
        check=True,
        capture_output=True,
        env={**os.environ, "NBPROD_HOME": str(notebook.parent / "home")},
    )
    took = time.perf_counter() - begun, _processor() - used
    shutil.rmtree(notebook.parent / ".nbprod", ignore_errors=True)
    return took


def _processor() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(notebook: Path, pairs: int) -> float:
    """Print the median ratios of captured to plain runs; return that of wall-clock time."""
    plain, captured = [], []
    for _ in range(pairs):
        for kind in random.sample((False, True), 2):
            (captured if kind else plain).append(seconds(notebook, captured=kind))
    ratios = []
    for place, what in enumerate(("wall", "processor")):
        one, two = ([each[place] for each in times] for times in (plain, captured))
        ratios.append(statistics.median(b / a for a, b in zip(one, two, strict=True)))
        print(
            f"{notebook.stem:<14} {what:<10} plain {statistics.median(one):6.2f} s   "
            f"captured {statistics.median(two):6.2f} s   ratio {ratios[-1]:.2f}   ({pairs} pairs)",
            flush=True,
        )
    return ratios[0]


def main(arguments: list[str]) -> int:
    """Measure; exit code 1 if a ratio is above the limit."""
    pairs = int(arguments[0]) if arguments else 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        notebooks = [Path(each).resolve() for each in arguments[1:]]
        if not notebooks:
            shutil.copytree(REPOSITORY / "example_notebooks", folder / "examples")
            notebooks = [*sorted((folder / "examples").glob("*.ipynb")), write_flights(folder)]
        ratios = [measure(notebook, pairs) for notebook in notebooks]
    return int(max(ratios) > LIMIT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
