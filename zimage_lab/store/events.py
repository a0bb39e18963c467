"""What happened to the jobs, for whoever comes late: each change of state, numbered, in the file.

Steps and previews are not here; they are of use only while somebody looks.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zimage_lab.store.database import Store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

KEPT = 100_000
PRUNE_EVERY = 1000


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One thing that happened.

    Attributes
    ----------
    cursor
        Its number, rising.
    job
        Id of the job; empty for the whole queue.
    kind
        `state` of a job, or `queue` (paused or resumed).
    t
        Unix time in seconds.
    data
        What there is to know, by kind.
    """

    cursor: int
    job: str
    kind: str
    t: float
    data: dict[str, Any] = field(default_factory=dict)


class StoredEvents(Store):
    """The events of one home folder, the newest 100000 of them."""

    def since(self, cursor: int, limit: int = 1000) -> list[StoredEvent]:
        """Give the events behind a cursor, the oldest first.

        Parameters
        ----------
        cursor
            The last event that is known; 0 for all that are kept.
        limit
            Most events; the last one's cursor asks for those that follow.
        """
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT * FROM events WHERE cursor > ? ORDER BY cursor LIMIT ?", (cursor, max(0, limit))
            ).fetchall()
        return [StoredEvent(row["cursor"], row["job"], row["kind"], row["t"], json.loads(row["data"])) for row in rows]

    def newest(self) -> int:
        """Give the cursor of the last event; 0 before the first."""
        with self._database.read() as connection:
            row = connection.execute("SELECT max(cursor) FROM events").fetchone()
        return int(row[0] or 0)


def append_in(connection: sqlite3.Connection, job: str, kind: str, data: Mapping[str, object]) -> int:
    """Store an event inside the caller's transaction; gives its cursor."""
    done = connection.execute(
        "INSERT INTO events (job, kind, t, data) VALUES (?, ?, ?, ?)",
        (job, kind, time.time(), json.dumps(data, ensure_ascii=False, separators=(",", ":"))),
    )
    cursor = int(done.lastrowid or 0)
    if cursor % PRUNE_EVERY == 0:  # seldom, so that no single change pays for it
        connection.execute("DELETE FROM events WHERE cursor <= ?", (cursor - KEPT,))
    return cursor
