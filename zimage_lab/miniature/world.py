"""The picture world of the miniature family: what can be in a picture, where, in which colour, before what.

A scene says what a picture shows; `drawing` makes the picture, `captions` the words, `scenes` draws scenes by chance.
Scenes are held out of training by a hash of the scene, so that an evaluation asks for combinations that no training
run has ever drawn.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

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
    "white": (253, 251, 247),
    "black": (54, 48, 50),
}
"""Paper colours as sRGB, far enough apart for a judge to tell them in a small picture."""

OWN_COLOURS: dict[str, str] = {
    "circle": "red",
    "square": "blue",
    "triangle": "green",
    "star": "yellow",
    "heart": "red",
    "ring": "yellow",
    "cat": "white",
    "dog": "brown",
    "fish": "orange",
    "bird": "blue",
    "flower": "pink",
    "house": "brown",
    "tree": "green",
    "cherry_tree": "pink",
    "lantern": "red",
    "car": "red",
    "boat": "blue",
    "moon": "yellow",
    "sun": "orange",
    "hanfu_girl": "pink",
    "tang_man": "blue",
    "palace": "red",
    "surfer": "orange",
    "wave": "blue",
    "sign": "brown",
}
"""Every subject, and the colour that it has where a caption names none."""

SUBJECTS: tuple[str, ...] = tuple(subject for subject in OWN_COLOURS if subject != "sign")
"""The subjects that stand for themselves; a sign also carries a text."""

SIGN_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SIGN_CHARACTERS = "店茶酒书福春夏秋冬山水火花鸟鱼米面中国北京大小天地人家好爱开门上下东西南风雨月日"
MOST_CHARACTERS = 4
"""A sign carries one to this many characters, of letters and digits or of Chinese."""

PLACES: tuple[str, ...] = (
    "left",
    "right",
    "top",
    "bottom",
    "middle",
    "top left",
    "top right",
    "bottom left",
    "bottom right",
)
"""Places that a caption can name; `layouts` says where they are."""

BACKGROUNDS: tuple[str, ...] = ("paper", "white", "day", "night", "snow", "beach", "pink", "blue", "green")

HIDDEN: frozenset[tuple[str, str]] = frozenset(
    {
        ("white", "white"),
        ("white", "snow"),
        ("black", "night"),
        ("pink", "pink"),
        ("blue", "blue"),
        ("green", "green"),
    }
)
"""Colours that cannot be told from a background and are never drawn before it."""

HELD_OUT = 10
"""One scene in this many is kept out of training."""

SALT = "b"
"""Decides which scenes those are."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One object of a scene: a subject in a colour at a place; a sign has its text as well."""

    subject: str
    colour: str
    place: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a picture shows: one to four things before a background.

    Attributes
    ----------
    things
        What stands in the picture.
    background
        One of `BACKGROUNDS`.
    story
        Empty, or how the things belong together: `under` a tree, in `front` of a building, on the `shore`.
    """

    things: tuple[Thing, ...]
    background: str
    story: str = ""

    @classmethod
    def of(cls, told: dict[str, Any]) -> Scene:
        """Give the scene that `dataclasses.asdict` has told."""
        return cls(tuple(Thing(**thing) for thing in told["things"]), told["background"], told["story"])

    @property
    def kind(self) -> str:
        """What the scene asks for above all: sentence, sign, count, single, pair or triple."""
        if self.story:
            return "sentence"
        if any(thing.subject == "sign" for thing in self.things):
            return "sign"
        if len(self.things) > 1 and len({(thing.subject, thing.colour) for thing in self.things}) == 1:
            return "count"
        return ("empty", "single", "pair", "triple")[len(self.things)]

    @property
    def held_out(self) -> bool:
        """Whether training never sees this scene; decided by its hash alone.

        Places do not count among equal things, as "three stars" says nothing of them. `SALT` is chosen such that the
        scenes of `sayings` are trained on.
        """
        many = self.kind == "count"
        parts = [f"{thing.subject}/{thing.colour}/{'' if many else thing.place}/{thing.text}" for thing in self.things]
        digest = hashlib.sha256("|".join([SALT, *sorted(parts), self.background, self.story]).encode()).digest()
        return digest[0] % HELD_OUT == 0
