"""What becomes of the jobs of engines that died or fell silent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zimage_lab.store import jobs
from zimage_lab.store.leases import LEASE_SECONDS, record_interruption, remove_picture
from zimage_lab.store.process import Life, life

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from zimage_lab.store.jobs import JobRow

DEATHS = 3
"""A job that took so many engines down shall not take the next one down as well."""

SWEPT = 20


def overdue(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """List the running jobs whose engine is dead or silent, each with a sentence that says so."""
    rows = connection.execute("SELECT job_id, pid, process, beat FROM attempts WHERE outcome = 'running'").fetchall()
    found = []
    for row in rows:
        alive = life(row["pid"], row["process"])
        silence = time.monotonic() - row["beat"]
        if alive is Life.GONE:
            found.append((row["job_id"], f"Its process {row['pid']} is gone."))
        elif silence > LEASE_SECONDS:
            found.append((row["job_id"], f"Its engine was silent for {silence:.0f} seconds."))
    return found


def interrupt(connection: sqlite3.Connection, home: Path, job_id: str, reason: str) -> JobRow:
    """End the running attempt of a dead engine; its job is queued again, cancelled, or quarantined at the third."""
    record_id = record_interruption(connection, job_id, reason)
    remove_picture(home, record_id)
    connection.execute("UPDATE jobs SET deaths = deaths + 1 WHERE id = ?", (job_id,))
    (deaths,) = connection.execute("SELECT deaths FROM jobs WHERE id = ?", (job_id,)).fetchone()
    job = jobs.find(connection, job_id)
    if job.cancel_requested:
        return jobs.end(connection, job_id, "cancelled", "It was cancelled, and its engine ended.", record_id)
    if deaths >= DEATHS:
        sentence = f"It was interrupted {deaths} times. {reason} Retry it if the cause is mended."
        return jobs.end(connection, job_id, "quarantined", sentence, record_id)
    connection.execute("UPDATE jobs SET state = 'queued' WHERE id = ?", (job_id,))
    return jobs.told(connection, job_id)


def unheard_pins(connection: sqlite3.Connection) -> list[str]:
    """List the engines that are gone while jobs wait for them alone."""
    rows = connection.execute(
        "SELECT id, pid, process, stopped_at FROM engines"
        " WHERE id IN (SELECT engine FROM jobs INDEXED BY jobs_waiting WHERE state = 'queued' AND engine IS NOT NULL)"
    ).fetchall()
    return [row["id"] for row in rows if row["stopped_at"] is not None or life(row["pid"], row["process"]) is Life.GONE]


def unpin(connection: sqlite3.Connection) -> None:
    """Give the jobs of engines that are gone to any engine."""
    for engine_id in unheard_pins(connection):
        connection.execute("UPDATE jobs SET engine = NULL WHERE state = 'queued' AND engine = ?", (engine_id,))


def sweep(connection: sqlite3.Connection, home: Path) -> None:
    """Remove pictures that engines wrote after they had lost their lease, and died before they could be told."""
    rows = connection.execute(
        "SELECT record_id FROM attempts WHERE outcome = 'interrupted' AND record_id IS NOT NULL"
        " ORDER BY rowid DESC LIMIT ?",
        (SWEPT,),
    ).fetchall()
    for row in rows:
        remove_picture(home, row["record_id"])
