"""A second lesson while a transformer trains: to know halfway through what each patch of its picture will show.

How well noise is told says little about which word belongs where; a scene says it outright. A linear layer reads
subject, colour and character of every patch off the picture's tokens behind half of the layers, and its error is added
to the flow's. The layer stays behind when training ends. After REPA (Yu et al. 2024, arXiv 2410.06940), with the scene
itself in the place of another network's features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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
    from collections.abc import Sequence

    import torch

    from zimage_lab.miniature.world import Scene, Thing

NAME = "placement"
"""Of the layer among a network's parts."""

PATCH = 16
"""Edge of a token's patch in pixels."""

WEIGHT = 0.1
"""Of this lesson beside the flow's error, whose size is near one at the beginning."""

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


def placed(scenes: Sequence[Scene], device: str) -> Placed:
    """Say what the patches of scenes show; small moves of things are left out."""
    import torch

    edge = SIZE // PATCH
    subjects, colours, characters = (torch.zeros(len(scenes), edge, edge, size) for size in SIZES)
    colours[..., SHADES[""]] = 1
    for number, scene in enumerate(scenes):
        subjects[number, ..., SUBJECTS[scene.background]] = 1
        for thing, spot in zip(scene.things, spots(scene), strict=True):
            x, y, across, down = spot.x, spot.y, spot.radius, spot.radius
            if thing.subject == "sign":
                width, height, _ = signs.board(len(thing.text))
                across, down = width / 2, (height + signs.LEGS) / 2
                _write(characters[number], thing, x - across, y - down)
            cover = _cover(x - across, y - down, x + across, y + down).unsqueeze(-1)
            for shares, name in ((subjects, SUBJECTS[thing.subject]), (colours, SHADES[thing.colour])):
                shares[number] *= 1 - cover
                shares[number, ..., name] += cover[..., 0]
    return Placed(*(shares.flatten(1, 2).to(device) for shares in (subjects, colours, characters)))


def _write(shares: torch.Tensor, thing: Thing, left: float, top: float) -> None:
    _, _, edge = signs.board(len(thing.text))
    for number, character in enumerate(thing.text):
        x, y = left + signs.BORDER + number * edge, top + signs.BORDER - 1
        shares[..., CHARACTERS[character]] += _cover(x, y, x + edge, y + edge)


def _cover(left: float, top: float, right: float, bottom: float) -> torch.Tensor:
    """Give the share of each patch that a box covers: (rows, columns)."""
    import torch

    begin = torch.arange(0, SIZE, PATCH)
    across, down = (
        (torch.clamp(begin + PATCH, max=last) - torch.clamp(begin, min=first)).clamp(min=0) / PATCH
        for first, last in ((left, right), (top, bottom))
    )
    return down.unsqueeze(1) * across


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
