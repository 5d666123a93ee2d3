"""Claim: ``nbprod check`` is no slower than ``jupyter nbconvert --to script``, and grows linearly.

Both are run on the same notebook of 100 cells in turn, A B A B …, after one warm-up each; the
ratio is taken pair by pair. Then ``nbprod check`` runs on notebooks of 100 to 1,000 cells, and on
one of 100 cells with an output of 50 MB.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PAIRS = 7
SIZES = (100, 200, 400, 600, 800, 1000)
REPEATS = 5
# The cost of one more cell may grow by this much from the smaller half to the larger one.
ALLOWED = 1.5
# What a long output is made of: it begins like several kinds of credentials.
LINE = "0.125 http://a.example/b sk- eyJ hf_\n"

BEGIN = (
    "import matplotlib.pyplot as plt\nimport numpy as np\nimport pandas as pd\n"
    "from sklearn.linear_model import LogisticRegression\n"
    "from sklearn.metrics import accuracy_score\n"
    "from sklearn.model_selection import train_test_split",
    "rng = np.random.default_rng(0)\n"
    "df = pd.DataFrame({'a': rng.normal(size=200), 'b': rng.normal(size=200)})\n"
    "df['y'] = (df['a'] + df['b'] > 0).astype(int)",
)
MIDDLE = (
    "## Section {n}\n\nWhat is done here, in some words.",
    "df['f{n}'] = df['a'] * {n} + df['b']\ndf['r{n}'] = np.sqrt(df['f{n}'].abs())",
    "def scale_{n}(frame, column):\n    values = frame[column]\n"
    "    return (values - values.mean()) / values.std()\n\n"
    "df['s{n}'] = scale_{n}(df, 'f{n}')",
    "summary_{n} = df.groupby('y').agg({{'f{n}': 'mean', 's{n}': ['min', 'max']}})\n"
    "print(summary_{n})",
    "for column in ['a', 'b', 'f{n}']:\n    low, high = df[column].quantile([0.05, 0.95])\n"
    "    inside = df[column].between(low, high)\n    print(column, inside.mean())\ndf.head()",
    "%matplotlib inline\nfig, ax = plt.subplots()\nax.hist(df['s{n}'])\nplt.show()",
)
END = (
    "X_train, X_test, y_train, y_test = train_test_split(\n"
    "    df.drop(columns='y'), df['y'], random_state=0)",
    "model = LogisticRegression(max_iter=1000).fit(X_train, y_train)",
    "accuracy = accuracy_score(y_test, model.predict(X_test))\nprint(accuracy)",
)


def notebook(cells: int, output: str = "ok\n") -> str:
    """Return a notebook of ``cells`` cells that prepares data and fits a model, as JSON.

    Args:
        cells: Number of cells, a sixth of them markdown.
        output: What the second code cell printed.
    """
    middle = [
        MIDDLE[index % len(MIDDLE)].format(n=index // len(MIDDLE) + 1)
        for index in range(cells - len(BEGIN) - len(END))
    ]
    written: list[dict[str, object]] = []
    for number, source in enumerate((*BEGIN, *middle, *END), start=1):
        cell = {"id": f"c{number}", "metadata": {}, "source": source.splitlines(keepends=True)}
        if source.startswith("##"):
            written.append({"cell_type": "markdown", **cell})
            continue
        text = [output if number == 2 else "ok\n"]
        shown = [{"output_type": "stream", "name": "stdout", "text": text}]
        written.append({"cell_type": "code", "execution_count": number, "outputs": shown, **cell})
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": written})


def times(command: list[str]) -> tuple[float, float]:
    """Run a command and return its wall-clock time and its and its children's CPU time, seconds."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    wall, after = time.perf_counter() - began, os.times()
    cpu = after.children_user + after.children_system
    return wall, cpu - before.children_user - before.children_system


def compare(ours: list[str], theirs: list[str]) -> float:
    """Run both in turn, print the table, and return the median ratio of their times."""
    times(ours), times(theirs)
    pairs = [(times(ours)[0], times(theirs)[0]) for _ in range(PAIRS)]
    print(f"{'100 cells':<28}{'median s':>10}{'min':>8}{'max':>8}")
    names = ("nbprod check", "nbconvert --to script")
    for name, seconds in zip(names, zip(*pairs, strict=True), strict=True):
        median = statistics.median(seconds)
        print(f"{name:<28}{median:>10.2f}{min(seconds):>8.2f}{max(seconds):>8.2f}")
    ratio = statistics.median(mine / other for mine, other in pairs)
    print(f"ratio nbprod / nbconvert, median of {PAIRS} pairs: {ratio:.2f}\n")
    return ratio


def growth(command: list[str], folder: Path) -> float:
    """Print CPU seconds by size; return how much dearer a cell of the larger half is."""
    seconds: dict[int, list[float]] = {size: [] for size in SIZES}
    for size in SIZES:
        (folder / f"{size}.ipynb").write_text(notebook(size))
    for _ in range(REPEATS):
        for size in SIZES:
            seconds[size].append(times([*command, str(folder / f"{size}.ipynb")])[1])
    print(f"{'cells':>8}{'CPU s':>8}{'ms per further cell':>22}")
    cost = {size: statistics.median(found) for size, found in seconds.items()}
    for before, size in zip((None, *SIZES), SIZES, strict=False):
        each = f"{(cost[size] - cost[before]) / (size - before) * 1000:22.2f}" if before else ""
        print(f"{size:>8}{cost[size]:>8.2f}{each}")
    small, middle, large = SIZES[0], SIZES[len(SIZES) // 2 - 1], SIZES[-1]
    first = (cost[middle] - cost[small]) / (middle - small)
    second = (cost[large] - cost[middle]) / (large - middle)
    print(f"a cell beyond {middle} costs {second / first:.2f} times one below\n")
    return second / first


def main() -> int:
    """Measure, print the tables, and return 1 if the claim does not hold."""
    programs = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "source.ipynb"
        source.write_text(notebook(SIZES[0]))
        check = [str(programs / "nbprod"), "check"]
        script = [str(programs / "jupyter"), "nbconvert", "--to", "script", "--output", "out"]
        ratio = compare([*check, str(source)], [*script, str(source)])
        steeper = growth(check, folder)
        (folder / "long.ipynb").write_text(notebook(SIZES[0], LINE * (50_000_000 // len(LINE))))
        wall, cpu = times([*check, str(folder / "long.ipynb")])
        print(f"100 cells, one with 50 MB of output: {wall:.2f} s, of which {cpu:.2f} s CPU")
    return 0 if ratio <= 1 and steeper <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
