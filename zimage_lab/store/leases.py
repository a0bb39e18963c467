"""Who runs which job: an engine holds a lease, and whoever lost its lease writes nothing any more.

Heartbeats are told by the monotonic clock, which is the same for all processes of a machine since it started: setting
the wall clock back or forward neither ends a lease nor prolongs one.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

from zimage_lab.errors import InvalidRequest, LeaseLost
from zimage_lab.home import IMAGES
from zimage_lab.recipe import RunRecord, bare_record, now
from zimage_lab.store import chain, jobs, reservations
from zimage_lab.store.jobs import ENDS, JobRow
from zimage_lab.store.process import identity

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from pathlib import Path

    from zimage_lab.recipe import EndState

LEASE_SECONDS = 60.0
"""Silence after which an engine is taken for dead, though its process may live."""


@dataclass(frozen=True, slots=True)
class Lease:
    """An engine's right to run a job once.

    Attributes
    ----------
    job
        The job, running.
    attempt
        Number of the attempt, from 1.
    record_id
        Id of the record, and so of the picture, that this attempt will have.
    engine_id
        Who holds it.
    """

    job: JobRow
    attempt: int
    record_id: str
    engine_id: str


class Place(NamedTuple):
    """A waiting job's place in the line."""

    below: int  # the priority, turned round: both sort upwards
    position: float
    job_id: str


def first_waiting(connection: sqlite3.Connection, pins: Iterable[str], *, shared: bool) -> str | None:
    """Find the job that comes next for an engine: one look into an index for each pin, however many jobs wait."""
    if is_paused(connection):
        return None
    places: list[Place] = []
    names = [*([None] if shared else []), *dict.fromkeys(pins)]
    holder = reservations.holder(connection, pins)
    if holder is not None:
        return _first_of(connection, holder, names)
    for pin in names:
        row = connection.execute(
            "SELECT -priority, position, id FROM jobs INDEXED BY jobs_waiting"
            " WHERE state = 'queued' AND paused = 0 AND engine IS ?"
            " ORDER BY priority DESC, position LIMIT 1",
            (pin,),
        ).fetchone()
        if row is not None:
            places.append(Place(*row))
    return min(places).job_id if places else None


def _first_of(connection: sqlite3.Connection, parent_id: str, names: list[str | None]) -> str | None:
    """Find the job that comes next of those that alone may have the device now."""
    row = connection.execute(
        "SELECT id FROM jobs WHERE parent_id = ? AND state = 'queued' AND paused = 0"
        " AND coalesce(engine, '') IN (SELECT coalesce(value, '') FROM json_each(?))"
        " ORDER BY priority DESC, position LIMIT 1",
        (parent_id, json.dumps(names)),
    ).fetchone()
    return None if row is None else str(row["id"])


def is_paused(connection: sqlite3.Connection) -> bool:
    """Whether the whole queue is paused."""
    return connection.execute("SELECT 1 FROM meta WHERE key = 'queue_paused'").fetchone() is not None


def begin(connection: sqlite3.Connection, job_id: str, engine_id: str) -> Lease:
    """Open an attempt of a waiting job."""
    time_, pid = now(), os.getpid()
    connection.execute(
        "UPDATE jobs SET state = 'running', started_at = coalesce(started_at, ?) WHERE id = ?", (time_, job_id)
    )
    record_id = str(uuid.uuid4())
    connection.execute(
        "INSERT INTO attempts (job_id, number, engine_id, pid, process, started_at, heartbeat_at, outcome, record_id,"
        " beat) SELECT ?, count(*) + 1, ?, ?, ?, ?, ?, 'running', ?, ? FROM attempts WHERE job_id = ?",
        (job_id, engine_id, pid, identity(pid), time_, time_, record_id, time.monotonic(), job_id),
    )
    job = jobs.told(connection, job_id)
    return Lease(job, job.attempts, record_id, engine_id)


def beat(connection: sqlite3.Connection, lease: Lease) -> bool:
    """Say that the engine is still at it; False when the lease was lost."""
    done = connection.execute(
        "UPDATE attempts SET beat = ?, heartbeat_at = ?"
        " WHERE job_id = ? AND number = ? AND engine_id = ? AND outcome = 'running'",
        (time.monotonic(), now(), lease.job.id, lease.attempt, lease.engine_id),
    )
    return done.rowcount == 1


def finish(  # noqa: PLR0917 - those of `Queue.finish`
    connection: sqlite3.Connection,
    lease: Lease,
    state: str,
    error: str | None,
    record: RunRecord | None,
    others: Iterable[RunRecord] = (),
) -> JobRow:
    """End an attempt and its job, with the record and the event, or raise LeaseLost and change nothing."""
    jobs.known(state, ENDS)
    record = _fitting(lease, state, error, record)
    outcome = _outcome(connection, lease)
    if outcome == state:  # the same end, told twice: the first answer did not arrive
        return jobs.find(connection, lease.job.id)
    if outcome != "running":
        raise _lost(lease)
    _end_attempt(connection, lease.job.id, lease.attempt, state, error)
    for one in (record, *others):
        chain.append_in(connection, one)
    return jobs.end(connection, lease.job.id, state, error, record.id)


