"""The one thread that touches torch: takes jobs from the queue and makes their pictures.

Everything else in a kernel only puts requests into the queue and listens, which is why the kernel stays answerable.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from zimage_lab.engine import together
from zimage_lab.engine.attempt import Attempt
from zimage_lab.engine.devices import device_name
from zimage_lab.engine.residency import Residency
from zimage_lab.errors import Cancelled, InvalidOutput, LeaseLost, ZImageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PIL import Image

    from zimage_lab.engine.events import Events
    from zimage_lab.engine.job import Job
    from zimage_lab.engine.line import Line
    from zimage_lab.recipe import EndState, RunRecord
    from zimage_lab.store.jobs import JobRow
    from zimage_lab.store.leases import Lease

LOG = logging.getLogger(__name__)

Result = TypeVar("Result")

UNSAVED = 32
"""Most pictures that wait for the saver: at 1024 x 1024 some 100 MB."""

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
    device, path
        As for `Residency`.
    """

    def __init__(
        self,
        *,
        engine_id: str,
        pins: tuple[str, ...],
        shared: bool,
        home: Path,
        queue: Line,
        events: Events,
        job_of: Callable[[JobRow], Job],
        look: Callable[[], None],
        tell: Callable[[dict[str, Any]], None],
        device: str | None,
        path: str | None = None,
    ) -> None:
        super().__init__(name="zimage-lab-engine", daemon=True)
        self._engine_id, self._pins, self._shared = engine_id, pins, shared
        self._home, self._queue, self._events = home, queue, events
        self._job_of, self._look, self._tell = job_of, look, tell
        self._place = device_name(device)
        self._awake = threading.Event()
        self._wanted: str | None = None
        self._tasks: deque[tuple[Callable[[Residency], Any], Future[Any]]] = deque()
        self._going_back: tuple[str, bool] | None = None
        self._attempts: dict[str, Attempt] = {}
        self._attempts_lock = threading.Lock()
        # One thread writes files while the next picture is drawn: compressing a large one takes as long as a step.
        self._saver = ThreadPoolExecutor(1, thread_name_prefix="zimage-lab-saver")
        self._room = threading.BoundedSemaphore(UNSAVED)
        self.residency = Residency(home, device, self._model_changed, path)
        self._state = "idle"
        self._loading: str | None = None
        self.idle_since: float | None = time.monotonic()
        self.stopping = False

    @property
    def state(self) -> str:
        """What the engine does: idle, loading, running or stopped."""
        return "running" if self._state == "idle" and self._attempts else self._state

    @property
    def leases(self) -> list[Lease]:
        """The leases that it holds, those whose pictures are being saved included."""
        with self._attempts_lock:
            return [attempt.lease for attempt in self._attempts.values()]

    def wake(self) -> None:
        """Say that there is something to do."""
        self._awake.set()

    def warm_up(self, model_id: str) -> None:
        """Read a model's weights when there is nothing else to do."""
        self._wanted = model_id
        self.wake()

    def do(self, work: Callable[[Residency], Result]) -> Future[Result]:
        """Do something with the resident models after the running job; the future has what it gives or raises."""
        future: Future[Result] = Future()
        self._tasks.append((work, future))
        self.wake()
        return future

    def release(self, reason: str, *, paused: bool) -> None:
        """Have the running job go back to the queue at its next step, unless it is cancelled."""
        self._going_back = (reason, paused)
        for job in self._jobs():
            job._asked_to_stop.set()  # noqa: SLF001 - the engine drives its jobs
        self.wake()

    def abandon(self, lease: Lease) -> None:
        """Stop at the next step: the queue gave the job to another engine."""
        with self._attempts_lock:
            attempt = self._attempts.get(lease.record_id)
        if attempt is not None:
            attempt.job._asked_to_stop.set()  # noqa: SLF001

    def look_for_cancel(self) -> None:
        """Stop running jobs at their next step where somebody, perhaps in another process, cancelled them."""
        jobs = {job.id: job for job in self._jobs() if not job.cancelled}
        for job_id in self._queue.cancel_requested(list(jobs)) if jobs else ():
            jobs[job_id]._asked_to_stop.set()  # noqa: SLF001

    def run(self) -> None:
        """Take jobs until the engine stops."""
        while not self.stopping:
            self._awake.clear()
            try:
                while self._tasks and not self.stopping:
                    self._do(*self._tasks.popleft())
                leases = self._lease()
                if leases:
                    self._run(leases)
                    continue
                self._idle_work()
            except Exception:
                # The thread must outlive whatever goes wrong around a job: without it every later job would wait.
                LOG.exception("The engine met an error outside a job and goes on")
                self._awake.wait(RETRY_SECONDS)
                continue
            if not self.stopping:
                self._awake.wait()
        self._saver.shutdown()
        while self._tasks:
            self._tasks.popleft()[1].cancel()
        self.residency.unload()
        self._state = "stopped"

    def _do(self, work: Callable[[Residency], Result], future: Future[Result]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work(self.residency))
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for it
            future.set_exception(error)

    def _idle_work(self) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            return
        try:
            self.residency.get(wanted)
        except ZImageError as error:
            # Nobody waits for a warm-up; the first job says the same to somebody who does.
            LOG.info("The model was not loaded ahead: %s", error)

    def _model_changed(self, change: str, model_id: str) -> None:
        if change == "loading":
            self._loading = model_id
        elif model_id == self._loading:  # another one may leave meanwhile
            self._loading = None
        self._state = "idle" if self._loading is None else "loading"
        self._events.emit("model", state=change, model=model_id)
        self._tell({**self.residency.facts(), "loading": self._loading})

    def _lease(self) -> list[Lease]:
        """Take the next job, and those right behind it that can be drawn with it."""
        first = self._queue.lease(self._engine_id, self._pins, shared=self._shared)
        if first is None:
            return []
        leases, asked = [first], first.job.request
        # What an engine died of is not drawn together with others: they would share its fate.
        most = together.most(asked, self._place) if first.attempt == 1 and asked.workflow is None else 1

        def fits(row: JobRow) -> bool:
            return row.attempts == 0 and together.alike(asked, row.request)

        while len(leases) < most:
            lease = self._queue.lease(self._engine_id, self._pins, shared=self._shared, fits=fits)
            if lease is None:
                break
            leases.append(lease)
        return leases

    def _run(self, leases: list[Lease]) -> None:
        attempts = [Attempt(one, self._job_of(one.job), home=self._home, events=self._events) for one in leases]
        with self._attempts_lock:
            self._attempts.update({attempt.lease.record_id: attempt for attempt in attempts})
            self.idle_since = None
        try:
            self._look()
            if self.stopping:
                reason, paused = self._going_back or ("Its engine was stopped.", False)
                self.release(reason, paused=paused)
            if attempts[0].job.request.workflow is None:
                together.draw(attempts, self.residency, ended=self._ended, drawn=self._drawn)
            else:
                from zimage_lab.workflow import work  # a door: graphs stand above engines

                work.draw(attempts[0], self.residency, ended=self._ended, drawn=self._drawn)
        finally:
            self._look()

    def _drawn(self, attempt: Attempt, picture: Image.Image) -> None:
        """Hand a picture to the saver; where many are unsaved, wait for it."""
        self._room.acquire()
        self._saver.submit(self._save, attempt, picture)

    def _save(self, attempt: Attempt, picture: Image.Image) -> None:
        try:
            try:
                record = attempt.save(picture)
            except Exception as error:  # noqa: BLE001 - told to whoever waits for it
                self._ended(attempt, error)
            else:
                self._end(attempt, "succeeded", None, record)
        except Exception:
            LOG.exception("The end of job %s could not be written", attempt.job.id)
        finally:
            self._room.release()

    def _ended(self, attempt: Attempt, error: Exception) -> None:
        """End an attempt that gave no picture."""
        state, sentence = _told(error)
        self._end(attempt, state, sentence, attempt.record(state, sentence))

    def _end(self, attempt: Attempt, state: EndState, error: str | None, record: RunRecord) -> None:
        """Write how it ended: job, attempt and record at once, or the job's way back into the queue."""
        lease, back = attempt.lease, self._going_back
        try:
            if state == "cancelled" and back is not None and not self._queue.get(lease.job.id).cancel_requested:
                self._queue.release(lease, paused=back[1], reason=back[0])
            else:
                further = {"others": attempt.others} if state == "succeeded" and attempt.others else {}
                self._queue.finish(lease, state, error=error, record=record, **further)
        except LeaseLost as lost:
            LOG.warning("%s", lost)
        except ZImageError as unwritten:
            # Whoever waits hears of the end even where the queue cannot be written; the attempt is found later.
            LOG.exception("The end of job %s could not be written", lease.job.id)
            sentence = error or f"The picture was made, and could not be recorded. {unwritten}"
            attempt.job._finish("failed" if state == "succeeded" else state, None, sentence)  # noqa: SLF001
        finally:
            with self._attempts_lock:
                self._attempts.pop(lease.record_id, None)
                if not self._attempts:
                    self.idle_since = time.monotonic()
        self._look()

    def _jobs(self) -> list[Job]:
        with self._attempts_lock:
            return [attempt.job for attempt in self._attempts.values()]


def _told(error: Exception) -> tuple[EndState, str]:
    """Give the state and the sentence of what went wrong."""
    if isinstance(error, Cancelled):
        return "cancelled", str(error)
    if isinstance(error, InvalidOutput):
        return "invalid_output", str(error)
    if isinstance(error, ZImageError):
        return "failed", str(error)
    if isinstance(error, MemoryError):
        return "failed", "Memory ran out. Choose a smaller size, or close what else uses memory; the engine goes on."
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        torch.cuda.empty_cache()
        return "failed", "The device's memory ran out. Choose a smaller size; the engine goes on."
    LOG.error("A job failed", exc_info=error)
    return "failed", f"{type(error).__name__}: {error}"
