"""Draws scenes as warm paper-cut pictures: flat sheets of paper, a soft shadow below each, one hand's look.

Every shape is given in a square of side 2 around the origin and drawn four times too large, then reduced, which
gives the clean edges of cut paper.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from zimage_lab.miniature.world import COLOURS, PLACES, SIZE

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from zimage_lab.miniature.world import Scene

SCALE = 4
"""Supersampling of the drawing."""

RADIUS = 26.0
"""Half the side of an object's square in pixels."""

_SKY = {"white": (251, 249, 245), "paper": (240, 224, 194), "day": (204, 229, 240), "night": (38, 46, 84)}
_HILL = {"day": (190, 216, 166), "night": (28, 34, 62)}
_STARS = ((12, 14), (30, 8), (98, 10), (117, 19), (8, 40), (120, 44))

Point = tuple[float, float]


class _Sheet:
    """A mask to cut shapes into, in the coordinates of the shape."""

    def __init__(self, size: int, centre: Point, radius: float) -> None:
        self.mask = Image.new("L", (size * SCALE, size * SCALE), 0)
        self._draw = ImageDraw.Draw(self.mask)
        self._centre, self._radius = centre, radius

    def _at(self, x: float, y: float) -> Point:
        cx, cy = self._centre
        return (cx + x * self._radius) * SCALE, (cy + y * self._radius) * SCALE

    def polygon(self, *points: Point) -> None:
        self._draw.polygon([self._at(*point) for point in points], fill=255)

    def ellipse(self, x: float, y: float, rx: float, ry: float | None = None) -> None:
        ry = rx if ry is None else ry
        self._draw.ellipse([self._at(x - rx, y - ry), self._at(x + rx, y + ry)], fill=255)

    def box(self, left: float, top: float, right: float, bottom: float) -> None:
        self._draw.rectangle([self._at(left, top), self._at(right, bottom)], fill=255)

    def stroke(self, points: list[Point], width: float) -> None:
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            self._draw.line([self._at(x0, y0), self._at(x1, y1)], fill=255, width=round(width * self._radius * SCALE))
        for x, y in points:
            self.ellipse(x, y, width / 2)


def _star_points(outer: float, inner: float) -> list[Point]:
    turns = [math.pi * k / 5 - math.pi / 2 for k in range(10)]
    return [
        ((outer if k % 2 == 0 else inner) * math.cos(a), (outer if k % 2 == 0 else inner) * math.sin(a))
        for k, a in enumerate(turns)
    ]


def _heart_points(scale: float) -> list[Point]:
    points = []
    for k in range(80):
        a = 2 * math.pi * k / 80
        x = 16 * math.sin(a) ** 3
        y = 13 * math.cos(a) - 5 * math.cos(2 * a) - 2 * math.cos(3 * a) - math.cos(4 * a)
        points.append((scale * x / 16.5, scale * (-y - 2.5) / 15.5))
    return points


def _circle(body: _Sheet, dark: _Sheet, light: _Sheet) -> None:
    del dark
    body.ellipse(0, 0, 0.98)
    light.ellipse(-0.12, -0.12, 0.62)


def _square(body: _Sheet, dark: _Sheet, light: _Sheet) -> None:
    del dark
    body.box(-0.88, -0.88, 0.88, 0.88)
    light.box(-0.52, -0.52, 0.52, 0.52)


def _triangle(body: _Sheet, dark: _Sheet, light: _Sheet) -> None:
    del dark
    body.polygon((0, -0.98), (1.0, 0.86), (-1.0, 0.86))
    light.polygon((0, -0.34), (0.5, 0.58), (-0.5, 0.58))


def _star(body: _Sheet, dark: _Sheet, light: _Sheet) -> None:
    del dark
    body.polygon(*_star_points(1.06, 0.46))
    light.polygon(*_star_points(0.56, 0.25))


def _heart(body: _Sheet, dark: _Sheet, light: _Sheet) -> None:
    del dark
    body.polygon(*_heart_points(1.0))
    light.polygon(*_heart_points(0.58))


def _cat(body: _Sheet, dark: _Sheet, light: _Sheet) -> None:
    body.ellipse(-0.08, 0.5, 0.52, 0.5)
    body.box(-0.5, 0.5, 0.34, 0.98)
    body.ellipse(-0.08, -0.3, 0.5, 0.44)
    body.polygon((-0.56, -0.3), (-0.5, -1.0), (-0.1, -0.62))
    body.polygon((0.4, -0.3), (0.34, -1.0), (-0.06, -0.62))
    body.stroke([(0.3, 0.86), (0.66, 0.8), (0.84, 0.52), (0.78, 0.2)], 0.22)
    light.ellipse(-0.27, -0.34, 0.1, 0.12)
    light.ellipse(0.11, -0.34, 0.1, 0.12)
    dark.polygon((-0.16, -0.14), (0.0, -0.14), (-0.08, -0.04))
    dark.box(-0.11, 0.62, -0.05, 0.98)


def _fish(body: _Sheet, dark: _Sheet, light: _Sheet) -> None:
    body.ellipse(-0.22, 0, 0.78, 0.52)
    body.polygon((0.34, 0), (1.0, -0.58), (0.84, 0), (1.0, 0.58))
    body.polygon((-0.4, -0.4), (0.1, -0.78), (0.28, -0.34))
    dark.polygon((-0.14, 0.06), (0.26, -0.14), (0.26, 0.28))
    light.ellipse(-0.64, -0.1, 0.13)


