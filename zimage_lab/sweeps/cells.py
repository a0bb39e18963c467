"""The cells of a sweep as a sequence that holds none of them, and the wait for the next change of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from zimage_lab.engine.waiting import until
from zimage_lab.sweeps.cell import Cell

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from zimage_lab.sweeps.grid import Grid
    from zimage_lab.sweeps.ledger import Ledger
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


class Change:
    """The next change of a ledger, to be awaited; a task that is cancelled meanwhile calls `cancel`."""

    def __init__(self, ledger: Ledger, cancel: Callable[[], object]) -> None:
        self._ledger, self._cancel = ledger, cancel
        self._callbacks: list[Callable[[], None]] = []
        self._rung = False
        ledger.on_change(self._ring)

    def __await__(self) -> Generator[Any, None, None]:
        yield from until(self._add, self._cancel)

    def _add(self, callback: Callable[[], None]) -> None:
        with self._ledger.changed:
            if not self._rung:
                self._callbacks.append(callback)
                return
        callback()

    def _ring(self) -> None:
        with self._ledger.changed:
            self._rung, callbacks = True, self._callbacks
        for callback in callbacks:
            callback()
