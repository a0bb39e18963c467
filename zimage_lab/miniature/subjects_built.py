"""What people build: how each is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zimage_lab.miniature.paper import Cutter


def house(cut: Cutter) -> None:
    """Cut a house with a chimney, a window and a door."""
    cut.box(0.42, -0.9, 0.66, -0.2, paper="dark")
    cut.box(-0.72, -0.2, 0.72, 0.94)
    cut.polygon((-1.0, -0.1), (0, -0.98), (1.0, -0.1), paper="dark")
    cut.ellipse(0, -0.42, 0.14, paper="cream")
    cut.box(-0.5, 0.14, -0.08, 0.56, paper="cream")
    cut.box(-0.31, 0.14, -0.27, 0.56, paper="dark")
    cut.box(-0.5, 0.33, -0.08, 0.37, paper="dark")
    cut.box(0.14, 0.22, 0.5, 0.94, paper="dark")
    cut.ellipse(0.42, 0.6, 0.05, paper="gold")


def lantern(cut: Cutter) -> None:
    """Cut a round lantern with golden caps and a tassel."""
    cut.box(-0.06, -1.0, 0.06, -0.6, paper="gold")
    for x in (-0.24, 0.0, 0.24):
        cut.box(x - 0.08, 0.4, x + 0.08, 0.98, paper="gold" if x == 0 else "plain")
    cut.ellipse(0, -0.14, 0.86, 0.56)
    for x, rx in ((-0.58, 0.06), (-0.26, 0.07), (0.26, 0.07), (0.58, 0.06)):
        cut.ellipse(x, -0.14, rx, 0.5 - 0.34 * abs(x), paper="light")
    cut.box(-0.42, -0.78, 0.42, -0.6, paper="gold", corner=0.05)
    cut.box(-0.42, 0.32, 0.42, 0.5, paper="gold", corner=0.05)


def car(cut: Cutter) -> None:
    """Cut a car that drives to the left."""
    cut.polygon(*[(-0.62, 0.02), (-0.36, -0.5), (0.42, -0.5), (0.74, 0.02)])
    cut.box(-1.0, -0.06, 1.0, 0.48, corner=0.18)
    cut.polygon((-0.46, -0.02), (-0.28, -0.36), (0.0, -0.36), (0.0, -0.02), paper="glass")
    cut.polygon((0.1, -0.02), (0.1, -0.36), (0.36, -0.36), (0.56, -0.02), paper="glass")
    cut.box(-0.94, 0.2, 0.94, 0.28, paper="dark")
    cut.ellipse(-0.9, 0.12, 0.09, paper="cream")
    for x in (-0.52, 0.54):
        cut.ellipse(x, 0.48, 0.28, paper="ink")
        cut.ellipse(x, 0.48, 0.13, paper="stone")


def boat(cut: Cutter) -> None:
    """Cut a sailing boat."""
    cut.box(-0.05, -0.98, 0.05, 0.5, paper="wood")
    cut.polygon((0.1, -0.9), (0.1, 0.28), (0.86, 0.28))
    cut.polygon((-0.08, -0.72), (-0.08, 0.28), (-0.66, 0.28), paper="light")
    cut.box(-0.7, 0.3, 0.9, 0.44, paper="wood")
    cut.polygon((-1.0, 0.4), (1.0, 0.4), (0.66, 0.92), (-0.64, 0.92))
    cut.stroke([(-0.72, 0.6), (0.74, 0.6)], 0.09, paper="cream")


def palace(cut: Cutter) -> None:
    """Cut a hall of the Forbidden City: marble terrace, columns, two golden roofs with upturned eaves."""
    cut.box(-1.0, 0.66, 1.0, 0.86, paper="stone")
    cut.box(-0.9, 0.54, 0.9, 0.7, paper="stone")
    cut.box(-0.7, 0.58, 0.7, 0.64, paper="snow")
    cut.box(-0.8, 0.73, 0.8, 0.79, paper="snow")
    cut.box(-0.2, 0.54, 0.2, 0.86, paper="grey")
    cut.box(-0.78, 0.06, 0.78, 0.56)
    for x in (-0.52, -0.26, 0.26, 0.52):
        cut.box(x - 0.07, 0.16, x + 0.07, 0.54, paper="dark")
    cut.box(-0.12, 0.18, 0.12, 0.54, paper="cream")
    cut.box(-0.02, 0.18, 0.02, 0.54, paper="dark")
    _roof(cut, 1.0, 0.7, -0.14, 0.14)
    cut.box(-0.6, -0.42, 0.6, -0.12)
    cut.box(-0.2, -0.36, 0.2, -0.18, paper="dark")
    _roof(cut, 0.84, 0.4, -0.8, -0.34)
    cut.box(-0.44, -0.86, 0.44, -0.76, paper="wood")
    for x in (-0.44, 0.44):
        cut.ellipse(x, -0.84, 0.08, paper="wood")


def _roof(cut: Cutter, eave: float, ridge: float, top: float, bottom: float) -> None:
    rise = 0.14
    left = [(-ridge, top), (-eave * 0.82, bottom - rise * 0.9), (-eave, bottom - rise)]
    under = [(-eave * 0.9, bottom - 0.01), (-eave * 0.6, bottom), (eave * 0.6, bottom), (eave * 0.9, bottom - 0.01)]
    right = [(eave, bottom - rise), (eave * 0.82, bottom - rise * 0.9), (ridge, top)]
    cut.polygon(*left, *under, *right, paper="gold")
    cut.stroke([(-eave * 0.86, bottom - 0.03), (eave * 0.86, bottom - 0.03)], 0.06, paper="wood")
