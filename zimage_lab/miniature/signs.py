"""Signs: a paper board on two legs that carries one to four characters."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zimage_lab.miniature.glyphs import glyph
from zimage_lab.miniature.paper import MARGIN, Cut, Cutter

if TYPE_CHECKING:
    from zimage_lab.miniature.paper import Colour

GLYPHS = {1: 32, 2: 25, 3: 25, 4: 22}
"""Edge of a character's square in pixels by the number of characters."""

BORDER = 6
LEGS = 9
"""Height of the legs below the board in pixels."""

DARK_INK: Colour = (48, 38, 40)
LIGHT_INK: Colour = (253, 246, 228)
PALE = 150
"""Boards of at least this mean brightness carry dark ink."""

HALF = 127
"""From how much of a pixel on (of 255) it belongs to an outline."""


class Board(NamedTuple):
    """Size of a sign in pixels: width, height of the board, edge of a character."""

    width: int
    height: int
    glyph: int


def board(count: int) -> Board:
    """Give the size of a sign of so many characters."""
    edge = GLYPHS[count]
    return Board(edge * count + 2 * BORDER, edge + 2 * BORDER - 2, edge)


def ink(colour: Colour) -> Colour:
    """Choose the ink for a board's colour."""
    return DARK_INK if sum(colour) / 3 >= PALE else LIGHT_INK


def letters(text: str) -> np.ndarray:
    """Write a text: its ink in a picture of the board, (height, width), 0 to 1."""
    width, height, edge = board(len(text))
    written = np.zeros((height, width), np.float32)
    for number, character in enumerate(text):
        left = BORDER + number * edge
        written[BORDER - 1 : BORDER - 1 + edge, left : left + edge] = glyph(character, edge)
    return written


@lru_cache(maxsize=64)
def blank(count: int, shades: str) -> tuple[Cut, tuple[int, int]]:
    """Cut a sign without its text.

    Returns
    -------
    The cut, and how far its upper left corner lies left of and above the sign's centre.
    """
    width, height, _ = board(count)
    side = max(width, height + LEGS) + 2 * MARGIN
    side += (side - width) % 2
    left, top = (side - width) / 2, (side - height - LEGS) // 2
    cut = Cutter(side, (0, 0), 1, shades)
    for x in (left + 0.2 * width, left + 0.8 * width):
        cut.box(x - 2.5, top + height - 2, x + 2.5, top + height + LEGS, paper="wood")
    cut.box(left, top, left + width, top + height, corner=3)
    cut.box(left + 2, top + 2, left + width - 2, top + height - 2, paper="dark", corner=2)
    cut.box(left + 3, top + 3, left + width - 3, top + height - 3, corner=2)
    return cut.finish(), (side // 2, top + (height + LEGS) // 2)


def paint(ground: np.ndarray, text: str, centre: tuple[int, int], colour: Colour, shades: str) -> None:
    """Lay a sign on a picture (rows, columns, 3), float32, its centre (legs included) at a pixel."""
    (x, y), (cut, (left, top)) = centre, blank(len(text), shades)
    cut.paint(ground, x - left, y - top, colour)
    width, height, _ = board(len(text))
    upper, first = y - (height + LEGS) // 2, x - left + (cut.cover.shape[1] - width) // 2
    part = ground[upper : upper + height, first : first + width]
    written = letters(text)[: part.shape[0], : part.shape[1], None]
    part += written * (np.array(ink(colour), np.float32) - part)


def outline(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the outline of a sign of so many characters, and where it shows nothing but its board's plain colour.

    Returns
    -------
    Two boolean arrays of one size; the second is the board's border, which no character reaches.
    """
    cut, _ = blank(count, "plain")
    width, height, _ = board(count)
    shape = cut.cover[..., 0] > HALF
    rows, columns = np.any(shape, axis=1).nonzero()[0], np.any(shape, axis=0).nonzero()[0]
    own = np.zeros_like(shape)
    own[rows[0] + 3 : rows[0] + height - 3, columns[0] + 3 : columns[0] + width - 3] = True
    own[rows[0] + BORDER : rows[0] + height - BORDER, columns[0] + BORDER : columns[0] + width - BORDER] = False
    return shape, own
