"""Who has a device to himself for a while: whoever measures, and whom others' jobs would disturb.

A reservation ends by itself when it is not renewed, so that a measurement that died holds nobody up. Jobs of others
wait meanwhile; one that runs already ends first. It holds for the engines of this home: other programs know nothing of
it.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from zimage_lab.store.database import Store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

SECONDS = 20.0
"""How long a reservation holds after it was renewed last."""


class Reservations(Store):
    """The reserved devices of one home folder."""

    def hold(self, device: str, parent_id: str) -> bool:
        """Reserve a device for the jobs of a parent, or renew that; False where another one has it.

        Parameters
        ----------
        device
            As the engines name it: "cpu", "cuda:0"; or the id of an engine.
        parent_id
            UUID of what the jobs belong to.
        """
        with self._database.write() as connection:
            other = holder(connection, [device])
            if other not in {None, parent_id}:
                return False
            connection.execute(
                "INSERT OR REPLACE INTO reservations VALUES (?, ?, ?)", (device, parent_id, time.monotonic() + SECONDS)
            )
        return True

    def let_go(self, parent_id: str) -> None:
        """Give back what a parent has reserved."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM reservations WHERE parent_id = ?", (parent_id,))


def holder(connection: sqlite3.Connection, names: Iterable[str]) -> str | None:
    """Give the parent whose jobs alone an engine of these names may take; None where it may take any."""
    now = time.monotonic()
    row = connection.execute(
        # A time beyond the longest is of a clock that has begun anew since: the machine was restarted.
        "SELECT parent_id FROM reservations WHERE device IN (SELECT value FROM json_each(?)) AND until BETWEEN ? AND ?"
        " LIMIT 1",
        (json.dumps(list(names)), now, now + SECONDS),
    ).fetchone()
    return None if row is None else str(row["parent_id"])
