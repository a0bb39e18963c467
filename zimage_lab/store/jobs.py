"""What a job is in the database: its states, its rows, and how a row becomes an object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from zimage_lab.request import GenerationRequest

if TYPE_CHECKING:
    import sqlite3

STATES = ("queued", "running", "succeeded", "failed", "cancelled", "invalid_output", "quarantined")
ENDS = ("succeeded", "failed", "cancelled", "invalid_output")

SELECT_JOBS = "SELECT jobs.*, (SELECT count(*) FROM attempts WHERE job_id = jobs.id) AS attempts FROM jobs"


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as the file has it; times are ISO 8601 in UTC."""

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

    @property
    def done(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.state not in {"queued", "running"}


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try of one engine at a job."""

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
    )
