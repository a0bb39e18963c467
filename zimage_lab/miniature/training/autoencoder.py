"""First stage of training: the autoencoder, on crops of drawn pictures."""

from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING

import numpy as np

from zimage_lab.miniature import dataset
from zimage_lab.miniature.training import architecture, checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch

CROP = 64
LATENT_NOISE = 0.05
"""Noise on the latents in training, so that the decoder forgives the transformer's small errors."""


def train(
    folder: Path,
    *,
    steps: int = 5000,
    batch: int = 16,
    learning_rate: float = 1.5e-3,
    pictures: int = 8000,
    device: str = "cpu",
    seed: int = 0,
    report: Callable[[str], None] = print,
) -> Path:
    """Train the autoencoder, or go on from the checkpoint in `folder`.

    Parameters
    ----------
    folder
        Working folder of the run; `autoencoder.safetensors` is written there every 200 steps.
    steps, batch, learning_rate
        Length of the run, crops a step, peak of the cosine schedule.
    pictures
        Number of pictures drawn for training.
    device, seed
        Where to compute; where the randomness starts.
    report
        Called with a line of progress.

    Returns
    -------
    Path of the finished checkpoint.
    """
    import torch
    import torch.nn.functional as F  # noqa: N812 - torch's own habit

    path = folder / "autoencoder.safetensors"
    torch.manual_seed(seed)
    vae = architecture.autoencoder().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(vae.parameters(), learning_rate, betas=(0.9, 0.99), weight_decay=0.01)
    average, first = checkpoint.Average(vae, 0.995), 0
    if path.exists():
        tensors, state = checkpoint.load(path)
        vae.load_state_dict(tensors)
        first = state["step"]
        average.restore(tensors, first)
    rng = random.Random(seed * 1000 + first)
    drawn = _pictures(pictures, seed * 1000 + first)
    report(f"{pictures} pictures drawn; training from step {first} of {steps}")
    began, step = time.monotonic(), first
    while step < steps:
        for group in optimizer.param_groups:
            group["lr"] = _rate(step, steps, learning_rate)
        pixels = _crops(drawn, batch, rng).to(device, memory_format=torch.channels_last)
        # The last fifth in float32: bfloat16 rounds a colour to about one in 256.
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=step < 0.8 * steps):
            latents = vae.encode(pixels).latent_dist.mean.float()
            rebuilt = vae.decode(latents + LATENT_NOISE * torch.randn_like(latents)).sample.float()
        # The square of the latents is held near one, so that the noise above keeps its meaning.
        size = (latents.square().mean() - 1).square()
        error = F.l1_loss(rebuilt, pixels)
        # Colours first: while they are wrong, edges only say that blur is safer.
        sharp = 2 * min(1.0, max(0.0, step / steps - 0.3) / 0.2)
        loss = error + F.mse_loss(rebuilt, pixels) + sharp * _edges(rebuilt, pixels) + 0.05 * size
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        average.update(vae)
        step += 1
        if step % 100 == 0:
            report(f"step {step}/{steps}  L1 {error.item():.4f}  {_pace(began, step - first)}")
        if step % 200 == 0 or step >= steps:
            checkpoint.save(path, average.values, {"step": step})
    return path


def sharpen(
    folder: Path,
    *,
    steps: int,
    batch: int = 16,
    learning_rate: float = 8e-4,
    minutes: float | None = None,
    pictures: int = 3000,
    device: str = "cpu",
    seed: int = 4,
    report: Callable[[str], None] = print,
) -> Path:
    """Train the decoder alone further, with a loss on edges; the latents that others learned on stay as they are.

    Parameters
    ----------
    folder
        Working folder that holds `autoencoder.safetensors`, which is replaced every 200 steps.
    steps, batch, learning_rate
        Length of the run, crops a step, peak of the cosine schedule.
    minutes
        Where given, the schedule is fitted to this much time instead of to `steps`.
    pictures, device, seed, report
        As for `train`.
    """
    import torch
    import torch.nn.functional as F  # noqa: N812 - torch's own habit

    path = folder / "autoencoder.safetensors"
    tensors, state = checkpoint.load(path)
    vae = architecture.autoencoder()
    vae.load_state_dict(tensors)
    vae.to(device, memory_format=torch.channels_last).encoder.requires_grad_(requires_grad=False)
    torch.manual_seed(seed + state.get("sharpened", 0))
    optimizer = torch.optim.AdamW(vae.decoder.parameters(), learning_rate, betas=(0.9, 0.99), weight_decay=0.01)
    average = checkpoint.Average(vae, 0.99)
    rng = random.Random(seed + state.get("sharpened", 0))
    drawn = _pictures(pictures, seed)
    began, step = time.monotonic(), 0
    while step < steps:
        for group in optimizer.param_groups:
            group["lr"] = _rate(step, steps, learning_rate)
        pixels = _crops(drawn, batch, rng).to(device, memory_format=torch.channels_last)
        with torch.no_grad():
            latents = vae.encode(pixels).latent_dist.mean
        rebuilt = vae.decode(latents + LATENT_NOISE * torch.randn_like(latents)).sample
        loss = F.l1_loss(rebuilt, pixels) + 2 * _edges(rebuilt, pixels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.decoder.parameters(), 1.0)
        optimizer.step()
        average.update(vae)
        step += 1
        spent = time.monotonic() - began
        if minutes is not None and step >= 10:
            steps = max(step, round(minutes * 60 / (spent / step)))
        if step % 100 == 0:
            report(f"step {step}/{steps}  L1 {F.l1_loss(rebuilt, pixels).item():.4f}  {_pace(began, step)}")
        if step % 200 == 0 or step >= steps:
            checkpoint.save(path, average.values, state | {"sharpened": state.get("sharpened", 0) + step})
    return path


def _pictures(count: int, seed: int) -> np.ndarray:
    return np.concatenate([pixels for _, pixels in dataset.drawn(count, seed=seed)])


def _pace(began: float, steps: int) -> str:
    return f"{(time.monotonic() - began) / steps:.2f} s a step"


def _rate(step: int, steps: int, peak: float) -> float:
    warm = min(1.0, (step + 1) / 50)
    return peak * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def _edges(rebuilt: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
    """Compare the differences of neighbours, where thin strokes weigh as much as broad papers."""
    import torch

    return torch.stack([(rebuilt.diff(dim=axis) - pixels.diff(dim=axis)).abs().mean() for axis in (2, 3)]).sum()


def _crops(drawn: np.ndarray, batch: int, rng: random.Random) -> torch.Tensor:
    import torch

    edge = drawn.shape[1] - CROP
    crops = []
    for _ in range(batch):
        x, y, n = rng.randint(0, edge), rng.randint(0, edge), rng.randrange(len(drawn))
        crops.append(drawn[n, y : y + CROP, x : x + CROP])
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 127.5 - 1
