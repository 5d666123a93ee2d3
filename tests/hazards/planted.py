"""Wrong conversions, planted: the judge has to call each of them silently wrong.

The notebooks depend on how often they have been run, which a file outside their folder
counts; so no later run gives what the plain one gave. Or the generated code is changed.
"""

from __future__ import annotations

from tests.hazards.hazard import Hazard

_COUNTED = """
# %% load
from pathlib import Path
counter = Path("../counter.txt")
counter.touch()
with counter.open("a") as file:
    file.write("x")
del file
runs = len(counter.read_text())
first = runs == 1
del runs, counter
"""
_KEPT = """
# %% load
items = [1, 2]
# %% change
items.append(3)
print("changed")
# %% show
print(sum(items))
"""
BOTH = ("run --isolate", "convert, run DIR")
GENERATED = ("convert, run DIR", "verify")


def _planted(name: str, last: str) -> Hazard:
    return Hazard(f"planted: {name}", f"{_COUNTED}# %% change\n{last}\n# %% show\nprint('end')\n")


PLANTED: dict[Hazard, tuple[str, ...]] = {
    _planted("a number", "value = 1 if first else 2\ndel first"): BOTH,
    _planted("a type", "value = [1, 2] if first else (1, 2)\ndel first"): BOTH,
    _planted("printed text", "print('one' if first else 'two')\ndel first"): BOTH,
    _planted(
        "a frame's index",
        "import pandas as pd\n"
        "df = pd.DataFrame({'a': [1, 2]}, index=None if first else [0.0, 1.0])\ndel first",
    ): BOTH,
    _planted(
        "a file", "with open('out.txt', 'w') as file:\n    file.write(str(first))\ndel file, first"
    ): BOTH,
    _planted(
        "a figure",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2 if first else 3])\nplt.show()\ndel first",
    ): BOTH,
    _planted("an alias", "a = [1]\nb = a if first else [1]\ndel first"): ("run --isolate",),
    _planted("a displayed result", "'yes' if first else 'no'"): ("run --isolate",),
    Hazard(
        "planted: generated code that changes a list otherwise",
        _KEPT,
        planted=("items.append(3)", "items.append(4)"),
    ): GENERATED,
    Hazard(
        "planted: generated code that prints nothing",
        _KEPT,
        planted=('print("changed")', "pass"),
    ): GENERATED,
}
