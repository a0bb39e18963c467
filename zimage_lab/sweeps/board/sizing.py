"""How large a board is: as wide as the page has room, no higher than its pictures need, with room for its labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zimage_lab.sweeps.board.drawing import LINE, length

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zimage_lab.sweeps.board.camera import Camera
    from zimage_lab.sweeps.board.layout import Layout

WIDTH, HEIGHT = 880.0, 900.0
"""Width of the board and height of the page's window until the page has told them."""

LARGEST_CELL = 224.0
"""Longest edge of a cell, in the page's pixels, when all of a small sweep is seen."""

SHARE = 0.62
"""Part of the window's height that a board takes at most."""

LOWEST, LEAST_MOST = 176.0, 320.0
"""Height of the lowest board, and what a board may take in the lowest window."""

LABELS = 140.0
"""Most pixels of width that the labels of rows take."""

EDGE = 3.0
"""Pixels around the cells, in which the frame of the chosen one is seen."""

MEASURED = 200
"""Labels of rows that are measured."""


def sized(seen: Layout, camera: Camera, page: Mapping[str, Any]) -> tuple[tuple[float, float], Camera]:
    """Give width and height of the canvas, and the camera with its window there.

    Parameters
    ----------
    seen
        What is seen of the sweep.
    camera
        How it is seen.
    page
        What the page told.
    """
    width = float(page.get("width", WIDTH))
    most = max(LEAST_MOST, float(page.get("height", HEIGHT)) * SHARE)
    left = EDGE
    if seen.rows is not None or seen.wraps:
        labels = max((length(seen.row_label(row)) for row in range(min(seen.down, MEASURED))), default=0.0)
        left = min(LABELS, max(labels + 16, 56.0), width / 3)
    top = LINE * 2 + 2 if seen.columns is not None else EDGE
    room = max(40.0, width - left - EDGE)
    natural = replace(camera, window=(left, top, room, float("inf"))).fitted(LARGEST_CELL)
    extent = seen.down * natural.pitch[1] * natural.scale
    height = float(round(min(max(top + extent + EDGE, LOWEST), most)))
    return (width, height), replace(camera, window=(left, top, room, height - top - EDGE))
