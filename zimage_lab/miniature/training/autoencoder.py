"""First stage of training: the autoencoder, on crops of drawn pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.miniature import dataset
from zimage_lab.miniature.scenes import ALL
from zimage_lab.miniature.training import architecture, checkpoint
from zimage_lab.miniature.training.loop import Loop, cosine
from zimage_lab.miniature.training.precision import half

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    import torch
    from PIL import Image

    from zimage_lab.miniature.scenes import Mix

STAGE, SHARPEN = "autoencoder", "sharpen"

CROP = 64
LATENT_NOISE = 0.05
"""Noise on the latents in training, so that the decoder forgives the transformer's small errors."""

EXACT = 0.8
"""From this share of the updates on in float32: bfloat16 rounds a colour to about one in 256."""


def named(stage: str, family: str) -> str:
    """Give the name of a stage's files: those of Z-Image's autoencoder are plain, as it came first.

    Raises
    ------
    InvalidRequest
        There is no such family.
    """
    if family not in architecture.CHANNELS:
        field, fix = "--family", f"Use {' or '.join(architecture.CHANNELS)}."
        raise InvalidRequest(field, family, f"{shown(family)} has no autoencoder here", fix)
    return stage if family == "z_image" else f"{stage}-{family}"


def trained(folder: Path, family: str = "z_image") -> Any:  # noqa: ANN401 - an AutoencoderKL, which has types only at run time
    """Give a family's autoencoder of a working folder, sharpened where that was done."""
    sharper = folder / f"{named(SHARPEN, family)}.safetensors"
    path = sharper if sharper.exists() else folder / f"{named(STAGE, family)}.safetensors"
    vae = architecture.autoencoder(family)
    vae.load_state_dict(checkpoint.average(path)[0])
    return vae.eval()


def train(
    folder: Path,
    *,
    family: str = "z_image",
    steps: int = 10_500,
    batch: int = 16,
    learning_rate: float = 1.5e-3,
    minutes: float | None = None,
    pictures: int = 8000,
    device: str = "cpu",
    seed: int = 0,
    report: Callable[[str], None] = print,
) -> Path:
    """Train a family's autoencoder, or go on from the checkpoint in `folder`.

    That of Stable Diffusion begins with all that fits of Z-Image's, where that is in the folder.

    Parameters
    ----------
    folder
        Working folder of the run.
    family
        One of `architecture.CHANNELS`.
    steps, batch, learning_rate
        Length of the run, crops a step, peak of the cosine schedule.
    minutes
        Where given, the schedule is fitted to this much time instead of to `steps`.
    pictures
        Number of pictures drawn for training.
    device, seed
        Where to compute; where the randomness starts.
    report
        Called with a line of progress.

    Returns
    -------
    Path of the checkpoint, `autoencoder.safetensors` or `autoencoder-<family>.safetensors`.
    """
    import torch
    import torch.nn.functional as F  # noqa: N812 - torch's own habit

    torch.manual_seed(seed)
    path, first = folder / f"{named(STAGE, family)}.safetensors", folder / f"{STAGE}.safetensors"
    vae = architecture.autoencoder(family)
    if path != first and first.exists():
        own, known = vae.state_dict(), checkpoint.average(first)[0]
        vae.load_state_dict({name: known[name] if known[name].shape == own[name].shape else own[name] for name in own})
    vae.to(device, memory_format=torch.channels_last)
    drawn, shown = drawings(pictures, seed), drawings(COLUMNS, seed + 1)
    loop = Loop(
        path,
        vae,
        [_adam(vae, learning_rate)],
        steps=steps,
        rate=cosine(learning_rate),
        decay=0.995,
        minutes=minutes,
        seed=seed,
        show=lambda: pairs(vae, shown, device),
        report=report,
    )
    for step in loop:
        pixels = _crops(drawn, batch, loop.rng).to(device, memory_format=torch.channels_last)
        with half(device, wanted=step < EXACT * loop.steps):
            latents = vae.encode(pixels).latent_dist.mean.float()
            rebuilt = vae.decode(latents + LATENT_NOISE * torch.randn_like(latents)).sample.float()
        # The square of the latents is held near one, so that the noise above keeps its meaning.
        size = (latents.square().mean() - 1).square()
        # Colours first: while they are wrong, edges only say that blur is safer.
        sharp = 2 * min(1.0, max(0.0, step / loop.steps - 0.3) / 0.2)
        error = F.l1_loss(rebuilt, pixels) + F.mse_loss(rebuilt, pixels) + sharp * _edges(rebuilt, pixels)
        loop.learn(error + 0.05 * size, batch)
    return path


COLUMNS = 6
"""Pictures of a sheet, each above its reconstruction."""


def _adam(module: torch.nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    import torch

    return torch.optim.AdamW(module.parameters(), learning_rate, betas=(0.9, 0.99), weight_decay=0.01)


def drawings(count: int, seed: int, mix: Mix = ALL) -> np.ndarray:
    """Draw training pictures: bytes (n, 128, 128, 3)."""
    return np.concatenate([pixels for _, pixels in dataset.drawn(count, seed=seed, mix=mix)])


def tensor(drawn: np.ndarray) -> torch.Tensor:
    """Give pictures' bytes (n, height, width, 3) as pixels from -1 to 1, (n, 3, height, width)."""
    import torch

    return torch.from_numpy(drawn).permute(0, 3, 1, 2).float() / 127.5 - 1


def pairs(vae: Any, drawn: np.ndarray, device: str) -> list[Image.Image]:  # noqa: ANN401 - as above
    """Show pictures and what the autoencoder makes of them."""
    import torch
    from PIL import Image

    pixels = tensor(drawn).to(device)
    with torch.inference_mode():
        rebuilt = vae.decode(vae.encode(pixels).latent_dist.mean).sample
    after = ((rebuilt.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return [Image.fromarray(one) for one in (*drawn, *after)]


def _edges(rebuilt: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
    """Compare the differences of neighbours, where thin strokes weigh as much as broad papers."""
    import torch

    return torch.stack([(rebuilt.diff(dim=axis) - pixels.diff(dim=axis)).abs().mean() for axis in (2, 3)]).sum()


def _crops(drawn: np.ndarray, batch: int, rng: random.Random) -> torch.Tensor:
    edge = drawn.shape[1] - CROP
    crops = []
    for _ in range(batch):
        x, y, n = rng.randint(0, edge), rng.randint(0, edge), rng.randrange(len(drawn))
        crops.append(drawn[n, y : y + CROP, x : x + CROP])
    return tensor(np.stack(crops))
