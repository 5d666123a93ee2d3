"""Does the running service answer as the model did in the notebook's own kernel?"""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbprod.deploy.unusual import what_is_unusual
from nbprod.errors import SystemFailedError
from nbprod.model.agreement import same_answer

_TIMEOUT_SECONDS = 120.0
_MOST_WAITS = 20
_MOST_DIFFERENCES = 20

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ServedDifference:
    """One row for which the service does not answer as the model did.

    Attributes:
        row: Position in the rows that were sent, counted from 1.
        what: ``prediction``, ``probability of CLASS``, or ``refused``.
        expected: What the model predicted in the kernel.
        got: What the service answered.
        unusual: What sets this row apart, in plain words; may be empty.
    """

    row: int
    what: str
    expected: object
    got: object
    unusual: str = ""

    def __str__(self) -> str:
        apart = f" ({self.unusual})" if self.unusual else ""
        if self.what == "refused":
            return f"row {self.row}{apart}: the service refuses it: {self.got}"
        return (
            f"row {self.row}{apart}: {self.what} is {_shown(self.got)} from the service, "
            f"{_shown(self.expected)} in the notebook"
        )


@dataclass(frozen=True, slots=True)
class ServedComparison:
    """The outcome of a check.

    Attributes:
        checked_rows: How many rows were compared.
        differing_rows: How many of them differ.
        differences: The first differences, at most 20.
    """

    checked_rows: int
    differing_rows: int = 0
    differences: tuple[ServedDifference, ...] = ()

    @property
    def equal(self) -> bool:
        """All rows agree, and there were some."""
        return self.checked_rows > 0 and self.differing_rows == 0


def configured_key(environment: Mapping[str, str] = os.environ) -> str:
    """Return a key that the service will accept, empty if it asks for none."""
    key = environment.get("NBPROD_API_KEY", "").strip()
    path = environment.get("NBPROD_API_KEYS_FILE", "").strip()
    if key or not path:
        return key
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as failed:
        raise SystemFailedError(f"The file of keys {path} cannot be read.") from failed
    return next((line.strip() for line in lines if line.strip() and line.strip()[0] != "#"), "")


