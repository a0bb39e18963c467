"""The models of a comparison, each with its settings and the name that tables show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from zimage_lab import models
from zimage_lab.compare.sizes import common_size
from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.values import checked_text

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.compare.protocol import Protocol
    from zimage_lab.models import Model
    from zimage_lab.request import GenerationRequest

LABEL_CHARACTERS = 80
FEWEST, MOST = 2, 20

FIELD = "models"
COMMON = ("prompt", "model", "seed")
"""What no contestant has of its own."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model with its settings, as a request of which prompt and seed are still to be said."""

    label: str
    ground: GenerationRequest

    @property
    def model(self) -> str:
        """The model's id."""
        return self.ground.model


class _Entry(NamedTuple):
    name: object
    model: Model
    own: dict[str, Any]


def read_contestants(
    value: object, options: Mapping[str, Any], prompt: str, way: Protocol, place: Path | None
) -> tuple[Contestant, ...]:
    """Read the models.

    Parameters
    ----------
    value
        Ids, mappings with a model and its own settings, or a mapping from labels to either.
    options
        Settings of all of them.
    prompt
        One that the requests are checked with.
    way
        What is made equal.
    place
        The home folder.

    Raises
    ------
    InvalidRequest
        Something of it cannot be.
    """
    entries = [_entry(name, one, place) for name, one in _given(value)]
    common = _common(entries, way)
    for own in (options, *(entry.own for entry in entries)):
        for name in (*common, *(("steps",) if "time" in way.match else ()), *COMMON):
            if name in own:
                what = "is the same for all" if name in COMMON else "is matched by the protocol"
                raise InvalidRequest(name, own[name], what, "Leave it out here.")
    found = []
    for entry in entries:
        ground = models.build(prompt, entry.model.id, place=place, seed=0, **{**options, **entry.own, **common})
        found.append(Contestant(_label(entry), ground))
    labels = [one.label for one in found]
    for label in labels:
        if labels.count(label) > 1:
            what = f"{shown(label)} is there twice with the same settings"
            raise InvalidRequest(FIELD, value, what, 'Give other settings, or names: {"first": ..., "second": ...}.')
    return tuple(found)


def _given(value: object) -> list[tuple[object, object]]:
    """List labels, None where there are none, and what stands behind them."""
    if isinstance(value, Mapping) and "model" not in value:
        given = list(value.items())
    elif isinstance(value, Iterable) and not isinstance(value, str | Mapping):
        given = [(None, one) for one in value]
    else:
        given = [(None, value)]
    if not FEWEST <= len(given) <= MOST:
        what = "one model cannot be compared" if len(given) == 1 else f"{len(given)} models cannot be compared"
        raise InvalidRequest(FIELD, value, what, f"Give {FEWEST} to {MOST}, or one model with two settings.")
    return given


def _entry(name: object, one: object, place: Path | None) -> _Entry:
    own: dict[str, Any] = dict(one) if isinstance(one, Mapping) else {"model": one}
    if "model" not in own:
        raise InvalidRequest(FIELD, one, "names no model", 'Give {"model": ..., "steps": ...}.')
    return _Entry(name, models.find(own.pop("model"), place), own)


def _common(entries: list[_Entry], way: Protocol) -> dict[str, Any]:
    """Give the settings that are made equal."""
    common: dict[str, Any] = {}
    if "size" in way.match:
        wanted = None if way.width is None or way.height is None else (way.width, way.height)
        common["width"], common["height"] = common_size([entry.model.card for entry in entries], wanted)
    if "steps" in way.match:
        common["steps"] = way.steps or entries[0].model.card.defaults.steps
    return common


def _label(entry: _Entry) -> str:
    if entry.name is not None:
        return checked_text(FIELD, entry.name, limit=LABEL_CHARACTERS)
    model = entry.model.id
    short = model.rstrip("/").rpartition("/")[2] if model.startswith(("/", "~", ".")) else model
    said = ", ".join(f"{field} {value}" for field, value in entry.own.items())
    return f"{short}, {said}"[:LABEL_CHARACTERS] if said else short[:LABEL_CHARACTERS]
