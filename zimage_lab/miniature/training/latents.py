"""Second stage of training: every picture of the training set through the autoencoder, once."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from zimage_lab.errors import InvalidRequest
from zimage_lab.miniature.dataset import drawn
from zimage_lab.miniature.scenes import STUDIED
from zimage_lab.miniature.training import architecture, autoencoder, checkpoint
from zimage_lab.miniature.world import Scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch

FACTORS = ("shift_factor", "scaling_factor")

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
    autoencoder's `shift_factor` and `scaling_factor` are set so that the pipeline undoes exactly that. Where the folder
    has a set, its factors are kept: models may have learned on them. Files of Stable
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
    known = factors(folder, family) if path.exists() else measured(latents, shifted=vae.config.shift_factor is not None)
    normal = (latents - known["shift_factor"]) * known["scaling_factor"]
    told = json.dumps([asdict(scene) for scene in scenes])
    checkpoint.save(path, {"latents": normal.half()}, {"scenes": told, **known})
    report(f"{pictures} latents, mean {normal.mean():.4f}, deviation {normal.std():.4f}")
    return path


def measured(latents: torch.Tensor, *, shifted: bool) -> dict[str, float]:
    """Give the factors that bring latents to deviation 1, and to mean 0 where the pipeline knows a shift."""
    shift = latents.mean().item() if shifted else 0.0
    return {"shift_factor": shift, "scaling_factor": 1 / (latents - shift).square().mean().sqrt().item()}


def begin(folder: Path, family: str, known: dict[str, float]) -> None:
    """Write a set without pictures, for the factors of a model that has been trained."""
    import torch

    nothing = torch.empty(0, architecture.CHANNELS[family], 16, 16, dtype=torch.half)
    checkpoint.save(_path(folder, family), {"latents": nothing}, {"scenes": "[]", **known})


def _path(folder: Path, family: str) -> Path:
    return folder / f"{autoencoder.named('latents', family)}.safetensors"


def factors(folder: Path, family: str = "z_image") -> dict[str, float]:
    """Read the two factors of the encoded set."""
    _, state = checkpoint.load(_path(folder, family))
    return {key: state[key] for key in FACTORS}


def load(folder: Path, family: str = "z_image") -> tuple[torch.Tensor, list[Scene], dict[str, float]]:
    """Read the encoded set: latents (n, channels, 16, 16) in half precision, their scenes, the two factors.

    Raises
    ------
    InvalidRequest
        No picture is encoded yet.
    """
    tensors, state = checkpoint.load(_path(folder, family))
    scenes = [Scene.of(told) for told in json.loads(state["scenes"])]
    if not scenes:
        field, fix = "--folder", "Run zimage-lab miniature train latents on it first."
        raise InvalidRequest(field, str(folder), f"{folder} has no encoded pictures", fix)
    return tensors["latents"], scenes, {key: state[key] for key in FACTORS}
