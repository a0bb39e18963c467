"""The durable queue: a job that was accepted is in the file, and a job whose engine died comes back.

A job's state moves queued -> running -> succeeded | failed | cancelled | invalid_output; an attempt whose process is
gone is ``interrupted`` and its job queued again, three attempts in all, then quarantined: a job that kills its engine
must not kill every engine after it.
"""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from zimage_lab.errors import InvalidRequest, StoreError, shown, suggestion
from zimage_lab.recipe import now
from zimage_lab.store.database import Store
from zimage_lab.store.jobs import ENDS, SELECT_JOBS, STATES, AttemptRow, JobRow, JobRows, job_of
from zimage_lab.store.process import Life, identity, life
from zimage_lab.values import checked_integer, checked_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from zimage_lab.request import GenerationRequest

ATTEMPTS = 3
KEY_CHARACTERS = 200
PRIORITIES = 1000  # either side of 0
# An engine in another container cannot be looked up by its pid; only its silence tells.
FOREIGN_SILENCE = timedelta(minutes=10)


class Queue(Store):
    """The jobs of one home folder."""

    def put(self, request: GenerationRequest, *, key: str | None = None, priority: int = 0) -> JobRow:
        """Take a job in; when this returns, it is on the disk.

        Parameters
        ----------
        request
            What to draw.
        key
            Names one click: the same key again gives the first job and queues nothing.
        priority
            Higher goes first, -1000..1000; equal ones go in the order they came.

        Raises
        ------
        InvalidRequest
            When the key was used for another request.
        """
        if key is not None:
            key = checked_text("key", key, limit=KEY_CHARACTERS)
        priority = checked_integer("priority", priority, -PRIORITIES, PRIORITIES)
        body = request.canonical_json()
        with self._database.write() as connection:
            first = connection.execute(f"{SELECT_JOBS} WHERE key = ?", (key,)).fetchone() if key is not None else None
            if first is not None:
                if first["request"] != body:
                    field = "key"
                    what = f"{shown(key)} was already used for another request"
                    raise InvalidRequest(field, key, what, "Use a new key for each click.")
                return job_of(first)
            job_id = str(uuid.uuid4())
            asked = (job_id, key, body, request.sha256, request.model, str(request.seed), priority, now())
            connection.execute(
                "INSERT INTO jobs (id, key, request, request_sha256, model, seed, priority, created_at, state)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued')",
                asked,
            )
            return _get(connection, job_id)

    def lease(self, engine_id: str) -> JobRow | None:
        """Give this process the next job and open an attempt of it: highest priority first, then the oldest.

        Parameters
        ----------
        engine_id
            Name of the engine that will run it.

        Returns
        -------
        JobRow or None
            The job, now running; None when nothing waits.
        """
        with self._database.read() as connection:  # an idle engine asks often: no write lock for nothing
            if _next(connection) is None:
                return None
        pid = os.getpid()
        with self._database.write() as connection:
            row = _next(connection)
            if row is None:  # another engine was faster
                return None
            time = now()
            connection.execute(
                "UPDATE jobs SET state = 'running', started_at = coalesce(started_at, ?) WHERE id = ?",
                (time, row["id"]),
            )
            connection.execute(
                "INSERT INTO attempts (job_id, number, engine_id, pid, process, started_at, heartbeat_at, outcome)"
                " SELECT ?, count(*) + 1, ?, ?, ?, ?, ?, 'running' FROM attempts WHERE job_id = ?",
                (row["id"], engine_id, pid, identity(pid), time, time, row["id"]),
            )
            return _get(connection, row["id"])

    def heartbeat(self, job_id: str, engine_id: str) -> bool:
        """Say that the engine is still at it; False when the job is not this engine's any more."""
        with self._database.write() as connection:
            return bool(
                connection.execute(
                    "UPDATE attempts SET heartbeat_at = ? WHERE job_id = ? AND engine_id = ? AND outcome = 'running'",
                    (now(), job_id, engine_id),
                ).rowcount
            )

    def finish(self, job_id: str, state: str, error: str | None = None, record_id: str | None = None) -> JobRow:
        """End a running job; one that has ended keeps its first end, whatever comes later.

        Parameters
        ----------
        job_id
            The job.
        state
            succeeded, failed, cancelled or invalid_output.
        error
            The sentence that says why there is no picture.
        record_id
            The run record.

        Returns
        -------
        JobRow
            The job as it is now.

        Raises
        ------
        StoreError
            When the job is not running.
        """
        _known(state, ENDS)
        with self._database.write() as connection:
            job = _get(connection, job_id)
            if job.done:
                return job
            if job.state != "running":
                message = f"Job {job_id} is {job.state}, so it cannot be {state}. Lease it first, or cancel it."
                raise StoreError(message)
            _end_attempt(connection, job_id, state, error)
            _end_job(connection, job_id, state, error, record_id)
            return _get(connection, job_id)

    def cancel(self, job_id: str) -> JobRow:
        """Cancel a waiting job at once; ask the engine of a running one to stop; leave an ended one as it is."""
        with self._database.write() as connection:
            job = _get(connection, job_id)
            if job.state == "queued":
                _end_job(connection, job_id, "cancelled", "It was cancelled before it began.", None)
            elif job.state == "running":
                connection.execute("UPDATE jobs SET cancel_requested = 1 WHERE id = ?", (job_id,))
            return _get(connection, job_id)

    def release(self, job_id: str, reason: str = "The engine stopped.") -> JobRow:
        """Give a running job back, its attempt interrupted: for an engine that stops in the middle on purpose."""
        with self._database.write() as connection:
            if _get(connection, job_id).state == "running":
                _interrupt(connection, job_id, reason)
            return _get(connection, job_id)

    def recover(self) -> JobRows:
        """Find the jobs whose process is gone; mark those attempts interrupted and queue the jobs again.

        A job of a live process, this one included, is never touched. A job that was to be cancelled is cancelled; a job
        at its third attempt is quarantined.

        Returns
        -------
        list of JobRow
            The jobs that were found, as they are now.
        """
        found = "SELECT job_id, pid, process, heartbeat_at FROM attempts WHERE outcome = 'running'"
        with self._database.read() as connection:
            if not any(_is_gone(row) for row in connection.execute(found).fetchall()):
                return []
        with self._database.write() as connection:
            gone = [row for row in connection.execute(found).fetchall() if _is_gone(row)]
            for row in gone:
                _interrupt(connection, row["job_id"], f"Its process {row['pid']} is gone.")
            return [_get(connection, row["job_id"]) for row in gone]

    def get(self, job_id: str) -> JobRow:
        """Give a job; an unknown id is an InvalidRequest, never a job that looks done."""
        with self._database.read() as connection:
            return _get(connection, job_id)

    def attempts(self, job_id: str) -> list[AttemptRow]:
        """Give the attempts of a job, the first one first."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT * FROM attempts WHERE job_id = ? ORDER BY number", (job_id,)).fetchall()
        return [AttemptRow(**dict(row)) for row in rows]

    def counts(self) -> dict[str, int]:
        """Count the jobs in each state, states without any included."""
        with self._database.read() as connection:
            found = connection.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall()
        return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in found}

    def list(self, states: Iterable[str] | None = None, limit: int = 100) -> JobRows:
        """Give jobs, newest first.

        Parameters
        ----------
        states
            Only jobs in one of these states; None for all.
        limit
            Most jobs.
        """
        wanted = tuple(STATES if states is None else states)
        for state in wanted:
            _known(state, STATES)
        marks = ", ".join("?" * len(wanted))
        with self._database.read() as connection:
            rows = connection.execute(
                f"{SELECT_JOBS} WHERE state IN ({marks}) ORDER BY sequence DESC LIMIT ?", (*wanted, max(0, limit))
            ).fetchall()
        return [job_of(row) for row in rows]


def _next(connection: sqlite3.Connection) -> sqlite3.Row | None:
    """Find the job that comes next."""
    waiting = "SELECT id FROM jobs WHERE state = 'queued' ORDER BY priority DESC, sequence LIMIT 1"
    row: sqlite3.Row | None = connection.execute(waiting).fetchone()
    return row


def _get(connection: sqlite3.Connection, job_id: str) -> JobRow:
    # SQLite cannot be asked for a lone surrogate; no id of ours holds one.
    askable = isinstance(job_id, str) and job_id.isascii()
    row = connection.execute(f"{SELECT_JOBS} WHERE id = ?", (job_id,)).fetchone() if askable else None
    if row is None:
        field = "job_id"
        raise InvalidRequest(field, job_id, f"{shown(job_id)} is no job of this home", "Look at the list of jobs.")
    return job_of(row)


def _known(state: str, states: tuple[str, ...]) -> None:
    if state not in states:
        field = "state"
        raise InvalidRequest(field, state, f"{shown(state)} is not a state here", suggestion(state, states))


def _end_attempt(connection: sqlite3.Connection, job_id: str, outcome: str, error: str | None) -> None:
    connection.execute(
        "UPDATE attempts SET outcome = ?, finished_at = ?, error = ? WHERE job_id = ? AND outcome = 'running'",
        (outcome, now(), error, job_id),
    )


def _end_job(connection: sqlite3.Connection, job_id: str, state: str, error: str | None, record_id: str | None) -> None:
    connection.execute(
        "UPDATE jobs SET state = ?, finished_at = ?, error = ?, record_id = ? WHERE id = ?",
        (state, now(), error, record_id, job_id),
    )


def _interrupt(connection: sqlite3.Connection, job_id: str, reason: str) -> None:
    job = _get(connection, job_id)
    _end_attempt(connection, job_id, "interrupted", reason)
    if job.cancel_requested:
        _end_job(connection, job_id, "cancelled", "It was cancelled, and its engine ended.", None)
    elif job.attempts >= ATTEMPTS:
        sentence = f"It was interrupted {job.attempts} times. {reason} Submit it again if the cause is mended."
        _end_job(connection, job_id, "quarantined", sentence, None)
    else:
        connection.execute("UPDATE jobs SET state = 'queued' WHERE id = ?", (job_id,))


def _is_gone(attempt: sqlite3.Row) -> bool:
    return _has_left(attempt["pid"], attempt["process"], attempt["heartbeat_at"])


def _has_left(pid: int, known: str, heard_at: str) -> bool:
    found = life(pid, known)
    if found is Life.UNKNOWN:
        return datetime.now(UTC) - datetime.fromisoformat(heard_at) > FOREIGN_SILENCE
    return found is Life.GONE
