"""What a training step needs of each example, made once: its latents and its caption's features."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab.engine import pictures
from zimage_lab.models import build

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from zimage_lab.engine.families.z_image import Features, ZImage
    from zimage_lab.lora_training.examples import Example

NARROWEST = 0.5
"""A picture narrower or flatter than this share of its longer edge is cut."""


class Learned(NamedTuple):
    """One example as the transformer sees it.

    Attributes
    ----------
    latents
        Normalised, (channels, 1, height, width), float32.
    features
        Of its caption, (tokens, width).
    """

    latents: torch.Tensor
    features: torch.Tensor


def size_of(width: int, height: int, target: tuple[int, int], multiple: int, *, fixed: bool) -> tuple[int, int]:
    """Give the size in which a picture is learned: its own proportions at the target's area, or the target itself.

    Parameters
    ----------
    width, height
        Of the picture, in pixels.
    target
        Width and height that the model is used with.
    multiple
        The edges are multiples of this.
    fixed
        Whether the model knows this one size alone.
    """
    if fixed:
        return target
    ratio = min(max(width / height, NARROWEST), 1 / NARROWEST)
    area = target[0] * target[1]
    wide, high = math.sqrt(area * ratio), math.sqrt(area / ratio)
    return max(1, round(wide / multiple)) * multiple, max(1, round(high / multiple)) * multiple


def encode(
    family: ZImage, examples: Sequence[Example], size: Callable[[int, int], tuple[int, int]]
) -> tuple[list[Learned], torch.Tensor]:
    """Encode all examples; gives them and the features of no caption at all.

    Parameters
    ----------
    family
        The loaded model.
    examples
        Pictures and captions.
    size
        From a picture's width and height to those in which it is learned.
    """
    import torch

    config, found = family.vae.config, []
    with torch.inference_mode():
        for example in examples:
            picture = example.picture()
            pixels = pictures.tensor(pictures.fitted(picture, size(*picture.size)))
            mean = family.vae.encode(pixels.to(family.device, family.vae.dtype)).latent_dist.mode()[0].float()
            latents = (mean - (config.shift_factor or 0.0)) * config.scaling_factor
            found.append(Learned(latents.unsqueeze(1).cpu(), _encoded(family, example.caption).positive[0].cpu()))
        nothing = _encoded(family, examples[0].caption).negative[0].cpu()
    # Tensors of inference mode take no part in autograd: copies do.
    return [Learned(one.latents.clone(), one.features.clone()) for one in found], nothing.clone()


def _encoded(family: ZImage, caption: str) -> Features:
    """Encode a caption, cut where the model reads no further, and with guidance the empty one."""
    return family.encode([build(caption, seed=0, model=family.model.id, truncate=True, guidance_scale=1.0)])
