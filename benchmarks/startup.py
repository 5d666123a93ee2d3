"""Claim: ``nbprod --help`` starts faster than ``papermill --help``.

Both are run in turn, A B A B …, after one warm-up each; the ratio is taken pair by pair.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

PAIRS = 9


def seconds(command: list[str]) -> float:
    """Run a command and return how long it took, in seconds."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> int:
    """Measure, print the table, and return 1 if the claim does not hold."""
    folder = Path(sys.executable).parent
    ours, theirs = [str(folder / "nbprod"), "--help"], [str(folder / "papermill"), "--help"]
    seconds(ours), seconds(theirs)
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(PAIRS)]
    ratios = [mine / other for mine, other in pairs]
    print(f"{'command':<20}{'median s':>10}{'min':>8}{'max':>8}")
    for name, times in zip(("nbprod", "papermill"), zip(*pairs, strict=True), strict=True):
        median = statistics.median(times)
        print(f"{name + ' --help':<20}{median:>10.3f}{min(times):>8.3f}{max(times):>8.3f}")
    ratio = statistics.median(ratios)
    print(f"ratio nbprod / papermill, median of {PAIRS} pairs: {ratio:.2f}")
    return 0 if ratio < 1 else 1


if __name__ == "__main__":
    sys.exit(main())