def _house(body: _Sheet, dark: _Sheet, light: _Sheet) -> None:
    body.box(-0.7, -0.14, 0.7, 0.94)
    body.polygon((-1.0, -0.1), (0, -0.98), (1.0, -0.1))
    body.box(0.42, -0.9, 0.66, -0.2)
    dark.polygon((-0.82, -0.16), (0, -0.88), (0.82, -0.16))
    light.box(-0.48, 0.16, -0.1, 0.54)
    dark.box(0.14, 0.24, 0.5, 0.94)


def _tree(body: _Sheet, dark: _Sheet, light: _Sheet) -> None:
    body.ellipse(0, -0.52, 0.52, 0.48)
    body.ellipse(-0.46, -0.12, 0.48, 0.42)
    body.ellipse(0.46, -0.12, 0.48, 0.42)
    body.box(-0.18, 0, 0.18, 0.98)
    dark.box(-0.18, 0.3, 0.18, 0.98)
    light.ellipse(-0.34, -0.18, 0.17)
    light.ellipse(0.22, -0.44, 0.17)


def _lantern(body: _Sheet, dark: _Sheet, light: _Sheet) -> None:
    body.box(-0.07, -1.0, 0.07, -0.6)
    body.box(-0.4, -0.78, 0.4, -0.56)
    body.ellipse(0, -0.14, 0.86, 0.54)
    body.box(-0.4, 0.28, 0.4, 0.5)
    for x in (-0.24, 0.0, 0.24):
        body.box(x - 0.08, 0.48, x + 0.08, 0.98)
    dark.box(-0.4, -0.78, 0.4, -0.6)
    dark.box(-0.4, 0.32, 0.4, 0.5)
    light.ellipse(-0.34, -0.14, 0.09, 0.36)
    light.ellipse(0.34, -0.14, 0.09, 0.36)


_SHAPES: dict[str, Callable[[_Sheet, _Sheet, _Sheet], None]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "heart": _heart,
    "cat": _cat,
    "fish": _fish,
    "house": _house,
    "tree": _tree,
    "lantern": _lantern,
}


def _mix(colour: tuple[int, int, int], other: tuple[int, int, int], share: float) -> tuple[int, ...]:
    return tuple(round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))


@lru_cache(maxsize=16)
def _background(name: str) -> Image.Image:
    size = (SIZE * SCALE, SIZE * SCALE)
    picture = Image.new("RGB", size, _SKY[name])
    draw = ImageDraw.Draw(picture)
    if name == "night":
        for x, y in _STARS:
            r = 1.4
            draw.ellipse([((x - r) * SCALE, (y - r) * SCALE), ((x + r) * SCALE, (y + r) * SCALE)], fill=(240, 224, 194))
    if name in _HILL:
        draw.ellipse([(-50 * SCALE, 102 * SCALE), (150 * SCALE, 240 * SCALE)], fill=_HILL[name])
    return picture.resize((SIZE, SIZE), Image.Resampling.BOX)


def background(name: str) -> Image.Image:
    """Draw a background alone, 128 x 128 RGB."""
    return _background(name).copy()


def _cut(subject: str, centre: Point, radius: float) -> tuple[Image.Image, ...]:
    sheets = tuple(_Sheet(SIZE, centre, radius) for _ in range(3))
    _SHAPES[subject](*sheets)
    return tuple(sheet.mask.resize((SIZE, SIZE), Image.Resampling.BOX) for sheet in sheets)


def silhouette(subject: str, radius: float = RADIUS) -> np.ndarray:
    """Draw the outline of a subject, filled, in the middle of a picture.

    Returns
    -------
    Boolean array of 128 x 128.
    """
    body, *_ = _cut(subject, (SIZE / 2, SIZE / 2), radius)
    return np.asarray(body) > 127


def draw(scene: Scene, rng: random.Random | None = None) -> Image.Image:
    """Draw a scene.

    Parameters
    ----------
    scene
        What to draw.
    rng
        Moves and scales the objects a little (2 px, 6 %); None draws them exactly in place.

    Returns
    -------
    RGB picture of 128 x 128 pixels.
    """
    picture = background(scene.background)
    for thing in scene.things:
        x, y = map(float, PLACES[thing.place])
        radius = RADIUS
        if rng is not None:
            x, y = x + rng.uniform(-2, 2), y + rng.uniform(-2, 2)
            radius *= rng.uniform(0.94, 1.04)
        body, dark, light = _cut(thing.subject, (x, y), radius)
        shadow = ImageChops.offset(body, 2, 3).filter(ImageFilter.GaussianBlur(1.6)).point(lambda v: v * 0.22)
        picture.paste((40, 30, 24), mask=shadow)
        colour = COLOURS[thing.colour]
        picture.paste(colour, mask=body)
        picture.paste(_mix(colour, (40, 20, 20), 0.28), mask=ImageChops.multiply(dark, body))
        picture.paste(_mix(colour, (255, 246, 226), 0.34), mask=ImageChops.multiply(light, body))
    return picture
