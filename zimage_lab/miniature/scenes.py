"""Draws scenes by chance, so that every subject, colour, place, count and character gets its share.

Each kind of scene has a weight in a `Mix`; within a kind, choices are even, but for the colours, where a subject's own
comes more often: it is what a caption without a colour means.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from zimage_lab.miniature.sayings import SAYINGS
from zimage_lab.miniature.sign_texts import sign_text
from zimage_lab.miniature.world import (
    BACKGROUNDS,
    COLOURS,
    HIDDEN,
    OWN_COLOURS,
    PLACES,
    SUBJECTS,
    Scene,
    Thing,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

KINDS = ("single", "pair", "triple", "count", "sign", "sentence")


@dataclass(frozen=True, slots=True)
class Mix:
    """Weight of each kind of scene."""

    single: float = 0.22
    pair: float = 0.30
    triple: float = 0.12
    count: float = 0.12
    sign: float = 0.14
    sentence: float = 0.10

    def choose(self, rng: random.Random) -> str:
        """Draw a kind."""
        names = [field.name for field in fields(self)]
        return rng.choices(names, [getattr(self, name) for name in names])[0]


ALL = Mix()

STUDIED = Mix(single=0.14, pair=0.18, triple=0.14, count=0.28, sign=0.16, sentence=0.10)
"""What the transformers are trained on: more of what is hard to draw."""

PAIRS = (
    ("left", "right"),
    ("left", "right"),
    ("top", "bottom"),
    ("top", "bottom"),
    ("top left", "bottom right"),
    ("top right", "bottom left"),
)
TRIPLES = (
    ("left", "middle", "right"),
    ("left", "middle", "right"),
    ("top", "middle", "bottom"),
    ("top", "bottom left", "bottom right"),
    ("top left", "top right", "bottom"),
)
COUNTS: dict[int, tuple[tuple[str, ...], ...]] = {
    2: PAIRS,
    3: TRIPLES,
    4: (("top left", "top right", "bottom left", "bottom right"),),
}
"""Places that several things take."""

CORE = ("left", "right", "top", "bottom", "middle")
LIVING = ("cat", "dog", "bird", "hanfu_girl", "hanfu_girl", "tang_man", "tang_man", "surfer")
COMPANIONS = ("cat", "dog", "bird", "lantern", "lantern", "flower", "fish", "heart", "star", "car", "house")
SHORT = 2
"""Signs of up to this many characters fit on the left and on the right."""

SAID = 0.04
"""Share of the sentences' scenes that come from a known text."""


def draw_thing(rng: random.Random, subject: str, background: str, place: str, text: str = "") -> Thing:
    """Draw a thing of a subject in a colour that its background does not hide."""
    while True:
        colour = OWN_COLOURS[subject] if rng.random() < 0.3 else rng.choice(list(COLOURS))
        if (colour, background) not in HIDDEN:
            return Thing(subject, colour, place, text)
        if (OWN_COLOURS[subject], background) in HIDDEN:
            others = [name for name in COLOURS if (name, background) not in HIDDEN]
            return Thing(subject, rng.choice(others), place, text)


def _background(rng: random.Random) -> str:
    return rng.choice((*BACKGROUNDS, "paper"))


def _apart(rng: random.Random, places: tuple[str, ...]) -> Scene:
    background = _background(rng)
    things = tuple(draw_thing(rng, rng.choice(SUBJECTS), background, place) for place in places)
    return Scene(things, background)


def _single(rng: random.Random) -> Scene:
    return _apart(rng, (rng.choice((*CORE, *PLACES, "middle")),))


def _pair(rng: random.Random) -> Scene:
    return _apart(rng, rng.choice(PAIRS))


def _triple(rng: random.Random) -> Scene:
    return _apart(rng, rng.choice(TRIPLES))


