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
    frozenset({"first", "second", "third", "fourth"}): {
        "first": (17, 64),
        "second": (48, 64),
        "third": (80, 64),
        "fourth": (111, 64),
    },
}
"""Centres of three or four things in a line."""

STORIES: dict[str, dict[str, Spot]] = {
    "under": {
        "back": Spot(66, 62, 54),
        "middle": Spot(69, 96, 25),
        "left": Spot(19, 104, 16.5),
        "right": Spot(109, 92, 16.5),
    },
    "front": {
        "back": Spot(64, 42, 39),
        "middle": Spot(64, 97, 25),
        "left": Spot(20, 103, 17),
        "right": Spot(108, 103, 17),
    },
    "shore": {
        "middle": Spot(64, 80, 31),
        "top left": Spot(26, 27, 18),
        "top right": Spot(102, 27, 18),
    },
}
"""Places of a story: what stands behind, who stands before it, who stands beside."""

RADII = {1: 28.0, 2: 26.0, 3: 24.0, 4: 24.0}
"""Half the side of a thing by the number of things that stand apart."""

LINE_RADII = {3: 19.0, 4: 14.5}


def spots(scene: Scene) -> tuple[Spot, ...]:
    """Say where each thing of a scene stands, in the order of its things."""
    if scene.story:
        return tuple(STORIES[scene.story][thing.place] for thing in scene.things)
    count = len(scene.things)
    line = LINES.get(frozenset(thing.place for thing in scene.things))
    if line is not None:
        return tuple(Spot(*line[thing.place], LINE_RADII[count]) for thing in scene.things)
    return tuple(Spot(*WIDE[thing.place], RADII[count]) for thing in scene.things)
