"""All cells of a sweep, none of them listed: from its place each gets its request and its turn.

A place is an index for each axis. Places stay what they are when values are added to the end of an axis, so they name
a cell for good, also in the queue; numbers change.
"""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zimage_lab.request import GenerationRequest, Lora
from zimage_lab.sweeps.axis import Axis
from zimage_lab.sweeps.reading import needles

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Mapping

GROUNDS = ("model", "init_image", "reference_images")
"""Fields on which the defaults of other fields depend: the model's own, and a size taken from a picture."""

COSTLY = ("model", "loras", "lora_weight", "reference_images", "init_image", "mask")
"""What takes time to change, the worst first."""

TEXTS = ("prompt", "negative_prompt", "truncate", "variation")
"""What the pictures of one batch may differ in, besides the seed: `engine.together.OWN`."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Axes, and what is the same in every cell.

    Attributes
    ----------
    axes
        The axes, the seeds last.
    grounds
        A request for each combination of the axes among `GROUNDS`, in their order, the last running fastest: all that
        a cell has where no axis says otherwise.
    said
        Names of the fields that somebody gave a value; the others are the model's defaults.
    erased
        Whether somebody had its prompts erased: what was made is there, and nothing more can be made.
    """

    axes: tuple[Axis, ...]
    grounds: tuple[GenerationRequest, ...]
    said: tuple[str, ...] = ()
    erased: bool = False
    _needles: re.Pattern[str] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Prepare what every cell needs."""
        every = [axis.needle for axis in self.axes if axis.needle]
        object.__setattr__(self, "_needles", needles(every) if every else None)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values on each axis."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def count(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)

    def index(self, number: int) -> tuple[int, ...]:
        """Give the place of the cell with this number."""
        places = []
        for length in reversed(self.shape):
            number, place = divmod(number, length)
            places.append(place)
        return tuple(reversed(places))

    def number(self, index: tuple[int, ...]) -> int:
        """Give the number of the cell at a place, the last axis running fastest."""
        number = 0
        for length, place in zip(self.shape, index, strict=True):
            number = number * length + place
        return number

    def request(self, index: tuple[int, ...]) -> GenerationRequest:
        """Make the request of the cell at a place."""
        ground = self.ground(index)
        changes: dict[str, Any] = {}
        replaced: dict[str, str] = {}
        for axis, place in zip(self.axes, index, strict=True):
            value: Any = axis.values[place]
            if axis.kind == "replace":
                replaced[axis.needle] = value
            elif axis.kind == "size":
                changes["width"], changes["height"] = value
            elif axis.name not in GROUNDS:
                changes[axis.name] = value
        if "lora_weight" in changes:
            weight = changes.pop("lora_weight")
            loras = changes.get("loras", ground.loras)
            changes["loras"] = tuple(Lora(name=one.name, weight=weight) for one in loras)
        if self._needles is not None:
            text = changes.get("prompt", ground.prompt)
            changes["prompt"] = self._needles.sub(lambda found: replaced[found[0]], text)
        return ground.replace(**changes) if changes else ground

    def ground(self, index: tuple[int, ...]) -> GenerationRequest:
        """Give what a cell has where no axis says otherwise."""
        number = 0
        for axis, place in zip(self.axes, index, strict=True):
            if axis.name in GROUNDS and axis.kind == "field":
                number = number * len(axis) + place
        return self.grounds[number]

    def turns(self, *, together: bool) -> Iterator[int]:
        """Give the numbers of the cells in the order in which they are made: what is costly to change, seldom.

        Parameters
        ----------
        together
            Whether pictures of several prompts go through the model at once; then the prompts change often, directly
            outside of the seeds, else seldom: each new one is encoded.
        """
        order = sorted(range(len(self.axes)), key=lambda place: self._turn(place, together=together))
        weights = [math.prod(self.shape[place + 1 :]) for place in range(len(self.axes))]
        for index in itertools.product(*(range(self.shape[place]) for place in order)):
            yield sum(weights[axis] * place for axis, place in zip(order, index, strict=True))

    def _turn(self, place: int, *, together: bool) -> tuple[int, int]:
        axis = self.axes[place]
        if axis.kind == "seed":
            return 1000, place
        if axis.name in COSTLY and axis.kind != "replace":
            return COSTLY.index(axis.name), place
        if axis.kind == "replace" or axis.name in TEXTS:
            return 900 if together else 100, place
        return (200 if axis.kind == "size" or axis.name in {"width", "height"} else 300), place


def plain(value: object) -> Any:  # noqa: ANN401 - what JSON holds
    """Give a value of an axis as JSON holds it."""
    if isinstance(value, Lora):
        return [value.name, value.weight]
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    return value


def write(grid: Grid) -> str:
    """Give a grid as text, from which `read` makes it again."""
    axes = []
    for axis in grid.axes:
        kept = axis.values
        values = [kept.start, kept.stop, kept.step] if isinstance(kept, range) else [plain(value) for value in kept]
        axes.append(
            {
                "name": axis.name,
                "kind": axis.kind,
                "needle": axis.needle,
                "range": isinstance(kept, range),
                "values": values,
            }
        )
    grounds = [ground.canonical_json() for ground in grid.grounds]
    return json.dumps({"version": 1, "axes": axes, "grounds": grounds, "said": grid.said}, ensure_ascii=False)


def read(text: str) -> Grid:
    """Make a grid of the text that `write` gave."""
    told = json.loads(text)
    axes = tuple(Axis(one["name"], one["kind"], _values(one), one["needle"]) for one in told["axes"])
    return Grid(
        axes, tuple(map(GenerationRequest.from_json, told["grounds"])), tuple(told["said"]), bool(told.get("erased"))
    )


def _values(told: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a sequence of values
    if told["range"]:
        return range(*told["values"])
    if told["name"] == "loras" and told["kind"] == "field":
        return tuple(tuple(Lora(name=name, weight=weight) for name, weight in one) for one in told["values"])
    return tuple(tuple(value) if isinstance(value, list) else value for value in told["values"])
