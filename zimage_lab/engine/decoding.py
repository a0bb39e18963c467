"""Latents to pixels with diffusers' `AutoencoderKL`, the same for every family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image

from zimage_lab.engine import checks
from zimage_lab.models import memory

if TYPE_CHECKING:
    import torch

FACTOR = 8
"""Pixels along the edge of a latent."""


def tile(vae: Any, device: str, width: int, height: int, *, tiled: bool) -> None:  # noqa: ANN401 - a module
    """Have the VAE take a picture of this size in tiles, or whole where that fits; both ways, in and out."""
    if tiled or memory.tiles(device, width, height):
        vae.enable_tiling()
    else:
        vae.disable_tiling()


def decode(vae: Any, latents: torch.Tensor, device: str, *, tiled: bool = False) -> list[Image.Image]:  # noqa: ANN401
    """Decode latents into RGB pictures, one after the other: a batch would only need more memory.

    Parameters
    ----------
    vae
        The autoencoder, on the device.
    latents
        (batch, channels, height, width), float32, as the transformer or UNet knows them.
    device
        As torch names it.
    tiled
        In tiles, also where more seems to fit.

    Raises
    ------
    InvalidOutput
        The latents or pixels hold NaN, or a picture is one single colour.
    """
    import torch

    config = vae.config
    tile(vae, device, latents.shape[3] * FACTOR, latents.shape[2] * FACTOR, tiled=tiled)
    pictures = []
    for row in latents.split(1):
        checks.finite(row, "latents")
        with torch.inference_mode():
            scaled = row.to(vae.dtype) / config.scaling_factor + (config.shift_factor or 0.0)
            pixels = vae.decode(scaled, return_dict=False)[0][0].float()
        checks.finite(pixels, "pixels")
        # Eight bits on the device: a quarter of the bytes to bring over.
        array = ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        checks.varied(array)
        pictures.append(Image.fromarray(array.permute(1, 2, 0).cpu().numpy()))
    return pictures
