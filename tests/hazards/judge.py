"""Compare what variables held after a plain run's cells and after another route's.

Run as a process of its own, ``judge.py JOB``: it loads values of the notebook's classes.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import sys
from pathlib import Path
from typing import Any

CODE_IS_NO_RESULT = ("function", "type", "module", "builtin_function_or_method", "ABCMeta")


def differences(job: dict[str, Any]) -> list[str]:
    """Return a sentence for each variable that differs.

    Args:
        job: ``plain`` and ``route``, two lists of notes, and ``pairs``: the positions to
            compare with each other and the variables, ``None`` for all.
    """
    from nbprod.compare.values import compare

    found: list[str] = []
    for first, second, names in job["pairs"]:
        plain, route = job["plain"][first]["values"], job["route"][second]["values"]
        for name in sorted(plain) if names is None else names:
            place = f"`{name}` after cell {first + 1}"
            if name not in plain and name not in route:
                continue  # os.environ, which is another in every process
            if name not in plain:
                found.append(f"{place} is not there in the plain run")
            elif plain[name] is None or route.get(name, b"") is None:
                continue  # it cannot be pickled: printed text has to show it
            elif name not in route:
                found.append(f"{place} is missing")
            elif plain[name] != route[name]:
                one, other = loaded(name, route), loaded(name, plain)
                if type(other).__name__ in CODE_IS_NO_RESULT:
                    continue
                outcome = compare(one, other)
                if not outcome.equal and outcome.comparable:
                    found.append(f"{place}: {outcome.detail}")
        if names is None:
            extra = sorted(set(route) - set(plain))
            found += [f"`{name}` after cell {first + 1} is new" for name in extra]
    return found


def loaded(name: str, values: dict[str, bytes]) -> Any:
    """Load a variable; models by formula look for the other ones where they are loaded."""
    try:
        return pickle.loads(values[name])
    except Exception:
        around = {"load": pickle.loads, "value": values[name]}
        for other, value in values.items():
            with contextlib.suppress(Exception):
                around.setdefault(other, pickle.loads(value))
        return eval("load(value)", around)


def main() -> None:
    """Do the job."""
    job = pickle.loads(Path(sys.argv[1]).read_bytes())
    sys.path[:0] = job["path"]
    print(json.dumps(differences(job)))


if __name__ == "__main__":
    main()
