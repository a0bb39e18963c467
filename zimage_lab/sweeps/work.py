"""The thread of a sweep: keeps a bounded number of its cells in the queue, and takes down how they end."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from zimage_lab.engine import together
from zimage_lab.engine.job import FINAL
from zimage_lab.errors import QueueFull, ZImageError
from zimage_lab.store.steering import Steering
from zimage_lab.store.sweeps import Sweeps, key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zimage_lab.engine.desk import Desk
    from zimage_lab.engine.events import Event
    from zimage_lab.engine.job import Job
    from zimage_lab.engine.pace import Pace
    from zimage_lab.store.sweeps import CellRow
    from zimage_lab.sweeps.ledger import Ledger

LOG = logging.getLogger(__name__)

Index = tuple[int, ...]

WINDOW = 128
"""Most cells of a sweep in the queue at one time: several engines find full batches, and others' jobs find room."""

CHUNK = 64
"""Cells that are put into the queue at once, in one commit; there is room for so many before any more are put."""

LOOK_SECONDS = 0.5
"""Seconds between two looks at what somebody, perhaps in another process, wishes of the sweep."""

RETRY_SECONDS = 5.0
"""Longest pause before a full queue is asked again."""


class Work:
    """A sweep being made, until nothing of it is left to do.

    Parameters
    ----------
    engine
        Who makes it.
    sweep_id
        UUID of the sweep.
    ledger
        How its cells stand.
    going
        Jobs of it that are in the queue already.
    tell
        Called with the place of each cell that changed.
    pace
        Seconds for each pixel-step, as far as they are known.

    Attributes
    ----------
    flight
        Jobs of the cells that are in the queue.
    done
        Set at the end.
    trouble
        Why the sweep could not go on, or None.
    """

    def __init__(
        self,
        engine: Desk,
        sweep_id: str,
        ledger: Ledger,
        *,
        going: list[CellRow],
        tell: Callable[[Index], None],
        pace: Pace,
    ) -> None:
        self.flight: dict[Index, Job] = {}
        self.done = threading.Event()
        self.trouble: Exception | None = None
        self.pace = pace
        self._engine, self._id, self._ledger, self._tell = engine, sweep_id, ledger, tell
        self._places: dict[str, Index] = {}
        self._callbacks: list[Callable[[], None]] = []
        self._events: queue.SimpleQueue[tuple[Index, Job] | None] = queue.SimpleQueue()
        self._turns: Iterator[int] = iter(())
        self._again: deque[Index] = deque()
        self._wish, self._looked = "run", 0.0
        self._cancelled = self._over = False
        for row in going:
            self._follow(row.index, engine.job(row.job_id))

    def begin(self, first: Index | None = None) -> None:
        """Start, with the cell at `first` where one is given."""
        self.go_on(first)
        threading.Thread(target=self._run, name="zimage-lab-sweep", daemon=True).start()

    def go_on(self, first: Index | None = None) -> bool:
        """Go through the cells anew: more of them wait. False where it is ending, so that another one must begin."""
        with self._ledger.changed:
            if self._over or self._cancelled:
                return False
            ground = self._ledger.grid.grounds[0]
            # Where a row of seeds fills a batch by itself, prompts need not stand close to each other.
            seeds = next((len(axis) for axis in self._ledger.grid.axes if axis.kind == "seed"), 1)
            fills = seeds >= together.most(ground, str(getattr(self._engine, "device", "cpu")))
            self._turns = self._ledger.grid.turns(together=not fills)
            if first is not None:
                self._again.append(first)
        self.wake()
        return True

    @property
    def ending(self) -> bool:
        """Whether it makes no more cells."""
        return self._over or self._cancelled

    def wake(self) -> None:
        """Look at once at what is to do."""
        self._looked = 0.0
        self._events.put(None)

    def add_done_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback` once at the end, or now if it is over."""
        with self._ledger.changed:
            if not self.done.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def cancel(self) -> None:
        """Stop what this process knows of: the queue is told by whoever calls this."""
        self._wish, self._cancelled = "cancel", True
        with self._ledger.changed:
            jobs = list(self.flight.values())
        for job in jobs:
            if job.state == "running":
                job.cancel()
        self.wake()

    def _run(self) -> None:
        unsubscribe = self._engine.events.subscribe(self._heard)
        try:
            with Sweeps(self._engine.home) as store, Steering(self._engine.home) as line:
                self._go(store, line)
        except Exception as error:
            if not isinstance(error, ZImageError):
                LOG.exception("The sweep ended by an error of its own")
            self.trouble = error
        finally:
            unsubscribe()
            self._end()

    def _go(self, store: Sweeps, line: Steering) -> None:
        while True:
            if not self._cancelled and time.monotonic() - self._looked >= LOOK_SECONDS:
                self._looked, self._wish = time.monotonic(), store.wished(self._id)
            pause = self._fill(store, line) if self._wish == "run" else LOOK_SECONDS
            with self._ledger.changed:  # nobody adds cells between the last look and the end
                nothing = self._wish == "cancel" or (self._wish == "run" and not self._more())
                if nothing and not self.flight:
                    self._over = True
                    break
            try:
                event = self._events.get(timeout=pause)
            except queue.Empty:
                continue
            if event is not None:
                self._settle(*event)

    def _obey(self, store: Sweeps, line: Steering) -> bool:
        """See whether it was paused or cancelled while cells were put; then they wait, or end, like the rest."""
        self._looked, self._wish = time.monotonic(), "cancel" if self._cancelled else store.wished(self._id)
        if self._wish == "pause":
            line.hold_all(self._id, paused=True)
        elif self._wish == "cancel":
            line.cancel_all(self._id)
        return self._wish == "run"

    def _fill(self, store: Sweeps, line: Steering) -> float:
        """Put cells into the queue while there is room; gives the pause after which to look again."""
        while len(self.flight) <= WINDOW - CHUNK:
            chunk = self._next(CHUNK)
            if not chunk:
                break
            while not self._submit(chunk):
                if len(chunk) == 1:
                    self._again.extendleft(reversed(chunk))
                    return RETRY_SECONDS
                half = len(chunk) // 2  # the queue is nearly full: a part may fit
                self._again.extendleft(reversed(chunk[half:]))
                chunk = chunk[:half]
            if not self._obey(store, line):
                break
        return LOOK_SECONDS

    def _next(self, most: int) -> list[Index]:
        chunk: list[Index] = []
        with self._ledger.changed:
            while len(chunk) < most:
                if self._again:
                    index = self._again.popleft()
                elif (number := next(self._turns, None)) is not None:
                    index = self._ledger.grid.index(number)
                else:
                    break
                if self._ledger.state(index) == "waiting" and index not in self.flight and index not in chunk:
                    chunk.append(index)
        return chunk

    def _more(self) -> bool:
        """Whether a cell still waits; taken from the line, it goes to its front."""
        chunk = self._next(1)
        self._again.extendleft(chunk)
        return bool(chunk)

    def _submit(self, chunk: list[Index]) -> bool:
        """Put cells into the queue, all or none; False where it is too full."""
        attempts = self._ledger.attempts
        keys = [key(self._id, index, attempts.get(index, 0)) for index in chunk]
        requests = [self._ledger.grid.request(index) for index in chunk]
        try:
            jobs = self._engine.submit_many(requests, keys, parent_id=self._id, source="sweep")
        except QueueFull:
            return False
        for index, job in zip(chunk, jobs, strict=True):
            self._follow(index, job)
        return True

    def _follow(self, index: Index, job: Job) -> None:
        with self._ledger.changed:
            self.flight[index] = job
            self._places[job.id] = index
            if job.state not in FINAL:
                self._ledger.put(index, job.state)
        self._tell(index)
        job.add_done_callback(lambda: self._events.put((index, job)))

    def _settle(self, index: Index, job: Job) -> None:
        """Take down the end of a cell."""
        if job.state == "succeeded":
            spent = job.result().record.seconds
            self.pace.ended(job.request.cost, sum(s for stage, s in spent.items() if stage != "load"), time.monotonic())
        with self._ledger.changed:
            self.flight.pop(index, None)
            self._places.pop(job.id, None)
            self._ledger.put(index, job.state)
        self._tell(index)

    def _heard(self, event: Event) -> None:
        """Pass on what the engine tells of a cell's job; its end is passed on when it is taken down."""
        index = self._places.get(event.job)
        if index is None:
            return
        if event.kind == "state":
            state = str(event.data.get("state"))
            if state in FINAL:
                return
            with self._ledger.changed:
                job = self.flight.get(index)
                if job is not None and not job.done:
                    self._ledger.put(index, state)
        self._tell(index)

    def _end(self) -> None:
        with self._ledger.changed:
            self.flight.clear()
            self._places.clear()
            self.done.set()
            callbacks, self._callbacks = self._callbacks, []
            self._ledger.ring()
        for callback in callbacks:
            callback()
