"""The pictures of a comparison as they stand inside of pages: small, as text, and labelled as made by a model."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from zimage_lab import home as homes
from zimage_lab.errors import ZImageError
from zimage_lab.labels import xmp
from zimage_lab.labels.write import claims

if TYPE_CHECKING:
    from zimage_lab.compare.comparison import Comparison
    from zimage_lab.store.comparisons import Index

QUALITY = 82


def embedded(comparison: Comparison, edge: int, kinds: tuple[str, ...]) -> dict[Index, tuple[str, int, int]]:
    """Give the first picture of each place as base64 of a WebP with its label, and its size there.

    Parameters
    ----------
    comparison
        The comparison.
    edge
        Longest edge in pixels.
    kinds
        AI labels; small pictures are not signed.
    """
    settings = homes.settings(comparison.home)
    wanted = tuple(kind for kind in kinds if kind != "c2pa")
    found = {}
    for one in comparison.results():
        if one.image is None or one.record is None or one.index[3]:
            continue
        try:
            picture = one.image.image.copy()
        except ZImageError:
            continue  # removed or damaged since
        picture.thumbnail((edge, edge))
        properties, _ = claims(wanted, one.record, settings)
        buffer = io.BytesIO()
        options = {"xmp": xmp.packet(properties).encode()} if properties else {}
        picture.save(buffer, "WEBP", quality=QUALITY, method=4, **options)
        found[one.index] = (base64.b64encode(buffer.getvalue()).decode("ascii"), *picture.size)
    return found