def _count(rng: random.Random) -> Scene:
    background, places = _background(rng), rng.choice(COUNTS[rng.choice(list(COUNTS))])
    one = draw_thing(rng, rng.choice(SUBJECTS), background, "")
    return Scene(tuple(Thing(one.subject, one.colour, place) for place in places), background)


def _sign(rng: random.Random) -> Scene:
    background, text = _background(rng), sign_text(rng)
    short = len(text) <= SHORT
    if rng.random() < 0.55:
        place = rng.choice((*CORE, "middle") if short else ("top", "bottom", "middle", "middle"))
        return Scene((draw_thing(rng, "sign", background, place, text),), background)
    places = rng.choice(
        (("left", "right"), ("right", "left")) if short and rng.random() < 0.6 else (("top", "bottom"),)
    )
    if rng.random() < 0.4 and places[0] == "top":
        places = ("bottom", "top")
    other = draw_thing(rng, rng.choice(SUBJECTS), background, places[1])
    return Scene((draw_thing(rng, "sign", background, places[0], text), other), background)


def _beside(rng: random.Random, background: str) -> list[Thing]:
    sides = rng.choice(((), (), ("left",), ("right",), ("left", "right")))
    return [draw_thing(rng, rng.choice(COMPANIONS), background, side) for side in sides]


def _under(rng: random.Random) -> Scene:
    background = rng.choice((*BACKGROUNDS, "day", "day", "day"))
    front = draw_thing(rng, rng.choice(LIVING), background, "middle")
    return Scene(
        (draw_thing(rng, "cherry_tree", background, "back"), front, *_beside(rng, background)), background, "under"
    )


def _front(rng: random.Random) -> Scene:
    background = rng.choice((*BACKGROUNDS, "day", "day", "day"))
    back = draw_thing(rng, rng.choice(("palace", "palace", "house")), background, "back")
    front = draw_thing(rng, rng.choice((*LIVING, "car", "flower", "lantern")), background, "middle")
    return Scene((back, front, *_beside(rng, background)), background, "front")


def _shore(rng: random.Random) -> Scene:
    things = [draw_thing(rng, "surfer", "beach", "middle")]
    if rng.random() < 0.35:
        things.append(Thing("sun", OWN_COLOURS["sun"], "top right"))
        return Scene(tuple(things), "beach", "shore")
    if rng.random() < 0.8:
        subject, place = rng.choice(("sun", "sun", "bird", "moon", "boat")), rng.choice(("top left", "top right"))
        things.append(draw_thing(rng, subject, "beach", place))
    return Scene(tuple(things), "beach", "shore")


def _sentence(rng: random.Random) -> Scene:
    if rng.random() < SAID:
        return rng.choice(tuple(SAYINGS))
    return rng.choice((_under, _under, _front, _front, _shore))(rng)


_DRAW: dict[str, Callable[[random.Random], Scene]] = {
    "single": _single,
    "pair": _pair,
    "triple": _triple,
    "count": _count,
    "sign": _sign,
    "sentence": _sentence,
}


def draw_scene(rng: random.Random, kind: str | None = None, mix: Mix = ALL) -> Scene:
    """Draw one scene.

    Parameters
    ----------
    rng
        Source of randomness.
    kind
        One of `KINDS`, or None to draw the kind too.
    mix
        Weights of the kinds.
    """
    kind = kind or mix.choose(rng)
    while (scene := _DRAW[kind](rng)).kind != kind:
        pass  # two things that came out equal are a count
    return scene


def training_scene(rng: random.Random, kind: str | None = None, mix: Mix = ALL) -> Scene:
    """Draw a scene that is not held out."""
    while (scene := draw_scene(rng, kind, mix)).held_out:
        pass
    return scene


def held_out_scene(rng: random.Random, kind: str | None = None, mix: Mix = ALL) -> Scene:
    """Draw a scene that no training run has seen."""
    while not (scene := draw_scene(rng, kind, mix)).held_out:
        pass
    return scene
