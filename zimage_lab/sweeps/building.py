"""Makes the grid of what was read, each value as the request has it, and gives a grid's axes further values."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from zimage_lab import home as homes
from zimage_lab import models
from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.request import LORA_RANGE, PROMPT_CHARACTERS, GenerationRequest
from zimage_lab.store import inputs
from zimage_lab.sweeps import reading
from zimage_lab.sweeps.axis import Axis, Kind
from zimage_lab.sweeps.grid import GROUNDS, Grid
from zimage_lab.values import checked_real, checked_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from zimage_lab.sweeps.reading import Asked

COLUMNS = frozenset({"state", "seconds", "path", "record_id", "error", "picture", "favourite", "tags", "size", "cell"})
"""Names that a column of the data frame has already; a needle like one gets a longer name."""


def grid(asked: Asked, place: Path | None) -> Grid:
    """Make the grid: the requests on which its cells stand, and each axis' values as the request has them.

    Raises
    ------
    InvalidRequest
        A value cannot be, or stands twice; the message names its axis.
    """
    raw = {name: Axis(name, _kind(name), tuple(values)) for name, values in asked.axes.items()}
    fixed = dict(asked.fixed)
    if asked.seeds is not None:
        fixed["seed"] = asked.seeds[0]
    for name in GROUNDS:  # the requests differ in them: their values are known first
        if name in raw:
            raw[name] = Axis(name, "field", _grounded(name, raw[name].values, place))
    first = {name: axis.values[0] for name, axis in raw.items() if name not in GROUNDS}
    beginning = fixed | {name: value for name, value in first.items() if name not in {"size", "lora_weight"}}
    if "size" in first:
        beginning["width"], beginning["height"] = first["size"]
    grounds = _grounds(tuple(raw.values()), beginning, place)
    axes = []
    for name, axis in raw.items():
        values = axis.values if name in GROUNDS else _values(axis, axis.values, grounds[0], place)
        axes.append(Axis(name, axis.kind, _each_once(name, values)))
    taken = {*GenerationRequest.model_fields, *(axis.name for axis in axes), *COLUMNS}
    for needle, texts in asked.replaced.items():
        name = needle if needle not in taken else f"replace {needle}"
        axes.append(Axis(name, "replace", _checked_texts(texts), needle))
    if asked.seeds is not None:
        axes.append(Axis("seed", "seed", asked.seeds))
    said = tuple(name for name in beginning if name not in {"prompt", "model", "seed"})
    return Grid(tuple(axes), grounds, said)


def _kind(name: str) -> Kind:
    return "size" if name == "size" else "lora_weight" if name == "lora_weight" else "field"


def _grounded(name: str, values: Sequence[Any], place: Path | None) -> tuple[object, ...]:
    """Give models by their ids and pictures by their hashes."""
    if name == "model":
        found: list[object] = [models.find(value, place).id for value in values]
    else:
        found = [None if value is None else _picture(name, value, place) for value in values]
    return tuple(_each_once(name, found))


def _grounds(axes: tuple[Axis, ...], beginning: dict[str, Any], place: Path | None) -> tuple[GenerationRequest, ...]:
    grounding = [axis for axis in axes if axis.name in GROUNDS and axis.kind == "field"]
    made = []
    for values in itertools.product(*(axis.values for axis in grounding)):
        changes = dict(zip((axis.name for axis in grounding), values, strict=True))
        made.append(models.build(place=place, **{**beginning, **changes}))
    return tuple(made)


def _values(axis: Axis, values: Sequence[Any], ground: GenerationRequest, place: Path | None) -> Sequence[Any]:
    """Check each value alone, and give it as the request has it: 8 for NumPy's 8."""
    if axis.kind == "replace":
        return _checked_texts(values)
    if axis.kind == "seed":
        return [ground.replace(seed=value).seed for value in values]
    if axis.name in GROUNDS:
        return _grounded(axis.name, values, place)
    if axis.kind == "size":
        sizes = [ground.replace(width=value[0], height=value[1]) for value in values]
        return [(one.width, one.height) for one in sizes]
    if axis.kind == "lora_weight":
        return [_weight(value) for value in values]
    if axis.name == "mask":
        values = [None if value is None else _picture(axis.name, value, place) for value in values]
    return [getattr(ground.replace(**{axis.name: value}), axis.name) for value in values]


def _picture(name: str, value: object, place: Path | None) -> object:
    """Keep a picture, or several, in the home; gives the hash, or the hashes."""
    return inputs.taken({name: value}, homes.home() if place is None else place)[name]


def _weight(value: object) -> float:
    return checked_real("lora_weight", value, *LORA_RANGE)


def _checked_texts(values: Sequence[Any]) -> tuple[str, ...]:
    # An empty text takes the needle out.
    return tuple(checked_text("prompt_replace", value, limit=PROMPT_CHARACTERS, blank=True) for value in values)


def _each_once(name: str, values: Sequence[Any]) -> Sequence[Any]:
    if isinstance(values, range):
        return values
    seen: set[object] = set()
    for value in values:
        if value in seen:
            raise InvalidRequest(name, value, f"{shown(value)} stands twice", "Give each value once.")
        seen.add(value)
    return tuple(values)


def extended(old: Grid, wanted: dict[str, Any], place: Path | None) -> Grid:
    """Give a grid whose axes have further values at their ends.

    Raises
    ------
    InvalidRequest
        One is no axis of the sweep, or a value cannot be.
    """
    axes, grounds = list(old.axes), old.grounds
    for name, value in wanted.items():
        name = "seed" if name == "seeds" else name  # noqa: PLW2901 - both are its name
        number = next((number for number, axis in enumerate(axes) if axis.name == name), None)
        if number is None:
            known = ", ".join(axis.name for axis in axes) or "none"
            fix = "Begin a new sweep with it." if known == "none" else f"Extend one of {known}, or begin a new sweep."
            raise InvalidRequest(name if name.isidentifier() else "axis", value, "is no axis of this sweep", fix)
        axis = axes[number]
        given = reading.values(name if axis.kind != "replace" else "prompt", value)
        several = [value] if given is None else given
        if len(axis) + len(several) > reading.MOST:
            raise InvalidRequest(name, value, f"would have more than {reading.MOST:,} values", "Give fewer.")
        checked = _values(axis, several, grounds[0], place)
        known_values = set(axis.values)
        new = [one for one in checked if one not in known_values]
        axes[number] = Axis(axis.name, axis.kind, (*axis.values, *new), axis.needle)
    made = Grid(tuple(axes), (), old.said)
    if any(name in GROUNDS for name in wanted):
        first = grounds[0]
        given_before = {name: getattr(first, name) for name in old.said}
        grounds = _grounds(tuple(axes), {**given_before, "prompt": first.prompt, "seed": first.seed}, place)
    return Grid(made.axes, grounds, old.said)
