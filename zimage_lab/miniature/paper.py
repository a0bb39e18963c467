"""Cuts paper: flat coloured sheets with clean edges, laid over each other, kept ready for any colour.

A shape is given in a square of side 2 around the origin and cut four times too large, then reduced. Every paper is
an affine function of the thing's own colour (`share * colour + rest`), so that one cut serves all colours: only two
arrays have to be combined to paint it.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Iterable

SCALE = 4
"""Supersampling of a cut."""

MARGIN = 9
"""Pixels around a cut for its shadow."""

SHADOW = (40, 30, 24)
SHADOW_SHARE = 0.2

RIM = (168, 140, 116)
"""A thin edge of darker paper around white things."""

Point = tuple[float, float]
Colour = tuple[int, int, int]

PAPERS: dict[str, Colour] = {
    "skin": (234, 174, 134),
    "hair": (54, 44, 46),
    "ink": (46, 38, 42),
    "snow": (253, 250, 244),
    "cream": (250, 236, 206),
    "wood": (122, 84, 60),
    "leaf": (94, 152, 92),
    "gold": (232, 178, 66),
    "blush": (232, 132, 122),
    "stone": (152, 148, 144),
    "grey": (118, 112, 112),
    "silver": (136, 138, 152),
    "glass": (208, 230, 238),
    "foam": (232, 243, 246),
    "sea": (70, 140, 184),
}
"""Papers of a colour of their own, whatever the thing's."""

_SHADES: dict[str, dict[str, tuple[float, Colour]]] = {
    "plain": {"dark": (0.72, (40, 20, 20)), "light": (0.64, (255, 246, 226))},
    "white": {"dark": (0.50, (200, 88, 30)), "light": (0.80, (206, 182, 156))},
    "black": {"dark": (0.78, (150, 136, 132)), "light": (0.62, (172, 160, 156))},
}
"""How far a darker and a lighter paper go from the thing's colour, and towards what; on black both are lighter."""


