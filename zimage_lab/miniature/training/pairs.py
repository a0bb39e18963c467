"""Data of the edit model: pictures before and after an instruction through the autoencoder, once."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab.miniature.dataset import drawn_edits
from zimage_lab.miniature.training import architecture, autoencoder, checkpoint, latents

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    import torch

    from zimage_lab.miniature.world import Thing


class Change(NamedTuple):
    """What an instruction is about: the thing before and after, None where it is not there."""

    kind: str
    before: Thing | None
    after: Thing | None


class Pairs(NamedTuple):
    """The encoded set.

    Attributes
    ----------
    before, after
        Normalised latents (n, 16, 16, 16), half precision.
    patches
        What SigLIP sees of the pictures before: (n, patches, numbers), bytes.
    changes
        What to say about each.
    """

    before: torch.Tensor
    after: torch.Tensor
    patches: torch.Tensor
    changes: list[Change]


def encode(
    folder: Path,
    *,
    pictures: int = 20_000,
    device: str = "cpu",
    seed: int = 6,
    report: Callable[[str], None] = print,
) -> Path:
    """Draw and encode pairs; writes `pairs.safetensors`, normalised as `latents.safetensors` is.

    Parameters
    ----------
    folder
        Working folder that holds `latents.safetensors` and the autoencoder.
    pictures
        Number of pairs.
    device, seed, report
        As for `latents.encode`.
    """
    import torch

    _, _, factors = latents.load(folder)
    vae = autoencoder.trained(folder).to(device, memory_format=torch.channels_last)
    look = architecture.siglip_processor()
    changes: list[Change] = []
    parts: dict[str, list[torch.Tensor]] = {"before": [], "after": [], "patches": []}

    def encoded(pixels: np.ndarray) -> torch.Tensor:
        x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
        found = [
            vae.encode(some.to(device, memory_format=torch.channels_last)).latent_dist.mean.cpu()
            for some in x.split(latents.BATCH)
        ]
        return ((torch.cat(found) - factors["shift_factor"]) * factors["scaling_factor"]).half()

    for edits, before, after in drawn_edits(pictures, seed=seed):
        changes += [Change(edit.kind, *edit.things) for edit in edits]
        with torch.inference_mode():
            parts["before"].append(encoded(before))
            parts["after"].append(encoded(after))
        seen = look(images=list(before), return_tensors="pt")["pixel_values"]
        parts["patches"].append(((seen + 1) * 127.5).round().byte())
        report(f"{len(changes)}/{pictures} pairs encoded")
    path = folder / "pairs.safetensors"
    told = [
        {"kind": c.kind, **{n: t and asdict(t) for n, t in zip(("before", "after"), c[1:], strict=True)}}
        for c in changes
    ]
    checkpoint.save(path, {name: torch.cat(some) for name, some in parts.items()}, {"changes": json.dumps(told)})
    return path


def load(folder: Path) -> Pairs:
    """Read the encoded set."""
    from zimage_lab.miniature.world import Thing

    tensors, state = checkpoint.load(folder / "pairs.safetensors")
    changes = [
        Change(told["kind"], *(told[name] and Thing(**told[name]) for name in ("before", "after")))
        for told in json.loads(state["changes"])
    ]
    return Pairs(tensors["before"], tensors["after"], tensors["patches"], changes)
