"""The line of waiting jobs: how one comes in, and how it changes its place."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, TypedDict

from zimage_lab.errors import InvalidRequest, QueueFull, shown
from zimage_lab.recipe import now
from zimage_lab.store import jobs
from zimage_lab.store.jobs import SELECT_JOBS, JobRow, job_of
from zimage_lab.values import checked_integer, checked_text

if TYPE_CHECKING:
    import sqlite3

    from zimage_lab.home import Settings
    from zimage_lab.request import GenerationRequest

NAME_CHARACTERS = 200
PRIORITIES = 1000  # either side of 0
MEGABYTE = 10**6
RETRY_SECONDS = (1.0, 600.0)
UNKNOWN_SECONDS = 10.0  # what a picture takes where none was made yet


class Options(TypedDict, total=False):
    """What may be said of a job beside its request, as for `Queue.put`."""

    key: str | None
    priority: int
    parent_id: str | None
    name: str | None
    source: str | None
    user: str | None
    paused: bool
    engine: str | None
    retry_of: str | None


def checked(options: Options) -> Options:
    """Give the options checked, with their defaults."""
    texts = {}
    for field in ("key", "name", "source", "user", "engine"):
        value = options.get(field)
        texts[field] = None if value is None else checked_text(field, value, limit=NAME_CHARACTERS)
    paused: object = options.get("paused", False)
    if not isinstance(paused, bool):
        field = "paused"
        raise InvalidRequest(field, paused, f"{shown(paused)} is not True or False", "Use True or False.")
    return Options(
        key=texts["key"],
        name=texts["name"],
        source=texts["source"],
        user=texts["user"],
        engine=texts["engine"],
        priority=checked_priority(options.get("priority", 0)),
        paused=paused,
        parent_id=_identity("parent_id", options.get("parent_id")),
        retry_of=_identity("retry_of", options.get("retry_of")),
    )


def checked_priority(priority: object) -> int:
    """Give a priority in -1000..1000."""
    return checked_integer("priority", priority, -PRIORITIES, PRIORITIES)


def add(connection: sqlite3.Connection, request: GenerationRequest, options: Options, limits: Settings) -> JobRow:
    """Put a job at the end of the line, or give the one that was put with the same key."""
    if options["key"] is not None:
        first = connection.execute(f"{SELECT_JOBS} WHERE key = ?", (options["key"],)).fetchone()
        if first is not None:
            return _replayed(first, request, options["key"])
    body = request.canonical_json()
    size = len(body.encode())
    _refuse_when_full(connection, size, limits)
    job_id, sequence = str(uuid.uuid4()), _next_sequence(connection)
    values = {
        **options,
        "sequence": sequence,
        "position": float(sequence),
        "id": job_id,
        "request": body,
        "request_sha256": request.sha256,
        "model": request.model,
        "seed": str(request.seed),
        "bytes": size,
        "paused": int(options["paused"]),
        "state": "queued",
        "created_at": now(),
    }
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    connection.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", values)  # noqa: S608 - our own names
    return jobs.told(connection, job_id)


def waiting(connection: sqlite3.Connection, job_id: str, wish: str) -> JobRow:
    """Give a job that waits; for another one, the sentence that says why the wish cannot be."""
    job = jobs.find(connection, job_id)
    if job.state != "queued":
        field = "job_id"
        what = f"job {job.id} is {job.state.replace('_', ' ')} and cannot be {wish}"
        raise InvalidRequest(field, job_id, what, "Choose a job that waits.")
    return job


def move(connection: sqlite3.Connection, job_id: str, before: str | None) -> JobRow:
    """Put a waiting job directly before another one, whose priority it takes, or before the first of its own."""
    job = waiting(connection, job_id, "moved")
    other = _first(connection, job.priority) if before is None else waiting(connection, before, "followed")
    if other.id == job.id:
        return job
    # Running jobs have places, too: an engine may die, and they come back to where they were.
    line = "INDEXED BY jobs_by_position WHERE state IN ('queued', 'running') AND position < ? AND id <> ?"
    facts = (other.position, job.id)
    below = f"FROM jobs {line}"
    (left,) = connection.execute(f"SELECT max(position) {below}", facts).fetchone()
    left = other.position - 2.0 if left is None else left
    middle = (left + other.position) / 2
    if not left < middle < other.position:  # some fifty moves to the same place: no number is left between the two
        shift = f"UPDATE jobs SET position = position - 2.0 WHERE sequence IN (SELECT sequence {below})"  # noqa: S608
        connection.execute(shift, facts)
        middle = other.position - 1.0
    connection.execute("UPDATE jobs SET priority = ?, position = ? WHERE id = ?", (other.priority, middle, job.id))
    return jobs.find(connection, job.id)


def _first(connection: sqlite3.Connection, priority: int) -> JobRow:
    row = connection.execute(
        f"{SELECT_JOBS} INDEXED BY jobs_in_order WHERE state = 'queued' AND priority = ? ORDER BY position LIMIT 1",
        (priority,),
    ).fetchone()
    return job_of(row)


def _replayed(row: sqlite3.Row, request: GenerationRequest, key: str) -> JobRow:
    if row["request_sha256"] != request.sha256:
        field = "key"
        what = f"{shown(key)} was already used for another request"
        raise InvalidRequest(field, key, what, "Use a new key for each click.")
    return job_of(row)


def _refuse_when_full(connection: sqlite3.Connection, size: int, limits: Settings) -> None:
    row = connection.execute("SELECT jobs, bytes FROM totals WHERE state = 'queued'").fetchone()
    number, taken = (0, 0) if row is None else (row["jobs"], row["bytes"])
    if number + 1 > limits.queue_jobs:
        what = f"{number} jobs wait already"
    elif taken + size > limits.queue_mb * MEGABYTE:
        what = f"The requests that wait take {taken / MEGABYTE:.0f} MB already"
    else:
        return
    seconds = connection.execute(
        "SELECT avg(seconds) FROM (SELECT seconds FROM runs ORDER BY sequence DESC LIMIT 100) WHERE seconds > 0"
    ).fetchone()[0]
    low, high = RETRY_SECONDS
    retry_after = min(max(low, seconds or UNKNOWN_SECONDS), high)
    message = (
        f"The queue is full: {what}. Try again in {retry_after:.0f} seconds, "
        "clear what is not wanted, or raise queue_jobs and queue_mb in config.toml."
    )
    raise QueueFull(message, retry_after)


def _next_sequence(connection: sqlite3.Connection) -> int:
    # Known before the row is written, because its position begins as its number; never a number that was used.
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'").fetchone()
    return 1 if row is None else int(row["seq"]) + 1


def _identity(field: str, value: Any) -> str | None:  # noqa: ANN401 - it is found out here what it is
    if value is None:
        return None
    try:
        return str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError) as error:
        raise InvalidRequest(field, value, f"{shown(value)} is no UUID", "Give the id of a job or a batch.") from error
