"""A sweep that is followed: how it stands, told at each change, waited for."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, TypeAlias

from zimage_lab.engine.events import Events
from zimage_lab.engine.gradual import Gradual
from zimage_lab.engine.pace import Progress, stage
from zimage_lab.store.sweeps import Sweeps
from zimage_lab.sweeps.cluster import Engines, Ray, machine
from zimage_lab.sweeps.ledger import Ledger
from zimage_lab.sweeps.plan import cost_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from PIL import Image

    from zimage_lab.engine.desk import Desk
    from zimage_lab.engine.job import Job
    from zimage_lab.store.gradual import Row
    from zimage_lab.sweeps.cell import Cell
    from zimage_lab.sweeps.cluster import WorkerLine
    from zimage_lab.sweeps.grid import Grid
    from zimage_lab.sweeps.work import Work

Index = tuple[int, ...]
Executor: TypeAlias = str | Ray | Engines | None


class Following(Gradual["Cell"]):
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

    KIND = "sweep"

    def __init__(self, row: Row, grid: Grid, home: Path, engine: Desk | None = None, executor: Executor = None) -> None:
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

    @property
    def _standing(self) -> Ledger:
        return self._ledger

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
