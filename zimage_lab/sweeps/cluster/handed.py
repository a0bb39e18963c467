"""The line of jobs inside a worker: what it was handed and has not begun, and what it has to tell.

For the engine's thread it is the queue, so that a cell is drawn by the same lines of code as any other picture.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from zimage_lab.engine.job import Job
from zimage_lab.sweeps.cluster.messages import Begun, Ended, Message, Preview, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from PIL import Image

    from zimage_lab.recipe import RunRecord
    from zimage_lab.store.jobs import JobRow
    from zimage_lab.store.leases import Lease

GATHER_SECONDS = 0.03
"""How long further steps are gathered before they are told; an end is told at once."""


class Handed:
    """Jobs that a worker was handed, and its box of messages.

    Parameters
    ----------
    home
        Its folder, where pictures lie between their drawing and their journey.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._changed = threading.Condition()
        self._waiting: deque[Lease] = deque()
        self._begun: dict[str, tuple[Lease, Job]] = {}
        self._known: set[str] = set()
        self._box: dict[tuple[type[Message], str], Message] = {}

    def hand(self, leases: Iterable[Lease]) -> None:
        """Take jobs; one that was handed before is known, and nothing more happens with it."""
        with self._changed:
            for lease in leases:
                if lease.record_id not in self._known:
                    self._known.add(lease.record_id)
                    self._waiting.append(lease)

    def lease(
        self,
        engine_id: str,
        pins: tuple[str, ...] = (),
        *,
        shared: bool = True,
        fits: Callable[[JobRow], bool] | None = None,
    ) -> Lease | None:
        """Give the next job, as `Queue.lease` does."""
        del engine_id, pins, shared
        with self._changed:
            if not self._waiting:
                return None
            # The home's queue asks before it counts the attempt; this one was counted where it was leased.
            row = replace(self._waiting[0].job, attempts=self._waiting[0].attempt - 1)
            if fits is not None and not fits(row):
                return None
            lease = self._waiting.popleft()
            self._begun[lease.record_id] = lease, Job(lease.job.id, lease.job.request)
        self._put(Begun(lease.record_id))
        return lease

    def job(self, row: JobRow) -> Job:
        """Give the job of a row."""
        return self._of(row.id)[1]

    def preview(self, job_id: str) -> Image.Image | None:
        """Give the newest preview of a job, where it has one and is still drawn."""
        with self._changed:
            return next((job.preview for lease, job in self._begun.values() if lease.job.id == job_id), None)

    def get(self, job_id: str) -> JobRow:
        """Give the row of a job that was begun."""
        return self._of(job_id)[0].job

    def cancel_requested(self, job_ids: Iterable[str]) -> set[str]:
        """Tell of none: a cancelled job's own flag is set, see `cancel`."""
        del job_ids
        return set()

    def finish(
        self,
        lease: Lease,
        state: str,
        error: str | None = None,
        record: RunRecord | None = None,
        others: Sequence[RunRecord] = (),
    ) -> JobRow:
        """Put the end of a job into the box, with its picture, which leaves this machine's disk."""
        del others  # workflows are not handed to other machines
        data = b""
        if state == "succeeded" and record is not None and record.image is not None:
            path = self._home / record.image.path
            data = path.read_bytes()
            path.unlink()
        self._end(lease, Ended(lease.record_id, state, error, record, data))
        return lease.job

    def release(self, lease: Lease, *, paused: bool = True, reason: str = "") -> JobRow:
        """Let go of a job that was cut because the worker ends: whoever ends it knows."""
        del paused, reason
        with self._changed:
            self._begun.pop(lease.record_id, None)
        return lease.job

    def cancel(self, record_ids: Iterable[str]) -> None:
        """Stop jobs: those that wait at once, those that are drawn at their next step; unknown ones are nothing."""
        for record_id in record_ids:
            with self._changed:
                waiting = next((one for one in self._waiting if one.record_id == record_id), None)
                if waiting is not None:
                    self._waiting.remove(waiting)
                begun = self._begun.get(record_id)
            if waiting is not None:
                self._end(waiting, Ended(record_id, "cancelled", "It was cancelled before it began.", None))
            elif begun is not None:
                begun[1]._asked_to_stop.set()  # noqa: SLF001 - as the engine does

    def withdraw(self, record_ids: Iterable[str]) -> list[str]:
        """Give back those of these jobs that were not begun."""
        with self._changed:
            wanted = set(record_ids)
            back = [one.record_id for one in self._waiting if one.record_id in wanted]
            self._waiting = deque(one for one in self._waiting if one.record_id not in wanted)
            self._known.difference_update(back)
        return back

    def told(self, job_id: str, message: Callable[[str], Message]) -> None:
        """Put into the box what is told of a job; only the newest of a kind is kept."""
        with self._changed:
            record_id = next((key for key, (lease, _) in self._begun.items() if lease.job.id == job_id), None)
        if record_id is not None:
            self._put(message(record_id))

    def messages(self, seconds: float) -> list[Message]:
        """Wait for something to tell, and give it."""
        with self._changed:
            self._changed.wait_for(lambda: self._box, seconds)
            if self._box and not self._ends():
                self._changed.wait_for(self._ends, GATHER_SECONDS)
            messages, self._box = list(self._box.values()), {}
        return messages

    def _ends(self) -> bool:
        return any(isinstance(one, Ended) for one in self._box.values())

    def _end(self, lease: Lease, ended: Ended) -> None:
        with self._changed:
            self._begun.pop(lease.record_id, None)
            for kind in (Step, Preview):
                self._box.pop((kind, lease.record_id), None)
        self._put(ended)

    def _put(self, message: Message) -> None:
        with self._changed:
            self._box[type(message), message.record_id] = message
            self._changed.notify_all()

    def _of(self, job_id: str) -> tuple[Lease, Job]:
        with self._changed:
            return next(one for one in self._begun.values() if one[0].job.id == job_id)


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until something holds; gives whether it does."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()
