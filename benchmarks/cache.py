"""What the step cache costs and saves: nbprod beside bare papermill, on 336,776 flights.

    python benchmarks/cache.py [ROUNDS] [--trees N] [--write]

Each round runs, in random order of the first three, the same notebook by bare papermill; by
``nbprod run`` with an empty cache; by ``nbprod run --no-cache``; then, with what is cached:
nothing changed, a comment changed, a parameter of the last step changed. Once at the end a
3x3 sweep of a parameter of the training and one of the last step, beside nine times the median
of papermill. Then two heavy steps that don't wait for each other, one after the other and with
``--jobs 2``. Printed are medians of wall-clock times and of the rounds' ratios; ``--write``
puts the table into the README.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from capture_cost import write_flights

LIMITS = {
    "first run": 1.25,
    "--no-cache": 1.10,
    "nothing changed": 0.15,
    "a comment changed": 0.15,
    "last step's parameter changed": 0.25,
    "3x3 sweep": 0.40,
    "--jobs 2": 0.65,
}

WORDS = {
    "first run": "`nbprod run`, first time: analysis, observation and all that is kept included",
    "--no-cache": "`nbprod run --no-cache`: analysis and observation alone",
    "nothing changed": "again, nothing changed",
    "a comment changed": "again, a comment changed",
    "last step's parameter changed": "again, a parameter of the last step changed",
    "3x3 sweep": "`--grid`, 3 x 3 values, shared data steps; beside nine papermill runs",
    "--jobs 2": "two independent heavy steps with `--jobs 2`; beside one after the other",
}

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- performance -->", "<!-- /performance -->"

HEAVY = (
    ("parameters", "k: int = 0"),
    (
        "",
        "from sklearn.datasets import make_classification\n"
        "from sklearn.ensemble import GradientBoostingClassifier",
    ),
    ("step:load", "X, y = make_classification(5000, 30, random_state=k)"),
    (
        "step:one",
        "one = GradientBoostingClassifier(n_estimators=1300, random_state=k).fit(X, y)",
    ),
    (
        "step:other",
        "other = GradientBoostingClassifier(n_estimators=1300, random_state=k + 1).fit(X, y)",
    ),
    ("step:evaluate", "print(one.score(X, y), other.score(X, y))"),
)

CELLS = (
    ("parameters", "depth: int = 12\nthreshold: float = 0.5"),
    (
        "",
        "import numpy as np\nimport pandas as pd\n"
        "from sklearn.ensemble import RandomForestClassifier\n"
        "from sklearn.metrics import precision_score, recall_score\n"
        "from sklearn.model_selection import train_test_split",
    ),
    ("step:load", "flights = pd.read_csv('flights.csv')\nprint(flights.shape)"),
    (
        "step:clean",
        "known = flights.dropna().reset_index(drop=True)\n"
        "known['late'] = known['arr_delay'] > 30\n"
        "known['speed'] = known['distance'] / known['air_time'].clip(lower=1) * 60\n"
        "known['when'] = pd.to_datetime(known['time_hour'], format='mixed')",
    ),
    (
        "step:features",
        "ordered = known.sort_values('when')\n"
        "places = ['origin', 'dest', 'carrier', 'tailnum', ['carrier', 'dest']]\n"
        "for number, place in enumerate(places):\n"
        "    delays = ordered.groupby(place)['dep_delay']\n"
        "    middle, high = 0, 0\n"
        "    for window in (5, 20, 50, 100, 200):\n"
        "        middle += delays.transform(lambda d: d.rolling(window, min_periods=1).median())\n"
        "        rank = delays.transform(lambda d: d.rolling(window, 1).quantile(0.9))\n"
        "        high += rank\n"
        "    known[f'middle_{number}'] = middle.shift(1)\n"
        "    known[f'high_{number}'] = high.shift(1)\n"
        "known = known.fillna(0.0)\n"
        "print(known.filter(like='high').describe())",
    ),
    (
        "step:split",
        "columns = [name for name in known.columns if known[name].dtype.kind in 'if']\n"
        "columns = [name for name in columns if not name.startswith('arr')]\n"
        "X_train, X_test, y_train, y_test = train_test_split(\n"
        "    known[columns], known['late'], test_size=0.1, random_state=1\n)",
    ),
    (
        "step:train",
        "model = RandomForestClassifier(TREES, max_depth=depth, max_samples=0.2, random_state=1)\n"
        "model.fit(X_train, y_train)",
    ),
    (
        "step:evaluate",
        "chosen = model.predict_proba(X_test)[:, 1] > threshold\n"
        "precision = precision_score(y_test, chosen, zero_division=0)\n"
        "recall = recall_score(y_test, chosen)\nprint(precision, recall)",
    ),
)


def write_notebook(folder: Path, trees: int) -> Path:
    """Write the table and the notebook that works on it."""
    write_flights(folder).unlink()
    path = folder / "late.ipynb"
    path.write_text(json.dumps(late(trees)))
    return path


def late(trees: int, comment: str = "") -> dict[str, object]:
    """Return the notebook of flights; ``comment`` goes into its third cell."""
    cells = [(tag, source.replace("TREES", str(trees))) for tag, source in CELLS]
    cells[2] = (cells[2][0], comment + cells[2][1])
    found = document(cells)
    found["cells"][-1]["metadata"]["tags"].append("metrics")  # type: ignore[index]
    return found


def document(texts: Sequence[tuple[str, str]]) -> dict[str, object]:
    """Return a notebook of tagged cells."""
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {"tags": [tag] if tag else []},
            "source": source,
            "execution_count": None,
            "outputs": [],
        }
        for number, (tag, source) in enumerate(texts)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def seconds(folder: Path, *command: str) -> float:
    """Run a command in a folder and return how long it took."""
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        check=True,
        capture_output=True,
        env={**os.environ, "NBPROD_HOME": str(folder / "home")},
    )
    return time.perf_counter() - begun


def measure(folder: Path, notebook: Path, trees: int) -> dict[str, float]:
    """Run one round; return the time of each way."""
    name = notebook.name
    found: dict[str, float] = {}

    def bare() -> None:
        command = ("papermill", "--no-progress-bar", name, "out.ipynb")
        found["bare papermill"] = seconds(folder, *command)

    def first() -> None:
        shutil.rmtree(folder / ".nbprod", ignore_errors=True)
        found["first run"] = seconds(folder, "nbprod", "run", name)

    def without() -> None:
        found["--no-cache"] = seconds(folder, "nbprod", "run", name, "--no-cache")

    ways: list[Callable[[], None]] = [bare, first, without]
    for way in random.sample(ways, 3):
        way()
    found["nothing changed"] = seconds(folder, "nbprod", "run", name)
    notebook.write_text(json.dumps(late(trees, "# what the airports report\n")))
    found["a comment changed"] = seconds(folder, "nbprod", "run", name)
    notebook.write_text(json.dumps(late(trees)))
    arguments = ("-p", "threshold", "0.4")
    found["last step's parameter changed"] = seconds(folder, "nbprod", "run", name, *arguments)
    return found


def measure_heavy(folder: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Run two heavy steps one after the other, and side by side; each time others."""
    (folder / "heavy.ipynb").write_text(json.dumps(document(HEAVY)))
    run = ("nbprod", "run", "heavy.ipynb", "-p", "k")
    seconds(folder, *run, "1")  # how much memory the steps need is known afterwards
    found: dict[str, list[float]] = {"one after the other": [], "side by side": []}
    for number in range(rounds):
        ways = [("one after the other", ()), ("side by side", ("--jobs", "2"))]
        for way, options in random.sample(ways, 2):
            shutil.rmtree(folder / ".nbprod" / "cache")
            found[way].append(seconds(folder, *run, str(2 + number), *options))
    return found["one after the other"], found["side by side"]


