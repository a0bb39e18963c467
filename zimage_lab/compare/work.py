"""The thread of a comparison: one picture at a time, the models in turn, the device to itself as far as may be."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from typing import TYPE_CHECKING

from zimage_lab.compare import matching
from zimage_lab.errors import QueueFull, ZImageError
from zimage_lab.store.comparisons import Comparisons, key
from zimage_lab.store.reservations import SECONDS, Reservations
from zimage_lab.store.steering import Steering

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.compare.cells import Cells
    from zimage_lab.compare.plan import Plan
    from zimage_lab.engine.desk import Desk
    from zimage_lab.engine.job import Job
    from zimage_lab.recipe import RunRecord
    from zimage_lab.request import GenerationRequest
    from zimage_lab.store.comparisons import Index

LOG = logging.getLogger(__name__)

SOURCE = "compare"
"""As the engine knows it: pictures of this source are measured (`engine.meter`)."""

LOOK_SECONDS = 0.5
RETRY_SECONDS = 5.0


class Stopped(Exception):  # noqa: N818 - no error: somebody wished it
    """It was cancelled."""


class Work:
    """A comparison being made.

    Parameters
    ----------
    engine
        Who makes the pictures.
    comparison_id
        UUID of the comparison.
    plan
        What is made; a new one, with the steps settled, is told through `settled`.
    cells
        How the cells stand.
    settled
        Called with the settled plan.
    measured
        Called at the end, when the device is free again: what takes no device is measured then.
    """

    def __init__(
        self,
        engine: Desk,
        comparison_id: str,
        plan: Plan,
        cells: Cells,
        *,
        settled: Callable[[Plan], None],
        measured: Callable[[], None],
    ) -> None:
        self.done = threading.Event()
        self.trouble: Exception | None = None
        self.job: Job | None = None
        self._engine, self._id, self._plan, self._cells = engine, comparison_id, plan, cells
        self._settled, self._measured = settled, measured
        # The engine's own name where it serves this process alone, else the device's.
        self._device = engine._pin or str(getattr(engine, "device", "cpu"))  # noqa: SLF001 - of the engine's kind
        self._names = {self._device, str(getattr(engine, "device", "cpu"))}
        self._warm: set[int] = set()
        self._resident: set[str] = set()
        self._looked = self._held = 0.0
        self._cancelled = False
        self._callbacks: list[Callable[[], None]] = []

    def begin(self) -> None:
        """Start."""
        threading.Thread(target=self._run, name="zimage-lab-compare", daemon=True).start()

    def cancel(self) -> None:
        """Stop within a step."""
        self._cancelled = True
        if self.job is not None:
            self.job.cancel()

    def add_done_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback` once at the end, or now if it is over."""
        with self._cells.changed:
            if not self.done.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def _run(self) -> None:
        try:
            with Comparisons(self._engine.home) as store, Reservations(self._engine.home) as reservations:
                try:
                    self._go(store, reservations)
                finally:
                    reservations.let_go(self._id)
            self._measured()
        except Stopped:
            pass
        except Exception as error:
            if not isinstance(error, ZImageError):
                LOG.exception("The comparison ended by an error of its own")
            self.trouble = error
        finally:
            with self._cells.changed:
                self.done.set()
                callbacks, self._callbacks = self._callbacks, []
                self._cells.ring()
            for callback in callbacks:
                callback()

    def _go(self, store: Comparisons, reservations: Reservations) -> None:
        self._wait(store, reservations)
        if not self._plan.settled:
            self._settle(store, reservations)
        # A cell that ended without a picture was opened anew by whoever resumed; here each is tried once.
        for index in list(self._plan.order()):
            if self._cells.state(index) != "waiting" and index not in self._cells.going:
                continue
            self._wait(store, reservations)
            self._warm_up(index, store, reservations)
            attempt = self._cells.attempt(index)
            job = self._submit(self._plan.request(index), key(self._id, index, attempt), store, reservations)
            self._cells.put(index, "running")
            self._follow(job, store, reservations)
            self._cells.end(index, job)
            self._look_round()

    def _settle(self, store: Comparisons, reservations: Reservations) -> None:
        """Find the steps with which all take about the same time."""
        trials: dict[int, list[tuple[int, float]]] = {}
        for number, contestant in enumerate(self._plan.contestants):
            trials[number] = []
            for steps in matching.trials(contestant.ground.steps):
                request = self._plan.request((0, 0, number, 0)).replace(steps=steps)
                for _ in range(max(1, self._plan.protocol.warm_up) if not trials[number] else 0):
                    self._extra(request, store, reservations)
                # A picture warms up its number of steps; what counts is the second one.
                record = self._extra(request, store, reservations)
                trials[number].append((steps, drawing(record)))
        chosen, notes = matching.steps(self._plan, trials, self._engine.home)
        self._plan = self._plan.with_steps(chosen, notes)
        self._settled(self._plan)
        self._warm.clear()

    def _warm_up(self, index: Index, store: Comparisons, reservations: Reservations) -> None:
        """Warm a model up where it was not yet, or was loaded anew since: it may have left for another one."""
        number = index[2]
        model = self._plan.contestants[number].model
        held = {str(one["id"]) for one in self._engine.status()["models"]}
        left = model in self._resident and model not in held
        if number in self._warm and not left:
            return
        if left:  # every setting of this model is as cold
            self._warm = {one for one in self._warm if self._plan.contestants[one].model != model}
        for _ in range(self._plan.protocol.warm_up):
            self._extra(self._plan.request(index), store, reservations)
        self._warm.add(number)
        self._look_round()

    def _look_round(self) -> None:
        self._resident |= {str(one["id"]) for one in self._engine.status()["models"]}

    def _extra(self, request: GenerationRequest, store: Comparisons, reservations: Reservations) -> RunRecord:
        """Make a picture that is not measured; what goes wrong with it would go wrong with all."""
        job = self._submit(request, f"compare/{self._id}/warm/{uuid.uuid4()}", store, reservations, name="warm-up")
        self._follow(job, store, reservations)
        if job.state == "cancelled":
            raise Stopped
        return job.result(0).record

    def _submit(
        self,
        request: GenerationRequest,
        job_key: str,
        store: Comparisons,
        reservations: Reservations,
        name: str | None = None,
    ) -> Job:
        while True:
            try:
                return self._engine.submit(
                    request, key=job_key, parent_id=self._id, name=name, source=SOURCE, pin=self._device
                )
            except QueueFull as error:
                end = time.monotonic() + min(error.retry_after, RETRY_SECONDS)
                while time.monotonic() < end:
                    self._wait(store, reservations)
                    time.sleep(LOOK_SECONDS)

    def _follow(self, job: Job, store: Comparisons, reservations: Reservations) -> None:
        """Wait for the end of a job."""
        self.job = job
        try:
            while not job.wait(LOOK_SECONDS):
                self._hold(reservations)
                if self._cancelled or store.wished(self._id) == "cancel":
                    self._cancelled = True
                    job.cancel()
        finally:
            self.job = None
        self._engine._look()  # noqa: SLF001 - a job's end may be known before the queue's other events

    def _wait(self, store: Comparisons, reservations: Reservations) -> None:
        """Go on when nobody wishes otherwise and the device is ours."""
        now = time.monotonic()
        if not self._cancelled and now - self._looked < LOOK_SECONDS and now - self._held < SECONDS / 4:
            return
        while True:
            self._looked = time.monotonic()
            wish = "cancel" if self._cancelled else store.wished(self._id)
            if wish == "cancel":
                with Steering(self._engine.home) as line:
                    line.cancel_all(self._id)
                raise Stopped
            if wish == "run" and self._hold(reservations):
                return
            if wish == "pause" and self._held:
                reservations.let_go(self._id)
                self._held = 0.0
            time.sleep(LOOK_SECONDS)

    def _hold(self, reservations: Reservations) -> bool:
        """Reserve the device, or renew that; False where another comparison has it."""
        if self._plan.protocol.exclusive and time.monotonic() - self._held >= SECONDS / 4:
            if not all(reservations.hold(name, self._id) for name in sorted(self._names)):
                return False
            self._held = time.monotonic()
        return True


def drawing(record: RunRecord) -> float:
    """Give the seconds that a picture took, without the reading of weights."""
    return sum(seconds for stage, seconds in record.seconds.items() if stage != "load")
