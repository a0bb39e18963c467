"""What went wrong, as an answer: a status, a kind that a program reads, and a sentence for a person."""

from __future__ import annotations

import http
from typing import Any

from tornado.web import HTTPError

from zimage_lab.errors import InvalidRequest, QueueFull, StoreError, UnknownModel, ZImageError
from zimage_lab.store.prompts import DuplicatePrompt

REPLAYED = "key"  # the field that a key for another body is told of


class Problem(HTTPError):  # noqa: N818 - an answer, which has the status of an error
    """An error with all that is told of it.

    Parameters
    ----------
    status
        The HTTP status.
    kind
        A word for programs.
    message
        A sentence for a person.
    retry_after
        Seconds after which it may work; None where waiting does not help.
    more
        Further facts, such as the field.
    """

    def __init__(
        self, status: int, kind: str, message: str, *, retry_after: float | None = None, **more: object
    ) -> None:
        super().__init__(status)
        self.kind, self.message, self.retry_after, self.more = kind, message, retry_after, more

    def __str__(self) -> str:
        """Give status and sentence."""
        return f"{self.status_code}: {self.message}"

    def facts(self) -> dict[str, Any]:
        """Give what is told, as an object of JSON."""
        return {"type": self.kind, "message": self.message, **self.more}


def problem_of(error: object, status: int) -> Problem:  # noqa: PLR0911 - a table of kinds
    """Make of any error the problem that is told."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, UnknownModel):
        return Problem(400, "unknown_model", str(error), field=error.field)
    if isinstance(error, InvalidRequest):
        if error.field == REPLAYED:
            return Problem(409, "key_used", str(error), field="Idempotency-Key")
        return Problem(400, "invalid_request", str(error), field=error.field)
    if isinstance(error, DuplicatePrompt):
        return Problem(409, "duplicate_prompt_id", str(error))
    if isinstance(error, QueueFull):
        return Problem(429, "queue_full", str(error), retry_after=error.retry_after)
    if isinstance(error, StoreError):
        return Problem(503, "store", str(error), retry_after=10.0)
    if isinstance(error, ZImageError):
        return Problem(500, "failed", str(error))
    if isinstance(error, HTTPError):
        status = error.status_code
    return Problem(status, "http", http.HTTPStatus(status).phrase + ".")
