"""The cells of a sweep as a sequence that holds none of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from zimage_lab.sweeps.cell import Cell

if TYPE_CHECKING:
    from zimage_lab.sweeps.grid import Grid
    from zimage_lab.sweeps.sweep import Sweep


class Cells(Sequence[Cell]):
    """The cells of a sweep, each made when it is asked for."""

    def __init__(self, sweep: Sweep, grid: Grid) -> None:
        self._sweep, self._grid = sweep, grid

    def __len__(self) -> int:
        return self._grid.count

    @overload
    def __getitem__(self, number: int) -> Cell: ...

    @overload
    def __getitem__(self, number: slice) -> list[Cell]: ...

    def __getitem__(self, number: int | slice) -> Cell | list[Cell]:
        places = range(len(self))[number]
        if isinstance(places, range):
            return [Cell(self._sweep, self._grid.index(place)) for place in places]
        return Cell(self._sweep, self._grid.index(places))
