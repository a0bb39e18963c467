"""What a job is in the database: its states, its rows, and how a row becomes an object."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.recipe import now
from zimage_lab.request import GenerationRequest
from zimage_lab.store import events

if TYPE_CHECKING:
    import sqlite3

STATES = ("queued", "running", "succeeded", "failed", "cancelled", "invalid_output", "quarantined")
ENDS = ("succeeded", "failed", "cancelled", "invalid_output")

SELECT_JOBS = "SELECT jobs.*, (SELECT count(*) FROM attempts WHERE job_id = jobs.id) AS attempts FROM jobs"


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as the file has it; times are ISO 8601 in UTC.

    Attributes
    ----------
    paused
        Whether it waits until somebody resumes it.
    position
        Its place among the jobs of its priority; lower goes first.
    engine
        The only engine, or device, that may take it; None for any shared engine.
    retry_of
        The job that it repeats.
    record_id
        The record of how it ended.
    cursor
        The stored event of the change that gave this row; 0 where nothing changed.
    """

    id: str
    key: str | None
    request: GenerationRequest
    state: str
    priority: int
    attempts: int
    cancel_requested: bool
    created_at: str
    started_at: str | None
    finished_at: str | None
    error: str | None
    record_id: str | None
    parent_id: str | None
    name: str | None
    source: str | None
    user: str | None
    paused: bool
    position: float
    engine: str | None
    retry_of: str | None
    cursor: int = field(default=0, compare=False)

    @property
    def done(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.state not in {"queued", "running"}


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try of one engine at a job; `beat` is the last heartbeat by the machine's monotonic clock."""

    job_id: str
    number: int
    engine_id: str
    pid: int
    process: str
    started_at: str
    heartbeat_at: str
    finished_at: str | None
    outcome: str
    error: str | None
    record_id: str | None
    beat: float


JobRows: TypeAlias = list[JobRow]  # for the class that has a method called list


def job_of(row: sqlite3.Row) -> JobRow:
    """Make a job of a row of ``SELECT_JOBS``."""
    return JobRow(
        id=row["id"],
        key=row["key"],
        request=GenerationRequest.from_json(row["request"]),
        state=row["state"],
        priority=row["priority"],
        attempts=row["attempts"],
        cancel_requested=bool(row["cancel_requested"]),
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        error=row["error"],
        record_id=row["record_id"],
        parent_id=row["parent_id"],
        name=row["name"],
        source=row["source"],
        user=row["user"],
        paused=bool(row["paused"]),
        position=row["position"],
        engine=row["engine"],
        retry_of=row["retry_of"],
    )


def find(connection: sqlite3.Connection, job_id: str) -> JobRow:
    """Give a job; an unknown id is an InvalidRequest, never a job that looks done."""
    # SQLite cannot be asked for a lone surrogate; no id of ours holds one.
    askable = isinstance(job_id, str) and job_id.isascii()
    row = connection.execute(f"{SELECT_JOBS} WHERE id = ?", (job_id,)).fetchone() if askable else None
    if row is None:
        field = "job_id"
        raise InvalidRequest(field, job_id, f"{shown(job_id)} is no job of this home", "Look at the list of jobs.")
    return job_of(row)


def known(state: str, states: tuple[str, ...]) -> None:
    """Refuse a state that is not one of these."""
    if state not in states:
        field = "state"
        raise InvalidRequest(field, state, f"{shown(state)} is not a state here", suggestion(state, states))


def told(connection: sqlite3.Connection, job_id: str) -> JobRow:
    """Store the event that says which state a job is in now; gives the job with the event's cursor."""
    job = find(connection, job_id)
    data: dict[str, object] = {"state": job.state, "error": job.error, "record_id": job.record_id}
    if job.paused:
        data["paused"] = True
    return replace(job, cursor=events.append_in(connection, job.id, "state", data))


def end(connection: sqlite3.Connection, job_id: str, state: str, error: str | None, record_id: str | None) -> JobRow:
    """Write the end of a job, and tell it."""
    connection.execute(
        "UPDATE jobs SET state = ?, finished_at = ?, error = ?, record_id = ?, paused = 0 WHERE id = ?",
        (state, now(), error, record_id, job_id),
    )
    return told(connection, job_id)
