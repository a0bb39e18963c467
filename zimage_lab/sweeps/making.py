"""A sweep that is made: paused, resumed, cancelled, extended, and its cells made again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.engine.gradual import CANCEL_SECONDS
from zimage_lab.engine.pace import Pace
from zimage_lab.runs import estimate
from zimage_lab.store.steering import Steering
from zimage_lab.store.sweeps import Sweeps, key
from zimage_lab.sweeps import executors
from zimage_lab.sweeps import grid as grids
from zimage_lab.sweeps.following import Executor, Following, Index
from zimage_lab.sweeps.ledger import Ledger
from zimage_lab.sweeps.plan import LIMIT, check, cost_of, extended
from zimage_lab.sweeps.work import Work

if TYPE_CHECKING:
    from typing import Self

    from zimage_lab.store.sweeps import CellRow


class Making(Following):
    """What can be done with a sweep while it is made, and after."""

    def pause(self) -> None:
        """Begin no more cells, in any process; what runs ends."""
        with Sweeps(self.home) as store, Steering(self.home) as line:
            store.wish(self.id, "pause")
            line.hold_all(self.id, paused=True)
        if self._work is not None:
            self._work.wake()

    def resume(self, *, executor: Executor = None) -> Self:
        """Go on: make what is missing, failed and cancelled cells too. What is made or in the queue is not made again.

        Parameters
        ----------
        executor
            Where the rest is made, as `start` takes it; None goes on where it was made. While it runs nothing changes.

        Raises
        ------
        InvalidRequest
            Its prompts were erased, or a model or LoRA of it is gone, or a worker differs from what is here.
        """
        check(self._grid, self.home)
        if self._work is not None and self._work.ending:
            self._work.done.wait(CANCEL_SECONDS)  # its cells are taken down as cancelled before they are tried again
        if executor is not None and self.done:
            self._engine, self._executor = executors.engine(executor, self.home, self._grid), executor
        with Sweeps(self.home) as store, Steering(self.home) as line:
            going = None
            if self.done:  # other processes may have made some of it since
                self._ledger = Ledger(self._grid)
                going = self._ledger.read(store.cells(self.id))
            self._ledger.open_again()
            store.wish(self.id, "run")
            line.hold_all(self.id, paused=False)
        return self._go(going)

    def cancel(self) -> None:
        """Stop: what runs ends within a step, what waits is not begun, what is done stays. Harmless at the end."""
        with Sweeps(self.home) as store, Steering(self.home) as line:
            if self._ledger.left:
                store.wish(self.id, "cancel")
            if self._work is not None:
                self._work.cancel()
            line.cancel_all(self.id)

    def extend(self, *, limit: int | None = LIMIT, **values: Any) -> Self:  # noqa: ANN401 - any field
        """Give axes further values; only the new cells are made: `sweep.extend(steps=[12], seeds=range(16, 32))`.

        Parameters
        ----------
        limit
            Most new cells; None lifts it.
        values
            Further values by the axis' name, as `start` takes them.

        Raises
        ------
        InvalidRequest
            One is no axis of the sweep, or a value cannot be; nothing was changed.
        """
        grid = extended(self._grid, values, self.home, limit)
        with Sweeps(self.home) as store:
            store.retell(self.id, grids.write(grid), grid.count)
            store.wish(self.id, "run")
        self._ledger.regrow(grid)
        self._cost = sum(cost_of(grid)[1].values())
        return self._go()

    def _go(self, going: list[CellRow] | None = None, first: Index | None = None) -> Self:
        """Have what waits be made, by whoever is at it here already or by a new thread.

        Parameters
        ----------
        going
            Its jobs that are in the queue; None looks.
        first
            The cell that is made first.
        """
        if self._work is not None and not self.done:
            if self._work.go_on(first):
                return self
            self._work.done.wait(CANCEL_SECONDS)  # it is ending: what it made is taken down first
        if (self._engine is None or self._engine.stopped) and self._executor is not None:
            self._engine = executors.engine(self._executor, self.home, self._grid)
        if self._engine is None or self._engine.stopped:
            from zimage_lab.engine import load

            self._engine = load(home=self.home)
        if going is None:
            with Sweeps(self.home) as store:
                going = [row for row in store.cells(self.id) if row.state in {"queued", "running"}]
        self._work = Work(
            self._engine, self.id, self._ledger, going=going, tell=self._tell, pace=Pace(self._seconds_known())
        )
        self._work.begin(first)
        return self

    def _seconds_known(self) -> float | None:
        one = estimate(self._grid.grounds[0], self.home)
        return None if one.seconds is None else one.seconds / one.pixel_steps

    def _rerun(self, index: Index) -> None:
        check(self._grid, self.home)
        job = self._flight.get(index)
        if job is not None and not job.done:
            return  # it is being made
        if self._ledger.state(index) != "waiting":
            self._ledger.retry(index)
        with Sweeps(self.home) as store:
            store.wish(self.id, "run")
        self._go(first=index)

    def _end_of(self, index: Index) -> dict[str, Any]:
        with Sweeps(self.home) as store:
            other = self._ledger.others.get(index)
            if other is not None:
                return store.ends([other]).get(other, {})
            return store.end(key(self.id, index, self._ledger.attempts.get(index, 0))) or {}
