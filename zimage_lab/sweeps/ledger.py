"""How each cell of a sweep stands, a byte each, so that ten thousand weigh nothing; and who waits for a change."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING

from zimage_lab.engine.gradual import Standing
from zimage_lab.engine.job import FINAL
from zimage_lab.store.jobs import STATES
from zimage_lab.sweeps.cell import WAITING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zimage_lab.store.sweeps import CellRow
    from zimage_lab.sweeps.grid import Grid

_STATES = (WAITING, *STATES)
_CODES = {state: code for code, state in enumerate(_STATES)}

UNMADE = frozenset({"failed", "cancelled", "invalid_output", "quarantined"})
"""How a cell may have ended without a picture; `resume` makes it anew."""


class Ledger(Standing):
    """The states of all cells.

    Parameters
    ----------
    grid
        The cells.

    Attributes
    ----------
    attempts
        Number of the latest try of each cell that has been tried more than once.
    others
        Jobs without a key of ours, of cells that somebody tried again from the queue.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        super().__init__()
        self._ended: array[int] = array("I")
        self.attempts: dict[tuple[int, ...], int] = {}
        self.others: dict[tuple[int, ...], str] = {}
        self._codes = bytearray(grid.count)
        self._counts = Counter({WAITING: grid.count})

    @property
    def ended(self) -> array[int]:
        """Numbers of the cells that ended."""
        return self._ended

    def read(self, rows: Iterable[CellRow]) -> list[CellRow]:
        """Take over how the jobs stand; gives those that go on."""
        going = []
        with self.changed:
            for row in rows:
                if len(row.index) != len(self.grid.axes) or any(
                    place >= length for place, length in zip(row.index, self.grid.shape, strict=True)
                ):
                    continue  # of a layout that somebody else extended meanwhile
                if row.attempt:
                    self.attempts[row.index] = row.attempt
                if not row.keyed:
                    self.others[row.index] = row.job_id
                self.put(row.index, row.state)
                if row.state not in FINAL:
                    going.append(row)
        return going

    def state(self, index: tuple[int, ...]) -> str:
        """Tell a cell's state."""
        return _STATES[self._codes[self.grid.number(index)]]

    def is_waiting(self, number: int) -> bool:
        """Whether a cell was not begun."""
        return self._codes[number] == 0

    @property
    def counts(self) -> dict[str, int]:
        """Number of cells in each state, only states that occur."""
        with self.changed:
            return {state: self._counts[state] for state in _STATES if self._counts[state]}

    @property
    def left(self) -> int:
        """Number of cells that have not ended."""
        with self.changed:
            return self._counts[WAITING] + self._counts["queued"] + self._counts["running"]

    def put(self, index: tuple[int, ...], state: str) -> None:
        """Write a cell's new state, and wake whoever waits."""
        with self.changed:
            number = self.grid.number(index)
            self._counts[_STATES[self._codes[number]]] -= 1
            self._counts[state] += 1
            self._codes[number] = _CODES[state]
            if state in FINAL:
                self._ended.append(number)
            self.ring()

    def open_again(self) -> None:
        """Let the cells that ended without a picture wait for another try."""
        with self.changed:
            for number, code in enumerate(self._codes):
                if _STATES[code] in UNMADE:
                    self.retry(self.grid.index(number))

    def retry(self, index: tuple[int, ...]) -> None:
        """Let a cell wait for another try."""
        with self.changed:
            self.attempts[index] = self.attempts.get(index, 0) + 1
            self.others.pop(index, None)
            self.put(index, WAITING)

    def regrow(self, grid: Grid) -> None:
        """Go over to a grid with longer axes: every cell keeps its place, and gets a new number."""
        with self.changed:
            old, codes = self.grid, bytearray(grid.count)
            for number, code in enumerate(self._codes):
                if code:
                    codes[grid.number(old.index(number))] = code
            self._ended = array("I", (grid.number(old.index(number)) for number in self._ended))
            self._counts[WAITING] += grid.count - old.count
            self._codes, self.grid = codes, grid
            self.ring()
