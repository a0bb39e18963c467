"""The autoencoder once more, on whole pictures and with an eye for detail; its latents stay near what they were.

Crops teach it colours soon, but in a crop full of things its normalisations see other statistics than in a whole
picture. Models that learned on the latents are trained on with new ones: `latents.encode` takes the sharper one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.miniature.scenes import STUDIED
from zimage_lab.miniature.training import architecture, autoencoder, checkpoint
from zimage_lab.miniature.training.loop import Loop, cosine
from zimage_lab.miniature.training.muon import Muon
from zimage_lab.miniature.training.precision import half

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    import torch

STAGE = autoencoder.SHARPEN

NEAR = 0.3
"""Weight of how far latents move while the autoencoder is sharpened: models that learned on them have little to learn.
"""

DETAILED, DETAIL, REACH = 4.0, 0.06, 9
"""Weight of a pixel where neighbours within a square of `REACH` pixels differ by `DETAIL`; plain ground has 1.

Most of a picture is plain ground, and what is small is soonest lost.
"""


def train(
    folder: Path,
    *,
    steps: int,
    family: str = "z_image",
    batch: int = 4,
    learning_rate: float = 2e-3,
    minutes: float | None = None,
    pictures: int = 8000,
    device: str = "cpu",
    seed: int = 4,
    report: Callable[[str], None] = print,
) -> Path:
    """Train the autoencoder further, on whole pictures, its latents held near those that others learned on.

    Parameters
    ----------
    folder
        Working folder that holds the autoencoder.
    steps, family, batch, learning_rate, minutes, pictures, device, seed, report
        As for `autoencoder.train`, but `batch` counts pictures.

    Returns
    -------
    Path of the checkpoint, `sharpen.safetensors` or `sharpen-<family>.safetensors`.
    """
    import torch

    vae = architecture.autoencoder(family)
    vae.load_state_dict(checkpoint.average(folder / f"{autoencoder.named(autoencoder.STAGE, family)}.safetensors")[0])
    vae.to(device, memory_format=torch.channels_last)
    path = folder / f"{autoencoder.named(STAGE, family)}.safetensors"
    drawn, shown = autoencoder.drawings(pictures, seed, STUDIED), autoencoder.drawings(autoencoder.COLUMNS, seed + 1)
    former = _latents(vae, drawn, device)
    loop = Loop(
        path,
        vae,
        _optimizers(vae, learning_rate),
        steps=steps,
        rate=cosine(learning_rate),
        decay=0.998,
        minutes=minutes,
        seed=seed,
        show=lambda: autoencoder.pairs(vae, shown, device),
        report=report,
    )
    for step in loop:
        chosen = [loop.rng.randrange(len(drawn)) for _ in range(batch)]
        pixels = autoencoder.tensor(drawn[chosen]).to(device, memory_format=torch.channels_last)
        with half(device, wanted=step < autoencoder.EXACT * loop.steps):
            latents = vae.encode(pixels).latent_dist.mean.float()
            rebuilt = vae.decode(latents + autoencoder.LATENT_NOISE * torch.randn_like(latents)).sample.float()
        moved = (latents - former[chosen].float().to(device)).square().mean()
        loop.learn(missed(rebuilt, pixels) + NEAR * moved, batch)
    return path


def _optimizers(module: torch.nn.Module, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the convolutions but those that make pixels or latents, AdamW for all else; see `flow.optimizers`."""
    import torch

    hidden: list[torch.nn.Parameter] = []
    rest: list[torch.nn.Parameter] = []
    for name, value in module.named_parameters():
        (hidden if value.ndim > 1 and "conv_out" not in name else rest).append(value)
    return [
        Muon(hidden, learning_rate),
        torch.optim.AdamW(rest, learning_rate, betas=(0.9, 0.99), weight_decay=0.01),
    ]


def _latents(vae: Any, drawn: np.ndarray, device: str) -> torch.Tensor:  # noqa: ANN401 - an AutoencoderKL
    import torch

    with torch.inference_mode():
        parts = [autoencoder.tensor(drawn[start : start + 8]) for start in range(0, len(drawn), 8)]
        return torch.cat([vae.encode(part.to(device)).latent_dist.mean.half().cpu() for part in parts])


def missed(rebuilt: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
    """Compare pixels (n, 3, height, width), and how neighbours differ, absolute and squared; detail counts more."""
    import torch.nn.functional as F  # noqa: N812 - torch's own habit

    wrong, rows, columns = rebuilt - pixels, pixels.diff(dim=2).abs(), pixels.diff(dim=3).abs()
    steps = F.pad(rows, (0, 0, 0, 1)).amax(1, keepdim=True) + F.pad(columns, (0, 1)).amax(1, keepdim=True)
    weights = 1 + (DETAILED - 1) * (F.max_pool2d(steps, REACH, 1, REACH // 2) > DETAIL).float()
    total = (weights * (wrong.abs() + 2 * wrong.square())).mean()
    for axis in (2, 3):
        edges = wrong.diff(dim=axis)
        there = weights.narrow(axis, 0, edges.shape[axis])
        total = total + (there * (2 * edges.abs() + 4 * edges.square())).mean()
    return total
