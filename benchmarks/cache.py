"""What the step cache costs and saves: nbprod beside bare papermill, on 336,776 flights.

    python benchmarks/cache.py [ROUNDS] [--rows N]

Each round runs, in random order of the first three, the same notebook by bare papermill; by
``nbprod run`` with an empty cache; by ``nbprod run --no-cache``; then, with what is cached:
nothing changed, a comment changed, a parameter of the last step changed. Once at the end a
3x3 sweep of a parameter of the training and one of the last step, beside nine times the median
of papermill. Printed are medians of wall-clock times and of the rounds' ratios.
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
from collections.abc import Callable
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
}

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
        "for place in ('origin', 'dest', 'carrier', 'tailnum'):\n"
        "    delays = ordered.groupby(place)['dep_delay']\n"
        "    for window in (5, 20, 50):\n"
        "        seen = delays.transform(lambda d: d.rolling(window, min_periods=1).median())\n"
        "        known[f'{place}_{window}'] = seen.shift(1)\n"
        "known = known.fillna(0.0)\n"
        "print(known.filter(like='origin').describe())",
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
    path.write_text(json.dumps(document(trees)))
    return path


def document(trees: int, comment: str = "") -> dict[str, object]:
    """Return the notebook; ``comment`` goes into its third cell."""
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {"tags": [tag] if tag else []},
            "source": (comment if number == 2 else "") + source.replace("TREES", str(trees)),
            "execution_count": None,
            "outputs": [],
        }
        for number, (tag, source) in enumerate(CELLS)
    ]
    cells[-1]["metadata"]["tags"].append("metrics")  # type: ignore[index]
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
    notebook.write_text(json.dumps(document(trees, "# what the airports report\n")))
    found["a comment changed"] = seconds(folder, "nbprod", "run", name)
    notebook.write_text(json.dumps(document(trees)))
    arguments = ("-p", "threshold", "0.4")
    found["last step's parameter changed"] = seconds(folder, "nbprod", "run", name, *arguments)
    return found


def main() -> int:
    """Measure; exit code 1 if a ratio is above its limit."""
    parser = argparse.ArgumentParser(description="What the step cache costs and saves.")
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--trees", type=int, default=120, help="so that papermill takes 40 to 60 s")
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
        grid = ("--grid", "depth=8,12,16", "--grid", "threshold=0.3,0.4,0.5")
        sweep = seconds(folder, "nbprod", "run", notebook.name, *grid)
    bare = statistics.median(each["bare papermill"] for each in rounds)
    print(f"{'bare papermill':<32}{bare:8.1f} s   (median of {len(rounds)})")
    missed = False
    for way, limit in LIMITS.items():
        if way == "3x3 sweep":
            took, ratio, beside = sweep, sweep / (9 * bare), "of nine papermill runs"
        else:
            took = statistics.median(each[way] for each in rounds)
            ratio = statistics.median(each[way] / each["bare papermill"] for each in rounds)
            beside = "of papermill"
        missed |= ratio > limit
        print(f"{way:<32}{took:8.1f} s   {ratio:5.2f} {beside}, at most {limit:.2f}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
