"""Where an error counts more: on a sign's letters, or on what an instruction changes; few cells, and all that is asked.

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

    from zimage_lab.miniature.world import Scene

WRITTEN = 4.0
"""Weight of a cell with letters, where others have 1."""

CHANGED = 4.0
"""Weight of a cell that an instruction changes."""

SAME = 0.2
"""Latents that differ by less, on average over their channels, show the same; their standard deviation is one."""

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


def changed(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """Give the weights of the cells of two pictures' latents (n, 16, height, width): (n, 1, height, width)."""
    import torch

    differ = (after - before).abs().mean(dim=1, keepdim=True) > SAME
    return torch.where(differ, CHANGED, 1.0)


def _cells(first: float, last: float) -> slice:
    return slice(max(0, int(first // PIXELS)), min(CELLS, ceil(last / PIXELS)))
