"""The size: the model's presets as buttons, and two numbers for any other."""

from __future__ import annotations

from collections import Counter
from math import gcd
from typing import TYPE_CHECKING, Any

from zimage_lab.widgets.fields import Row, chips, classed, refill, toggle_class
from zimage_lab.widgets.plain import Box, IntText, VBox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zimage_lab.models import Model
    from zimage_lab.widgets.words import Words


class SizeField:
    """Width and height, and the presets of the model.

    Parameters
    ----------
    words
        The panel's texts.
    """

    def __init__(self, words: Words) -> None:
        self.width = IntText(description=words("width"), step=16)
        self.height = IntText(description=words("height"), step=16)
        self.row = Row({"width": self.width, "height": self.height})
        self.presets = VBox()
        self.sizes: dict[tuple[int, int], Any] = {}
        self._words = words
        self.widget = VBox([self.presets, self.row.widget])
        for field in (self.width, self.height):
            field.observe(self._mark, "value")

    def use(self, model: Model, chosen: Callable[[tuple[int, int]], None]) -> None:
        """Offer the presets of a model; `chosen` is called with one that was clicked."""
        sizes, shown = list(model.card.sizes), []
        self.sizes = {}
        if len(sizes) > 1:  # one preset is no choice: the two numbers say it already
            box, buttons = chips(preset_labels(sizes), self._words("size"))
            self.sizes = dict(zip(sizes, buttons, strict=True))
            for size, button in self.sizes.items():
                button.tooltip = self._words("pixel_size", width=size[0], height=size[1])
                button.on_click(lambda _, size=size: chosen(size))
            shown = [classed(Box([box]), "zl-presets")]
        refill(self.presets, shown)
        self._mark(None)

    def _mark(self, _: Any) -> None:  # noqa: ANN401 - traitlets' change
        for size, button in self.sizes.items():
            toggle_class(button, "zl-on", on=size == (self.width.value, self.height.value))


def preset_labels(sizes: Sequence[tuple[int, int]]) -> list[str]:
    """Name sizes by their proportions, and by their pixels where two have the same."""
    ratios = [f"{width // gcd(width, height)}:{height // gcd(width, height)}" for width, height in sizes]
    seen: Counter[str] = Counter()
    labels = []
    for ratio, (width, height) in zip(ratios, sizes, strict=True):
        labels.append(f"{width}x{height}" if seen[ratio] else ratio)
        seen[ratio] += 1
    return labels
