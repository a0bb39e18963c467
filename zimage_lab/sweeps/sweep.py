"""A sweep as a person holds it: started at once, waited for, looked at, paused, extended, saved by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence

    from zimage_lab.engine.desk import Desk
    from zimage_lab.sweeps.axis import Axis
    from zimage_lab.sweeps.cell import Cell


class Sweep:
    """Pictures along axes, being made.

    Attributes
    ----------
    id
        UUID of the sweep: the `parent_id` of its jobs and records.
    name
        Its name in the home.
    axes
        The axes in the order they were given, the seeds last.
    """

    id: str
    name: str
    axes: tuple[Axis, ...]

    @classmethod
    def load(cls, name: str, *, engine: Desk | None = None, home: str | os.PathLike[str] | None = None) -> Sweep:
        """Find a sweep of the home by its name or id, as it is now; `resume()` makes what is missing."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values on each axis."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def cells(self) -> Sequence[Cell]:
        """Every cell, made when it is asked for, the last axis running fastest."""
        raise NotImplementedError

    def cell(self, *index: int) -> Cell:
        """Give the cell at a place on each axis."""
        raise NotImplementedError

    @property
    def state(self) -> str:
        """Running, paused, cancelled, done, or stopped: something is missing, and nobody here makes it."""
        raise NotImplementedError

    @property
    def done(self) -> bool:
        """Whether nothing more will happen here."""
        raise NotImplementedError

    @property
    def counts(self) -> dict[str, int]:
        """Number of cells in each state, only states that occur."""
        raise NotImplementedError

    def subscribe(self, changed: Callable[[Cell], None]) -> Callable[[], None]:
        """Call `changed` with each cell whose state, progress or preview changed, on a thread of its own.

        Returns
        -------
        A function that ends the subscription.
        """
        raise NotImplementedError

    def wait(self, timeout: float | None = None) -> Sweep:
        """Wait for the end; an interrupt of the kernel cancels the sweep."""
        raise NotImplementedError

    def __await__(self) -> Generator[Any, None, Sweep]:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Cell]:
        """Give each cell when it has ended; those that were made before come first."""
        raise NotImplementedError

    def __aiter__(self) -> AsyncIterator[Cell]:
        """Give each cell when it has ended, and leave the kernel free meanwhile."""
        raise NotImplementedError

    def pause(self) -> None:
        """Begin no more cells; what runs ends."""
        raise NotImplementedError

    def resume(self) -> Sweep:
        """Go on: make what is missing, failed and cancelled cells too; nothing is made twice."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Stop: what runs ends within a step, what waits is not begun, what is done stays."""
        raise NotImplementedError

    def extend(self, **values: object) -> Sweep:
        """Give axes further values; only the new cells are made."""
        raise NotImplementedError

    def where(self, **values: object) -> list[Cell]:
        """List the cells with these values: `sweep.where(steps=8, cat="dog")`; a list takes any of its values."""
        raise NotImplementedError

    def frame(self) -> Any:  # noqa: ANN401 - a pandas.DataFrame, which has no types
        """Give the results as they are now, as a pandas data frame, a row for each cell."""
        raise NotImplementedError

    def metrics(self, *names: str) -> Any:  # noqa: ANN401 - a pandas.DataFrame
        """Measure the pictures: "sharpness" and "accuracy" of each cell, "diversity" of each row of seeds."""
        raise NotImplementedError
