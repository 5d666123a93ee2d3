"""The line that a person pastes to try a service."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping


def curl_example(url: str, row: Mapping[str, object], key_needed: bool) -> str:
    """Return a curl command that asks for one prediction, ready for any POSIX shell.

    Args:
        url: The service's URL, without a path.
        row: One row, column to JSON value.
        key_needed: Whether to send ``$NBPROD_API_KEY`` (the shell's variable, not its value).
    """
    body = json.dumps({"rows": [dict(row)]}, ensure_ascii=False, allow_nan=False)
    try:
        body.encode()
    except UnicodeEncodeError:  # half a surrogate pair cannot be pasted as it is
        body = json.dumps({"rows": [dict(row)]}, allow_nan=False)
    key = ' -H "Authorization: Bearer $NBPROD_API_KEY"' if key_needed else ""
    return (
        f"curl -sS {shlex.quote(url.rstrip('/') + '/predict')}"
        f" -H 'Content-Type: application/json'{key} --data-binary {shlex.quote(body)}"
    )
