"""Draws pairs of scenes of which one becomes the other by one instruction: recolour, add, remove, move.

All spots of a pair are fixed before anything is drawn, so that what is not asked for stays the same to the pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from zimage_lab.miniature.drawing import draw, moved
from zimage_lab.miniature.instructions import instruction
from zimage_lab.miniature.layouts import CROWDED, LINE_RADIUS, LINES, RADII, WIDE, Spot
from zimage_lab.miniature.scenes import COUNTS, draw_thing
from zimage_lab.miniature.world import BACKGROUNDS, COLOURS, HIDDEN, SUBJECTS, Scene, Thing

if TYPE_CHECKING:
    import random

    from PIL import Image

MOST = 3
"""A picture holds this many things at most, before and after."""

EDITS = ("recolour", "add", "remove", "move")


@dataclass(frozen=True)
class Edit:
    """One change of a picture.

    Attributes
    ----------
    before, after
        What the picture shows.
    instruction
        What is asked for.
    kind
        One of `EDITS`.
    language
        `en` or `zh`.
    where
        Spot of every place, the same in both pictures.
    """

    before: Scene
    after: Scene
    instruction: str
    kind: str
    language: str
    where: dict[str, Spot]

    @classmethod
    def of(cls, told: dict[str, Any]) -> Edit:
        """Give the edit that `dataclasses.asdict` has told, also by way of JSON."""
        scenes = {name: Scene.of(told[name]) for name in ("before", "after")}
        return cls(**{**told, **scenes, "where": {place: Spot(*spot) for place, spot in told["where"].items()}})

    @property
    def held_out(self) -> bool:
        """Whether training never sees this edit: one of its two scenes is held out."""
        return self.before.held_out or self.after.held_out

    @property
    def things(self) -> tuple[Thing | None, Thing | None]:
        """What is changed, before and after; None where it is not there."""
        old = next((thing for thing in self.before.things if thing not in self.after.things), None)
        new = next((thing for thing in self.after.things if thing not in self.before.things), None)
        return old, new

    def pictures(self) -> tuple[Image.Image, Image.Image]:
        """Draw the picture before and after, 128 x 128 RGB each."""
        return draw(self.before, where=self.where), draw(self.after, where=self.where)


def _spots(places: tuple[str, ...], rng: random.Random) -> dict[str, Spot]:
    line = LINES.get(frozenset(places))
    radius = LINE_RADIUS if line is not None else RADII[len(places)]
    play = 2 if len(places) >= CROWDED else 4
    return {place: moved(Spot(*(line or WIDE)[place], radius), play, rng) for place in places}


def _others(name: str, background: str, rng: random.Random) -> str:
    return rng.choice([one for one in COLOURS if one != name and (one, background) not in HIDDEN])


def edit_pair(rng: random.Random, language: str | None = None, kind: str | None = None) -> Edit:
    """Draw one edit.

    Parameters
    ----------
    rng
        Source of randomness.
    language
        `en` or `zh`, or None for either.
    kind
        One of `EDITS`, or None for any.
    """
    language, kind = language or rng.choice(("en", "zh")), kind or rng.choice(EDITS)
    places = tuple(rng.choice(COUNTS[rng.choice((2, 2, 3, 4))]))
    # Adding and moving need a free place; subjects differ, so that a noun alone says which thing is meant.
    most = min(MOST - (kind == "add"), len(places) - (kind in {"add", "move"}))
    taken = rng.sample(places, rng.randint(1, most))
    background = rng.choice(BACKGROUNDS)
    subjects = rng.sample(SUBJECTS, len(taken) + 1)
    things = [draw_thing(rng, subject, background, place) for subject, place in zip(subjects, taken, strict=False)]
    free = [place for place in places if place not in taken]
    number = rng.randrange(len(things))
    old: Thing | None = things[number]
    new: Thing | None = None
    if kind == "recolour":
        new = replace(things[number], colour=_others(things[number].colour, background, rng))
    elif kind == "move":
        new = replace(things[number], place=rng.choice(free))
    elif kind == "add":
        old, new = None, draw_thing(rng, subjects[-1], background, rng.choice(free))
    after = [new if thing is old and new is not None else thing for thing in things if thing is not old or new]
    if old is None and new is not None:
        after = [*things, new]
    text = instruction(kind, old, new, language=language, rng=rng)
    scenes = Scene(tuple(things), background), Scene(tuple(after), background)
    return Edit(*scenes, text, kind, language, _spots(places, rng))


def training_edit(rng: random.Random, language: str | None = None, kind: str | None = None) -> Edit:
    """Draw an edit that is not held out."""
    while (edit := edit_pair(rng, language, kind)).held_out:
        pass
    return edit


def held_out_edit(rng: random.Random, language: str | None = None, kind: str | None = None) -> Edit:
    """Draw an edit that no training run has seen."""
    while not (edit := edit_pair(rng, language, kind)).held_out:
        pass
    return edit
