"""One size for several models: the largest that every one of them takes and none is stretched for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from zimage_lab.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zimage_lab.models import ModelCard

Size = tuple[int, int]


def common_size(cards: Sequence[ModelCard], wanted: Size | None = None) -> Size:
    """Find the size.

    Beyond the size that it was made for a model draws things twice, whereas a smaller one costs it only detail: so no
    size is larger than the smallest default, where there is such a one.

    Parameters
    ----------
    cards
        Of the models.
    wanted
        The size that was asked for.

    Raises
    ------
    InvalidRequest
        No size is common to all, or not the one that was asked for.
    """
    field = "size"
    if wanted is not None:
        for card in cards:
            if not takes(card, wanted):
                ranges = f"{_span(card.ranges.width)} by {_span(card.ranges.height)}, multiples of {card.multiple}"
                what = f"{card.id} does not draw {wanted[0]}x{wanted[1]}"
                raise InvalidRequest(field, wanted, what, f"It takes {ranges}.")
        return wanted
    defaults = [(card.defaults.width, card.defaults.height) for card in cards]
    known = {*defaults, *(size for card in cards for size in card.sizes), *_squares(cards)}
    possible = [size for size in known if all(takes(card, size) for card in cards)]
    if not possible:
        sizes = ", ".join(f"{card.id} {_span(card.ranges.width)}" for card in cards)
        what = f"the models have no size in common ({sizes} pixels wide)"
        raise InvalidRequest(field, None, what, "Leave each at its own: do not match the size.")
    smallest = min(width * height for width, height in defaults)
    fitting = [size for size in possible if size[0] * size[1] <= smallest]
    return max(fitting, key=_rank) if fitting else min(possible, key=_rank)


def takes(card: ModelCard, size: Size) -> bool:
    """Whether a model draws a size."""
    ranges = ((size[0], card.ranges.width), (size[1], card.ranges.height))
    return all(low <= edge <= high and edge % card.multiple == 0 for edge, (low, high) in ranges)


def _squares(cards: Sequence[ModelCard]) -> list[Size]:
    """Give the smallest and the largest square that all draw, also where no preset of theirs is common."""
    step = math.lcm(*(card.multiple for card in cards))
    low = max(max(card.ranges.width[0], card.ranges.height[0]) for card in cards)
    high = min(min(card.ranges.width[1], card.ranges.height[1]) for card in cards)
    return [(edge, edge) for edge in (low + -low % step, high - high % step)]


def _rank(size: Size) -> tuple[int, int, int]:
    return size[0] * size[1], -abs(size[0] - size[1]), size[0]  # of equal ones the squarer


def _span(bounds: tuple[int, int]) -> str:
    return f"{bounds[0]} to {bounds[1]}"
