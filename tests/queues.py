"""What the tests of the queue share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from samples import record

if TYPE_CHECKING:
    from zimage_lab.store.jobs import JobRow
    from zimage_lab.store.leases import Lease
    from zimage_lab.store.queue import Queue

REQUEST = record().request


def leased(queue: Queue, engine: str = "engine", **options: Any) -> Lease:  # noqa: ANN401
    """Take the next job, which must be there."""
    lease = queue.lease(engine, **options)
    assert lease is not None
    return lease


def succeed(queue: Queue, lease: Lease) -> JobRow:
    """End a job with a record, as an engine does."""
    return queue.finish(lease, "succeeded", None, record(id=lease.record_id, job_id=lease.job.id))


def change_attempt(queue: Queue, **values: object) -> None:
    """Change the columns of the running attempts behind the queue's back."""
    with queue._database.write() as connection:
        for name, value in values.items():
            connection.execute(f"UPDATE attempts SET {name} = ? WHERE outcome = 'running'", (value,))  # noqa: S608


def names(jobs: list[JobRow]) -> list[str | None]:
    """Give the names of jobs."""
    return [job.name for job in jobs]
