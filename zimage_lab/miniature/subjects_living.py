"""Animals and people: how each is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.miniature.paper import arc, smooth

if TYPE_CHECKING:
    from zimage_lab.miniature.paper import Cutter


def _eye(cut: Cutter, x: float, y: float, size: float = 0.11) -> None:
    cut.ellipse(x, y, size, size * 1.1, paper="snow")
    cut.ellipse(x, y + 0.01, size * 0.62, size * 0.8, paper="ink")


def cat(cut: Cutter) -> None:
    """Cut a sitting cat that looks at the reader."""
    cut.stroke([(0.3, 0.86), (0.62, 0.8), (0.82, 0.52), (0.76, 0.18)], 0.2)
    cut.ellipse(-0.08, 0.5, 0.52, 0.5)
    cut.box(-0.5, 0.5, 0.34, 0.98, corner=0.1)
    cut.ellipse(-0.08, 0.62, 0.22, 0.3, paper="light")
    cut.polygon((-0.58, -0.28), (-0.54, -1.0), (-0.08, -0.6))
    cut.polygon((0.42, -0.28), (0.38, -1.0), (-0.08, -0.6))
    cut.polygon((-0.48, -0.5), (-0.47, -0.84), (-0.26, -0.64), paper="blush")
    cut.polygon((0.32, -0.5), (0.31, -0.84), (0.1, -0.64), paper="blush")
    cut.ellipse(-0.08, -0.3, 0.52, 0.44)
    _eye(cut, -0.28, -0.34, 0.13)
    _eye(cut, 0.12, -0.34, 0.13)
    cut.polygon((-0.16, -0.16), (0.0, -0.16), (-0.08, -0.07), paper="blush")
    cut.box(-0.1, 0.72, -0.06, 0.98, paper="dark")


def dog(cut: Cutter) -> None:
    """Cut a standing dog seen from its side."""
    cut.stroke([(0.66, 0.0), (0.86, -0.2), (0.92, -0.48)], 0.17)
    for x in (-0.42, -0.14, 0.38, 0.64):
        cut.box(x - 0.1, 0.2, x + 0.12, 0.96, paper="dark" if x in {-0.14, 0.38} else "plain", corner=0.06)
    cut.box(-0.52, -0.14, 0.78, 0.46, corner=0.24)
    cut.polygon((-0.5, 0.3), (-0.66, -0.3), (-0.1, -0.4), (0.0, 0.1))
    cut.ellipse(-0.46, -0.46, 0.36, 0.34)
    cut.box(-0.94, -0.5, -0.5, -0.16, corner=0.14)
    cut.ellipse(-0.89, -0.42, 0.1, 0.09, paper="ink")
    cut.polygon(*smooth([(-0.36, -0.8), (-0.12, -0.68), (-0.08, -0.22), (-0.24, -0.1), (-0.36, -0.3)]), paper="dark")
    _eye(cut, -0.58, -0.52)
    cut.polygon((-0.6, -0.1), (-0.12, -0.04), (-0.12, 0.06), (-0.58, 0.0), paper="gold")
    cut.ellipse(0.3, 0.14, 0.2, 0.16, paper="light")


def fish(cut: Cutter) -> None:
    """Cut a fish that swims to the left."""
    cut.polygon((0.3, 0), (1.0, -0.58), (0.82, 0), (1.0, 0.58))
    cut.polygon((-0.42, -0.4), (0.1, -0.8), (0.3, -0.34))
    cut.ellipse(-0.22, 0, 0.78, 0.52)
    for x in (-0.3, 0.0, 0.3):
        height = 0.46 - 0.5 * abs(x) * (x > 0)
        cut.stroke([(x - 0.04, -height * 0.7), (x + 0.06, 0), (x - 0.04, height * 0.7)], 0.09, paper="light")
    cut.polygon((-0.16, 0.08), (0.2, -0.04), (0.16, 0.3), paper="dark")
    _eye(cut, -0.64, -0.1, 0.14)


def bird(cut: Cutter) -> None:
    """Cut a bird on its two legs."""
    for x in (-0.12, 0.16):
        cut.stroke([(x, 0.5), (x, 0.94), (x - 0.16, 0.96)], 0.08, paper="wood")
    cut.polygon((-0.7, -0.52), (-0.98, -0.32), (-0.7, -0.22), paper="gold")
    cut.polygon((0.2, -0.1), (0.95, -0.56), (0.93, -0.16), (0.4, 0.44))
    cut.ellipse(0.02, 0.16, 0.6, 0.48)
    cut.ellipse(-0.42, -0.4, 0.4, 0.38)
    cut.ellipse(-0.16, 0.3, 0.34, 0.26, paper="light")
    cut.polygon(*smooth([(-0.2, -0.02), (0.2, -0.14), (0.66, 0.02), (0.4, 0.34), (0.0, 0.3)]), paper="dark")
    _eye(cut, -0.5, -0.44, 0.13)


def _face(cut: Cutter, y: float, apart: float = 0.15) -> None:
    for x in (-apart, apart):
        cut.ellipse(x, y, 0.06, 0.08, paper="ink")
        cut.ellipse(x * 1.6, y + 0.13, 0.07, 0.05, paper="blush")
    cut.stroke(arc(0, y + 0.1, 0.08, 30, 150, steps=6), 0.045, paper="blush")


def hanfu_girl(cut: Cutter) -> None:
    """Cut a girl in hanfu: two buns, wide sleeves, a long skirt."""
    for x in (-0.36, 0.36):
        cut.ellipse(x, -0.82, 0.17, paper="hair")
        cut.stroke([(x * 0.98, -0.66), (x * 1.16, -0.2)], 0.08, paper="hair")
    cut.ellipse(0, -0.54, 0.43, paper="hair")
    cut.polygon((-0.18, 0.1), (0.18, 0.1), (0.68, 0.98), (-0.68, 0.98))
    cut.polygon((-0.1, 0.2), (0.1, 0.2), (0.22, 0.98), (-0.22, 0.98), paper="light")
    for side in (-1, 1):
        sleeve = [(side * x, y) for x, y in ((0.14, -0.16), (0.34, -0.14), (0.92, 0.34), (0.66, 0.62), (0.2, 0.2))]
        cut.polygon(*sleeve)
        cut.stroke([(side * 0.9, 0.36), (side * 0.68, 0.58)], 0.1, paper="light")
        cut.ellipse(side * 0.84, 0.5, 0.1, paper="skin")
    cut.polygon((-0.26, -0.2), (0.26, -0.2), (0.24, 0.2), (-0.24, 0.2))
    cut.ellipse(0, -0.46, 0.34, paper="skin")
    cut.polygon(*arc(0, -0.5, 0.38, 180, 360, steps=20), (0.2, -0.6), (0, -0.7), (-0.2, -0.6), paper="hair")
    _face(cut, -0.42)
    cut.stroke([(-0.16, -0.14), (0.06, 0.1)], 0.07, paper="snow")
    cut.stroke([(0.16, -0.14), (-0.06, 0.1)], 0.07, paper="snow")
    cut.box(-0.25, 0.12, 0.25, 0.25, paper="dark")
    cut.ellipse(-0.36, -0.72, 0.08, paper="gold")


def tang_man(cut: Cutter) -> None:
    """Cut an old man in a Tang suit, with a white beard and a camera."""
    for x in (-0.2, 0.2):
        cut.box(x - 0.17, 0.4, x + 0.17, 0.92, paper="ink")
        cut.ellipse(x * 1.3, 0.92, 0.22, 0.08, paper="wood")
    cut.stroke([(0.3, -0.04), (0.62, 0.14), (0.62, -0.12)], 0.22)
    cut.stroke([(-0.34, -0.02), (-0.5, 0.4)], 0.24)
    cut.ellipse(-0.52, 0.52, 0.11, paper="skin")
    cut.box(-0.42, -0.2, 0.42, 0.62, corner=0.12)
    cut.box(0.42, -0.44, 0.98, -0.08, paper="ink", corner=0.06)
    cut.box(0.58, -0.54, 0.78, -0.4, paper="ink")
    cut.ellipse(0.7, -0.26, 0.14, paper="glass")
    cut.ellipse(0.56, -0.04, 0.1, paper="skin")
    cut.ellipse(-0.33, -0.5, 0.1, 0.17, paper="silver")
    cut.ellipse(0.33, -0.5, 0.1, 0.17, paper="silver")
    cut.ellipse(0, -0.56, 0.36, 0.38, paper="skin")
    cut.polygon(*arc(0, -0.66, 0.34, 190, 350, steps=16), paper="silver")
    cut.polygon(
        *smooth([(-0.28, -0.42), (0, -0.36), (0.28, -0.42), (0.2, -0.14), (0, 0.04), (-0.2, -0.14)]), paper="snow"
    )
    for x in (-0.15, 0.15):
        cut.ellipse(x, -0.54, 0.055, 0.07, paper="ink")
        cut.stroke([(x - 0.09, -0.66), (x + 0.09, -0.66)], 0.05, paper="grey")
    cut.stroke([(-0.08, -0.34), (0.08, -0.34)], 0.05, paper="blush")
    cut.stroke([(0, 0.06), (0, 0.6)], 0.05, paper="dark")
    for y in (0.14, 0.3, 0.46):
        cut.stroke([(-0.12, y), (0.12, y)], 0.06, paper="gold")


def surfer(cut: Cutter) -> None:
    """Cut a boy on a surfboard, arms wide, foam below the board."""
    for x, y, r in ((-0.62, 0.84, 0.18), (-0.3, 0.86, 0.2), (0.06, 0.84, 0.18), (0.4, 0.86, 0.2), (0.7, 0.82, 0.16)):
        cut.ellipse(x, y, r, r * 0.75, paper="sea")
        cut.ellipse(x, y, r * 0.66, r * 0.42, paper="foam")
    board = [(-1.02, 0.66), (-0.6, 0.56), (0.5, 0.56), (1.04, 0.42), (0.84, 0.72), (0.4, 0.8), (-0.6, 0.8)]
    cut.polygon(*smooth(board))
    cut.stroke([(-0.72, 0.68), (0.66, 0.66)], 0.06, paper="snow")
    cut.stroke([(-0.1, 0.28), (-0.4, 0.42), (-0.38, 0.58)], 0.17, paper="skin")
    cut.stroke([(0.12, 0.28), (0.36, 0.4), (0.4, 0.58)], 0.17, paper="skin")
    cut.stroke([(-0.16, -0.06), (-0.56, -0.1), (-0.9, -0.26)], 0.15, paper="skin")
    cut.stroke([(0.16, -0.06), (0.56, -0.1), (0.9, 0.06)], 0.15, paper="skin")
    cut.polygon((-0.26, -0.18), (0.26, -0.18), (0.2, 0.2), (0.34, 0.38), (0.02, 0.34), (-0.3, 0.4), (-0.2, 0.2))
    cut.box(-0.2, 0.1, 0.2, 0.18, paper="light")
    cut.ellipse(0, -0.56, 0.38, 0.36, paper="hair")
    cut.ellipse(0, -0.46, 0.31, 0.3, paper="skin")
    hair = [(-0.38, -0.5), (-0.4, -0.8), (-0.14, -0.98), (0.2, -0.96), (0.42, -0.72), (0.36, -0.48), (0.2, -0.64)]
    cut.polygon(*hair, (0.06, -0.58), (-0.1, -0.66), (-0.24, -0.56), paper="hair")
    _face(cut, -0.42, 0.13)
