"""Looks at every cell that is seen: which have a picture, which are being made, and which pictures are to be read."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

    from zimage_lab.sweeps.board.atlas import Atlas
    from zimage_lab.sweeps.board.camera import Camera
    from zimage_lab.sweeps.board.layout import Index, Layout, Place
    from zimage_lab.sweeps.board.pictures import Pictures
    from zimage_lab.sweeps.cell import Cell
    from zimage_lab.sweeps.sweep import Sweep

CLOSE = 1.2
"""How much larger than the atlas has it a cell is seen when it is looked at closely."""


@dataclass
class Gathered:
    """What is seen.

    Attributes
    ----------
    edge
        Longest edge of a cell on the screen, in its own pixels.
    blank
        State of each place that has no picture.
    running
        How far each picture is that is being made, 0 to 1.
    stars
        Favourites.
    close
        The pictures of a close look; None where the atlas is sharp enough.
    """

    edge: float
    blank: dict[Place, str] = field(default_factory=dict)
    running: dict[Place, float] = field(default_factory=dict)
    stars: list[Place] = field(default_factory=list)
    close: dict[Place, Image] | None = None


def gather(sweep: Sweep, seen: Layout, camera: Camera, *, atlas: Atlas, pictures: Pictures, ratio: float) -> Gathered:
    """Look at what is seen, put its pictures into the atlas, and have those read that are not there."""
    small = float(max(atlas.cell))
    found = Gathered(max(camera.cell) * camera.scale * ratio)
    if found.edge > small * CLOSE:
        found.close = {}
    edges = (small,) if found.close is None else (found.edge, small)
    wanted: list[tuple[Index, float]] = []
    rows, columns = camera.seen
    for place in itertools.product(rows, columns):
        index = seen.index(*place)
        if index is None:
            continue
        state = sweep._ledger.state(index)  # noqa: SLF001 - a part of the sweep
        picture = sharp = None
        if state == "running":
            cell = sweep.cell(*index)
            picture = sharp = cell.preview
            found.running[place] = share(cell)
        elif state == "succeeded":
            picture = pictures.picture(index, small)
            sharp = None if found.close is None else pictures.picture(index, found.edge)
            wanted += [(index, edge) for edge in edges if pictures.missing(index, edge)]
            if pictures.end(index).get("favourite"):
                found.stars.append(place)
        if picture is not None or state != "succeeded":  # its last preview stays until its picture is read
            atlas.put(place, picture)
        if place not in atlas.tiles:
            found.blank[place] = state
        elif found.close is not None and sharp is not None:
            found.close[place] = sharp
    pictures.want(wanted)
    return found


def share(cell: Cell) -> float:
    """Tell how far a picture is."""
    progress = cell.progress
    return 0.0 if progress is None or not progress.steps else min(1.0, progress.step / progress.steps)
