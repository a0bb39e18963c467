"""The letters, digits and characters of signs, as bitmaps that lie in the package.

`glyphs.png` holds one square of 48 x 48 grey pixels for each of `world.SIGN_LETTERS` and `world.SIGN_CHARACTERS`, in
that order, 12 in a row, so that drawing depends on no font of the machine. They were rendered from Noto Sans CJK SC
Bold, Copyright 2014-2021 Adobe, under the SIL Open Font License 1.1, whose text lies beside them.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from zimage_lab.miniature.world import SIGN_CHARACTERS, SIGN_LETTERS

EDGE = 48
"""Edge of a bitmap in pixels."""

COLUMNS = 12

ALPHABET = SIGN_LETTERS + SIGN_CHARACTERS


@lru_cache(maxsize=1)
def _sheet() -> Image.Image:
    with Image.open(Path(__file__).parent / "glyphs.png") as picture:
        return picture.convert("L")


@lru_cache(maxsize=1024)
def glyph(character: str, edge: int = EDGE) -> np.ndarray:
    """Give a character's ink, (edge, edge), 0 to 1.

    Parameters
    ----------
    character
        One of `ALPHABET`.
    edge
        Size of its square in pixels.
    """
    row, column = divmod(ALPHABET.index(character), COLUMNS)
    box = (column * EDGE, row * EDGE, column * EDGE + EDGE, row * EDGE + EDGE)
    bitmap = _sheet().crop(box).resize((edge, edge), Image.Resampling.LANCZOS)
    return np.asarray(bitmap, np.float32) / 255
