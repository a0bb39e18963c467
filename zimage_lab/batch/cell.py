"""One picture of a batch: what is asked for, and what came of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zimage_lab.result import GeneratedImage
from zimage_lab.store.images import read_recipe

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.prompts.table import Row
    from zimage_lab.request import GenerationRequest

WAITING = "waiting"
"""State of a cell that is not in the queue yet."""

SKIPPED = "skipped"


@dataclass(slots=True, eq=False)
class Cell:
    """A picture of a batch.

    Attributes
    ----------
    row, line
        Number of the row from 1, and the line of the table on which it begins.
    prompt
        What the picture shows.
    seed
        Its seed; None for a row that is skipped.
    state
        waiting, a job's state, or skipped.
    path
        The picture's file: in the output folder where there is one, else in the home folder.
    seconds
        What it took to draw.
    error
        Why there is no picture, in a sentence.
    record_id
        Id of the run record.
    """

    row: int
    line: int
    prompt: str
    seed: int | None = None
    state: str = WAITING
    path: Path | None = None
    seconds: float | None = None
    error: str | None = None
    record_id: str | None = None
    # What the batch itself needs: the request but for its seed, the identity, the file's name, failed tries before.
    base: GenerationRequest | None = field(default=None, repr=False)
    key: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    tries: int = field(default=0, repr=False)
    values: dict[str, object] = field(default_factory=dict, repr=False)

    @property
    def request(self) -> GenerationRequest:
        """The request of this picture: the row's, with its own seed."""
        assert self.base is not None, "a skipped row has no request"  # noqa: S101 - the batch asks for no such one
        return self.base.replace(seed=self.seed)

    @property
    def cost(self) -> int:
        """Pixels times steps."""
        return 0 if self.base is None else self.base.cost

    @property
    def image(self) -> GeneratedImage | None:
        """The picture with its record, or None where there is none."""
        # Read when it is asked for and not kept: a hundred thousand records would take half a gigabyte.
        return GeneratedImage(read_recipe(self.path), self.path) if self.state == "succeeded" and self.path else None


def skipped(row: Row, error: str, prompt: str) -> Cell:
    """Give the cell of a row that is left out."""
    return Cell(row.number, row.line, prompt, state=SKIPPED, error=error, values=row.values)


def identity(*parts: str) -> str:
    """Give a short hash that tells cells apart; its first letter keeps spreadsheets from reading a number."""
    return "k" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:31]
