"""The webhooks of a home and what was sent to them: a table, so that a delivery outlives the process that owed it.

Several processes may send: a delivery is claimed by moving its time, and whoever claimed it reports how it went. One
that dies in between leaves it to be sent again, so a receiver may see one twice, under the same id, and never none.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.home import settings
from zimage_lab.hooks.address import checked_url
from zimage_lab.hooks.ended import STATES, is_end
from zimage_lab.recipe import now
from zimage_lab.store.database import Store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from zimage_lab.hooks.post import Answer

DELAYS = (5.0, 30.0, 120.0, 600.0, 3600.0)
"""Seconds after each failed try; then it is given up."""

CLAIM = 60.0
"""Seconds after which a delivery that was claimed and not reported is sent by somebody else."""

LONGEST = 2 * max(*DELAYS, CLAIM)
"""A wait that seems longer than this comes of a clock that was set back, and is over."""

WAITING = 10_000
"""Most deliveries that wait for one webhook; what comes further is dropped, and the log says so."""

KEPT = 20_000
EVENTS = 1000


@dataclass(frozen=True, slots=True)
class Webhook:
    """A URL that is told of jobs that ended in one of these states."""

    id: str
    url: str
    states: tuple[str, ...]
    created_at: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one webhook: `state` is waiting, delivered, failed or dropped."""

    id: str
    webhook_id: str
    job_id: str
    job_state: str
    record_id: str | None
    state: str
    tries: int
    due: float
    status: int | None
    error: str | None
    created_at: str
    ended_at: str | None


Deliveries: TypeAlias = "list[Delivery]"
Hooked: TypeAlias = "list[Webhook]"


