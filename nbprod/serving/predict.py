"""``POST /predict``: read, check, score, tell the monitor, answer."""

from __future__ import annotations

import datetime
import logging
import uuid
from collections import Counter
from dataclasses import dataclass, field

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nbprod.model.check import RowError, check_rows
from nbprod.monitor.hooks import Prediction, Rejection, ServedModel
from nbprod.monitor.plugins import Monitor
from nbprod.serving.limits import Limits, read_body
from nbprod.serving.notebook_lines import NotebookLines
from nbprod.serving.problem import Problem, problem_response
from nbprod.serving.scorer import Desk, Scorer

logger = logging.getLogger("nbprod.serving")


@dataclass(frozen=True, slots=True)
class Predictor:
    """What answers ``POST /predict``."""

    model: ServedModel
    scorer: Scorer
    monitor: Monitor
    limits: Limits
    desk: Desk
    lines: NotebookLines = field(default_factory=NotebookLines)

    async def answer(self, request: Request, source: str) -> Response:
        """Answer a request; a refusal is told to the monitor too."""
        try:
            rows = _rows(await read_body(request, self.limits.body_bytes))
            if isinstance(rows, list) and len(rows) > self.limits.rows:
                text = f"{len(rows)} rows are more than {self.limits.rows}; send them in parts"
                raise Problem(413, "too-many-rows", text)
            body = await self.desk.run(lambda: self._predict(rows, source))
        except Problem as problem:
            self._log(problem.__cause__)
            codes = Counter(error.code for error in problem.errors) or {problem.code: 1}
            now = datetime.datetime.now(datetime.UTC)
            self.monitor.request_rejected(
                Rejection(self.model, now, problem.status, dict(codes), source)
            )
            return problem_response(problem)
        return Response(body, media_type="application/json")

    def _log(self, cause: BaseException | None) -> None:
        """Say which cell's code refused a row; the row itself is nobody's in a log."""
        place = self.lines.place(cause)
        if place is not None:
            logger.warning("a row was rejected in %s: %s", place, type(cause).__name__)

    def _predict(self, rows: object, source: str) -> bytes:
        errors = check_rows(self.scorer.contract, rows)
        if errors:
            raise Problem(422, "invalid-rows", _summary(errors), errors)
        assert isinstance(rows, list)
        answer = self.scorer.score(rows)
        ids = [str(uuid.uuid4()) for _ in rows]
        self.monitor.prediction_made(
            Prediction(
                model=self.model,
                time=datetime.datetime.now(datetime.UTC),
                ids=ids,
                rows=rows,
                predictions=answer.predictions,
                probabilities=answer.probabilities,
                source=source,
                seconds=answer.seconds,
            )
        )
        return msgspec.json.encode(
            {
                "predictions": answer.predictions,
                "probabilities": answer.probabilities,
                "prediction_ids": ids,
                "model": str(self.model),
            }
        )


def _rows(body: bytes) -> object:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Problem(400, "malformed-json", f"the body is no JSON: {text}") from error
    if not isinstance(document, dict):
        raise _shape("not-an-object", 'the body must be an object: {"rows": [...]}')
    errors = [
        RowError(None, None, "unknown-key", f"the body has no key {key[:80]!r}, only 'rows'")
        for key in document
        if key != "rows"
    ]
    if "rows" not in document:
        errors.append(RowError(None, None, "missing-key", "the body lacks the key 'rows'"))
    if errors:
        raise Problem(422, "invalid-body", _summary(tuple(errors)), tuple(errors))
    return document["rows"]


def _shape(code: str, message: str) -> Problem:
    return Problem(422, "invalid-body", message, (RowError(None, None, code, message),))


def _summary(errors: tuple[RowError, ...]) -> str:
    first = errors[0]
    place = "" if first.row is None else f"row {first.row}: "
    more = "" if len(errors) == 1 else f" (and {len(errors) - 1} more)"
    return f"{place}{first.message}{more}"
