"""Tokens for programs: signed, for one purpose, with an end, and revocable (JSON Web Tokens, RFC 7519).

A program never gets Jupyter's own token, with which it could run code. The algorithm is pinned: a token that names
another one, or none, is refused (RFC 8725).
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import jwt

from zimage_lab.api.identity import SCOPES
from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.home import RUN
from zimage_lab.store.key_file import key
from zimage_lab.store.tokens import TokenStore
from zimage_lab.values import checked_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from zimage_lab.store.tokens import TokenRow

KEY = "tokens.key"
ALGORITHM = "HS256"
AUDIENCE = "zimage-lab"
NAME_CHARACTERS = 60
TOKEN_CHARACTERS = 4096
MOST_SECONDS = 366 * 24 * 3600.0
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}
_DAMAGED = "Remove it and make new tokens: those that were given out are worth nothing without it."


class Tokens:
    """The tokens of one home folder.

    Parameters
    ----------
    home
        The home folder; its key is made where there is none.
    """

    def __init__(self, home: Path) -> None:
        self._key = key(home / RUN / KEY, "of the tokens", _DAMAGED)
        self.store = TokenStore(home)

    def create(
        self,
        name: str,
        scopes: Iterable[str],
        seconds: float,
        *,
        per_minute: float | None = None,
        waiting: int | None = None,
    ) -> tuple[str, TokenRow]:
        """Make a token; it is told this once and kept nowhere.

        Parameters
        ----------
        name
            Whose jobs it reaches; tokens of one name share them.
        scopes
            Of read, submit and admin.
        seconds
            How long it holds.
        per_minute, waiting
            As in `TokenRow`.

        Raises
        ------
        InvalidRequest
            A value is wrong.
        """
        field = "name"
        text = checked_text(field, name, limit=NAME_CHARACTERS)
        wanted = checked_scopes(scopes)
        if not 0 < seconds <= MOST_SECONDS:
            field = "expires"
            raise InvalidRequest(field, seconds, "a token holds for a second to 366 days", "Use 7d, say.")
        row = self.store.add(text, wanted, time.time() + seconds, per_minute, waiting)
        claims = {
            "aud": AUDIENCE,
            "sub": row.name,
            "jti": row.id,
            "scope": " ".join(row.scopes),
            "iat": int(time.time()),
            "exp": int(row.expires_at),
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM), row

    def verified(self, text: str) -> TokenRow | None:
        """Give what a token says where it is ours, whole, in time and not revoked; None for any other text."""
        if len(text) > TOKEN_CHARACTERS or text.count(".") != 2:  # noqa: PLR2004 - header, claims, signature
            return None
        try:
            claims = jwt.decode(
                text,
                self._key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                options={"require": ["exp", "aud", "jti", "sub"]},
            )
        except jwt.InvalidTokenError:
            return None
        row = self.store.get(str(claims["jti"]))
        return row if row is not None and row.valid else None

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()


def checked_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """Give the scopes in their order, each once.

    Raises
    ------
    InvalidRequest
        One is unknown, or there is none.
    """
    field, wanted = "scope", set(scopes)
    for scope in wanted:
        if scope not in SCOPES:
            raise InvalidRequest(field, scope, f"{shown(scope)} is not a scope", suggestion(scope, SCOPES))
    if not wanted:
        raise InvalidRequest(field, None, "none was given", "Use submit,read, say.")
    return tuple(scope for scope in SCOPES if scope in wanted)


def seconds_of(text: str) -> float:
    """Read how long something holds: "7d", "12h", "30m", "90s", "4w".

    Raises
    ------
    InvalidRequest
        It is none of these.
    """
    found = re.fullmatch(r"(\d{1,6})([smhdw])", text.strip())
    if found is None:
        field = "expires"
        raise InvalidRequest(field, text, f"{shown(text)} is no length of time", "Use 7d, 12h or 30m.")
    return float(int(found[1]) * _UNITS[found[2]])
