"""What a service must answer, and the comparison with it: what verify and deploy share."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from nbprod.deploy.check import ServedComparison, check_served
from nbprod.errors import ResultsDifferError

_ROWS_ALONE = 5
_ROWS_TOGETHER = 100


@dataclass(frozen=True, slots=True)
class ServedTruth:
    """What the service must answer: rows, and the answers of the model in the run's kernel."""

    rows: tuple[dict[str, object], ...] = ()
    expected: dict[str, object] | None = None

    @property
    def comparable(self) -> bool:
        """There are rows, and answers to compare with."""
        return bool(self.rows) and self.expected is not None

    @property
    def example(self) -> tuple[dict[str, object], object]:
        """A row without missing values if there is one, and the prediction for it."""
        for row, prediction in zip(self.rows, self._predictions, strict=False):
            if None not in row.values():
                return row, prediction
        return (self.rows[0], self._predictions[0]) if self.rows else ({}, None)

    def answers(self, part: slice) -> dict[str, object]:
        """Return the expected answers of some of the rows."""
        return {
            name: value[part] if isinstance(value, list) and name != "classes" else value
            for name, value in (self.expected or {}).items()
        }

    @property
    def _predictions(self) -> list[object]:
        found = (self.expected or {}).get("predictions")
        return found if isinstance(found, list) else []


def read_truth(run_folder: Path, variable: str) -> ServedTruth:
    """Read the rows and answers that a run kept for its model; nothing if they are gone."""
    folder = run_folder / "models" / variable
    try:
        rows = json.loads((folder / "rows.json").read_bytes())
        expected = json.loads((folder / "expected.json").read_bytes())
    except OSError:
        return ServedTruth()
    return ServedTruth(tuple(rows), expected)


def require_served(
    url: str, token: str, truth: ServedTruth, key: str, progress: Callable[[int, int], None]
) -> ServedComparison:
    """Send the rows to a service over HTTP and compare its answers with the notebook's.

    Clients ask about one row at a time, so some rows are sent alone first.

    Args:
        url: Where it answers.
        token: Value of ``X-Nbprod-Check``: the rows do not count as traffic.
        truth: Rows and answers; there have to be some.
        key: API key, if the service asks for one.
        progress: Called with rows done and rows in all.

    Raises:
        ResultsDifferError: It answers differently from the notebook's model.
        SystemFailedError: It does not answer.
    """

    def compare(part: slice, batch: int) -> ServedComparison:
        def told(done: int, _: int) -> None:
            progress(done + (part.start or 0), len(truth.rows))

        rows, answers = truth.rows[part], truth.answers(part)
        return check_served(url, token, rows, answers, batch, key=key, progress=told)

    alone = compare(slice(0, _ROWS_ALONE), batch=1)
    if not alone.equal:
        raise _differs(
            alone,
            "the notebook's model answered these rows among others; if its answer for a row "
            "depends on the rows beside it (X - X.mean() in a transform), compute that at fit",
        )
    if len(truth.rows) <= _ROWS_ALONE:
        return alone
    others = compare(slice(_ROWS_ALONE, None), batch=_ROWS_TOGETHER)
    if not others.equal:
        raise _differs(
            others,
            "the model depends on something that the service does not have: a global "
            "variable, a file, an option or a random number",
            offset=_ROWS_ALONE,
        )
    return ServedComparison(alone.checked_rows + others.checked_rows)


def _differs(compared: ServedComparison, fix: str, offset: int = 0) -> ResultsDifferError:
    first = compared.differences[0]
    first = replace(first, row=first.row + offset)
    return ResultsDifferError(
        f"the service answers {compared.differing_rows} of {compared.checked_rows} rows "
        f"differently from the notebook's model: {first}",
        fix=fix,
    )
