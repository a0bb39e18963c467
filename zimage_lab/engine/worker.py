"""The one thread that touches torch: takes jobs from the queue and makes their pictures.

Everything else in a kernel only puts requests into the queue and listens, which is why the kernel stays answerable.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from zimage_lab.engine.attempt import Attempt
from zimage_lab.engine.residency import Residency
from zimage_lab.errors import Cancelled, InvalidOutput, LeaseLost, ZImageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.engine.events import Events
    from zimage_lab.engine.job import Job
    from zimage_lab.recipe import EndState, RunRecord
    from zimage_lab.store.jobs import JobRow
    from zimage_lab.store.leases import Lease
    from zimage_lab.store.queue import Queue

LOG = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
"""Pause after an error of the queue (a full disk, a lock held too long) before it is asked again."""


class Worker(threading.Thread):
    """The engine's thread.

    Parameters
    ----------
    engine_id, pins, shared
        Under which name jobs are leased, and which ones: those pinned to one of `pins`, and, where `shared`, those
        that are pinned to nothing.
    home, queue, events
        Where pictures go, where jobs come from, who hears of steps.
    job_of
        Gives the `Job` of a queue row.
    look
        Called after each change of the queue, so that jobs move as the store says.
    tell
        Called with what is loaded when that changes.
    device
        As torch names it, or None.
    """

    def __init__(
        self,
        *,
        engine_id: str,
        pins: tuple[str, ...],
        shared: bool,
        home: Path,
        queue: Queue,
        events: Events,
        job_of: Callable[[JobRow], Job],
        look: Callable[[], None],
        tell: Callable[[dict[str, Any]], None],
        device: str | None,
    ) -> None:
        super().__init__(name="zimage-lab-engine", daemon=True)
        self._engine_id, self._pins, self._shared = engine_id, pins, shared
        self._home, self._queue, self._events = home, queue, events
        self._job_of, self._look, self._tell = job_of, look, tell
        self._awake = threading.Event()
        self._wanted: str | None = None
        self._unload = False
        self._going_back: tuple[str, bool] | None = None
        self._job: Job | None = None
        self.residency = Residency(home, device, self._model_changed)
        self.state = "idle"
        self.lease: Lease | None = None
        self.idle_since: float | None = time.monotonic()
        self.stopping = False

    def wake(self) -> None:
        """Say that there is something to do."""
        self._awake.set()

    def warm_up(self, model_id: str) -> None:
        """Read a model's weights when there is nothing else to do."""
        self._wanted = model_id
        self.wake()

    def unload(self) -> None:
        """Let the resident model go after the running job."""
        self._unload = True
        self.wake()

    def release(self, reason: str, *, paused: bool) -> None:
        """Have the running job go back to the queue at its next step, unless it is cancelled."""
        self._going_back = (reason, paused)
        job = self._job
        if job is not None and not job.cancelled:
            job._asked_to_stop.set()  # noqa: SLF001 - the engine drives its jobs
        self.wake()

    def abandon(self, lease: Lease) -> None:
        """Stop at the next step: the queue gave the job to another engine."""
        job = self._job
        if self.lease is lease and job is not None:
            job._asked_to_stop.set()  # noqa: SLF001

    def look_for_cancel(self) -> None:
        """Stop the running job at its next step where somebody, perhaps in another process, cancelled it."""
        job = self._job
        if job is not None and not job.cancelled and self._queue.cancel_requested([job.id]):
            job._asked_to_stop.set()  # noqa: SLF001

    def run(self) -> None:
        """Take jobs until the engine stops."""
        while not self.stopping:
            self._awake.clear()
            try:
                lease = self._queue.lease(self._engine_id, self._pins, shared=self._shared)
                if lease is not None:
                    self._run(lease)
                    continue
                self._idle_work()
            except Exception:
                # The thread must outlive whatever goes wrong around a job: without it every later job would wait.
                LOG.exception("The engine met an error outside a job and goes on")
                self._awake.wait(RETRY_SECONDS)
                continue
            if not self.stopping:
                self._awake.wait()
        self.residency.unload()
        self.state = "stopped"

    def _idle_work(self) -> None:
        if self._unload:
            self._unload = False
            self.residency.unload()
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            return
        try:
            self.residency.get(wanted)
        except ZImageError as error:
            # Nobody waits for a warm-up; the first job says the same to somebody who does.
            LOG.info("The model was not loaded ahead: %s", error)

    def _model_changed(self, change: str, model_id: str) -> None:
        self.state = "loading" if change == "loading" else "running" if self.lease else "idle"
        self._events.emit("model", state=change, model=model_id)
        self._tell({**self.residency.facts(), "loading": model_id if change == "loading" else None})

    def _run(self, lease: Lease) -> None:
        job = self._job_of(lease.job)
        self._job, self.lease, self.state, self.idle_since = job, lease, "running", None
        attempt = Attempt(lease, job, home=self._home, residency=self.residency, events=self._events)
        try:
            self._look()
            if self.stopping and self._going_back is None:
                self._going_back = ("Its engine was stopped.", False)
            state, error, record = self._try(attempt, job)
            self._end(lease, state, error, record)
        finally:
            self._job, self.lease, self.state, self.idle_since = None, None, "idle", time.monotonic()
        self._look()

    def _try(self, attempt: Attempt, job: Job) -> tuple[EndState, str | None, RunRecord]:
        state: EndState = "failed"
        try:
            record = attempt.make()
        except Cancelled as stopped:
            state, error = "cancelled", str(stopped)
        except InvalidOutput as invalid:
            state, error = "invalid_output", str(invalid)
        except ZImageError as known:
            error = str(known)
        except MemoryError:
            error = "Memory ran out. Choose a smaller size, or close what else uses memory; the engine goes on."
        except Exception as unknown:
            LOG.exception("Job %s failed", job.id)
            error = _sentence(unknown)
        else:
            return "succeeded", None, record
        return state, error, attempt.record(state, error)

    def _end(self, lease: Lease, state: EndState, error: str | None, record: RunRecord) -> None:
        """Write how it ended: job, attempt and record at once, or the job's way back into the queue."""
        back = self._going_back
        try:
            if state == "cancelled" and back is not None and not self._queue.get(lease.job.id).cancel_requested:
                self._queue.release(lease, paused=back[1], reason=back[0])
            else:
                self._queue.finish(lease, state, error=error, record=record)
        except LeaseLost as lost:
            LOG.warning("%s", lost)
        except ZImageError as unwritten:
            # Whoever waits hears of the end even where the queue cannot be written; the attempt is found later.
            LOG.exception("The end of job %s could not be written", lease.job.id)
            sentence = error or f"The picture was made, and could not be recorded. {unwritten}"
            if self._job is not None:
                self._job._finish("failed" if state == "succeeded" else state, None, sentence)  # noqa: SLF001


def _sentence(error: Exception) -> str:
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        torch.cuda.empty_cache()
        return "The device's memory ran out. Choose a smaller size; the engine goes on."
    return f"{type(error).__name__}: {error}"