class Webhooks(Store):
    """The webhooks of one home folder, and their deliveries.

    Parameters
    ----------
    home
        The home folder.
    clock
        Unix time in seconds.
    """

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        super().__init__(home)
        self._clock = clock

    def add(self, url: str, states: Sequence[str] = ("succeeded",)) -> Webhook:
        """Have a URL told of jobs that end from now on.

        Parameters
        ----------
        url
            http or https; this machine, or an origin of `webhook_allow`.
        states
            Ends that it is told of.

        Raises
        ------
        InvalidRequest
            When the URL may not be called, or a state is unknown.
        """
        checked_url(url, settings(self.home).webhook_allow)
        field = "states"
        for state in states:
            if state not in STATES:
                raise InvalidRequest(field, state, f"{shown(state)} is no end of a job", suggestion(state, STATES))
        if not states:
            raise InvalidRequest(field, states, "names none", suggestion("", STATES))
        made = Webhook(str(uuid.uuid4()), url, tuple(dict.fromkeys(states)), now())
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO webhooks SELECT ?, ?, ?, ?, coalesce(max(cursor), 0) FROM events",
                (made.id, made.url, json.dumps(made.states), made.created_at),
            )
        return made

    def list(self) -> Hooked:
        """Give the webhooks, the oldest first."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT * FROM webhooks ORDER BY created_at, id").fetchall()
        return [_webhook(row) for row in rows]

    def get(self, webhook_id: str) -> Webhook:
        """Give a webhook by its id, or by a beginning of it that no other has."""
        found = [one for one in self.list() if one.id.startswith(webhook_id)] if webhook_id else []
        if len(found) != 1:
            field, what = "webhook", "is no webhook of this home" if not found else "is the beginning of several ids"
            raise InvalidRequest(field, webhook_id, f"{shown(webhook_id)} {what}", "Look at zimage-lab hooks list.")
        return found[0]

    def remove(self, webhook_id: str) -> Webhook:
        """Tell it nothing more; what was waiting for it is given up, its log stays."""
        gone = self.get(webhook_id)
        with self._database.write() as connection:
            connection.execute("DELETE FROM webhooks WHERE id = ?", (gone.id,))
            connection.execute(
                "UPDATE deliveries SET state = 'failed', error = 'the webhook was removed', ended_at = ?"
                " WHERE webhook_id = ? AND state = 'waiting'",
                (now(), gone.id),
            )
        return gone

    def log(self, limit: int = 50) -> Deliveries:
        """Give deliveries, the newest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT * FROM deliveries ORDER BY sequence DESC LIMIT ?", (max(0, limit),)
            ).fetchall()
        return [_delivery(row) for row in rows]

    def collect(self) -> int:
        """Owe each webhook the ends that it has not been held against; gives how many are new."""
        new = 0
        while self._is_behind():  # in the common case this is all, and takes no lock
            with self._database.write() as connection:
                rows = connection.execute("SELECT * FROM webhooks").fetchall()
                new += sum(self._collect_for(connection, row) for row in rows)
        return new

    def claim(self) -> Delivery | None:
        """Take the delivery that is due first; None where none is."""
        at = self._clock()
        with self._database.write() as connection:
            row = connection.execute(
                "SELECT * FROM deliveries WHERE state = 'waiting' AND (due <= ? OR due > ?) ORDER BY due LIMIT 1",
                (at, at + LONGEST),
            ).fetchone()
            if row is not None:
                connection.execute("UPDATE deliveries SET due = ? WHERE id = ?", (at + CLAIM, row["id"]))
        return None if row is None else _delivery(row)

    def report(self, delivery: Delivery, answer: Answer, *, final: bool = False) -> None:
        """Write down how a try went; one that may go better later is due again after a while.

        Parameters
        ----------
        delivery
            The claimed one.
        answer
            What came back.
        final
            Whether another try is of no use.
        """
        tries = delivery.tries + 1
        again = not answer.ok and not final and answer.worth_another and tries <= len(DELAYS)
        state = "delivered" if answer.ok else "waiting" if again else "failed"
        error = answer.error or (None if answer.ok else f"status {answer.status}")
        with self._database.write() as connection:
            due = self._clock() + (DELAYS[tries - 1] if again else 0.0)
            connection.execute(
                "UPDATE deliveries SET state = ?, tries = ?, due = ?, status = ?, error = ?, ended_at = ?"
                " WHERE id = ? AND state = 'waiting'",
                (state, tries, due, answer.status, error, None if again else now(), delivery.id),
            )
            if again:  # the others would meet the same silence, and each would take its time
                connection.execute(
                    "UPDATE deliveries SET due = max(due, ?) WHERE webhook_id = ? AND state = 'waiting'",
                    (self._clock() + DELAYS[0], delivery.webhook_id),
                )

    def pause(self) -> float | None:
        """Give the seconds until the next delivery is due; None where none waits."""
        with self._database.read() as connection:
            due = connection.execute("SELECT min(due) FROM deliveries WHERE state = 'waiting'").fetchone()[0]
        if due is None:
            return None
        pause = float(due) - self._clock()
        return 0.0 if pause > LONGEST else max(0.0, pause)

    def _is_behind(self) -> bool:
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT 1 FROM webhooks WHERE cursor < (SELECT max(cursor) FROM events) LIMIT 1"
            ).fetchone()
        return row is not None

    def _collect_for(self, connection: sqlite3.Connection, row: sqlite3.Row) -> int:
        rows = connection.execute(
            "SELECT * FROM events WHERE cursor > ? ORDER BY cursor LIMIT ?", (row["cursor"], EVENTS)
        ).fetchall()
        if not rows:
            return 0
        waiting = connection.execute(
            "SELECT count(*) FROM deliveries WHERE webhook_id = ? AND state = 'waiting'", (row["id"],)
        ).fetchone()[0]
        new, states = 0, json.loads(row["states"])
        for event in rows:
            data = json.loads(event["data"])
            if not is_end(event["kind"], data) or data["state"] not in states:
                continue
            full = waiting + new >= WAITING
            new += connection.execute(
                "INSERT OR IGNORE INTO deliveries (id, webhook_id, job_id, job_state, record_id, state, due, error,"
                " created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    str(uuid.uuid4()),
                    row["id"],
                    event["job"],
                    data["state"],
                    data.get("record_id"),
                    "dropped" if full else "waiting",
                    self._clock(),
                    f"{WAITING} others wait already" if full else None,
                    now(),
                ),
            ).rowcount
        connection.execute("UPDATE webhooks SET cursor = ? WHERE id = ?", (rows[-1]["cursor"], row["id"]))
        connection.execute(
            "DELETE FROM deliveries WHERE state <> 'waiting'"
            " AND sequence <= (SELECT max(sequence) FROM deliveries) - ?",
            (KEPT,),
        )
        return new


def _webhook(row: sqlite3.Row) -> Webhook:
    return Webhook(row["id"], row["url"], tuple(json.loads(row["states"])), row["created_at"])


def _delivery(row: sqlite3.Row) -> Delivery:
    return Delivery(**{name: row[name] for name in Delivery.__slots__})
