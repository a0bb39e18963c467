"""What a sweep will do, known before it begins: every axis checked, the cells counted, their cost told, limits held."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zimage_lab import models
from zimage_lab.engine.pace import span
from zimage_lab.errors import InvalidRequest
from zimage_lab.request import GenerationRequest
from zimage_lab.runs import estimate
from zimage_lab.sweeps import building, reading
from zimage_lab.sweeps.grid import GROUNDS, Grid
from zimage_lab.values import checked_integer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from zimage_lab.sweeps.axis import Axis


LIMIT = 1000
"""Cells past which somebody must lift the limit by hand."""

PIXELS = LIMIT * 1024 * 1024
"""Pixels of all pictures past which somebody must lift the limit by hand: as many pictures of 1024 x 1024."""

_TOGETHER = (
    {"prompt", "truncate"},
    {"negative_prompt", "guidance_scale", "truncate"},
    {"init_image", "mask", "strength", "reference_images"},
    {"loras", "lora_weight"},
)
"""Fields of which the validator looks at several at once; needles go with the prompt, and every field with the model.
Whatever else stands alone is checked alone: no value of it is wrong only beside another one."""

_COST = {"model", "size", "width", "height", "steps", "init_image", "strength", "reference_images"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sweep will do.

    Attributes
    ----------
    grid
        All cells.
    pixels, cost
        Pixels of all pictures, and their pixels times steps.
    seconds
        About how long it takes, from the latest runs of its models; None where one has none.
    warnings
        What the person should know, in sentences.
    """

    grid: Grid
    pixels: int
    cost: int
    seconds: float | None
    warnings: tuple[str, ...] = field(default=(), repr=False)

    @property
    def count(self) -> int:
        """Number of cells."""
        return self.grid.count

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes, the seeds last."""
        return self.grid.axes

    def __str__(self) -> str:
        """Say it in a line."""
        sides = " x ".join(f"{len(axis)} {axis.name}" for axis in self.axes)
        told = f"{self.count:,} pictures" + (f" ({sides})" if len(self.axes) > 1 else "")
        told += f", {self.pixels / 1e6:.1f} megapixels"
        return told if self.seconds is None else f"{told}, about {span(self.seconds)}"


def plan(
    prompt: str | Iterable[str] | GenerationRequest,
    *,
    wildcards: bool = False,
    limit: int | None = LIMIT,
    model: object = None,
    place: Path | None = None,
    **options: Any,  # noqa: ANN401 - the values of any field, checked by the request
) -> Plan:
    """Plan a sweep, and check all of it.

    Parameters
    ----------
    prompt, wildcards, limit, options
        As `start` takes them.
    model
        A model or several; None is the bundled one.
    place
        The home folder; None takes the usual one.

    Raises
    ------
    InvalidRequest
        Something cannot be, or it is more than the limit; the message names it and the fix.
    """
    if isinstance(prompt, GenerationRequest):
        given = dict(prompt)
        options = {name: given[name] for name in given if given[name] != _unsaid(name)} | options
        prompt, model = options.pop("prompt"), options.pop("model") if model is None else model
        options.pop("model", None)
        if "seeds" in options and not isinstance(options["seeds"], int):
            options.pop("seed", None)
    model = models.DEFAULT_MODEL if model is None else model
    asked = reading.read(prompt, {**options, "model": model}, wildcards=wildcards, place=place)
    lengths = [len(one) for one in (*asked.axes.values(), *asked.replaced.values(), asked.seeds or (0,))]
    count = math.prod(lengths)
    refuse_too_many(count, limit)
    made = planned(building.grid(asked, place), place)
    if limit == LIMIT and made.pixels > PIXELS:
        what = f"{made.pixels / 1e6:,.0f} megapixels are more than {PIXELS / 1e6:,.0f}"
        fix = f"Choose smaller pictures or fewer of them, or lift the limit: limit={made.count} or limit=None."
        field_name = "limit"
        raise InvalidRequest(field_name, limit, what, fix)
    return made


def planned(grid: Grid, place: Path | None) -> Plan:
    """Check every value of a grid where it matters, and tell what it costs."""
    warnings: Counter[str] = Counter()
    entries = {ground.model: models.find(ground.model, place) for ground in grid.grounds}
    for index in _telling(grid):
        request = grid.request(index)
        warnings.update(models.check(request, entries[request.model], place=place))
    pixels, work = cost_of(grid)
    seconds: float | None = 0.0
    for name, cost in work.items():
        ground = next(one for one in grid.grounds if one.model == name)
        one = estimate(ground, place)
        seconds = None if one.seconds is None or seconds is None else seconds + one.seconds / one.pixel_steps * cost
    return Plan(grid, pixels, sum(work.values()), seconds, tuple(warnings))


def check(grid: Grid, place: Path | None) -> None:
    """Refuse to go on with a sweep whose prompts were erased, or that cannot be made any more."""
    if grid.erased:
        field_name, what = "sweep", "its prompts were erased"
        raise InvalidRequest(field_name, None, what, "Its pictures are there; begin a new sweep for others.")
    planned(grid, place)


def extended(grid: Grid, wanted: dict[str, Any], place: Path | None, limit: int | None) -> Grid:
    """Give a grid whose axes have further values at their ends, all of it checked."""
    check(grid, place)
    longer = building.extended(grid, wanted, place)
    refuse_too_many(longer.count - grid.count, limit)
    refuse_too_many(longer.count, None)
    planned(longer, place)
    return longer


def cost_of(grid: Grid) -> tuple[int, dict[str, int]]:
    """Count the pixels of all cells, and for each model the pixels times steps, without going through the cells."""
    costly = [number for number, axis in enumerate(grid.axes) if axis.name in _COST]
    rest = grid.count // math.prod(len(grid.axes[number]) for number in costly)
    pixels, work = 0, Counter[str]()
    for index in _combinations(grid, costly):
        request = grid.request(index)
        pixels += request.width * request.height * rest
        work[request.model] += request.cost * rest
    return pixels, work


def _unsaid(name: str) -> object:
    """Give what a field is where nobody says it; a field that has no such value is always said."""
    return GenerationRequest.model_fields[name].get_default()


def refuse_too_many(count: int, limit: int | None) -> None:
    """Hold the number of cells against the limit, and against what any sweep can have."""
    field_name = "limit"
    if limit is not None:
        checked_integer(field_name, limit, 1, reading.MOST)
    if count > reading.MOST:
        what = f"{count:,} cells are more than any sweep can have ({reading.MOST:,})"
        raise InvalidRequest(field_name, limit, what, "Give fewer values.")
    if limit is not None and count > limit:
        what = f"{count:,} cells are more than {limit:,}"
        raise InvalidRequest(field_name, limit, what, f"Give fewer values, or lift the limit: limit={count}.")


def _telling(grid: Grid) -> Iterator[tuple[int, ...]]:
    """Give the places that tell of every combination that the validator looks at."""
    numbers = range(len(grid.axes))
    grounding = [number for number in numbers if grid.axes[number].name in GROUNDS]
    groups = [[number for number in numbers if _belongs(grid.axes[number], fields)] for fields in _TOGETHER]
    done = {number for group in groups for number in group}
    # Each seed was checked when it was read.
    groups += [[number] for number in numbers if number not in done and grid.axes[number].kind != "seed"]
    for group in [group for group in groups if group] or [[]]:
        yield from _combinations(grid, [*grounding, *group])


def _belongs(axis: Axis, fields: set[str]) -> bool:
    return axis.name in fields or (axis.kind == "replace" and "prompt" in fields)


def _combinations(grid: Grid, numbers: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Give the places that differ in these axes alone."""
    chosen = set(numbers)
    yield from itertools.product(
        *(range(len(axis)) if number in chosen else (0,) for number, axis in enumerate(grid.axes))
    )
