"""What a person does to the queue: pause, move, cancel, clear, retry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab import home as homes
from zimage_lab.errors import InvalidRequest
from zimage_lab.store import chain, events, jobs, leases, order
from zimage_lab.store.lookup import Lookup
from zimage_lab.store.order import Options

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from zimage_lab.store.jobs import JobRow

CLEARED_AT_ONCE = 500  # jobs a transaction: others want to write, too


class Steering(Lookup):
    """The jobs of one home folder, for whoever gives orders."""

    def __init__(self, home: Path) -> None:
        self._limits = homes.settings(home)
        super().__init__(home)

    def pause(self, job_id: str | None = None) -> JobRow | None:
        """Keep a waiting job, or without an id the whole queue, from being taken; what runs goes on."""
        return self._hold(job_id, paused=True)

    def resume(self, job_id: str | None = None) -> JobRow | None:
        """Let a paused job, or without an id the whole queue, go on."""
        return self._hold(job_id, paused=False)

    def move(self, job_id: str, before: str | None = None) -> JobRow:
        """Put a waiting job directly before another one, whose priority it takes; first of its own without one."""
        with self._database.write() as connection:
            return order.move(connection, job_id, before)

    def set_priority(self, job_id: str, priority: int) -> JobRow:
        """Give a waiting job another priority, -1000..1000."""
        priority = order.checked_priority(priority)
        with self._database.write() as connection:
            order.waiting(connection, job_id, "moved")
            connection.execute("UPDATE jobs SET priority = ? WHERE id = ?", (priority, job_id))
            return jobs.find(connection, job_id)

    def cancel(self, job_id: str) -> JobRow:
        """Cancel a waiting job at once; ask the engine of a running one to stop; leave an ended one as it is."""
        with self._database.write() as connection:
            return _cancel(connection, job_id)

    def hold_all(self, parent_id: str, *, paused: bool) -> int:
        """Pause the waiting jobs of a batch or a sweep, or let them go on; gives how many that changed."""
        with self._database.write() as connection:
            rows = connection.execute(
                "SELECT id FROM jobs WHERE parent_id = ? AND state = 'queued' AND paused <> ?", (parent_id, int(paused))
            ).fetchall()
            for row in rows:
                connection.execute("UPDATE jobs SET paused = ? WHERE id = ?", (int(paused), row["id"]))
                jobs.told(connection, row["id"])
        return len(rows)

    def cancel_all(self, parent_id: str) -> int:
        """Cancel the jobs of a batch or a sweep that have not ended, the running ones last; gives how many."""
        with self._database.write() as connection:
            # The running ones last: else their engine would begin the next for nothing.
            rows = connection.execute(
                "SELECT id FROM jobs WHERE parent_id = ? AND state IN ('queued', 'running') ORDER BY state, sequence",
                (parent_id,),
            ).fetchall()
            for row in rows:
                _cancel(connection, row["id"])
        return len(rows)

    def pin(self, job_id: str, engine: str) -> None:
        """Give a waiting job that any engine may take to one alone; another one is left as it is."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE jobs SET engine = ? WHERE id = ? AND state = 'queued' AND engine IS NULL", (engine, job_id)
            )

    def clear(self, states: tuple[str, ...] = ("queued",)) -> int:
        """Cancel all jobs that wait, and those that run where `states` names "running"; gives how many."""
        for state in states:
            jobs.known(state, ("queued", "running"))
        cleared = 0
        for state in states:
            last, newest = 0, None
            while True:
                with self._database.write() as connection:
                    if newest is None:  # what comes in meanwhile is not meant
                        (newest,) = connection.execute("SELECT max(sequence) FROM jobs").fetchone()
                    rows = connection.execute(
                        "SELECT sequence, id FROM jobs WHERE state = ? AND sequence > ? AND sequence <= ?"
                        " ORDER BY sequence LIMIT ?",
                        (state, last, newest, CLEARED_AT_ONCE),
                    ).fetchall()
                    for row in rows:
                        _cancel(connection, row["id"])
                if not rows:
                    break
                cleared, last = cleared + len(rows), rows[-1]["sequence"]
        return cleared

    def retry(self, job_id: str) -> JobRow:
        """Put the request of a job that has ended into the queue again, as a new job."""
        with self._database.write() as connection:
            old = jobs.find(connection, job_id)
            if not old.done:
                field = "job_id"
                raise InvalidRequest(field, job_id, f"job {old.id} is still {old.state}", "Wait for its end.")
            wishes = Options(
                priority=old.priority,
                parent_id=old.parent_id,
                name=old.name,
                source=old.source,
                user=old.user,
                engine=old.engine,
                retry_of=old.id,
            )
            return order.add(connection, old.request, order.checked(wishes), self._limits)

    def _hold(self, job_id: str | None, *, paused: bool) -> JobRow | None:
        with self._database.write() as connection:
            if job_id is not None:
                job = order.waiting(connection, job_id, "paused" if paused else "resumed")
                if job.paused == paused:
                    return job
                connection.execute("UPDATE jobs SET paused = ? WHERE id = ?", (int(paused), job_id))
                return jobs.told(connection, job_id)
            if leases.is_paused(connection) != paused:
                change = "INSERT INTO meta VALUES ('queue_paused', '1')" if paused else _RESUME
                connection.execute(change)
                events.append_in(connection, "", "queue", {"paused": paused})
            return None


_RESUME = "DELETE FROM meta WHERE key = 'queue_paused'"


def _cancel(connection: sqlite3.Connection, job_id: str) -> JobRow:
    job = jobs.find(connection, job_id)
    if job.state == "queued":
        error = "It was cancelled before it began."
        record = leases.cancelled_record(job, error)
        chain.append_in(connection, record)
        return jobs.end(connection, job_id, "cancelled", error, record.id)
    if job.state == "running":
        connection.execute("UPDATE jobs SET cancel_requested = 1 WHERE id = ?", (job_id,))
        return jobs.find(connection, job_id)
    return job
