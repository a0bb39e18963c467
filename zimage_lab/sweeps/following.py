"""A sweep that is followed: how it stands, told at each change, waited for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeAlias

from zimage_lab.engine.events import Events
from zimage_lab.engine.pace import Progress, stage
from zimage_lab.engine.waiting import block, until
from zimage_lab.store.sweeps import Sweeps
from zimage_lab.sweeps.cells import Change
from zimage_lab.sweeps.cluster import Engines, Ray, machine
from zimage_lab.sweeps.ledger import Ledger
from zimage_lab.sweeps.plan import cost_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
    from pathlib import Path
    from typing import Self

    from PIL import Image

    from zimage_lab.engine.desk import Desk
    from zimage_lab.engine.job import Job
    from zimage_lab.store.sweeps import SweepRow
    from zimage_lab.sweeps.cell import Cell
    from zimage_lab.sweeps.cluster import WorkerLine
    from zimage_lab.sweeps.grid import Grid
    from zimage_lab.sweeps.work import Work

CANCEL_SECONDS = 30.0
"""How long an interrupted wait stays for the running pictures to stop at their next step."""

Index = tuple[int, ...]
Executor: TypeAlias = str | Ray | Engines | None


class Following(ABC):
    """What can be known of a sweep while it is made, and how to wait for it.

    Parameters
    ----------
    row
        The sweep in the store.
    grid
        Its cells.
    home
        The home folder.
    engine
        Who makes it; None loads one when it is needed.
    executor
        Where it is made, as `start` takes it.
    """

    def __init__(
        self, row: SweepRow, grid: Grid, home: Path, engine: Desk | None = None, executor: Executor = None
    ) -> None:
        self.id, self.name, self.home = row.id, row.name, home
        self._engine, self._ledger = engine, Ledger(grid)
        self._executor = executor
        self._bell = Events()
        self._measured: dict[tuple[str, str], float] = {}
        self._cost = sum(cost_of(grid)[1].values())
        self._work: Work | None = None

    @property
    @abstractmethod
    def cells(self) -> Sequence[Cell]:
        """Every cell, made when it is asked for, the last axis running fastest."""

    @abstractmethod
    def cancel(self) -> None:
        """Stop: what runs ends within a step, what waits is not begun, what is done stays. Harmless at the end."""

    @property
    def state(self) -> str:
        """What it does: running, paused, cancelled, done, or stopped: cells are missing, and nobody here makes them."""
        with Sweeps(self.home) as store:
            wish = store.wished(self.id)
        if wish == "pause" and self._ledger.left:
            return "paused"
        if not self.done:
            return "running"
        if self._ledger.left:
            return "cancelled" if wish == "cancel" else "stopped"
        return "cancelled" if self.counts.get("cancelled") else "done"

    @property
    def done(self) -> bool:
        """Whether nothing more will happen here."""
        return self._work is None or self._work.done.is_set()

    @property
    def workers(self) -> list[WorkerLine]:
        """A line for each worker, or each engine: name, device, state, cells, cells a minute, what it draws now."""
        lines: list[WorkerLine] | None = getattr(self._engine, "workers", None)
        return machine.lines(self.home, self.id) if lines is None else lines

    @property
    def counts(self) -> dict[str, int]:
        """Number of cells in each state, only states that occur."""
        return self._ledger.counts

    @property
    def progress(self) -> Progress:
        """How far it is: a sentence, cells that ended, of all, seconds left."""
        count, left = self._grid.count, self._ledger.left
        seconds = None if self._work is None or self.done else self._work.pace.left(self._cost * left // count)
        return Progress(stage(count - left, count, self.counts, seconds), count - left, count, seconds)

    @property
    def preview(self) -> Image.Image | None:
        """The latest preview of a picture that is being drawn, or None."""
        jobs = list(self._flight.values())
        return next((job.preview for job in jobs if job.state == "running" and job.preview is not None), None)

    def subscribe(self, changed: Callable[[Cell], None]) -> Callable[[], None]:
        """Call `changed` with each cell whose state, progress or preview changed, on a thread of its own.

        Who is slow is told the newest of each cell alone.

        Returns
        -------
        A function that ends the subscription.
        """
        return self._bell.subscribe(lambda event: changed(self.cells[self._grid.number(event.data["index"])]))

    def wait(self, timeout: float | None = None) -> Self:
        """Wait for the end; an interrupt of the kernel cancels the sweep.

        Parameters
        ----------
        timeout
            Longest wait in seconds; None waits for as long as it takes.

        Raises
        ------
        TimeoutError
            The sweep is not done yet; it goes on.
        ZImageError
            The sweep could not go on: the engine was stopped, the disk is full.
        """
        if self._work is not None:
            late = "The sweep is not done after {timeout:g} s; it goes on."
            block(self._work.done, timeout, cancel=self.cancel, late=late, patience=CANCEL_SECONDS)
        return self._outcome()

    def __await__(self) -> Generator[Any, None, Self]:
        yield from until(self.add_done_callback, self.cancel)
        return self._outcome()

    def __iter__(self) -> Iterator[Cell]:
        """Give each cell when it has ended; those that were made before come first."""
        position = 0
        while True:
            over = self.done  # asked first: what ended before is then in the list
            ended = self._ended_since(position)
            position += len(ended)
            yield from ended
            if over and not ended:
                break
            try:
                with self._ledger.changed:
                    if not self.done and position >= len(self._ledger.ended):
                        self._ledger.changed.wait(0.1)
            except KeyboardInterrupt:
                self.cancel()
                raise
        self._outcome()

    async def __aiter__(self) -> AsyncIterator[Cell]:
        """Give each cell when it has ended, and leave the kernel free meanwhile."""
        position = 0
        while True:
            change = Change(self._ledger, self.cancel)  # listens before it looks: nothing comes between
            over = self.done
            ended = self._ended_since(position)
            position += len(ended)
            for cell in ended:
                yield cell
            if over and not ended:
                break
            if not ended:
                await change
        self._outcome()

    def add_done_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback` once when the sweep is done, or now if it is."""
        if self._work is None:
            callback()
        else:
            self._work.add_done_callback(callback)

    @property
    def _grid(self) -> Grid:
        return self._ledger.grid

    @property
    def _flight(self) -> dict[Index, Job]:
        if self._work is None:
            return {}
        with self._ledger.changed:
            return dict(self._work.flight)

    def _tell(self, index: Index) -> None:
        self._bell.emit("cell", str(index), index=index)

    def _ended_since(self, position: int) -> list[Cell]:
        with self._ledger.changed:
            return [self.cells[number] for number in self._ledger.ended[position:]]

    def _outcome(self) -> Self:
        if self._work is not None and self._work.trouble is not None:
            raise self._work.trouble
        return self
