"""Where each cell of a sweep stands on its board: two axes seen at a time, the others as pages, some values hidden."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zimage_lab.sweeps.axis import Axis

Index = tuple[int, ...]
Place = tuple[int, int]

LANDSCAPE = 1.8
"""How much wider than high a board is on which a single axis goes on in the next row."""

ONE_ROW = 8
"""Values of a single axis up to which it stays in one row."""


@dataclass(frozen=True)
class Layout:
    """What is seen of a sweep, and where.

    Attributes
    ----------
    axes
        The sweep's axes.
    columns, rows
        Numbers of the axes that run across and down; None for none.
    turned
        For each other axis the place of its value on the page that is seen, by the axis' number.
    hidden
        Values that are not shown: number of the axis, and place on it.
    """

    axes: tuple[Axis, ...]
    columns: int | None
    rows: int | None
    turned: tuple[tuple[int, int], ...] = ()
    hidden: frozenset[Place] = field(default_factory=frozenset)

    @cached_property
    def wraps(self) -> bool:
        """Whether a single axis goes on in the next row."""
        return self.rows is None and len(self._across) > ONE_ROW

    @cached_property
    def across(self) -> int:
        """Number of columns."""
        if not self.wraps:
            return len(self._across)
        return min(len(self._across), math.ceil(math.sqrt(len(self._across) * LANDSCAPE)))

    @cached_property
    def down(self) -> int:
        """Number of rows."""
        return math.ceil(len(self._across) / self.across) if self.wraps and self.across else len(self._down)

    def index(self, row: int, column: int) -> Index | None:
        """Give the cell that stands somewhere, or None where none does."""
        if not (0 <= row < self.down and 0 <= column < self.across):
            return None
        if self.wraps:
            row, column = 0, row * self.across + column
            if column >= len(self._across):
                return None
        places = dict(self.turned)
        if self.columns is not None:
            places[self.columns] = self._across[column]
        if self.rows is not None:
            places[self.rows] = self._down[row]
        return tuple(places.get(number, 0) for number in range(len(self.axes)))

    def place(self, index: Index) -> Place | None:
        """Give the row and column of a cell, or None where it is not seen."""
        if len(index) != len(self.axes) or any(index[number] != place for number, place in self.turned):
            return None
        column = 0 if self.columns is None else self._column_of.get(index[self.columns])
        row = 0 if self.rows is None else self._row_of.get(index[self.rows])
        if row is None or column is None:
            return None
        return divmod(column, self.across) if self.wraps else (row, column)

    def column_label(self, column: int) -> str:
        """Give what stands above a column."""
        if self.columns is None or self.wraps:
            return ""
        return self.axes[self.columns].label(self._across[column])

    def row_label(self, row: int) -> str:
        """Give what stands before a row: of a single axis that goes on, its first value there."""
        if self.wraps and self.columns is not None:
            return self.axes[self.columns].label(self._across[row * self.across])
        return "" if self.rows is None else self.axes[self.rows].label(self._down[row])

    @property
    def pages(self) -> int:
        """Number of pages."""
        return math.prod(len(self.axes[number]) for number, _ in self.turned)

    @property
    def page(self) -> int:
        """Number of the page that is seen, from 0."""
        number = 0
        for axis, place in self.turned:
            number = number * len(self.axes[axis]) + place
        return number

    def turn(self, page: int) -> Layout:
        """Give the same with another page."""
        page %= self.pages
        turned = []
        for axis, _ in reversed(self.turned):
            page, place = divmod(page, len(self.axes[axis]))
            turned.append((axis, place))
        return replace(self, turned=tuple(reversed(turned)))

    def hide(self, axis: int | None, place: int) -> Layout:
        """Give the same without a row or a column; the last one stays."""
        seen = self._across if axis == self.columns else self._down
        return self if axis is None or len(seen) < 2 else replace(self, hidden=self.hidden | {(axis, place)})  # noqa: PLR2004

    def with_axes(self, columns: int | None, rows: int | None) -> Layout:
        """Give the same with other axes across and down."""
        places = dict(self.turned)
        others = (number for number in range(len(self.axes)) if number not in {columns, rows})
        hidden = frozenset(one for one in self.hidden if one[0] in {columns, rows})
        return Layout(self.axes, columns, rows, tuple((axis, places.get(axis, 0)) for axis in others), hidden)

    def show_all(self) -> Layout:
        """Give the same with everything that was hidden."""
        return replace(self, hidden=frozenset())

    def regrown(self, axes: tuple[Axis, ...]) -> Layout:
        """Give the same for axes that have further values by now."""
        return replace(self, axes=axes)

    @cached_property
    def _across(self) -> Sequence[int]:
        return self._seen(self.columns)

    @cached_property
    def _down(self) -> Sequence[int]:
        return self._seen(self.rows)

    @cached_property
    def _column_of(self) -> dict[int, int]:
        return {place: number for number, place in enumerate(self._across)}

    @cached_property
    def _row_of(self) -> dict[int, int]:
        return {place: number for number, place in enumerate(self._down)}

    def _seen(self, axis: int | None) -> Sequence[int]:
        if axis is None:
            return (0,)
        if not self.hidden:
            return range(len(self.axes[axis]))
        return [place for place in range(len(self.axes[axis])) if (axis, place) not in self.hidden]


def layout(axes: tuple[Axis, ...], columns: int | None = None, rows: int | None = None) -> Layout:
    """Lay a sweep out: its last axis across and the one before it down, where nobody wants it otherwise.

    Parameters
    ----------
    axes
        The sweep's axes.
    columns, rows
        Numbers of the axes that run across and down.
    """
    free = [number for number in range(len(axes)) if number not in {columns, rows}]
    if columns is None and free:
        columns = free.pop()
    if rows is None and free:
        rows = free.pop()
    return Layout(axes, columns, rows, tuple((number, 0) for number in free))


def neighbour(seen: Layout, place: Place, step: Place) -> Place:
    """Give the place of the next cell in a direction, or the same at an edge."""
    row, column = place[0] + step[0], place[1] + step[1]
    return (row, column) if seen.index(row, column) is not None else place


def every(seen: Layout) -> list[tuple[Place, Index]]:
    """List all cells of the page that is seen, with their places."""
    places = itertools.product(range(seen.down), range(seen.across))
    return [(place, index) for place in places if (index := seen.index(*place)) is not None]
