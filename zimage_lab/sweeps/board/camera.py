"""What part of a board is seen, and how large: the arithmetic of zooming and of moving it about.

Lengths on the board are pixels of the small pictures; those on the screen are the page's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zimage_lab.sweeps.board.layout import Place

SMALLEST, LARGEST = 6.0, 2048.0
"""Shortest edge of a cell on the screen, in pixels, and the longest one."""

GAP = 4
"""Pixels between two cells of the board."""

MARGIN = 0.94
"""Part of the window that a single cell fills when it is opened large."""


@dataclass(frozen=True)
class Camera:
    """The window onto the board.

    Attributes
    ----------
    cell
        Width and height of a cell on the board.
    size
        Columns and rows of the board.
    window
        Left, top, width and height of the part of the canvas that shows cells.
    scale
        Screen pixels for each pixel of the board.
    x, y
        What of the board is at the window's left top corner, in its pixels.
    """

    cell: tuple[int, int]
    size: tuple[int, int]
    window: tuple[float, float, float, float]
    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0

    @property
    def pitch(self) -> tuple[int, int]:
        """Width and height from one cell to the next."""
        return self.cell[0] + GAP, self.cell[1] + GAP

    def fitted(self, most: float = math.inf) -> Camera:
        """See the whole board; no cell with a longer edge than `most`, none too small to be seen."""
        width, height = self._extent
        scale = min(self.window[2] / width, self.window[3] / height, most / max(self.cell))
        return replace(self, scale=self._bounded(scale)).centred()

    def zoomed(self, factor: float, at: tuple[float, float]) -> Camera:
        """See it larger or smaller, with the point of the screen that is meant in its place."""
        scale = self._bounded(self.scale * factor)
        left, top, _, _ = self.window
        x = self.x + (at[0] - left) * (1 / self.scale - 1 / scale)
        y = self.y + (at[1] - top) * (1 / self.scale - 1 / scale)
        return replace(self, scale=scale, x=x, y=y).centred()

    def moved(self, x: float, y: float) -> Camera:
        """Move the board under the window by pixels of the screen."""
        return replace(self, x=self.x - x / self.scale, y=self.y - y / self.scale).centred()

    def onto(self, place: Place) -> Camera:
        """See one cell as large as it can be."""
        scale = self._bounded(min(self.window[2] / self.cell[0], self.window[3] / self.cell[1]) * MARGIN)
        row, column = place
        x = column * self.pitch[0] + self.cell[0] / 2 - self.window[2] / scale / 2
        y = row * self.pitch[1] + self.cell[1] / 2 - self.window[3] / scale / 2
        return replace(self, scale=scale, x=x, y=y)

    def revealing(self, place: Place) -> Camera:
        """Move as little as needed to see a cell."""
        left, top, width, height = self.rectangle(place)
        x = _beyond(left, width, self.window[0], self.window[2])
        y = _beyond(top, height, self.window[1], self.window[3])
        return replace(self, x=self.x + x / self.scale, y=self.y + y / self.scale)

    def centred(self) -> Camera:
        """Keep the board in the window: in its middle where it is smaller, else without empty edges."""
        x, y = (
            (extent - seen) / 2 if extent <= seen else min(max(at, 0.0), extent - seen)
            for at, extent, seen in zip(
                (self.x, self.y), self._extent, (self.window[2] / self.scale, self.window[3] / self.scale), strict=True
            )
        )
        return replace(self, x=x, y=y)

    def rectangle(self, place: Place) -> tuple[float, float, float, float]:
        """Give left, top, width and height of a cell on the screen."""
        left, top = self.on_screen(place[1] * self.pitch[0], place[0] * self.pitch[1])
        return left, top, self.cell[0] * self.scale, self.cell[1] * self.scale

    def on_screen(self, x: float, y: float) -> tuple[float, float]:
        """Give where a point of the board is on the screen."""
        return self.window[0] + (x - self.x) * self.scale, self.window[1] + (y - self.y) * self.scale

    def at(self, x: float, y: float) -> Place | None:
        """Give the place at a point of the screen; None outside of the window and between cells."""
        left, top, width, height = self.window
        if not (left <= x < left + width and top <= y < top + height):
            return None
        column, right = divmod(self.x + (x - left) / self.scale, self.pitch[0])
        row, below = divmod(self.y + (y - top) / self.scale, self.pitch[1])
        inside = 0 <= column < self.size[0] and 0 <= row < self.size[1]
        return (int(row), int(column)) if inside and right < self.cell[0] and below < self.cell[1] else None

    @property
    def seen(self) -> tuple[range, range]:
        """Rows and columns of which at least a part is in the window."""
        columns, rows = (
            range(
                max(0, math.floor(begin / pitch)), max(0, min(number, math.ceil((begin + length / self.scale) / pitch)))
            )
            for begin, pitch, number, length in zip(
                (self.x, self.y), self.pitch, self.size, self.window[2:], strict=True
            )
        )
        return rows, columns

    @property
    def _extent(self) -> tuple[int, int]:
        return max(1, self.size[0] * self.pitch[0] - GAP), max(1, self.size[1] * self.pitch[1] - GAP)

    def _bounded(self, scale: float) -> float:
        return min(max(scale, SMALLEST / max(self.cell)), LARGEST / max(self.cell))


def _beyond(begin: float, length: float, start: float, room: float) -> float:
    """Tell by how much something lies outside; where it is longer than the room, its beginning counts."""
    return begin - start if begin < start else min(max(0.0, begin + length - start - room), begin - start)
