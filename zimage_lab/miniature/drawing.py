"""Draws scenes as warm paper-cut pictures: flat sheets of paper, a soft shadow below each, one hand's look."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from zimage_lab.miniature import backgrounds, signs, subjects_built, subjects_living, subjects_plain
from zimage_lab.miniature.layouts import Spot, play, spots
from zimage_lab.miniature.paper import MARGIN, Cut, Cutter, tone
from zimage_lab.miniature.world import COLOURS, SUBJECTS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from zimage_lab.miniature.world import Scene, Thing

RADIUS = 26.0
"""Half the side of an object's square in pixels where two stand in a picture."""

SIZES = (0.95, 0.975, 1.0, 1.025)
"""Sizes that a thing may have, relative to its place's; few, so that cuts can be kept."""

HALF, NEARLY_ALL = 127, 250
"""From how much of a pixel on (of 255) it belongs to an outline, and to the plain paper."""

_MODULES = (subjects_plain, subjects_living, subjects_built)
_SHAPES: dict[str, Callable[[Cutter], None]] = {
    subject: next(getattr(module, subject) for module in _MODULES if hasattr(module, subject)) for subject in SUBJECTS
}


@lru_cache(maxsize=3000)
def cut_subject(subject: str, radius: float, shift: tuple[float, float], shades: str) -> Cut:
    """Cut a subject in the middle of a square, moved by a fraction of a pixel."""
    side = 2 * (round(radius * 1.1) + MARGIN)
    cutter = Cutter(side, (side / 2 + shift[0], side / 2 + shift[1]), radius, shades)
    _SHAPES[subject](cutter)
    return cutter.finish()


def silhouette(subject: str, radius: float = RADIUS) -> np.ndarray:
    """Draw the outline of a subject in the middle of a square: boolean array, a hole of a ring left open."""
    return cut_subject(subject, radius, (0.0, 0.0), "plain").cover[..., 0] > HALF


def own_paper(subject: str, radius: float = RADIUS) -> np.ndarray:
    """Mark where a subject shows its plain colour, beside `silhouette`: boolean array of the same size."""
    cut = cut_subject(subject, radius, (0.0, 0.0), "plain")
    return cut.share[..., 0] > NEARLY_ALL


def moved(spot: Spot, play: int, rng: random.Random | None) -> Spot:
    """Move a spot by up to `play` halves of a pixel, and change its size by up to 5 %; not at all without `rng`."""
    if rng is None:
        return spot
    x, y = spot.x + rng.randint(-play, play) / 2, spot.y + rng.randint(-play, play) / 2
    return Spot(x, y, spot.radius * rng.choice(SIZES))


def paint(ground: np.ndarray, thing: Thing, spot: Spot) -> None:
    """Draw one thing on a picture (128, 128, 3), float32, at a spot."""
    colour, shades = COLOURS[thing.colour], tone(thing.colour)
    if thing.subject == "sign":
        signs.paint(ground, thing.text, (round(spot.x), round(spot.y)), colour, shades)
        return
    left, top = int(spot.x), int(spot.y)
    cut = cut_subject(thing.subject, spot.radius, (spot.x - left, spot.y - top), shades)
    half = cut.cover.shape[0] // 2
    cut.paint(ground, left - half, top - half, colour)


def draw(scene: Scene, rng: random.Random | None = None, where: Mapping[str, Spot] | None = None) -> Image.Image:
    """Draw a scene.

    Parameters
    ----------
    scene
        What to draw.
    rng
        Moves and scales the objects but for signs a little (2 px, 5 %); None draws them exactly in place.
    where
        Spots by place, where they are not those of the scene's layout; things stand there exactly.

    Returns
    -------
    RGB picture of 128 x 128 pixels.
    """
    ground = backgrounds.pixels(scene.background).copy()
    if where is None:
        # A sign stays put: its letters are learned where the autoencoder's cells lie.
        things = zip(scene.things, spots(scene), strict=True)
        stand = [spot if thing.subject == "sign" else moved(spot, play(scene), rng) for thing, spot in things]
    else:
        stand = [where[thing.place] for thing in scene.things]
    for thing, spot in zip(scene.things, stand, strict=True):
        paint(ground, thing, spot)
    return Image.fromarray(np.rint(ground.clip(0, 255)).astype(np.uint8))


def background(name: str) -> Image.Image:
    """Draw a background alone, 128 x 128 RGB."""
    return backgrounds.background(name)
