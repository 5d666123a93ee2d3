"""What a client did wrong, or what went wrong for it, as an HTTP answer."""

from __future__ import annotations

from tornado.web import HTTPError


class Problem(HTTPError):
    """An error that the panel shows: one sentence, and what to do about it.

    Args:
        status: HTTP status code, 4xx for what the client can mend.
        message: What happened, in plain words.
        fix: What to do about it.
        more: Further keys of the JSON answer.
    """

    def __init__(self, status: int, message: str, *, fix: str = "", **more: object) -> None:
        # tornado formats log_message with %: keep user text out of the format.
        super().__init__(status, "%s", message)
        self.message = message
        self.fix = fix
        self.more = more

    def as_json(self) -> dict[str, object]:
        """Return the body of the answer."""
        return {"message": self.message, "fix": self.fix, **self.more}