def release(connection: sqlite3.Connection, lease: Lease, *, paused: bool, reason: str) -> JobRow:
    """Put a running job back into the queue: an engine that stops on purpose is no death of the job."""
    if _outcome(connection, lease) != "running":
        raise _lost(lease)
    record_interruption(connection, lease.job.id, reason)
    job = jobs.find(connection, lease.job.id)
    if job.cancel_requested:
        sentence = "It was cancelled, and its engine stopped."
        return jobs.end(connection, job.id, "cancelled", sentence, lease.record_id)
    connection.execute("UPDATE jobs SET state = 'queued', paused = ? WHERE id = ?", (int(paused), job.id))
    return jobs.told(connection, job.id)


def withdraw(connection: sqlite3.Connection, lease: Lease) -> JobRow:
    """Take back a job that its engine holds and has not begun: the attempt never was, and the job waits in its place.

    Where its sweep was paused meanwhile, it waits paused, as the rest of the sweep does.
    """
    if _outcome(connection, lease) != "running":
        raise _lost(lease)
    if jobs.find(connection, lease.job.id).cancel_requested:
        return finish(connection, lease, "cancelled", "It was cancelled before it began.", None)
    connection.execute("DELETE FROM attempts WHERE job_id = ? AND number = ?", (lease.job.id, lease.attempt))
    connection.execute(
        "UPDATE jobs SET state = 'queued', started_at = CASE WHEN ? = 1 THEN NULL ELSE started_at END,"
        " paused = EXISTS (SELECT 1 FROM sweeps WHERE id = jobs.parent_id AND wish = 'pause') WHERE id = ?",
        (lease.attempt, lease.job.id),
    )
    return jobs.told(connection, lease.job.id)


def held(connection: sqlite3.Connection, lease: Lease) -> None:
    """Raise LeaseLost where a lease does not hold any more."""
    if _outcome(connection, lease) != "running":
        raise _lost(lease)


def remove_picture(home: Path, record_id: str) -> None:
    """Remove the picture of an attempt that does not count; its name is the record's id."""
    for path in (home / IMAGES).glob(f"*/{record_id}.png"):
        path.unlink(missing_ok=True)


def _outcome(connection: sqlite3.Connection, lease: Lease) -> str | None:
    row = connection.execute(
        "SELECT outcome FROM attempts WHERE job_id = ? AND number = ? AND engine_id = ?",
        (lease.job.id, lease.attempt, lease.engine_id),
    ).fetchone()
    return None if row is None else str(row["outcome"])


def _lost(lease: Lease) -> LeaseLost:
    message = (
        f"Job {lease.job.id} was taken from engine {lease.engine_id}, which had been silent too long. "
        "Throw away what it made; the job runs again, or has ended."
    )
    return LeaseLost(message)


def _fitting(lease: Lease, state: str, error: str | None, record: RunRecord | None) -> RunRecord:
    """Give the record that belongs to this end: a minimal one where a picture was not made."""
    if record is None and state != "succeeded":
        return _bare(lease.job, lease.record_id, lease.attempt, cast("EndState", state), error)
    if record is None or (record.id, record.job_id, record.state) != (lease.record_id, lease.job.id, state):
        field = "record"
        what = f"is not of job {lease.job.id}, attempt {lease.attempt}, {state}"
        raise InvalidRequest(field, record, what, "Make it with the lease's record_id and the job's id.")
    return record


def _bare(job: JobRow, record_id: str, attempt: int, state: EndState, error: str | None) -> RunRecord:
    return bare_record(
        job.request,
        state,
        id=record_id,
        job_id=job.id,
        created_at=job.created_at,
        attempt=attempt,
        error=error,
        source=job.source,
        user=job.user,
        parent_id=job.parent_id,
    )


def cancelled_record(job: JobRow, error: str) -> RunRecord:
    """Make the record of a job that was cancelled before it began."""
    return _bare(job, str(uuid.uuid4()), max(1, job.attempts), "cancelled", error)


def record_interruption(connection: sqlite3.Connection, job_id: str, reason: str) -> str:
    """End the running attempt of a job as interrupted, and append its record; gives the record's id."""
    attempt = connection.execute(
        "SELECT number, record_id, started_at FROM attempts WHERE job_id = ? AND outcome = 'running'", (job_id,)
    ).fetchone()
    _end_attempt(connection, job_id, attempt["number"], "interrupted", reason)
    record_id = attempt["record_id"] or str(uuid.uuid4())  # an attempt of layout 1 has none
    record = _bare(jobs.find(connection, job_id), record_id, attempt["number"], "interrupted", reason)
    chain.append_in(connection, record.replace(started_at=attempt["started_at"]))
    return record_id


def _end_attempt(connection: sqlite3.Connection, job_id: str, number: int, outcome: str, error: str | None) -> None:
    connection.execute(
        "UPDATE attempts SET outcome = ?, finished_at = ?, error = ? WHERE job_id = ? AND number = ?",
        (outcome, now(), error, job_id, number),
    )
