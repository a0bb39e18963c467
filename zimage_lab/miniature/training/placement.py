"""A second lesson while a transformer trains: to know halfway through what each patch of its picture will show.

How well noise is told says little about which word belongs where; a scene says it outright. A linear layer reads
subject, colour and character of every patch off the picture's tokens in the middle of the network, and its error is
added to the other one. The layer stays behind when training ends. After REPA (Yu et al. 2024, arXiv 2410.06940), with
the scene itself in the place of another network's features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zimage_lab.miniature import signs
from zimage_lab.miniature.layouts import spots
from zimage_lab.miniature.world import (
    BACKGROUNDS,
    COLOURS,
    OWN_COLOURS,
    SIGN_CHARACTERS,
    SIGN_LETTERS,
    SIZE,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from zimage_lab.miniature.layouts import Spot
    from zimage_lab.miniature.world import Scene

NAME = "placement"
"""Of the layer among a network's parts."""

PATCH = 16
"""Edge of a token's patch in pixels."""

EDGE = SIZE // PATCH
"""Patches on an edge of the picture."""

WEIGHT = 0.1
"""Of this lesson at the beginning, when the other error's size is near one."""

SUBJECTS = {name: number for number, name in enumerate((*BACKGROUNDS, *OWN_COLOURS))}
SHADES = {name: number for number, name in enumerate(("", *COLOURS))}
CHARACTERS = {name: number for number, name in enumerate(SIGN_LETTERS + SIGN_CHARACTERS)}
"""Numbers of what a patch may show: a background or a subject; no thing's colour or a colour; a character."""

SIZES = (len(SUBJECTS), len(SHADES), len(CHARACTERS))


class Placed(NamedTuple):
    """What the patches of scenes show, as shares of their area: each (n, patches, possibilities)."""

    subjects: torch.Tensor
    colours: torch.Tensor
    characters: torch.Tensor


def layer(width: int) -> torch.nn.Module:
    """Build what reads the patches off tokens of a width."""
    import torch

    return torch.nn.Sequential(torch.nn.LayerNorm(width), torch.nn.Linear(width, sum(SIZES)))


def placed(scenes: Sequence[Scene], device: str, where: Sequence[Mapping[str, Spot]] | None = None) -> Placed:
    """Say what the patches of scenes show.

    Parameters
    ----------
    scenes
        The scenes.
    device
        Where to.
    where
        Spots by place for each scene; None takes those of its layout, without the small moves of things.
    """
    import torch

    subjects, colours, characters = (np.zeros((len(scenes), EDGE, EDGE, size), np.float32) for size in SIZES)
    colours[..., SHADES[""]] = 1
    layers: list[list[_Box]] = []  # the things that stand behind all others, those before them, and so on
    written: list[_Box] = []
    for number, scene in enumerate(scenes):
        subjects[number, ..., SUBJECTS[scene.background]] = 1
        stand = spots(scene) if where is None else [where[number][thing.place] for thing in scene.things]
        for place, (thing, spot) in enumerate(zip(scene.things, stand, strict=True)):
            across, down = spot.radius, spot.radius
            if thing.subject == "sign":
                width, height, _ = signs.board(len(thing.text))
                across, down = width / 2, (height + signs.LEGS) / 2
                written += _letters(number, thing.text, spot.x - across, spot.y - down)
            if place == len(layers):
                layers.append([])
            box = (spot.x - across, spot.y - down, spot.x + across, spot.y + down)
            layers[place].append(_Box(number, SUBJECTS[thing.subject], SHADES[thing.colour], *box))
    for boxes in layers:
        cover, rows = _cover(boxes), [box.scene for box in boxes]
        for shares, names in ((subjects, [box.name for box in boxes]), (colours, [box.colour for box in boxes])):
            shares[rows] *= 1 - cover[..., None]
            shares[rows, :, :, names] += cover
    for letter, share in zip(written, _cover(written) if written else (), strict=True):
        characters[letter.scene, :, :, letter.name] += share  # one after the other: a patch may show one twice
    flat = (torch.from_numpy(shares).flatten(1, 2).to(device) for shares in (subjects, colours, characters))
    return Placed(*flat)


class _Box(NamedTuple):
    """Where something stands in pixels, in which scene, and the numbers of what it is."""

    scene: int
    name: int
    colour: int
    left: float
    top: float
    right: float
    bottom: float


def _letters(scene: int, text: str, left: float, top: float) -> list[_Box]:
    _, _, edge = signs.board(len(text))
    x, y = left + signs.BORDER, top + signs.BORDER - 1
    return [
        _Box(scene, CHARACTERS[character], 0, x + place * edge, y, x + (place + 1) * edge, y + edge)
        for place, character in enumerate(text)
    ]


def _cover(boxes: Sequence[_Box]) -> np.ndarray:
    """Give the share of each patch that boxes cover: (boxes, rows, columns)."""
    places = np.array([box[3:] for box in boxes], np.float32)
    begin = np.arange(0, SIZE, PATCH, dtype=np.float32)
    across, down = (
        np.clip(np.minimum(begin + PATCH, last[:, None]) - np.maximum(begin, first[:, None]), 0, None) / PATCH
        for first, last in ((places[:, 0], places[:, 2]), (places[:, 1], places[:, 3]))
    )
    cover: np.ndarray = down[:, :, None] * across[:, None, :]
    return cover


def error(read: torch.nn.Module, tokens: torch.Tensor, wanted: Placed) -> torch.Tensor:
    """Give the added cross entropies of what is read off tokens (n, patches, width); characters where there are any."""
    import torch

    told = read(tokens).float().split(SIZES, dim=-1)
    subjects, colours, characters = (
        -(share * torch.log_softmax(one, dim=-1)).sum(dim=-1) for one, share in zip(told, wanted, strict=True)
    )
    written = wanted.characters.sum().clamp(min=1)
    total: torch.Tensor = subjects.mean() + colours.mean() + characters.sum() / written
    return total


def weighted(error: torch.Tensor, step: int, steps: int) -> torch.Tensor:
    """Weigh this lesson's error beside the other one's: less and less, as in the end the picture alone counts."""
    return error * WEIGHT * (1 - step / steps)
