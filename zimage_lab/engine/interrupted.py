"""Pictures that were being made when their kernel was restarted: they wait, paused, for somebody's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.home import home
from zimage_lab.store.queue import Queue

if TYPE_CHECKING:
    from zimage_lab.engine.desk import Desk
    from zimage_lab.engine.job import Job
    from zimage_lab.store.jobs import JobRow


def interrupted(desk: Desk) -> list[JobRow]:
    """List the paused jobs of the desk's home that an engine had begun, in the order in which they would run."""
    with Queue(home(desk.home)) as queue:
        return [row for row in queue.waiting() if row.paused and row.attempts]


def resume(desk: Desk, job_id: str) -> Job:
    """Have a job of `interrupted` made after all.

    Parameters
    ----------
    desk
        The engine that shows it from now on, whichever process makes the picture.
    job_id
        Which one.

    Raises
    ------
    InvalidRequest
        It does not wait any more.
    EngineStopped
        The engine was stopped.
    """
    desk._open()  # noqa: SLF001 - the engine's own file
    with desk._jobs_lock:  # noqa: SLF001
        job = desk._jobs.get(job_id) or desk._know(desk._queue.get(job_id))  # noqa: SLF001
    desk._queue.resume(job_id)  # noqa: SLF001
    desk._look()  # noqa: SLF001
    desk._submitted()  # noqa: SLF001
    return job


def drop(desk: Desk, job_id: str) -> None:
    """Take a job of `interrupted` out of the queue: it ends as cancelled, and its record stays."""
    desk._queue.cancel(job_id)  # noqa: SLF001
    desk._look()  # noqa: SLF001
