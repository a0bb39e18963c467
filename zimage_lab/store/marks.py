"""What a person says of a picture after it is made: favourite, tags, and that it may go.

Marks are no part of the record, which nobody changes. A picture that is thrown away lies in the bin for an hour, from
where it can be taken back; then an engine deletes its file (`quota.enforce`), and its record stays.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from zimage_lab.errors import InvalidRequest
from zimage_lab.store.database import Store
from zimage_lab.values import checked_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

BIN_SECONDS = 3600.0
"""How long a picture can be taken back."""

TAG_CHARACTERS = 50
_THESE = "record_id IN (SELECT value FROM json_each(?))"


class Marks(Store):
    """The marks on the pictures of one home folder. Ids that are no record's are an InvalidRequest."""

    def favourite(self, record_ids: Collection[str], *, on: bool = True) -> None:
        """Make pictures favourites, or favourites no longer; the disk quota and the retention spare favourites."""
        self._set(record_ids, "favourite", int(on))

    def throw_away(self, record_ids: Collection[str]) -> None:
        """Put pictures into the bin."""
        self._set(record_ids, "binned", time.time())

    def take_back(self, record_ids: Collection[str]) -> None:
        """Take pictures out of the bin; those whose hour is over are gone."""
        self._set(record_ids, "binned", None)

    def tag(self, record_ids: Collection[str], tag: str) -> None:
        """Give pictures a tag, at most 50 characters, which is told apart from others without regard to capitals."""
        name = _tag(tag)
        with self._database.write() as connection:
            _refuse_strangers(connection, record_ids)
            known = connection.execute("SELECT tag FROM tags WHERE tag = ? LIMIT 1", (name,)).fetchone()
            connection.execute(
                "INSERT OR IGNORE INTO tags SELECT value, ? FROM json_each(?)",
                (name if known is None else known["tag"], json.dumps(list(record_ids))),
            )

    def untag(self, record_ids: Collection[str], tag: str) -> None:
        """Take a tag away from pictures."""
        with self._database.write() as connection:
            connection.execute(
                f"DELETE FROM tags WHERE tag = ? AND {_THESE}",  # noqa: S608 - our own text
                (_tag(tag), json.dumps(list(record_ids))),
            )

    def tags(self) -> dict[str, int]:
        """Count the pictures of each tag, the most used first."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT tag, count(*) AS number FROM tags GROUP BY tag ORDER BY number DESC, tag"
            ).fetchall()
        return {row["tag"]: row["number"] for row in rows}

    def _set(self, record_ids: Collection[str], column: str, value: float | None) -> None:
        with self._database.write() as connection:
            _refuse_strangers(connection, record_ids)
            connection.execute(
                f"INSERT INTO marks (record_id, {column}) SELECT value, ?1 FROM json_each(?2) WHERE true"  # noqa: S608
                f" ON CONFLICT (record_id) DO UPDATE SET {column} = ?1",
                (value, json.dumps(list(record_ids))),
            )


def _tag(tag: object) -> str:
    return " ".join(checked_text("tag", tag, limit=TAG_CHARACTERS).split())


def _refuse_strangers(connection: sqlite3.Connection, record_ids: Collection[str]) -> None:
    known = connection.execute(
        f"SELECT count(*) FROM runs WHERE {_THESE}",  # noqa: S608 - our own text
        (json.dumps(list(record_ids)),),
    ).fetchone()[0]
    if known != len(set(record_ids)):
        field = "record_id"
        raise InvalidRequest(field, list(record_ids), "is no record of this home", "Look at the log.")