def write_table(rows: Sequence[tuple[str, float, float]], bare: float) -> None:
    """Put the table into the README, between its marks."""
    lines = ["| | seconds | of papermill | at most |", "|---|---|---|---|"]
    lines.append(f"| bare papermill | {bare:.1f} | | |")
    lines += [
        f"| {WORDS[way]} | {took:.1f} | **{ratio:.2f}** | {LIMITS[way]:.2f} |"
        for way, took, ratio in rows
    ]
    text = README.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    table = "\n".join(lines)
    README.write_text(f"{head}{BEGIN}\n{table}\n{END}{tail}", encoding="utf-8")


def main() -> int:
    """Measure; exit code 1 if a ratio is above its limit."""
    parser = argparse.ArgumentParser(description="What the step cache costs and saves.")
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--trees", type=int, default=200, help="so that papermill takes 40 to 60 s")
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        notebook = write_notebook(folder, arguments.trees)
        rounds = []
        for number in range(arguments.rounds):
            rounds.append(measure(folder, notebook, arguments.trees))
            told = ", ".join(f"{way} {took:.1f} s" for way, took in rounds[-1].items())
            print(f"round {number + 1}: {told}", file=sys.stderr, flush=True)
        shutil.rmtree(folder / ".nbprod", ignore_errors=True)
        grid = ("--grid", "depth=10,12,14", "--grid", "threshold=0.3,0.4,0.5")
        sweep = seconds(folder, "nbprod", "run", notebook.name, *grid)
        print(f"sweep: {sweep:.1f} s", file=sys.stderr, flush=True)
        serial, parallel = measure_heavy(folder, arguments.rounds)
        print(f"heavy: {serial}, {parallel}", file=sys.stderr, flush=True)
    bare = statistics.median(each["bare papermill"] for each in rounds)
    print(f"{'bare papermill':<32}{bare:8.1f} s   (median of {len(rounds)})")
    rows: list[tuple[str, float, float]] = []
    for way, limit in LIMITS.items():
        if way == "3x3 sweep":
            took, ratio, beside = sweep, sweep / (9 * bare), "of nine papermill runs"
        elif way == "--jobs 2":
            took = statistics.median(parallel)
            ratio = statistics.median(p / s for p, s in zip(parallel, serial, strict=True))
            beside = f"of one after the other ({statistics.median(serial):.1f} s)"
        else:
            took = statistics.median(each[way] for each in rounds)
            ratio = statistics.median(each[way] / each["bare papermill"] for each in rounds)
            beside = "of papermill"
        rows.append((way, took, ratio))
        print(f"{way:<32}{took:8.1f} s   {ratio:5.2f} {beside}, at most {limit:.2f}")
    if arguments.write:
        write_table(rows, bare)
    return int(any(ratio > LIMITS[way] for way, _, ratio in rows))


if __name__ == "__main__":
    sys.exit(main())
