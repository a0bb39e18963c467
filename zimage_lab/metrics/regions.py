"""Finds the things of a flat picture: what is neither background nor shadow, in connected regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Mapping

EDGE = 40
"""Outlines are compared in a square of this many pixels."""

HALF = 127
"""A pixel of a scaled outline belongs to it from half its area on."""

DIFFERENT = 27.0
"""Least Euclidean distance in sRGB from a background, shadowed or not, for a pixel to belong to a thing."""

SMALLEST = 80
"""Regions of fewer pixels are specks, not things (the smallest thing covers about 200)."""

FRAGMENT = 6
NEAR = 3
"""A speck of at least `FRAGMENT` pixels belongs to a thing that is no further away than `NEAR` pixels."""

HOLE = 0.24
"""A hole of more than this share of a region is part of its outline, as a ring's; others are filled."""

CLEAR = 60.0
"""Distances from a background are counted up to this."""

ALIKE = 24.0
"""A picture shows a background when it differs by no more than this on average where no thing stands."""

Colour = tuple[int, int, int]


def shadowless(pixels: np.ndarray, ground: np.ndarray, shadow: Colour, share: float) -> np.ndarray:
    """Measure how far pixels are from a ground that may lie in shadow.

    Parameters
    ----------
    pixels, ground
        Pictures (rows, columns, 3), 0 to 255.
    shadow, share
        Colour of a shadow and its greatest share.

    Returns
    -------
    Distances (rows, columns) in sRGB.
    """
    towards = np.array(shadow, float) - ground
    length = np.maximum(np.square(towards).sum(-1), 1.0)
    away = pixels - ground
    depth = np.clip((away * towards).sum(-1) / length, 0.0, share)
    distance: np.ndarray = np.linalg.norm(away - depth[..., None] * towards, axis=-1)
    return distance


def find_background(pixels: np.ndarray, grounds: Mapping[str, np.ndarray]) -> str:
    """Name the background that a picture shows, or `unknown`.

    Parameters
    ----------
    pixels
        Picture (rows, columns, 3), 0 to 255.
    grounds
        Every background as it looks with nothing before it.
    """
    away = {name: np.minimum(np.linalg.norm(pixels - ground, axis=-1), CLEAR) for name, ground in grounds.items()}
    best = min(away, key=lambda name: float(away[name].mean()))
    edge = np.ones(pixels.shape[:2], bool)
    edge[8:-8, 8:-8] = False
    return best if float(np.median(away[best][edge])) < ALIKE else "unknown"


def find_regions(front: np.ndarray) -> list[np.ndarray]:
    """Separate things: small holes filled, specks dropped or given to a neighbour.

    Parameters
    ----------
    front
        What is not background, boolean (rows, columns).

    Returns
    -------
    Boolean masks of the same size.
    """
    from scipy import ndimage

    front = _bridged(front)
    labels, count = ndimage.label(front, np.ones((3, 3)))
    sizes = ndimage.sum_labels(front, labels, range(1, count + 1)) if count else []
    things = {number: labels == number for number, size in enumerate(sizes, 1) if size >= SMALLEST}
    for number, size in enumerate(sizes, 1):
        if FRAGMENT <= size < SMALLEST:
            speck = labels == number
            around = ndimage.binary_dilation(speck, iterations=NEAR)
            touched = [other for other, mask in things.items() if (mask & around).any()]
            if touched:
                things[touched[0]] |= speck
    whole = [filled(mask) for mask in things.values()]
    # What lies inside another is a part of it, as the middle of a letter on a sign.
    return [
        mask
        for mask in whole
        if not any((mask & other).sum() > mask.sum() / 2 for other in whole if other.sum() > mask.sum())
    ]


def _bridged(front: np.ndarray) -> np.ndarray:
    """Close gaps of one pixel: where two papers of a thing meet, their blend can look like the background."""
    bridged = front.copy()
    bridged[1:-1] |= front[:-2] & front[2:]
    bridged[:, 1:-1] |= front[:, :-2] & front[:, 2:]
    return bridged


def filled(mask: np.ndarray) -> np.ndarray:
    """Fill the holes of a region that are too small to belong to its outline."""
    from scipy import ndimage

    whole = ndimage.binary_fill_holes(mask)
    holes, count = ndimage.label(whole & ~mask)
    kept = np.asarray(whole).copy()
    for number in range(1, count + 1):
        if (holes == number).sum() > HOLE * whole.sum():
            kept &= holes != number
    return kept


def near(one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether two regions are no further than `NEAR` pixels from each other."""
    from scipy import ndimage

    return bool((ndimage.binary_dilation(one, iterations=NEAR) & other).any())


def bounds(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Give the box of a mask: left, top, right and bottom, the last two not in it."""
    rows, columns = np.any(mask, axis=1).nonzero()[0], np.any(mask, axis=0).nonzero()[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def normalised(mask: np.ndarray) -> np.ndarray:
    """Cut a mask to its bounding box and scale it to `EDGE`, keeping its proportions."""
    left, top, right, bottom = bounds(mask)
    cut = mask[top:bottom, left:right]
    scale = EDGE / max(cut.shape)
    size = (max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale)))
    scaled = np.asarray(Image.fromarray(cut).convert("L").resize(size, Image.Resampling.BOX)) > HALF
    square = np.zeros((EDGE, EDGE), bool)
    above, before = (EDGE - size[1]) // 2, (EDGE - size[0]) // 2
    square[above : above + size[1], before : before + size[0]] = scaled
    return square
