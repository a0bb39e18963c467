"""More variety between the seeds of a prompt: the seed's own noise on the prompt's features while the first steps run.

A distilled model draws nearly the same composition for every seed: its first steps, which decide that, follow the text
alone. So these see the text blurred, and all later ones see it as it was written. The noise comes from the seed, on the
CPU in float32, as a picture's own does: the batch and the device change nothing.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from zimage_lab.request import GenerationRequest

EARLY = 0.5
"""Share of the steps that see the blurred text; with a shift of 3 they take the noise's share from 1 to 0.75."""

STRENGTH = 2.0
"""At a variation of 1 the noise is so many times as strong as the features (`tests/variation_figures.py` tells why)."""

STREAM = 0x9E3779B97F4A7C15
"""Turns a seed into that of another stream than its latents come from (the golden ratio's bits)."""


def early(steps: int) -> int:
    """Say how many of the first steps see the blurred text."""
    return ceil(EARLY * steps)


def blurred(features: torch.Tensor, request: GenerationRequest) -> torch.Tensor:
    """Lay noise on the features (..., tokens, width) of a request's prompt.

    The noise of each token goes with the root mean square of its own features.
    """
    import torch

    if not request.variation:
        return features
    source = torch.Generator("cpu").manual_seed(request.seed ^ STREAM)
    noise = torch.randn(features.shape, generator=source).to(features.device)
    size = features.float().square().mean(dim=-1, keepdim=True).sqrt()
    return (features.float() + request.variation * STRENGTH * size * noise).to(features.dtype)
