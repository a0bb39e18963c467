"""Plain shapes, sky, plants and water: how each is cut."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from zimage_lab.miniature.paper import arc, smooth

if TYPE_CHECKING:
    from zimage_lab.miniature.paper import Cutter, Point


def _star_points(count: int, outer: float, inner: float) -> list[Point]:
    turns = [math.pi * k / count - math.pi / 2 for k in range(2 * count)]
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


def circle(cut: Cutter) -> None:
    """Cut a disc."""
    cut.ellipse(0, 0, 0.98)
    cut.ellipse(-0.12, -0.12, 0.6, paper="light")


def square(cut: Cutter) -> None:
    """Cut a square."""
    cut.box(-0.86, -0.86, 0.86, 0.86)
    cut.box(-0.5, -0.5, 0.5, 0.5, paper="light")


def triangle(cut: Cutter) -> None:
    """Cut a triangle."""
    cut.polygon((0, -0.98), (1.0, 0.86), (-1.0, 0.86))
    cut.polygon((0, -0.3), (0.48, 0.56), (-0.48, 0.56), paper="light")


def star(cut: Cutter) -> None:
    """Cut a star of five points."""
    cut.polygon(*_star_points(5, 1.06, 0.46))
    cut.polygon(*_star_points(5, 0.54, 0.24), paper="light")


def heart(cut: Cutter) -> None:
    """Cut a heart."""
    cut.polygon(*_heart_points(1.0))
    cut.polygon(*_heart_points(0.56), paper="light")


def ring(cut: Cutter) -> None:
    """Cut a ring; the seam between its two circles has no width."""
    cut.polygon(*arc(0, 0, 0.98, 0, 360, steps=60), *arc(0, 0, 0.6, 360, 0, steps=60))
    cut.polygon(*arc(0, 0, 0.86, 190, 290), *arc(0, 0, 0.72, 290, 190), paper="light")


def moon(cut: Cutter) -> None:
    """Cut a crescent with a sleeping eye."""
    cut.polygon(*arc(0.12, 0, 0.98, 52, 308, steps=40), *arc(0.5, 0, 0.8, 284, 76, steps=40))
    cut.stroke(arc(-0.48, -0.18, 0.14, 20, 160, steps=8), 0.07, paper="ink")
    cut.ellipse(-0.42, 0.14, 0.1, 0.07, paper="blush")


def sun(cut: Cutter) -> None:
    """Cut a sun with rays and a face."""
    cut.polygon(*_star_points(12, 1.04, 0.7))
    cut.ellipse(0, 0, 0.6, paper="light")
    for x in (-0.2, 0.2):
        cut.ellipse(x, -0.1, 0.08, paper="ink")
        cut.ellipse(x * 1.7, 0.1, 0.09, 0.07, paper="blush")
    cut.stroke(arc(0, 0.06, 0.2, 25, 155, steps=10), 0.07, paper="ink")


def flower(cut: Cutter) -> None:
    """Cut a flower of six petals with a stem and two leaves."""
    cut.box(-0.06, 0, 0.06, 0.98, paper="leaf")
    cut.polygon(*smooth([(0, 0.86), (0.28, 0.42), (0.62, 0.36), (0.46, 0.7)]), paper="leaf")
    cut.polygon(*smooth([(0, 0.94), (-0.28, 0.54), (-0.62, 0.46), (-0.46, 0.8)]), paper="leaf")
    for k in range(6):
        a = math.pi * k / 3
        cut.ellipse(0.36 * math.cos(a), -0.36 + 0.36 * math.sin(a), 0.28)
    for k in range(6):
        a = math.pi * k / 3 + math.pi / 6
        cut.stroke([(0, -0.36), (0.4 * math.cos(a), -0.36 + 0.4 * math.sin(a))], 0.05, paper="dark")
    cut.ellipse(0, -0.36, 0.2, paper="cream")


def tree(cut: Cutter) -> None:
    """Cut a round tree."""
    cut.box(-0.17, 0, 0.17, 0.98, paper="wood")
    cut.ellipse(-0.46, -0.1, 0.48, 0.42)
    cut.ellipse(0.46, -0.1, 0.48, 0.42)
    cut.ellipse(0, -0.5, 0.54, 0.48)
    for x, y in ((-0.5, -0.12), (0.1, -0.58), (0.5, -0.04), (-0.02, -0.02)):
        cut.ellipse(x, y, 0.15, paper="light")
    for x, y in ((-0.2, -0.34), (0.34, -0.32)):
        cut.ellipse(x, y, 0.12, paper="dark")


def cherry_tree(cut: Cutter) -> None:
    """Cut a cherry tree that leans over whoever stands under it."""
    trunk = [(-0.64, 0.98), (-0.44, 0.98), (-0.44, 0.5), (-0.22, 0.0), (0.1, -0.3), (-0.1, -0.36), (-0.4, -0.05)]
    cut.polygon(*trunk, (-0.59, 0.45), paper="wood")
    for x, y, rx, ry in (
        (-0.6, -0.36, 0.4, 0.3),
        (-0.24, -0.68, 0.42, 0.3),
        (0.3, -0.66, 0.44, 0.3),
        (0.62, -0.36, 0.38, 0.28),
        (0.12, -0.3, 0.56, 0.28),
    ):
        cut.ellipse(x, y, rx, ry)
    cut.stroke([(-0.3, 0.02), (-0.12, -0.26), (0.2, -0.42)], 0.07, paper="wood")
    cut.stroke([(-0.36, 0.0), (-0.5, -0.26)], 0.06, paper="wood")
    for x, y in ((-0.74, -0.4), (-0.3, -0.78), (0.02, -0.6), (0.4, -0.74), (0.72, -0.4), (0.36, -0.24)):
        _blossom(cut, x, y, 0.1)
    for x, y in ((-0.5, -0.58), (0.2, -0.82), (0.62, -0.58), (0.06, -0.16), (-0.24, -0.46), (0.48, -0.46)):
        cut.ellipse(x, y, 0.055, paper="dark")


def _blossom(cut: Cutter, x: float, y: float, size: float) -> None:
    for k in range(5):
        a = 2 * math.pi * k / 5 - math.pi / 2
        cut.ellipse(x + 0.62 * size * math.cos(a), y + 0.62 * size * math.sin(a), 0.55 * size, paper="light")
    cut.ellipse(x, y, 0.35 * size, paper="dark")


def wave(cut: Cutter) -> None:
    """Cut a breaking wave with foam on its crest."""
    outline = [(-0.94, 0.5), (-0.72, 0.06), (-0.42, -0.5), (0.1, -0.8), (0.58, -0.6), (0.8, -0.16), (0.7, 0.06)]
    hollow = [(0.5, -0.2), (0.22, -0.28), (-0.02, 0.02), (0.1, 0.4), (0.5, 0.52), (0.92, 0.4)]
    curve = smooth([*outline, *hollow, (0.92, 0.84), (0, 0.86), (-0.94, 0.84)])
    cut.polygon(*curve)
    cut.stroke([(-0.74, 0.56), (-0.5, 0.1), (-0.2, -0.3), (0.14, -0.48)], 0.1, paper="light")
    cut.stroke([(-0.4, 0.66), (-0.28, 0.3), (-0.16, 0.04)], 0.1, paper="light")
    cut.stroke([(0.0, 0.68), (0.4, 0.72), (0.8, 0.64)], 0.08, paper="dark")
    foam = ((-0.2, -0.66, 0.15), (0.12, -0.76, 0.17), (0.42, -0.68, 0.17), (0.66, -0.42, 0.17), (0.76, -0.1, 0.15))
    for x, y, r in foam:
        cut.ellipse(x, y, r)
    for x, y, r in foam:
        cut.ellipse(x, y, r * 0.72, paper="foam")
