"""The thread of a batch: keeps a bounded number of jobs in the queue and writes down what comes of them."""

from __future__ import annotations

import inspect
import logging
import queue
import threading
import time
import uuid
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from zimage_lab.batch.cell import WAITING, Cell
from zimage_lab.engine.gradual import Standing
from zimage_lab.engine.pace import Pace
from zimage_lab.errors import ZImageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.batch.plan import Plan
    from zimage_lab.engine.desk import Desk
    from zimage_lab.engine.job import Job
    from zimage_lab.result import GeneratedImage

LOG = logging.getLogger(__name__)

WINDOW = 256
"""Most jobs of a batch in the queue at one time: enough to keep engines busy, few enough to leave room for others."""

STALE = 3
"""How often in one start a picture is asked for anew because an earlier start left it failed or cancelled."""

RETRY_SECONDS = 5.0
"""Longest pause before a full queue is asked again."""


class Work(Standing):
    """A plan being carried out.

    Attributes
    ----------
    id
        UUID of the batch.
    flight
        Jobs of the cells that are in the queue.
    counts
        Number of cells in each state; those in flight count as waiting.
    left
        Pixels times steps that are to be done.
    done
        Set at the end.
    trouble
        Why the batch could not go on, or None.
    """

    def __init__(self, engine: Desk, made: Plan) -> None:
        super().__init__()
        self.plan = made
        self.id = made.folder.id if made.folder is not None else str(uuid.uuid4())
        self._ended = [cell for cell in made.cells if cell.state != WAITING]
        self.flight: dict[Cell, Job] = {}
        self.counts = Counter(cell.state for cell in made.cells)  # kept, not counted at each of ten looks a second
        self.left = made.cost
        known = made.known_seconds
        self.pace = Pace(known / made.cost if known and made.cost else None)
        self.done = threading.Event()
        self._callbacks: list[Callable[[], None]] = []
        self.trouble: Exception | None = None
        self._engine = engine
        self._submit_takes = set(inspect.signature(engine.submit).parameters)
        self._waiting = deque(made.missing)
        self._again: Counter[Cell] = Counter()
        self._events: queue.SimpleQueue[tuple[Cell, Job, bool] | None] = queue.SimpleQueue()
        self._stop = threading.Event()

    @property
    def ended(self) -> list[Cell]:
        """Cells that have ended; those that an earlier start made come first."""
        return self._ended

    def add_done_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback` once at the end, or now if it is over."""
        with self.changed:
            if not self.done.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def begin(self) -> None:
        """Write down what is known, and start.

        Raises
        ------
        StoreError
            When the output folder cannot be written; nothing was begun.
        """
        made = self.plan
        try:
            if made.folder is not None:
                made.folder.remember(made.seeds.first)
                made.folder.rewrite(self.ended, made.earlier)
        except BaseException:
            made.close()
            raise
        threading.Thread(target=self._run, name="zimage-lab-batch", daemon=True).start()

    def cancel(self) -> None:
        """Have it stop: what runs ends within a step, what waits is not begun."""
        self._stop.set()
        self._events.put(None)
        with self.changed:
            jobs = list(self.flight.values())
        for job in reversed(jobs):  # the running one last: else the engine would begin the next for nothing
            job.cancel()

    def _run(self) -> None:
        try:
            while True:
                pause = self._fill()
                if not self.flight and (self._stop.is_set() or not self._waiting):
                    break
                try:
                    event = self._events.get(timeout=pause)
                except queue.Empty:
                    continue
                if event is not None:
                    self._settle(*event)
        except Exception as error:
            if not isinstance(error, ZImageError):
                LOG.exception("The batch ended by an error of its own")
            self.trouble = error
            self.cancel()
        finally:
            self._end()

    def _fill(self) -> float | None:
        """Submit up to the window; gives the pause after which a full queue is asked again."""
        while self._waiting and len(self.flight) < WINDOW and not self._stop.is_set():
            try:
                self._submit(self._waiting[0])
            except ZImageError as error:
                wait = getattr(error, "retry_after", None)  # the queue is full: others' jobs go first
                if wait is None:
                    raise
                return float(min(wait, RETRY_SECONDS))
            self._waiting.popleft()
        return None

    def _submit(self, cell: Cell) -> None:
        # The failed tries are in the key: what was cancelled or failed is asked for anew, what was interrupted by a
        # kill is the same job as before, and is found where it is.
        key = f"batch-{self.id}-{cell.key}-{cell.tries}"
        facts = {"parent_id": self.id, "name": cell.name or None, "source": "batch"}
        known: dict[str, Any] = {name: fact for name, fact in facts.items() if name in self._submit_takes}
        job = self._engine.submit(cell.request, key=key, **known)
        replayed = job.done
        with self.changed:
            self.flight[cell] = job
        job.add_done_callback(lambda: self._events.put((cell, job, replayed)))
        if self._stop.is_set():
            job.cancel()

    def _settle(self, cell: Cell, job: Job, replayed: bool) -> None:  # noqa: FBT001 - travels through the queue
        """Write down the end of a cell, its picture first."""
        if replayed and not self._stop.is_set() and self._is_stale(cell, job):
            cell.tries += 1
            with self.changed:
                del self.flight[cell]
            self._waiting.appendleft(cell)
            return
        if job.state == "succeeded":
            image = job.result()
            cell.path = self._kept(cell, image)
            cell.seconds = sum(spent for name, spent in image.record.seconds.items() if name != "load")
            cell.record_id = image.record.id
            if not replayed:
                self.pace.ended(cell.cost, cell.seconds, time.monotonic())
        else:
            cell.tries += 1
        self._count(cell, job.state, job.error)
        with self.changed:
            del self.flight[cell]
        if self.plan.folder is not None:
            self.plan.folder.append(cell)
        self._tell(cell)

    def _is_stale(self, cell: Cell, job: Job) -> bool:
        """Say whether an end that an earlier start left is to be tried anew: no picture, or one removed since."""
        path = job.result().path if job.state == "succeeded" else None
        stale = job.state != "succeeded" or (path is not None and not path.is_file())
        self._again[cell] += stale
        return stale and self._again[cell] <= STALE

    def _count(self, cell: Cell, state: str, error: str | None) -> None:
        with self.changed:
            self.left -= cell.cost
            self.counts[cell.state] -= 1
            self.counts[state] += 1
            cell.state, cell.error = state, error

    def _kept(self, cell: Cell, image: GeneratedImage) -> Path | None:
        """Copy the picture to the output folder; never over a file that is not this very picture."""
        folder, names = self.plan.folder, self.plan.names
        if folder is None or names is None:
            return image.path
        stem = cell.name.removesuffix(".png")
        while folder.has(cell.name) and not folder.same(cell.name, image):
            cell.name = names.next_free(stem)
        path = folder.path / cell.name
        return path if path.exists() else image.save(path)

    def _tell(self, cell: Cell) -> None:
        with self.changed:
            self._ended.append(cell)
            self.ring()

    def _end(self) -> None:
        """Account for every cell, whatever happened."""
        why = "The batch was cancelled before its turn."
        if self.trouble is not None:
            why = f"The batch stopped: {self.trouble}"
        for cell in self.plan.cells:
            if cell.state == WAITING:
                job = self.flight.get(cell)
                cell.tries += job is not None and job.state != "succeeded"
                self._count(cell, "cancelled", why)
                self._tell(cell)
        folder = self.plan.folder
        if folder is not None:
            try:
                folder.rewrite(self.plan.cells, self.plan.earlier)
            except ZImageError as error:
                self.trouble = self.trouble or error
            finally:
                folder.close()
        with self.changed:
            self.flight.clear()
            self.done.set()
            callbacks, self._callbacks = self._callbacks, []
            self.ring()
        for callback in callbacks:
            callback()
