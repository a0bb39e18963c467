"""Idempotency keys: a resend of the same request is answered as the first one was, and queues nothing."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from zimage_lab.errors import InvalidRequest

if TYPE_CHECKING:
    from zimage_lab.api.base import Handler

HEADER = "Idempotency-Key"
CHARACTERS = 200


def key_of(handler: Handler) -> str | None:
    """Give the key of a request in the queue; None where it has none.

    Two owners' keys never meet: each is hashed with its owner.
    """
    text = handler.request.headers.get(HEADER)
    if text is None:
        return None
    if not 0 < len(text) <= CHARACTERS or not text.isprintable():
        raise InvalidRequest(HEADER, text, f"is no key of 1 to {CHARACTERS} letters", "Use a UUID, say.")
    return "http/" + hashlib.sha256(f"{handler.identity.owner}\n{text}".encode()).hexdigest()
