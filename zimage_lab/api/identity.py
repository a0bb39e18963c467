"""Who asks, and what that one may do and see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zimage_lab.store.tokens import TokenRow

SCOPES = ("read", "submit", "admin")
"""read: look at one's own jobs, records and pictures; submit: ask for pictures, upload, cancel one's own;
admin: see everybody's, and steer the whole queue."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whoever is behind a request.

    Attributes
    ----------
    owner
        Whose jobs, uploads and names it reaches; what the queue keeps as a job's `user`.
    scopes
        What it may do.
    everything
        Whether it sees what others own, too: a person at the lab, who could read the home's files as well.
    token
        The token that it came with, or None.
    """

    owner: str
    scopes: frozenset[str]
    everything: bool = False
    token: TokenRow | None = None

    def owns(self, user: str | None) -> bool:
        """Whether a job of this user is its own to see."""
        return self.everything or user == self.owner


def of_token(token: TokenRow) -> Identity:
    """Give the identity behind a token."""
    scopes = frozenset(token.scopes)
    # No person's name begins so: a token cannot be named into somebody's jobs.
    return Identity(f"token:{token.name}", scopes, everything="admin" in scopes, token=token)


def person(name: str | None) -> Identity:
    """Give the identity of a person whom Jupyter let in."""
    return Identity(name or "person", frozenset(SCOPES), everything=True)


ANYBODY = Identity("local", frozenset({"read", "submit"}))
"""Whoever comes where no authentication was asked for: sees what came that way, and nothing else of the home."""
