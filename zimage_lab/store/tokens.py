"""The tokens that were given to programs: who may come, until when, and who may not any more.

A token itself is not kept, only what it says: whoever reads the database cannot come in with it.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.recipe import now
from zimage_lab.store.database import Store

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as the file has it.

    Attributes
    ----------
    name
        Whose jobs and pictures it reaches: tokens of one name share them.
    scopes
        What it may do.
    per_minute
        Most requests a minute; None for the server's.
    waiting
        Most jobs of its name that may wait; None for the server's.
    expires_at
        Unix time in seconds.
    revoked_at
        When it was revoked, or None.
    """

    id: str
    name: str
    scopes: tuple[str, ...]
    per_minute: float | None
    waiting: int | None
    created_at: str
    expires_at: float
    revoked_at: str | None

    @property
    def valid(self) -> bool:
        """Whether it still opens the door."""
        return self.revoked_at is None and time.time() < self.expires_at


TokenRows: TypeAlias = list[TokenRow]


class TokenStore(Store):
    """The tokens of one home folder."""

    def add(
        self, name: str, scopes: tuple[str, ...], expires_at: float, per_minute: float | None, waiting: int | None
    ) -> TokenRow:
        """Note a new token; the fields are those of `TokenRow`."""
        made = TokenRow(str(uuid.uuid4()), name, scopes, per_minute, waiting, now(), expires_at, None)
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
                (made.id, name, json.dumps(scopes), per_minute, waiting, made.created_at, expires_at),
            )
        return made

    def get(self, token_id: str) -> TokenRow | None:
        """Give a token by its id; None where there is none."""
        with self._database.read() as connection:
            row = connection.execute("SELECT * FROM tokens WHERE id = ?", (token_id,)).fetchone()
        return None if row is None else _token_of(row)

    def list(self) -> TokenRows:
        """Give all tokens, the newest first."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT * FROM tokens ORDER BY created_at DESC, id").fetchall()
        return [_token_of(row) for row in rows]

    def revoke(self, prefix: str) -> TokenRow:
        """Shut the door to a token, named by its id or the beginning of it; the same twice is harmless.

        Raises
        ------
        InvalidRequest
            When it names none, or several.
        """
        field = "token"
        with self._database.write() as connection:
            rows = connection.execute(
                "SELECT * FROM tokens WHERE substr(id, 1, ?) = ? LIMIT 2", (len(prefix), prefix)
            ).fetchall()
            if len(rows) != 1 or not prefix:
                what = f"{shown(prefix)} names {'several tokens' if rows else 'no token'}"
                raise InvalidRequest(field, prefix, what, "Look at zimage-lab token list.")
            connection.execute(
                "UPDATE tokens SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?", (now(), rows[0]["id"])
            )
            row = connection.execute("SELECT * FROM tokens WHERE id = ?", (rows[0]["id"],)).fetchone()
        return _token_of(row)


def _token_of(row: sqlite3.Row) -> TokenRow:
    return TokenRow(**{**dict(row), "scopes": tuple(json.loads(row["scopes"]))})
