"""A sweep as one picture: labels beside the rows and above the columns, further axes as blocks with a heading."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from zimage_lab.errors import InvalidRequest
from zimage_lab.sweeps import facts, fonts
from zimage_lab.sweeps.fonts import Style
from zimage_lab.sweeps.layout import lay_out
from zimage_lab.sweeps.results import results
from zimage_lab.sweeps.sheet_block import INK, LABEL_LINES, NOTE, TEXT, measured
from zimage_lab.values import checked_integer

if TYPE_CHECKING:
    from zimage_lab.sweeps.layout import Layout
    from zimage_lab.sweeps.sheet_block import Block
    from zimage_lab.sweeps.sweep import Sweep

THUMBNAIL = 256
SMALLEST, LARGEST = 24, 1024
EDGE = 16_000
"""Most pixels of an edge; a WebP cannot have more than 16383."""

PIXELS = 40_000_000
"""Most pixels of a sheet."""

WIDE = 1_800
"""Width that blocks, and the pictures of a single axis, stand side by side in."""

NARROW = 560
"""Width that the words at the top may take even where the pictures are narrower."""

MARGIN, BETWEEN, BELOW_HEAD = 28, 40, 14
PAPER = (255, 255, 255)
TITLE = Style(24, INK)


def contact_sheet(
    sweep: Sweep, *, columns: str | None = None, rows: str | None = None, thumbnail: int = THUMBNAIL
) -> Image.Image:
    """Draw all pictures of a sweep on one sheet.

    Parameters
    ----------
    sweep
        The sweep, also one that goes on: what is missing stays blank, with a quiet mark that says why.
    columns, rows
        Names of the axes that go across and down; None takes the last axis across and the one before it down.
    thumbnail
        Longest edge of a picture in pixels, 24 to 1024: less where the sheet would not fit into 40 megapixels. No
        picture is made larger than it is.

    Returns
    -------
    PIL.Image.Image
        RGB.

    Raises
    ------
    InvalidRequest
        There is no such axis, or no room for so many pictures.
    """
    asked = checked_integer("thumbnail", thumbnail, SMALLEST, LARGEST)
    layout = lay_out(sweep.axes, columns, rows)
    largest = _largest(sweep)
    edge = min(asked, max(largest))
    while True:
        block = measured(sweep, layout, largest, edge, WIDE - 2 * MARGIN)
        head = _head(sweep, min(WIDE, max(block.width, NARROW)))
        in_line, size = _arranged(block, layout, head)
        if max(size) <= EDGE and math.prod(size) <= PIXELS:
            break
        if edge <= SMALLEST:
            field, what = "sheet", f"{len(sweep.cells):,} pictures do not fit on one"
            raise InvalidRequest(field, len(sweep.cells), what, "Save the page instead: sweep.save('page.html').")
        edge = max(SMALLEST, int(edge * 0.85))
    sheet = Image.new("RGB", size, PAPER)
    top = _draw_head(sheet, head)
    found = {one.index: one for one in results(sweep)}
    for number, places in enumerate(layout.blocks):
        line, place = divmod(number, in_line)
        corner = (MARGIN + place * (block.width + BETWEEN), top + line * (block.height + BETWEEN))
        block.draw(sheet, corner, places, found)
    return sheet


def _largest(sweep: Sweep) -> tuple[int, int]:
    """Give the size of a box that takes every picture, by the axes on which a size depends."""
    sized = {"model", "size", "width", "height", "init_image", "reference_images"}
    asked = [sweep.cells[0].request]
    for number, axis in enumerate(sweep.axes):
        if axis.kind != "replace" and axis.name in sized:
            for place in range(len(axis)):
                index = [0] * len(sweep.axes)
                index[number] = place
                asked.append(sweep.cell(*index).request)
    return max(one.width for one in asked), max(one.height for one in asked)


def _head(sweep: Sweep, room: int) -> list[tuple[str, Style]]:
    """Give the lines at the top: name, prompt, and what all pictures have in common."""
    said = [(sweep.name, TITLE, 1), (facts.prompt(sweep), TEXT, LABEL_LINES)]
    said.append(("  ·  ".join(facts.same(sweep)), NOTE, LABEL_LINES))
    return [
        (line, style) for text, style, lines in said if text for line in fonts.wrapped(text, style.size, room, lines)
    ]


def _draw_head(sheet: Image.Image, head: list[tuple[str, Style]]) -> int:
    """Draw the lines at the top; gives where the blocks begin."""
    pen, top = ImageDraw.Draw(sheet), MARGIN
    for line, style in head:
        fonts.draw(pen, (MARGIN, top), line, style)
        top += style.line
    return top + BELOW_HEAD


def _arranged(block: Block, layout: Layout, head: list[tuple[str, Style]]) -> tuple[int, tuple[int, int]]:
    """Give the number of blocks in a line, and the size of the sheet."""
    count = math.prod(layout.shape[axis] for axis in layout.further)
    room = max(1, min(count, (WIDE - 2 * MARGIN + BETWEEN) // (block.width + BETWEEN)))
    lines = math.ceil(count / room)
    in_line = math.ceil(count / lines)  # lines of one length, as far as can be
    words = max((fonts.width(line, style.size) for line, style in head), default=0)
    width = max(in_line * (block.width + BETWEEN) - BETWEEN, math.ceil(words))
    top = sum(style.line for _, style in head) + BELOW_HEAD
    return in_line, (width + 2 * MARGIN, top + lines * (block.height + BETWEEN) - BETWEEN + 2 * MARGIN)
