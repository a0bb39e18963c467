"""Where the things of a scene stand: centres and sizes, such that no two ever overlap and a judge can tell them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from zimage_lab.miniature.world import Scene


class Spot(NamedTuple):
    """Centre of a thing and half the side of its square, in pixels."""

    x: float
    y: float
    radius: float


WIDE: dict[str, tuple[int, int]] = {
    "left": (33, 64),
    "right": (95, 64),
    "top": (64, 33),
    "bottom": (64, 95),
    "middle": (64, 64),
    "top left": (33, 33),
    "top right": (95, 33),
    "bottom left": (33, 95),
    "bottom right": (95, 95),
}
"""Centres where one or two things stand, three in a triangle or four in a square."""

LINES: dict[frozenset[str], dict[str, tuple[int, int]]] = {
    frozenset({"left", "middle", "right"}): {"left": (22, 64), "middle": (64, 64), "right": (106, 64)},
    frozenset({"top", "middle", "bottom"}): {"top": (64, 22), "middle": (64, 64), "bottom": (64, 106)},
}
"""Centres of three things in a line."""

STORIES: dict[str, dict[str, Spot]] = {
    "under": {
        "back": Spot(70, 63, 54),
        "middle": Spot(75, 95, 20.5),
        "left": Spot(16.5, 102, 14.5),
        "right": Spot(113, 93, 13),
    },
    "front": {
        "back": Spot(64, 37, 34.5),
        "middle": Spot(64, 100, 24),
        "left": Spot(18, 104, 15.5),
        "right": Spot(110, 104, 15.5),
    },
    "shore": {
        "middle": Spot(64, 75, 31),
        "top left": Spot(26, 25, 18),
        "top right": Spot(102, 25, 18),
    },
}
"""Places of a story: what stands behind, who stands before it, who stands beside."""

BESIDE_SIGN: dict[tuple[str, bool], tuple[int, int]] = {
    ("left", True): (35, 64),
    ("right", True): (93, 64),
    ("left", False): (30, 64),
    ("right", False): (98, 64),
}
"""Centres of a sign (True) and of what stands beside it: a sign is wider than others."""

RADII = {0: 28.0, 1: 28.0, 2: 26.0, 3: 24.0, 4: 24.0}
"""Half the side of a thing by the number of things that stand apart."""

LINE_RADIUS = 17.5
BESIDE_SIGN_RADIUS = 24.0

CROWDED = 3
"""From so many things on they are moved by 1 pixel at most, before by 2."""


def spots(scene: Scene) -> tuple[Spot, ...]:
    """Say where each thing of a scene stands, in the order of its things."""
    if scene.story:
        return tuple(STORIES[scene.story][thing.place] for thing in scene.things)
    count = len(scene.things)
    line = LINES.get(frozenset(thing.place for thing in scene.things))
    if line is not None:
        return tuple(Spot(*line[thing.place], LINE_RADIUS) for thing in scene.things)
    if count > 1 and scene.kind == "sign":
        return tuple(
            Spot(*BESIDE_SIGN.get((thing.place, thing.subject == "sign"), WIDE[thing.place]), BESIDE_SIGN_RADIUS)
            for thing in scene.things
        )
    return tuple(Spot(*WIDE[thing.place], RADII[count]) for thing in scene.things)


def play(scene: Scene) -> int:
    """Say how far a thing of the scene may stand from its spot, in halves of a pixel."""
    return 2 if scene.story or len(scene.things) >= CROWDED else 4
