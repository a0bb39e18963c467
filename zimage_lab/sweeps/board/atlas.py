"""All small pictures of a board on canvases that nobody sees, from which the board is drawn in a few strokes.

To draw a thousand pictures takes a thousand messages or a large one; to draw the canvas that has them takes a line. So
pictures are sent once, when they come, and zooming and moving send none. A sheet of the atlas holds a square of cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from zimage_lab.sweeps.board.camera import GAP
from zimage_lab.sweeps.board.ink import closed
from zimage_lab.sweeps.board.pictures import fitted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zimage_lab.sweeps.board.camera import Camera
    from zimage_lab.sweeps.board.ink import Ink
    from zimage_lab.sweeps.board.layout import Place

SHEET = 2048
"""Longest edge of a sheet in pixels: what every browser can hold."""

AREA = 16_777_216
"""Pixels of all sheets together; with more cells the small pictures are smaller."""

EDGE, LEAST = 60, 4
"""Longest edge of a small picture, and of the smallest ones."""

FEW = 16
"""New pictures of a sheet up to which each is sent by itself; above, the sheet is sent as one picture."""

BLEED = ((-2, 0), (2, 0), (0, -2), (0, 2))
"""By how much the edges of a picture go on around it: JPEG would darken them beside a black gap."""

Rectangle = tuple[float, float, float, float]


class Atlas:
    """The sheets of one page of a board.

    Parameters
    ----------
    ink
        Who makes canvases.
    cell
        Width and height of a cell in pixels.
    size
        Columns and rows.
    """

    def __init__(self, ink: Ink, cell: tuple[int, int], size: tuple[int, int]) -> None:
        self._ink, self.cell, self._size = ink, cell, size
        self._pitch = (cell[0] + GAP, cell[1] + GAP)
        self._cells = (max(1, SHEET // self._pitch[0]), max(1, SHEET // self._pitch[1]))
        self.tiles: dict[Place, Image.Image] = {}
        self._sources: dict[Place, Image.Image] = {}
        self._sheets: dict[Place, Any] = {}
        self._changed: dict[Place, set[Place]] = {}

    def put(self, place: Place, picture: Image.Image | None) -> None:
        """Put a picture in its place, as small as it is there, or take it away; nothing happens where it is there."""
        if self._sources.get(place) is picture:
            return
        if picture is None:
            del self._sources[place], self.tiles[place]
        else:
            self._sources[place], self.tiles[place] = picture, fitted(picture, self.cell)
        self._changed.setdefault(self._sheet_of(place), set()).add(place)

    def repaint(self) -> None:
        """Send all of it again: the page lost it."""
        for place in self.tiles:
            self._changed.setdefault(self._sheet_of(place), set()).add(place)

    def draw(self, canvas: Any, camera: Camera) -> None:  # noqa: ANN401 - ipycanvas has no types
        """Draw what is seen of it; what changed there is sent first."""
        rows, columns = camera.seen
        if not rows or not columns:
            return
        first, last = self._sheet_of((rows[0], columns[0])), self._sheet_of((rows[-1], columns[-1]))
        sheets = [(row, column) for row in range(first[0], last[0] + 1) for column in range(first[1], last[1] + 1)]
        for sheet in sheets:
            self._paint(sheet)
        for sheet in sheets:
            drawn = self._sheets.get(sheet)
            if drawn is not None:
                x, y = sheet[1] * self._cells[0] * self._pitch[0], sheet[0] * self._cells[1] * self._pitch[1]
                left, top = camera.on_screen(x, y)
                canvas.draw_image(drawn, left, top, drawn.width * camera.scale, drawn.height * camera.scale)

    def close(self) -> None:
        """Close the sheets."""
        for sheet in self._sheets.values():
            closed(sheet)
        self._sheets.clear()

    def _sheet_of(self, place: Place) -> Place:
        return place[0] // self._cells[1], place[1] // self._cells[0]

    def _paint(self, sheet: Place) -> None:
        changed = self._changed.pop(sheet, None)
        if not changed:
            return
        top, left = sheet[0] * self._cells[1], sheet[1] * self._cells[0]
        rows, columns = min(self._cells[1], self._size[1] - top), min(self._cells[0], self._size[0] - left)
        if sheet not in self._sheets:
            self._sheets[sheet] = self._ink.canvas(columns * self._pitch[0], rows * self._pitch[1])
        canvas = self._sheets[sheet]
        if len(changed) > FEW:
            places = [(row, column) for row in range(top, top + rows) for column in range(left, left + columns)]
            boxes = {
                (row, column): ((column - left) * self._pitch[0], (row - top) * self._pitch[1], *self.cell)
                for row, column in places
            }
            put_together(canvas, boxes, self.tiles)
            return
        for row, column in changed:
            x, y = (column - left) * self._pitch[0], (row - top) * self._pitch[1]
            canvas.clear_rect(x, y, *self.cell)
            picture = self.tiles.get((row, column))
            if picture is not None:
                inside = middle((x, y, *self.cell), picture.size)
                canvas.put_image_data(np.asarray(picture), inside[0], inside[1])


def put_together(
    canvas: Any,  # noqa: ANN401 - ipycanvas has no types
    boxes: Mapping[Place, Rectangle],
    pictures: Mapping[Place, Image.Image],
    *,
    lossless: bool = False,
) -> None:
    """Send pictures as one, each in the middle of its box; what none of them covers is left free.

    Parameters
    ----------
    canvas
        Where they go; its whole content is replaced.
    boxes
        Left, top, width and height of each place on the canvas.
    pictures
        The picture of each place that has one, no larger than its box.
    lossless
        Whether to send it without loss, which is slow.
    """
    whole = Image.new("RGB", (canvas.width, canvas.height))
    kept = []
    for place, box in boxes.items():
        picture = pictures.get(place)
        if picture is not None:
            inside = middle(box, picture.size)
            kept.append((round(inside[0]), round(inside[1]), *picture.size))
            for x, y in BLEED:
                whole.paste(picture, (kept[-1][0] + x, kept[-1][1] + y))
    there = [picture for place in boxes if (picture := pictures.get(place)) is not None]
    for (x, y, _, _), picture in zip(kept, there, strict=True):
        whole.paste(picture, (x, y))
    canvas.clear_rect(0, 0, canvas.width, canvas.height)
    if not kept:
        return
    # JPEG knows no holes, and its blocks run over edges: what is kept is cut out of it.
    canvas.put_image_data(np.asarray(whole.convert("RGBA") if lossless else whole), 0, 0)
    canvas.global_composite_operation = "destination-in"
    canvas.begin_path()
    for box in kept:
        canvas.rect(*box)
    canvas.fill()
    canvas.global_composite_operation = "source-over"


def middle(box: Rectangle, size: tuple[int, int]) -> Rectangle:
    """Give where something of a size lies in the middle of a box."""
    return box[0] + (box[2] - size[0]) // 2, box[1] + (box[3] - size[1]) // 2, *size


def cell_size(ratio: float, number: int) -> tuple[int, int]:
    """Choose the size of the small pictures.

    Parameters
    ----------
    ratio
        Width over height.
    number
        Number of cells of a page.
    """
    edge = max(LEAST, min(EDGE, int((AREA / max(1, number)) ** 0.5) - GAP))
    return (edge, max(1, round(edge / ratio))) if ratio >= 1 else (max(1, round(edge * ratio)), edge)
