"""Data of the edit model: pictures before and after an instruction through the autoencoder, once."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab.miniature.dataset import drawn_edits
from zimage_lab.miniature.edits import Edit
from zimage_lab.miniature.training import architecture, autoencoder, checkpoint, latents

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    import torch


class Pairs(NamedTuple):
    """The encoded set.

    Attributes
    ----------
    before, after
        Normalised latents (n, 16, 16, 16), half precision.
    patches
        What SigLIP sees of the pictures before: (n, patches, numbers), bytes.
    edits
        What is changed in each, and what to.
    """

    before: torch.Tensor
    after: torch.Tensor
    patches: torch.Tensor
    edits: list[Edit]


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

    factors = latents.factors(folder)
    vae = autoencoder.trained(folder).to(device, memory_format=torch.channels_last)
    look = architecture.siglip_processor()
    edits: list[Edit] = []
    parts: dict[str, list[torch.Tensor]] = {"before": [], "after": [], "patches": []}

    def encoded(pixels: np.ndarray) -> torch.Tensor:
        x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
        found = [
            vae.encode(some.to(device, memory_format=torch.channels_last)).latent_dist.mean.cpu()
            for some in x.split(latents.BATCH)
        ]
        return ((torch.cat(found) - factors["shift_factor"]) * factors["scaling_factor"]).half()

    for drawn, before, after in drawn_edits(pictures, seed=seed):
        edits += drawn
        with torch.inference_mode():
            parts["before"].append(encoded(before))
            parts["after"].append(encoded(after))
        seen = look(images=list(before), return_tensors="pt")["pixel_values"]
        parts["patches"].append(((seen + 1) * 127.5).round().byte())
        report(f"{len(edits)}/{pictures} pairs encoded")
    path = folder / "pairs.safetensors"
    told = json.dumps([asdict(edit) for edit in edits])
    checkpoint.save(path, {name: torch.cat(some) for name, some in parts.items()}, {"edits": told})
    return path


def load(folder: Path) -> Pairs:
    """Read the encoded set."""
    tensors, state = checkpoint.load(folder / "pairs.safetensors")
    return Pairs(**tensors, edits=[Edit.of(told) for told in json.loads(state["edits"])])
