"""How each picture of a comparison stands; and who waits for a change."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING

from zimage_lab.engine.gradual import Standing
from zimage_lab.engine.job import FINAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zimage_lab.engine.job import Job
    from zimage_lab.store.comparisons import CellJob, Index

WAITING = "waiting"
UNMADE = frozenset({"failed", "cancelled", "invalid_output", "quarantined"})
"""How a cell may have ended without a picture; it is tried again when somebody resumes."""


class Cells(Standing):
    """The states of all cells.

    Parameters
    ----------
    shape
        Numbers of prompts, seeds, contestants and repeats.
    """

    def __init__(self, shape: Index) -> None:
        super().__init__()
        self._ended: list[Index] = []
        self.going: set[Index] = set()
        places: list[Index] = [(p, s, c, r) for p, s, c, r in itertools.product(*map(range, shape))]
        self._states: dict[Index, str] = dict.fromkeys(places, WAITING)
        self._attempts: dict[Index, int] = {}

    @property
    def ended(self) -> list[Index]:
        """The places that ended."""
        return self._ended

    def read(self, jobs: Mapping[Index, CellJob]) -> None:
        """Take over how the jobs stand."""
        with self.changed:
            for index, job in jobs.items():
                if index in self._states:
                    self._attempts[index] = job.attempt
                    self._states[index] = job.state
                    (self.going.discard if job.state in FINAL else self.going.add)(index)
                    if job.state in FINAL:
                        self._ended.append(index)

    def state(self, index: Index) -> str:
        """Tell a cell's state."""
        return self._states[index]

    def attempt(self, index: Index) -> int:
        """Tell the number of its try."""
        return self._attempts.get(index, 0)

    @property
    def counts(self) -> dict[str, int]:
        """Number of cells in each state, only states that occur."""
        with self.changed:
            return dict(Counter(self._states.values()))

    @property
    def left(self) -> int:
        """Number of cells that have not ended."""
        with self.changed:
            return sum(state not in FINAL for state in self._states.values())

    def put(self, index: Index, state: str) -> None:
        """Write a cell's state, and wake whoever waits."""
        with self.changed:
            self._states[index] = state
            self.going.discard(index)
            if state in FINAL:
                self._ended.append(index)
            self.ring()

    def end(self, index: Index, job: Job) -> None:
        """Take down how a job ended."""
        self.put(index, job.state)

    def open_again(self) -> None:
        """Let what ended without a picture wait for another try."""
        with self.changed:
            for index, state in self._states.items():
                if state in UNMADE:
                    self._attempts[index] = self.attempt(index) + 1
                    self._states[index] = WAITING
