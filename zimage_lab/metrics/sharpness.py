"""How sharp a picture is: the variance of its Laplacian, which edges and texture raise and blur lowers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

_GREY = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601's weights of red, green and blue."""


def sharpness(picture: Image.Image) -> float:
    """Measure a picture's sharpness: comparable between pictures of one size and subject, and 0 for a plain one.

    Source: Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy" (2000); levels of grey are 0 to 1.
    """
    grey = np.asarray(picture.convert("RGB"), np.float32) / 255 @ _GREY
    middle = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * middle
    return float(laplacian.var()) if laplacian.size else 0.0