def tone(colour: str) -> str:
    """Name the set of shades for a colour."""
    return colour if colour in _SHADES else "plain"


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut shape, ready to be painted in any colour.

    Attributes
    ----------
    share
        How much of the thing's colour a pixel takes, (h, w, 1); 255 is all.
    rest
        What is added to it, (h, w, 3).
    cover
        How much of the ground a pixel hides, (h, w, 1); 255 is all.
    shadow
        The cover as the shadow below shows it, moved and blurred, (h, w, 1).

    All are bytes, as thousands of cuts are kept.
    """

    share: np.ndarray
    rest: np.ndarray
    cover: np.ndarray
    shadow: np.ndarray

    def paint(self, ground: np.ndarray, left: int, top: int, colour: Colour) -> None:
        """Lay the shape on a picture (rows, columns, 3), float32, its upper left corner at a pixel."""
        height, width = self.cover.shape[:2]
        rows = slice(max(0, top), min(ground.shape[0], top + height))
        columns = slice(max(0, left), min(ground.shape[1], left + width))
        own = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
        part = ground[rows, columns]
        part += self.shadow[own] * np.float32(SHADOW_SHARE / 255) * (np.array(SHADOW, np.float32) - part)
        part *= 1 - self.cover[own] * np.float32(1 / 255)
        part += self.share[own] * (np.array(colour, np.float32) / 255) + self.rest[own]


class Cutter:
    """Sheets to cut shapes into, in the coordinates of the shape.

    Parameters
    ----------
    side
        Edge of the square picture of the cut in pixels.
    centre
        Where the origin lies in it, in pixels.
    radius
        Length of the unit in pixels.
    shades
        A name that `tone` gives.
    """

    def __init__(self, side: int, centre: Point, radius: float, shades: str = "plain") -> None:
        size = (side * SCALE, side * SCALE)
        self._share, self._rest = Image.new("L", size, 0), Image.new("RGB", size, 0)
        self._cover = Image.new("L", size, 0)
        self._sheets = [ImageDraw.Draw(sheet) for sheet in (self._share, self._rest, self._cover)]
        self._centre, self._radius, self._shades = centre, radius, shades

    def _at(self, x: float, y: float) -> Point:
        cx, cy = self._centre
        return (cx + x * self._radius) * SCALE, (cy + y * self._radius) * SCALE

    def _fills(self, paper: str) -> Iterable[tuple[ImageDraw.ImageDraw, int | Colour]]:
        share, rest = 1.0, (0, 0, 0)
        if paper in PAPERS:
            share, rest = 0.0, PAPERS[paper]
        elif paper != "plain":
            share, towards = _SHADES[self._shades][paper]
            red, green, blue = (round((1 - share) * part) for part in towards)
            rest = (red, green, blue)
        return zip(self._sheets, (round(255 * share), rest, 255), strict=True)

    def polygon(self, *points: Point, paper: str = "plain") -> None:
        """Cut a polygon."""
        for sheet, fill in self._fills(paper):
            sheet.polygon([self._at(*point) for point in points], fill=fill)

    def ellipse(self, x: float, y: float, rx: float, ry: float | None = None, paper: str = "plain") -> None:
        """Cut an ellipse around a point, or a circle."""
        ry = rx if ry is None else ry
        for sheet, fill in self._fills(paper):
            sheet.ellipse([self._at(x - rx, y - ry), self._at(x + rx, y + ry)], fill=fill)

    def box(
        self, left: float, top: float, right: float, bottom: float, *, paper: str = "plain", corner: float = 0.0
    ) -> None:
        """Cut a box, its corners rounded by a radius where given."""
        for sheet, fill in self._fills(paper):
            sheet.rounded_rectangle(
                [self._at(left, top), self._at(right, bottom)], radius=corner * self._radius * SCALE, fill=fill
            )

    def stroke(self, points: Iterable[Point], width: float, paper: str = "plain") -> None:
        """Cut a line of a width with round ends."""
        points = list(points)
        for sheet, fill in self._fills(paper):
            for first, second in itertools.pairwise(points):
                line = [self._at(*first), self._at(*second)]
                sheet.line(line, fill=fill, width=max(1, round(width * self._radius * SCALE)))
        for x, y in points:
            self.ellipse(x, y, width / 2, paper=paper)

    def finish(self) -> Cut:
        """Reduce the sheets and make the shadow; white things get their rim here."""
        if self._shades == "white":
            wide = self._cover.filter(ImageFilter.MaxFilter(2 * SCALE - 1))
            rim = ImageChops.subtract(wide, self._cover)
            self._rest.paste(RIM, mask=rim)
            self._cover = wide
        side = self._cover.width // SCALE
        share, rest, cover = (
            sheet.resize((side, side), Image.Resampling.BOX) for sheet in (self._share, self._rest, self._cover)
        )
        shadow = ImageChops.offset(cover, 2, 3).filter(ImageFilter.GaussianBlur(1.6))
        return Cut(*(np.asarray(sheet).reshape(side, side, -1) for sheet in (share, rest, cover, shadow)))


def smooth(points: list[Point], steps: int = 8) -> list[Point]:
    """Round a closed outline: a Catmull-Rom curve through its points."""
    curve, count = [], len(points)
    for n in range(count):
        p, q, r, s = (points[(n + k - 1) % count] for k in range(4))
        for step in range(steps):
            t = step / steps
            curve.append((_spline(p[0], q[0], r[0], s[0], t), _spline(p[1], q[1], r[1], s[1], t)))
    return curve


def _spline(p: float, q: float, r: float, s: float, t: float) -> float:
    return 0.5 * (2 * q + (r - p) * t + (2 * p - 5 * q + 4 * r - s) * t**2 + (3 * q - p - 3 * r + s) * t**3)


def arc(x: float, y: float, radius: float, start: float, stop: float, *, steps: int = 24) -> list[Point]:
    """List points of a circle from one angle to another, in degrees, clockwise on the screen."""
    angles = [math.radians(start + (stop - start) * k / steps) for k in range(steps + 1)]
    return [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles]
