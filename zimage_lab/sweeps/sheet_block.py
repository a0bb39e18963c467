"""A block of a contact sheet: two axes of a sweep with their labels, or one that goes on in the next line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from zimage_lab.sweeps import fonts
from zimage_lab.sweeps.fonts import Style
from zimage_lab.sweeps.results import public_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zimage_lab.sweeps.layout import Layout
    from zimage_lab.sweeps.results import Result
    from zimage_lab.sweeps.sweep import Sweep

    Corner = tuple[float, float]

GAP = 6
FEW = 8
"""Pictures of a single axis up to which they stand in one line."""

LABEL_ROOM, LABEL_LINES = 210, 3
INK, GREY, BLANK, MARK = (29, 35, 41), (107, 116, 128), (243, 244, 246), (186, 193, 202)
TEXT, NOTE = Style(15, INK), Style(13, GREY)
WRONG = frozenset({"failed", "invalid_output", "quarantined"})


@dataclass(frozen=True, slots=True)
class Block:
    """What all blocks of a sheet have in common; measures are pixels.

    Attributes
    ----------
    layout
        Which axis goes where.
    cell
        Width and height of a cell.
    scale
        Pixels of the sheet for each of a picture.
    across, down
        Columns and lines.
    left, top, under
        Room of the labels beside the lines, above the columns, and under each picture.
    heads, sides
        Labels of the columns and of the lines, broken into lines.
    captions
        Names of the two axes.
    headings
        For each further axis its name and labels.
    """

    layout: Layout
    cell: tuple[int, int]
    scale: float
    across: int
    down: int
    left: int
    top: int
    under: int
    heads: Sequence[Sequence[str]]
    sides: Sequence[Sequence[str]]
    captions: tuple[str, str]
    headings: Sequence[tuple[int, str, Sequence[str]]]

    @property
    def width(self) -> int:
        """Width of the block."""
        return self.left + self.across * (self.cell[0] + GAP) - GAP

    @property
    def height(self) -> int:
        """Height of the block."""
        return self._heading + self.top + self.down * (self.cell[1] + self.under + GAP) - GAP

    @property
    def _heading(self) -> int:
        return len(self.headings) * TEXT.line

    def draw(
        self, sheet: Image.Image, corner: Corner, places: Sequence[int], found: Mapping[tuple[int, ...], Result]
    ) -> None:
        """Draw the block of these places on the further axes."""
        pen = ImageDraw.Draw(sheet)
        for number, (axis, name, labels) in enumerate(self.headings):
            line = fonts.wrapped(f"{name}: {labels[places[axis]]}", TEXT.size, self.width, 1)[0]
            fonts.draw(pen, (corner[0], corner[1] + number * TEXT.line), line, TEXT)
        x, y = corner[0], corner[1] + self._heading
        fonts.draw(pen, (x + self.left, y), fonts.wrapped(self.captions[0], NOTE.size, self.width, 1)[0], NOTE)
        fonts.draw(pen, (x, y + self.top - NOTE.line - 2), self.captions[1], NOTE)
        if not self.under:
            self._draw_labels(pen, (x, y))
        for number in range(self.layout.width * self.layout.height):
            line_number, column = divmod(number, self.across)
            place = (0, number) if self.under else (line_number, column)
            left = round(x + self.left + column * (self.cell[0] + GAP))
            top = round(y + self.top + line_number * (self.cell[1] + self.under + GAP))
            self._draw_cell(sheet, pen, (left, top), found[self.layout.index(places, *place)])
            for below, line in enumerate(self.heads[number] if self.under else ()):
                fonts.draw(pen, (left, top + self.cell[1] + 1 + below * NOTE.line), line, NOTE)

    def _draw_labels(self, pen: ImageDraw.ImageDraw, corner: Corner) -> None:
        x, y = corner
        for column, lines in enumerate(self.heads):
            for number, line in enumerate(lines):
                left = x + self.left + column * (self.cell[0] + GAP)
                fonts.draw(pen, (left, y + NOTE.line + number * TEXT.line), line, TEXT)
        for row, lines in enumerate(self.sides):
            middle = y + self.top + row * (self.cell[1] + GAP) + (self.cell[1] - len(lines) * TEXT.line) / 2
            for number, line in enumerate(lines):
                fonts.draw(pen, (x, middle + number * TEXT.line), line, TEXT)

    def _draw_cell(self, sheet: Image.Image, pen: ImageDraw.ImageDraw, corner: tuple[int, int], result: Result) -> None:
        picture = result.image
        if picture is None:
            _draw_missing(pen, corner, self.cell, result.state)
            return
        width = max(1, min(self.cell[0], round(picture.width * self.scale)))
        height = max(1, min(self.cell[1], round(picture.height * self.scale)))
        if (width, height) != picture.size:
            picture = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
        sheet.paste(picture, (corner[0], corner[1] + (self.cell[1] - height) // 2))


def measured(sweep: Sweep, layout: Layout, largest: tuple[int, int], edge: int, room: int) -> Block:
    """Measure the blocks of a sheet.

    Parameters
    ----------
    sweep, layout
        What is drawn, and which axis goes where.
    largest
        Size of a box that takes every picture.
    edge
        Longest edge of that box on the sheet.
    room
        Width in which the pictures of a single axis stand side by side.
    """
    scale = edge / max(largest)
    cell = (max(1, round(largest[0] * scale)), max(1, round(largest[1] * scale)))
    heads, sides = _labels(sweep, layout.columns), _labels(sweep, layout.rows)
    captions = (_caption(sweep, layout.columns), _caption(sweep, layout.rows))
    headings = [
        (number, _caption(sweep, axis), _labels(sweep, axis))
        for number, axis in enumerate(layout.further)
        if layout.shape[axis] > 1  # an axis of one value says nothing
    ]
    if layout.rows is None and layout.width > 1:
        across = _in_line(layout.width, max(1, (room + GAP) // (cell[0] + GAP)))
        lines = [fonts.wrapped(text, NOTE.size, cell[0], LABEL_LINES) for text in heads]
        under = max(map(len, lines)) * NOTE.line
        down = math.ceil(layout.width / across)
        return Block(layout, cell, scale, across, down, 0, NOTE.line, under, lines, [], captions, headings)
    above = [fonts.wrapped(text, TEXT.size, max(cell[0], 40), LABEL_LINES) for text in heads]
    beside = [fonts.wrapped(text, TEXT.size, LABEL_ROOM, max(1, cell[1] // TEXT.line)) for text in sides]
    widest = max((fonts.width(line, TEXT.size) for lines in beside for line in lines), default=0)
    left = round(max(widest, fonts.width(captions[1], NOTE.size))) + 14 if sides else 0
    top = max(map(len, above), default=0) * TEXT.line + (NOTE.line + 4 if heads or sides else 0)
    return Block(layout, cell, scale, layout.width, layout.height, left, top, 0, above, beside, captions, headings)


def _in_line(count: int, room: int) -> int:
    """Give how many pictures of a single axis stand in a line: so many that the last one is as full as can be."""
    if count <= min(FEW, room):
        return count
    least = min(room, math.ceil(math.sqrt(count)))
    return min(range(least, min(room, 2 * least) + 1), key=lambda in_line: -count % in_line)


def _labels(sweep: Sweep, axis: int | None) -> list[str]:
    """Give the labels of an axis; numbered where this machine has no letters for one of them."""
    if axis is None:
        return []
    labels = public_labels(sweep.axes[axis], sweep.home)
    if any(map(fonts.undrawable, labels)):
        return [f"{number}. {label}" for number, label in enumerate(labels, 1)]
    return list(labels)


def _caption(sweep: Sweep, axis: int | None) -> str:
    return "" if axis is None else sweep.axes[axis].name.replace("_", " ")


def _draw_missing(pen: ImageDraw.ImageDraw, corner: tuple[int, int], box: tuple[int, int], state: str) -> None:
    """Leave a cell blank, with a cross where it failed, a dash where it was cancelled, dots where it waits."""
    x, y = corner
    pen.rectangle((x, y, x + box[0] - 1, y + box[1] - 1), fill=BLANK)
    middle, half = (x + box[0] / 2, y + box[1] / 2), min(box) / 16 + 2
    stroke = max(2, round(min(box) / 64))
    left, right, above, below = middle[0] - half, middle[0] + half, middle[1] - half, middle[1] + half
    if state in WRONG:
        pen.line((left, above, right, below), fill=MARK, width=stroke)
        pen.line((left, below, right, above), fill=MARK, width=stroke)
    elif state == "cancelled":
        pen.line((left, middle[1], right, middle[1]), fill=MARK, width=stroke)
    elif state != "succeeded":
        for place in (-1, 0, 1):
            at = middle[0] + place * half
            pen.ellipse((at - stroke, middle[1] - stroke, at + stroke, middle[1] + stroke), fill=MARK)
