"""Errors as RFC 9457 problem documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from nbprod.model.check import RowError

MEDIA_TYPE = "application/problem+json"
MAX_LISTED = 1000  # errors in one answer; ``error_count`` tells how many there are


@dataclass(eq=False)  # not frozen: Python itself writes to an exception's attributes
class Problem(Exception):
    """An answer that is not a success.

    Attributes:
        status: HTTP status.
        code: Stable kebab-case name, for programs.
        detail: One sentence, for people.
        errors: Each thing that is wrong with the request.
        headers: More headers of the answer.
    """

    status: int
    code: str
    detail: str
    errors: Sequence[RowError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def problem_response(problem: Problem) -> Response:
    """Write a problem as an HTTP answer."""
    document: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
    }
    if problem.errors:
        document["error_count"] = len(problem.errors)
        document["errors"] = list(problem.errors[:MAX_LISTED])
    return Response(
        msgspec.json.encode(document),
        problem.status,
        headers=dict(problem.headers),
        media_type=MEDIA_TYPE,
    )
