"""What travels along the links of a graph while it runs.

Models, encoders and VAEs are names and settings, not weights: those are resident in the engine, once. Pictures are
PIL's, so that one's own nodes need no torch; latents and text features are tensors on the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import torch
    from PIL import Image


@dataclass(frozen=True, slots=True)
class ModelValue:
    """MODEL: which model draws, with which shift (None is its own) and LoRAs (file name, weight)."""

    id: str
    shift: float | None = None
    loras: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class PartValue:
    """CLIP or VAE: whose it is."""

    id: str


@dataclass(frozen=True, slots=True)
class LatentValue:
    """LATENT: (batch, channels, height / 8, width / 8) as the transformer knows them; zeros are an empty one.

    A mask (1 or batch, 1, height, width), in pixels, is 1 where the picture is drawn anew.
    """

    samples: torch.Tensor
    mask: torch.Tensor | None = None


Conditioning: TypeAlias = "tuple[torch.Tensor, ...]"
"""CONDITIONING: text features (tokens, width), of which the predictions are averaged."""

Pictures: TypeAlias = "list[Image.Image]"
"""IMAGE: RGB pictures; MASK: the same in mode L."""
