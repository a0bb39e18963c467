"""The picture world of the miniature: what can be in a picture, where, in which colour.

A scene says what a picture shows; `drawing` makes the picture and `captions` the words. Scenes are held out of training
by a hash of the scene, so that an evaluation asks for combinations that no training run has ever drawn.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

SIZE = 128
"""Edge of a training picture in pixels."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (206, 52, 46),
    "orange": (235, 131, 42),
    "yellow": (246, 200, 55),
    "green": (66, 146, 84),
    "blue": (48, 112, 190),
    "purple": (126, 74, 156),
    "pink": (238, 142, 168),
    "brown": (132, 84, 54),
}
"""Paper colours as sRGB, far enough apart for a judge to tell them in a small picture."""

SUBJECTS: tuple[str, ...] = (
    "circle",
    "square",
    "triangle",
    "star",
    "heart",
    "cat",
    "fish",
    "house",
    "tree",
    "lantern",
)

PLACES: dict[str, tuple[int, int]] = {
    "left": (33, 64),
    "right": (95, 64),
    "top": (64, 33),
    "bottom": (64, 95),
    "middle": (64, 64),
}
"""Centre of an object in pixels of a 128 x 128 picture."""

BACKGROUNDS: tuple[str, ...] = ("white", "paper", "day", "night")

PAIRS: tuple[tuple[str, str], ...] = (("left", "right"), ("top", "bottom"))
"""Places that two objects of one picture take."""

HELD_OUT = 10
"""One scene in this many is kept out of training."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One object of a scene: a subject in a colour at a place."""

    subject: str
    colour: str
    place: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What a picture shows: one or two things before a background."""

    things: tuple[Thing, ...]
    background: str

    @property
    def held_out(self) -> bool:
        """Whether training never sees this scene; decided by its hash alone."""
        parts = [f"{thing.subject}/{thing.colour}/{thing.place}" for thing in self.things]
        digest = hashlib.sha256("|".join([*sorted(parts), self.background]).encode()).digest()
        return digest[0] % HELD_OUT == 0


def draw_scene(rng: random.Random, *, singles: float = 0.35) -> Scene:
    """Draw one scene, subjects and colours evenly.

    Parameters
    ----------
    rng
        Source of randomness.
    singles
        Share of scenes with one object, 0 to 1.
    """
    places: tuple[str, ...] = (rng.choice(list(PLACES)),) if rng.random() < singles else rng.choice(PAIRS)
    things = tuple(Thing(rng.choice(SUBJECTS), rng.choice(list(COLOURS)), place) for place in places)
    return Scene(things, rng.choice(BACKGROUNDS))


def training_scene(rng: random.Random) -> Scene:
    """Draw a scene that is not held out."""
    while (scene := draw_scene(rng)).held_out:
        pass
    return scene


def held_out_scene(rng: random.Random) -> Scene:
    """Draw a scene that no training run has seen."""
    while not (scene := draw_scene(rng)).held_out:
        pass
    return scene
