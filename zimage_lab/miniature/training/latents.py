"""Second stage of training: every picture of the training set through the autoencoder, once."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from zimage_lab.miniature.dataset import drawn
from zimage_lab.miniature.scenes import STUDIED
from zimage_lab.miniature.training import autoencoder, checkpoint
from zimage_lab.miniature.world import Scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch

BATCH = 8
"""Pictures that go through the autoencoder together: few fit a processor's cache, four times as fast as 64."""


def encode(
    folder: Path,
    *,
    family: str = "z_image",
    pictures: int = 40000,
    device: str = "cpu",
    seed: int = 1,
    report: Callable[[str], None] = print,
) -> Path:
    """Draw and encode the training set; writes `latents.safetensors` with the scenes and the latents' statistics.

    The latents are normalised to deviation 1, and to mean 0 where the family's pipeline knows a shift; the
    autoencoder's `shift_factor` and `scaling_factor` are set so that the pipeline undoes exactly that. Files of Stable
    Diffusion's family are named as `autoencoder.named` says.
    """
    import torch

    path = _path(folder, family)
    vae = autoencoder.trained(folder, family).to(device, memory_format=torch.channels_last)
    scenes, parts = [], []
    for batch, pixels in drawn(pictures, seed=seed, mix=STUDIED):
        scenes += batch
        with torch.inference_mode():
            for some in torch.from_numpy(pixels).split(BATCH):
                x = some.permute(0, 3, 1, 2).float() / 127.5 - 1
                parts.append(vae.encode(x.to(device, memory_format=torch.channels_last)).latent_dist.mean.cpu())
        report(f"{len(scenes)}/{pictures} pictures encoded")
    latents = torch.cat(parts)
    shift = 0.0 if vae.config.shift_factor is None else latents.mean().item()
    deviation = (latents - shift).square().mean().sqrt().item()
    state = {
        "scenes": json.dumps([asdict(scene) for scene in scenes]),
        "shift_factor": shift,
        "scaling_factor": 1 / deviation,
    }
    checkpoint.save(path, {"latents": ((latents - shift) / deviation).half()}, state)
    report(f"{pictures} latents, mean {shift:.4f}, deviation {deviation:.4f}")
    return path


def _path(folder: Path, family: str) -> Path:
    return folder / f"{autoencoder.named('latents', family)}.safetensors"


def load(folder: Path, family: str = "z_image") -> tuple[torch.Tensor, list[Scene], dict[str, float]]:
    """Read the encoded set: latents (n, channels, 16, 16) in half precision, their scenes, the two factors."""
    tensors, state = checkpoint.load(_path(folder, family))
    scenes = [Scene.of(told) for told in json.loads(state["scenes"])]
    return tensors["latents"], scenes, {key: state[key] for key in ("shift_factor", "scaling_factor")}
