"""Latents to a small RGB picture by a fitted linear map, at next to no cost, while a picture forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    import torch

    from zimage_lab.models.card import ModelCard

LARGEST = 512
"""Longest edge of a preview in pixels."""


def preview(latents: torch.Tensor, card: ModelCard, size: tuple[int, int]) -> Image.Image | None:
    """Turn latents into a preview, or None where the model's card has no map for them.

    Parameters
    ----------
    latents
        One picture's latents (channels, height, width), as the transformer knows them (normalised).
    card
        Holds the map: `weights` (channels, 3 x block x block) and `bias`, giving each latent a block of pixels whose
        values are -1 to 1.
    size
        Width and height of the final picture in pixels; the preview has its proportions.
    """
    import torch

    if card.preview is None or len(card.preview.weights) != len(latents):
        return None
    block = card.preview.block
    weights = torch.tensor(card.preview.weights, dtype=torch.float32)
    bias = torch.tensor(card.preview.bias, dtype=torch.float32)
    _channels, height, width = latents.shape
    pixels = latents.float().cpu().permute(1, 2, 0) @ weights + bias
    pixels = (
        pixels.view(height, width, 3, block, block).permute(0, 3, 1, 4, 2).reshape(height * block, width * block, 3)
    )
    array = ((pixels.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()
    scale = min(1.0, LARGEST / max(size))
    return Image.fromarray(array).resize((round(size[0] * scale), round(size[1] * scale)), Image.Resampling.BICUBIC)
