"""Where the axes of a sweep go on a flat page: one across, one down, and the others as blocks or pages."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zimage_lab.errors import InvalidRequest, shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zimage_lab.sweeps.axis import Axis

ACROSS = 24
"""Most columns, where the other way has fewer."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of axes.

    Attributes
    ----------
    shape
        Number of values on each axis.
    columns, rows
        Numbers of the axes across and down; None where there is none.
    further
        Numbers of the other axes, in their order.
    """

    shape: tuple[int, ...]
    columns: int | None
    rows: int | None
    further: tuple[int, ...]

    @property
    def width(self) -> int:
        """Number of columns."""
        return 1 if self.columns is None else self.shape[self.columns]

    @property
    def height(self) -> int:
        """Number of rows."""
        return 1 if self.rows is None else self.shape[self.rows]

    @property
    def blocks(self) -> Iterator[tuple[int, ...]]:
        """A place on each of the further axes, for each block."""
        yield from itertools.product(*(range(self.shape[axis]) for axis in self.further))

    def index(self, block: Sequence[int], row: int, column: int) -> tuple[int, ...]:
        """Give the index of the cell that stands there."""
        places = dict(zip(self.further, block, strict=True)) | {self.rows: row, self.columns: column}
        return tuple(places[axis] for axis in range(len(self.shape)))


def lay_out(axes: Sequence[Axis], columns: str | None = None, rows: str | None = None) -> Layout:
    """Choose which axis goes where: the last one across, as seeds are, the one before it down.

    Parameters
    ----------
    axes
        The sweep's.
    columns, rows
        Names of the axes to go there; None chooses.

    Raises
    ------
    InvalidRequest
        There is no axis of that name, or both name one.
    """
    across, down = _named("columns", columns, axes), _named("rows", rows, axes)
    if across is not None and across == down:
        field = "rows"
        raise InvalidRequest(field, rows, f"{shown(rows)} goes across already", "Name two axes.")
    # An axis of one value tells nothing, and would take the place of one that does.
    telling = [number for number, axis in enumerate(axes) if len(axis) > 1] or list(range(len(axes)))
    free = [number for number in telling if number not in {across, down}]
    chosen = (across, down)
    if across is None and free:
        across = free.pop()
    if down is None and free:
        down = free.pop()
    if chosen == (None, None) and across is not None and down is not None:
        wide, high = len(axes[across]), len(axes[down])
        across, down = (down, across) if wide > ACROSS and wide > high else (across, down)
    rest = tuple(number for number in range(len(axes)) if number not in {across, down})
    return Layout(tuple(len(axis) for axis in axes), across, down, rest)


def _named(field: str, name: str | None, axes: Sequence[Axis]) -> int | None:
    if name is None:
        return None
    wanted = "seed" if name == "seeds" else name
    found = next((number for number, axis in enumerate(axes) if axis.name == wanted), None)
    if found is None:
        fix = suggestion(name, [axis.name for axis in axes])
        raise InvalidRequest(field, name, f"{shown(name)} is no axis of this sweep", fix)
    return found
