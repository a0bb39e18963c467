"""A sweep as a person holds it: waited for, looked at, paused, extended, and found again by its name."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from zimage_lab import home as homes
from zimage_lab import labels as labelling
from zimage_lab.engine import live
from zimage_lab.engine.events import Events
from zimage_lab.engine.pace import Pace, Progress, stage, told
from zimage_lab.engine.waiting import block, until
from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.runs import estimate
from zimage_lab.store.steering import Steering
from zimage_lab.store.sweeps import Sweeps, key
from zimage_lab.sweeps import executors, figures, view
from zimage_lab.sweeps import grid as grids
from zimage_lab.sweeps.cell import Cell
from zimage_lab.sweeps.cells import Cells, Change
from zimage_lab.sweeps.cluster import Engines, Ray, machine
from zimage_lab.sweeps.ledger import Ledger
from zimage_lab.sweeps.plan import LIMIT, check, cost_of, extended
from zimage_lab.sweeps.work import Work

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Sequence

    from PIL import Image

    from zimage_lab.engine.desk import Desk
    from zimage_lab.engine.job import Job
    from zimage_lab.store.sweeps import CellRow, SweepRow
    from zimage_lab.sweeps.axis import Axis
    from zimage_lab.sweeps.board import Board
    from zimage_lab.sweeps.board.colours import Theme
    from zimage_lab.sweeps.cluster import WorkerLine
    from zimage_lab.sweeps.grid import Grid
    from zimage_lab.sweeps.saving import Saved

CANCEL_SECONDS = 30.0
"""How long an interrupted wait stays for the running pictures to stop at their next step."""

Index = tuple[int, ...]
Executor: TypeAlias = str | Ray | Engines | None


class Sweep:
    """Pictures along axes, being made.

    Wait with `wait()` in a cell or `await` in an asynchronous one, go through the cells as they end with `for` or
    `async for`, look at `frame()` at any time. Dropping the object stops nothing.

    Attributes
    ----------
    id
        UUID of the sweep: the `parent_id` of its jobs and records.
    name
        Its name in the home.
    home
        The home folder.
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

    @classmethod
    def load(
        cls, name: str | os.PathLike[str], *, engine: Desk | None = None, home: str | os.PathLike[str] | None = None
    ) -> Sweep:
        """Find a sweep of the home by its name or id, as it is now; `resume()` makes what is missing.

        Parameters
        ----------
        name
            Name or id, or a contact sheet that `save` wrote as PNG: the sweep of this home that it shows, or else a new
            one with its axes, of which nothing is made before `resume()`.
        engine
            Who shall make what is missing; None loads one when it is needed.
        home
            The home folder; None takes the engine's, or the usual one.

        Raises
        ------
        InvalidRequest
            There is no such sweep, or the picture holds none.
        """
        place = homes.home(home) if engine is None or home is not None else engine.home
        name = os.fspath(name) if isinstance(name, os.PathLike) else name
        file = Path(name).expanduser() if isinstance(name, str) and name.lower().endswith(".png") else None
        if file is not None and file.is_file():
            from zimage_lab.sweeps import inside

            name = inside.kept(inside.read(file), place).id
        with Sweeps(place) as store:
            row = store.get(name)
            found = cls(row, grids.read(row.told), place, engine)
            found._ledger.read(store.cells(row.id))
        return found

    def __repr__(self) -> str:
        sides = " x ".join(f"{len(axis)} {axis.name}" for axis in self.axes)
        return f"Sweep({self.name!r}, {sides or 'one picture'}: {told(self.counts)})"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:  # noqa: ANN401 - IPython's signature
        return {"text/plain": repr(self), "text/html": view.page(self)}

    def _ipython_display_(self) -> None:
        shown_: Any = self  # follows whatever has a job's progress, preview and end
        live.follow(shown_)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes in the order they were given, the seeds last."""
        return self._grid.axes

    @property
    def shape(self) -> Index:
        """Number of values on each axis."""
        return self._grid.shape

    @property
    def cells(self) -> Sequence[Cell]:
        """Every cell, made when it is asked for, the last axis running fastest."""
        return Cells(self, self._grid)

    def cell(self, *index: int) -> Cell:
        """Give the cell at a place on each axis; negative ones count from the end."""
        if len(index) != len(self.shape) or not all(-n <= i < n for i, n in zip(index, self.shape, strict=True)):
            field, what = "index", f"{shown(index)} is no place in a sweep of {shown(self.shape)} values"
            raise InvalidRequest(field, index, what, "Give a place on each axis, from 0.")
        return Cell(self, tuple(place % length for place, length in zip(index, self.shape, strict=True)))

    @property
    def state(self) -> str:
        """What it does: running, paused, cancelled, done, or stopped: cells are missing, and nobody here makes them."""
        with Sweeps(self.home) as store:
            wish = store.wished(self.id)
        if wish == "pause" and self._ledger.left:
            return "paused"
        if not self.done:
            return "running"
        return "done" if not self._ledger.left else "cancelled" if wish == "cancel" else "stopped"

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
        return self._bell.subscribe(lambda event: changed(Cell(self, event.data["index"])))

    def wait(self, timeout: float | None = None) -> Sweep:
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

    def __await__(self) -> Generator[Any, None, Sweep]:
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

    def pause(self) -> None:
        """Begin no more cells, in any process; what runs ends."""
        with Sweeps(self.home) as store, Steering(self.home) as line:
            store.wish(self.id, "pause")
            line.hold_all(self.id, paused=True)
        if self._work is not None:
            self._work.wake()

    def resume(self, *, executor: Executor = None) -> Sweep:
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

    def extend(self, *, limit: int | None = LIMIT, **values: Any) -> Sweep:  # noqa: ANN401 - any field
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
            store.extend(self.id, grids.write(grid), grid.count)
            store.wish(self.id, "run")
        self._ledger.regrow(grid)
        self._cost = sum(cost_of(grid)[1].values())
        return self._go()

    def where(self, *, state: str | None = None, **values: Any) -> list[Cell]:  # noqa: ANN401 - values of any axis
        """List the cells with these values: `sweep.where(steps=8, cat=["dog", "fish"])`.

        Parameters
        ----------
        state
            Only cells in this state.
        values
            A value, or several of which any will do, by the axis' name.
        """
        places: list[Sequence[int]] = [range(length) for length in self.shape]
        for name, value in values.items():
            number, chosen = view.chosen(self.axes, name, value)
            places[number] = chosen
        cells = (Cell(self, index) for index in itertools.product(*places))
        return [cell for cell in cells if state is None or cell.state == state]

    def frame(self) -> Any:  # noqa: ANN401 - a pandas.DataFrame, which has no types
        """Give the results as they are now, as a pandas data frame, a row for each cell.

        Columns are the axes, then seed (where it is no axis), state, seconds, path, record_id, error, favourite, tags
        and picture: the cell, whose `image` is read when it is asked for.
        """
        return view.frame(self)

    def metrics(self, *names: str | Callable[[Image.Image], float], per: str | None = None) -> Any:  # noqa: ANN401 - a data frame
        """Measure the pictures that are there.

        Parameters
        ----------
        names
            "sharpness", "accuracy" (1 where the miniature's judge sees what the prompt asks for, missing where it
            cannot tell), "diversity" (mean distance of a row's seeds, two by two), or your own function of a picture.
        per
            "cell" for a row of the frame each, "row" for all seeds of one combination together, with the means of what
            is measured of each cell. None is "row" where diversity is asked for.

        Returns
        -------
        A pandas data frame: the axes, and a column for each metric.
        """
        return figures.measured(self, names, per)

    def sheet(self, *, columns: str | None = None, rows: str | None = None, thumbnail: int = 256) -> Image.Image:
        """Draw all pictures on one, with labels for the axes; parameters as for `sweeps.sheet.contact_sheet`."""
        from zimage_lab.sweeps import sheet

        return sheet.contact_sheet(self, columns=columns, rows=rows, thumbnail=thumbnail)

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        labels: Iterable[str] = labelling.DEFAULT,
        **options: Any,  # noqa: ANN401 - those of what is written
    ) -> Saved:
        """Write it as one picture, as one page, or as a folder of pictures.

        Parameters
        ----------
        path
            A name that ends in `.png` (a contact sheet with the axes inside, from which `load` finds them again),
            `.jpg`, `.webp` (the same without), or `.html` (a page that works without a network and on a phone). A
            folder, with `/` behind its name, gets every picture and a table, `sweep.csv`. A file that is there is
            replaced whole.
        labels
            AI labels, as `GeneratedImage.save` takes them.
        options
            `columns` and `rows`, names of the axes that go across and down; `thumbnail`, longest edge of a picture on
            the sheet; `pixels`, the same in the page.

        Returns
        -------
        What was written: its path, pictures and bytes.

        Raises
        ------
        InvalidRequest
            The name or an option cannot be.
        StoreError
            The disk is full, or cannot be written.
        """
        from zimage_lab.sweeps import saving

        return saving.save(self, path, labels=labels, **options)

    def grid(
        self,
        *,
        columns: str | None = None,
        rows: str | None = None,
        theme: Theme = "auto",
        language: str | None = None,
    ) -> Board:
        """Give a live board of the pictures: they appear as they are made, and are zoomed, moved, hidden and marked.

        Parameters
        ----------
        columns, rows
            Names of the axes that run across and down; None takes the last one and the one before it. The others are
            pages.
        theme
            "auto" follows JupyterLab, or "light" or "dark".
        language
            "en" or "zh"; None takes the environment's.

        Returns
        -------
        An ipywidgets widget. A viewer without a kernel shows the contact sheet instead.
        """
        from zimage_lab.sweeps.board import Board

        return Board(self, columns=columns, rows=rows, theme=theme, language=language)

    @property
    def _grid(self) -> Grid:
        return self._ledger.grid

    @property
    def _flight(self) -> dict[Index, Job]:
        if self._work is None:
            return {}
        with self._ledger.changed:
            return dict(self._work.flight)

    def _go(self, going: list[CellRow] | None = None, first: Index | None = None) -> Sweep:
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

    def _tell(self, index: Index) -> None:
        self._bell.emit("cell", str(index), index=index)

    def _ended_since(self, position: int) -> list[Cell]:
        with self._ledger.changed:
            return [Cell(self, self._grid.index(number)) for number in self._ledger.ended[position:]]

    def _end_of(self, index: Index) -> dict[str, Any]:
        with Sweeps(self.home) as store:
            other = self._ledger.others.get(index)
            if other is not None:
                return store.ends([other]).get(other, {})
            return store.end(key(self.id, index, self._ledger.attempts.get(index, 0))) or {}

    def _outcome(self) -> Sweep:
        if self._work is not None and self._work.trouble is not None:
            raise self._work.trouble
        return self
