"""Refuses pictures that are none: a black or broken picture is an error, never a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.errors import InvalidOutput

if TYPE_CHECKING:
    import torch


def finite(latents: torch.Tensor, where: str) -> None:
    """Raise `InvalidOutput` where latents hold NaN or infinity.

    Parameters
    ----------
    latents
        Any tensor.
    where
        What the tensor is, for the sentence.
    """
    if not bool(latents.isfinite().all()):
        message = (
            f"The {where} hold values that are not numbers. Half precision overflows in this transformer: "
            "use bfloat16 or float32, or another seed."
        )
        raise InvalidOutput(message)


def varied(pixels: torch.Tensor) -> None:
    """Raise `InvalidOutput` where a picture is one single colour."""
    if float(pixels.float().var()) == 0.0:
        message = "The picture is one single colour. The weights may be damaged; try another seed or model."
        raise InvalidOutput(message)
