"""Where an error counts more: on a sign's letters, or on the things of an edit; few cells, and all that is asked.

Each cell's own best prediction stays what it was; only the share of the training that goes into the letters grows.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from zimage_lab.miniature import signs
from zimage_lab.miniature.layouts import spots

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from zimage_lab.miniature.edits import Edit
    from zimage_lab.miniature.world import Scene

WRITTEN = 4.0
"""Weight of a cell with letters, where others have 1."""

STANDING = 4.0
"""Weight of a cell where something stands before or after an instruction.

What is kept counts as much as what is changed: a model that is told of the changes alone changes everything.
"""

CELLS, PIXELS = 16, 8
"""Edge of the latents in cells, and of a cell in pixels."""


def weights(scenes: Sequence[Scene], device: str) -> torch.Tensor:
    """Give the weights of scenes' cells: (n, 1, 16, 16)."""
    import torch

    found = torch.ones(len(scenes), 1, CELLS, CELLS)
    for number, scene in enumerate(scenes):
        for thing, spot in zip(scene.things, spots(scene), strict=True):
            if thing.subject == "sign":
                width, height, _ = signs.board(len(thing.text))
                top, left = spot.y - (height + signs.LEGS) / 2, spot.x - width / 2
                rows, columns = _cells(top, top + height), _cells(left, left + width)
                found[number, 0, rows, columns] = WRITTEN
    return found.to(device)


def standing(edits: Sequence[Edit], device: str) -> torch.Tensor:
    """Give the weights of the cells of edited pictures: (n, 1, 16, 16)."""
    import torch

    found = torch.ones(len(edits), 1, CELLS, CELLS)
    for number, edit in enumerate(edits):
        for thing in (*edit.before.things, *edit.after.things):
            x, y, radius = edit.where[thing.place]
            found[number, 0, _cells(y - radius, y + radius), _cells(x - radius, x + radius)] = STANDING
    return found.to(device)


def _cells(first: float, last: float) -> slice:
    return slice(max(0, int(first // PIXELS)), min(CELLS, ceil(last / PIXELS)))