def check_served(
    url: str,
    token: str,
    rows: Sequence[Row],
    expected: Mapping[str, object],
    batch: int = 100,
    *,
    key: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> ServedComparison:
    """Send rows to a service and compare its answers with the model's own.

    Labels must be equal, type included; floats agree within 1e-6 relative, as
    :func:`nbprod.model.agreement.same_answer` has it.

    Args:
        url: URL of the service, without a path.
        token: Value of ``X-Nbprod-Check``: the rows do not count as traffic.
        rows: Rows as a client sends them, column to JSON value.
        expected: ``predictions`` (one per row), ``probabilities`` (one object per row, or null).
        batch: Rows in one request.
        key: API key, if the service asks for one.
        progress: Called with rows done and rows in all.

    Raises:
        SystemFailedError: The service does not answer, or not as its contract says.
    """
    predictions = _column(expected, "predictions", len(rows))
    probabilities = (
        None
        if expected.get("probabilities") is None
        else _column(expected, "probabilities", len(rows))
    )
    found: dict[int, ServedDifference] = {}
    sender = _Sender(url, token, key)
    try:
        for start in range(0, len(rows), batch):
            part = list(rows[start : start + batch])
            for offset, answer in enumerate(sender.answers(part)):
                place = start + offset
                wanted = _Answer(
                    predictions[place], None if probabilities is None else probabilities[place]
                )
                difference = _compare(place + 1, answer, wanted)
                if difference is not None:
                    found[place] = difference
            if progress is not None:
                progress(min(start + batch, len(rows)), len(rows))
    finally:
        sender.close()
    shown = tuple(
        ServedDifference(
            one.row, one.what, one.expected, one.got, what_is_unusual(rows, place, found)
        )
        for place, one in list(found.items())[:_MOST_DIFFERENCES]
    )
    return ServedComparison(len(rows), len(found), shown)


@dataclass(frozen=True, slots=True)
class _Answer:
    prediction: object
    probabilities: object
    refusal: str = ""


class _Sender:
    """Sends batches over one connection, waits when the service is busy."""

    def __init__(self, url: str, token: str, key: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self._url = url
        self._path = parts.path.rstrip("/") + "/predict"
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS
        )
        self._headers = {"Content-Type": "application/json", "X-Nbprod-Check": token}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"

    def close(self) -> None:
        self._connection.close()

    def answers(self, rows: list[Row]) -> list[_Answer]:
        """Return one answer per row; a refused batch is sent again in halves."""
        status, document = self._post(json.dumps({"rows": [dict(row) for row in rows]}))
        if status == 200:
            return self._read(document, len(rows))
        if status in (400, 413, 422, 500):
            if len(rows) > 1:
                middle = len(rows) // 2
                return self.answers(rows[:middle]) + self.answers(rows[middle:])
            return [_Answer(None, None, refusal=_reason(status, document))]
        raise SystemFailedError(
            f"The service at {self._url} answered {_reason(status, document)}.",
            fix="Set NBPROD_API_KEY to a key of this service." if status in (401, 403) else "",
        )

    def _post(self, body: str) -> tuple[int, object]:
        for _ in range(_MOST_WAITS):
            try:
                self._connection.request("POST", self._path, body.encode(), self._headers)
                response = self._connection.getresponse()
                text = response.read()
            except (OSError, http.client.HTTPException) as failed:
                self._connection.close()
                raise SystemFailedError(
                    f"The service at {self._url} does not answer: "
                    f"{failed or type(failed).__name__}."
                ) from failed
            if response.status not in (429, 503):
                break
            after = response.headers.get("Retry-After", "1")
            time.sleep(min(int(after) if after.isdigit() else 1, 5))
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text[:200].decode("utf-8", "replace")

    def _read(self, document: object, count: int) -> list[_Answer]:
        if isinstance(document, dict):
            predictions = document.get("predictions")
            probabilities = document.get("probabilities")
            if isinstance(predictions, list) and len(predictions) == count:
                if not isinstance(probabilities, list):
                    return [_Answer(one, None) for one in predictions]
                if len(probabilities) == count:
                    pairs = zip(predictions, probabilities, strict=True)
                    return [_Answer(one, chances) for one, chances in pairs]
        raise SystemFailedError(
            f"The service at {self._url} answered something else than {count} predictions: "
            f"{_shown(document)}."
        )


def _compare(row: int, got: _Answer, wanted: _Answer) -> ServedDifference | None:
    if got.refusal:
        return ServedDifference(row, "refused", wanted.prediction, got.refusal)
    if not same_answer(got.prediction, wanted.prediction):
        return ServedDifference(row, "prediction", wanted.prediction, got.prediction)
    ours, theirs = wanted.probabilities, got.probabilities
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        for name, chance in ours.items():
            if not same_answer(theirs[name], chance):
                return ServedDifference(row, f"probability of {name}", chance, theirs[name])
        return None
    if same_answer(theirs, ours):
        return None
    return ServedDifference(row, "probabilities", ours, theirs)


def _column(expected: Mapping[str, object], name: str, count: int) -> list[object]:
    values = expected.get(name)
    if not isinstance(values, list) or len(values) != count:
        raise SystemFailedError(
            f"What the run recorded does not fit: {count} rows, but not as many {name}.",
            fix="Run the notebook again.",
        )
    return values


def _reason(status: int, document: object) -> str:
    if isinstance(document, dict):
        errors = document.get("errors")
        told = document.get("detail") or document.get("title") or ""
        if isinstance(errors, list) and errors and isinstance(errors[0], dict):
            first = errors[0]
            column = f"column '{first['column']}': " if first.get("column") else ""
            told = f"{column}{first.get('message', told)}"
        return f"{status} {told}".strip()
    return f"{status} {document}".strip()


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 200 else text[:199] + "…"
