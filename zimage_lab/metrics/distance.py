"""How far pictures lie apart: the variety between the seeds of one prompt."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image


def distance(one: Image.Image, other: Image.Image) -> float:
    """Root mean square difference of two RGB pictures of one size, 0 to 1."""
    difference = (np.asarray(one, dtype=np.float32) - np.asarray(other, dtype=np.float32)) / 255
    return float(np.sqrt(np.square(difference).mean()))


def mean_distance(pictures: Sequence[Image.Image]) -> float:
    """Mean distance of all pictures of one size, two by two, 0 to 1; NaN for fewer than two."""
    apart = [distance(*two) for two in combinations(pictures, 2)]
    return sum(apart) / len(apart) if apart else float("nan")
