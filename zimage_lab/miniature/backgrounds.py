"""Backgrounds: sky, hills, snow, a beach, or plain paper; each always the same, so that a judge can subtract it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from zimage_lab.miniature.paper import SCALE
from zimage_lab.miniature.world import SIZE

if TYPE_CHECKING:
    from zimage_lab.miniature.paper import Colour

GROUNDS: dict[str, Colour] = {
    "paper": (238, 219, 184),
    "white": (251, 249, 245),
    "day": (188, 221, 238),
    "night": (52, 64, 112),
    "snow": (206, 218, 230),
    "beach": (186, 222, 236),
    "pink": (246, 206, 212),
    "blue": (190, 213, 236),
    "green": (200, 224, 190),
}
"""What covers most of a background, as sRGB."""

_STARS = ((12, 13), (34, 7), (97, 9), (118, 20), (6, 44), (122, 48), (64, 4), (4, 74))
_FLAKES = ((9, 12), (30, 5), (52, 9), (78, 5), (100, 10), (120, 16), (5, 40), (123, 44), (4, 66), (124, 70))


class _Sheets:
    """Layers of a background, drawn in pixels of the picture."""

    def __init__(self, ground: Colour) -> None:
        self.picture = Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), ground)
        self._draw = ImageDraw.Draw(self.picture)

    def ellipse(self, left: float, top: float, right: float, bottom: float, fill: Colour) -> None:
        self._draw.ellipse([(left * SCALE, top * SCALE), (right * SCALE, bottom * SCALE)], fill=fill)

    def dots(self, centres: tuple[tuple[int, int], ...], radius: float, fill: Colour) -> None:
        for x, y in centres:
            self.ellipse(x - radius, y - radius, x + radius, y + radius, fill)


@lru_cache(maxsize=16)
def pixels(name: str) -> np.ndarray:
    """Draw a background as float32 (128, 128, 3), 0 to 255; callers copy it before they draw on it."""
    sheets = _Sheets(GROUNDS[name])
    if name == "day":
        sheets.ellipse(20, 96, 230, 260, (176, 208, 158))
        sheets.ellipse(-90, 104, 110, 240, (196, 220, 168))
    elif name == "night":
        sheets.dots(_STARS, 1.4, (240, 224, 194))
        sheets.ellipse(-50, 102, 150, 240, (66, 80, 128))
        sheets.ellipse(40, 110, 220, 240, (60, 73, 120))
    elif name == "snow":
        sheets.dots(_FLAKES, 1.6, (250, 251, 252))
        sheets.ellipse(-80, 100, 100, 240, (238, 243, 247))
        sheets.ellipse(30, 106, 230, 250, (248, 250, 251))
    elif name == "beach":
        sheets.ellipse(-200, 76, 328, 400, (158, 208, 217))
        sheets.ellipse(-160, 96, 330, 460, (238, 246, 244))
        sheets.ellipse(-160, 99, 330, 460, (246, 228, 180))
    return np.asarray(sheets.picture.resize((SIZE, SIZE), Image.Resampling.BOX), np.float32)


def background(name: str) -> Image.Image:
    """Draw a background alone, 128 x 128 RGB."""
    return Image.fromarray(pixels(name).astype(np.uint8))
