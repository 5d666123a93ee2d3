"""A process that answers rows as the service would: ``python -m nbprod.bento.score_process``.

It loads the packaged model as a service does, and compares its answers with those of the
model in the run's own kernel. It prints one line of JSON on stdout::

    {"ok": true, "checked_rows", "detail"}

``detail`` is the first difference, empty if there is none. With ``"ok": false``,
``message`` says why no row could be answered.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from nbprod.errors import NbprodError
from nbprod.model.agreement import disagreements
from nbprod.model.check import check_rows
from nbprod.serving.scorer import Scorer, load_scorer

_ALONE = 5
_TOGETHER = 100


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """What to score.

    Attributes:
        package: Folder of the packaged model.
        model_folder: The run's ``models/<variable>``: rows, and the kernel's answers.
        project: Folder of the generated project.
        own_modules: Top-level modules of the project.
    """

    package: str
    model_folder: str
    project: str
    own_modules: tuple[str, ...] = ()


def score(request: ScoreRequest) -> dict[str, object]:
    """Answer the rows, some alone and the rest together, and compare."""
    source = Path(request.model_folder)
    rows = msgspec.json.decode((source / "rows.json").read_bytes(), type=list[dict[str, object]])
    expected = msgspec.json.decode((source / "expected.json").read_bytes(), type=dict[str, Any])
    scorer = load_scorer(Path(request.package), request.own_modules)
    if errors := check_rows(scorer.contract, rows):
        message = f"row {errors[0].row} would be refused: {errors[0].message}"
        return {"ok": True, "checked_rows": 0, "detail": message}
    alone = [(number, number + 1) for number in range(min(_ALONE, len(rows)))]
    rest = [(start, start + _TOGETHER) for start in range(_ALONE, len(rows), _TOGETHER)]
    for start, stop in (*alone, *rest):
        difference = _difference(scorer, rows[start:stop], expected, start)
        if difference:
            return {"ok": True, "checked_rows": start, "detail": difference}
    return {"ok": True, "checked_rows": len(rows), "detail": ""}


def _difference(
    scorer: Scorer, rows: list[dict[str, object]], expected: dict[str, Any], start: int
) -> str:
    answer = scorer.score(rows)
    part = {
        name: value[start : start + len(rows)] if isinstance(value, list) else value
        for name, value in expected.items()
        if name != "classes"
    }
    probabilities = answer.probabilities if part.get("probabilities") is not None else None
    found = disagreements(answer.predictions, probabilities, part)
    if not found:
        return ""
    first = found[0]
    return f"row {first.row + start}, {first.what}: {first.got!r} vs {first.expected!r}"


def main(arguments: list[str]) -> int:
    """Run as a process: one argument, the request file."""
    request = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=ScoreRequest)
    sys.path.insert(0, request.project)
    os.chdir(request.package)  # a service does not stand in the notebook's folder
    try:
        with contextlib.redirect_stdout(sys.stderr):
            result = score(request)
    except NbprodError as error:
        result = {"ok": False, "message": error.message}
    except Exception as error:  # noqa: BLE001 - user code raises what it likes
        result = {"ok": False, "message": f"{type(error).__name__}: {error}"}
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
