"""The steps from noise to a picture: the flow-matching schedule of Z-Image, and Euler's method along it.

Facts: diffusers 0.42.1, `FlowMatchEulerDiscreteScheduler` with a static shift, and `ZImagePipeline`'s sigmas.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch


def schedule(steps: int, shift: float) -> list[float]:
    """Give the noise shares before each step and after the last: linear from 1 to 1/steps, shifted, then 0.

    Parameters
    ----------
    steps
        1 and more.
    shift
        Above 1 spends more steps where there is much noise: s * x / (1 + (s - 1) * x).
    """
    import numpy as np

    raw = np.linspace(1.0, 1 / steps, steps).astype(np.float32)
    shifted = shift * raw / (1 + (shift - 1) * raw)
    return [*map(float, shifted.astype(np.float32)), 0.0]


def walk(
    x: torch.Tensor,
    sigmas: list[float],
    velocity: Callable[[torch.Tensor, int], torch.Tensor],
    on_step: Callable[[int, torch.Tensor], None],
    settle: Callable[[torch.Tensor, float], torch.Tensor] | None = None,
) -> torch.Tensor:
    """Walk from the first sigma to the last.

    Parameters
    ----------
    x
        Latents (batch, channels, height, width), float32, on the device.
    sigmas
        Noise shares, one more than there are steps.
    velocity
        From latents and the step's index to their derivative by sigma, float32.
    on_step
        Called after each step with its number from 1 and the latents as they would end from there; what it raises ends
        the walk. On CUDA it is called while the next step already runs, so that the device never waits for it.
    settle
        Changes the latents after a step, given them and their sigma: inpainting puts back what shall stay.
    """
    import torch

    waiting: Callable[[], None] | None = None
    for step, (now, following) in enumerate(itertools.pairwise(sigmas)):
        change = velocity(x, step)
        if waiting is not None:
            waiting()
        expected = x - now * change
        # Subtracted in float32, as the scheduler does.
        x = x + (torch.tensor(following) - torch.tensor(now)).to(x.device) * change
        if settle is not None:
            x = settle(x, following)
        waiting = _telling(on_step, step + 1, expected)
        if x.device.type != "cuda":
            waiting()
            waiting = None
    if waiting is not None:
        waiting()
    return x


def _telling(on_step: Callable[[int, torch.Tensor], None], number: int, expected: torch.Tensor) -> Callable[[], None]:
    """Give the call that tells of a step; on CUDA the copy to the host begins now and is waited for then."""
    import torch

    if expected.device.type != "cuda":
        return lambda: on_step(number, expected)
    copy = torch.empty(expected.shape, dtype=expected.dtype, pin_memory=True)
    copy.copy_(expected, non_blocking=True)
    arrived = torch.cuda.Event()
    arrived.record()

    def tell() -> None:
        arrived.synchronize()
        on_step(number, copy)

    return tell
