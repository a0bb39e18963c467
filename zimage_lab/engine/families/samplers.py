"""Ways to walk from noise to a picture: Euler's, Heun's, and two that remember the step before.

Each wants the picture as it is expected from where the walk stands, D = x - sigma v, and takes it for straight (euler),
looks ahead (heun: Karras et al., arXiv 2206.00364, algorithm 1), or draws a line through the two last ones and
integrates that exactly in lambda = -log sigma (res_multistep: Zhang and Chen, arXiv 2308.02157) or to second order
(dpmpp_2m: Lu et al., DPM-Solver++, arXiv 2211.01095, algorithm 2). No noise is added on the way.
"""

from __future__ import annotations

from itertools import pairwise
from math import expm1, log
from typing import TYPE_CHECKING

from zimage_lab.engine.families import euler

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch


def walk(  # noqa: PLR0917 - those of `euler.walk`, and which
    sampler: str,
    x: torch.Tensor,
    sigmas: list[float],
    velocity: Callable[[torch.Tensor, int], torch.Tensor],
    on_step: Callable[[int, torch.Tensor], None],
    settle: Callable[[torch.Tensor, float], torch.Tensor] | None = None,
) -> torch.Tensor:
    """Walk from the first noise share to the last.

    Parameters
    ----------
    sampler
        "euler", "heun", "res_multistep" or "dpmpp_2m".
    x, sigmas, velocity, on_step, settle
        As for `euler.walk`; `heun` asks for the velocity at a step's end, too, by the next step's index.
    """
    if sampler == "euler":
        return euler.walk(x, sigmas, velocity, on_step, settle)
    if sampler == "heun":
        return _heun(x, sigmas, velocity, on_step, settle)
    weigh = {"res_multistep": _exact, "dpmpp_2m": _midpoint}[sampler]
    before: torch.Tensor | None = None
    for step, (now, following) in enumerate(pairwise(sigmas)):
        expected = x - now * velocity(x, step)
        if before is None or following == 0:
            x = following / now * x + (1 - following / now) * expected
        else:
            length, back = log(now / following), log(sigmas[step - 1] / now)
            own, last = weigh(length, back)
            x = following / now * x + own * expected + last * before
        if settle is not None:
            x = settle(x, following)
        before = expected
        on_step(step + 1, expected)
    return x


def _heun(
    x: torch.Tensor,
    sigmas: list[float],
    velocity: Callable[[torch.Tensor, int], torch.Tensor],
    on_step: Callable[[int, torch.Tensor], None],
    settle: Callable[[torch.Tensor, float], torch.Tensor] | None,
) -> torch.Tensor:
    for step, (now, following) in enumerate(pairwise(sigmas)):
        change = velocity(x, step)
        expected = x - now * change
        ahead = x + (following - now) * change
        if following > 0 and step + 1 < len(sigmas) - 1:
            ahead = x + (following - now) * (change + velocity(ahead, step + 1)) / 2
        x = ahead if settle is None else settle(ahead, following)
        on_step(step + 1, expected)
    return x


def _exact(length: float, back: float) -> tuple[float, float]:
    """Weigh the expected picture and the one before: the line through both, integrated exactly over the step.

    The step is the integral of e^(s - length) D(s) over s in 0..length, where D is the line with D(0) the newer one
    and D(-back) the older.
    """
    whole = -expm1(-length)
    first_moment = length - whole  # of s, under the same weight
    last = -first_moment / back
    return whole - last, last


def _midpoint(length: float, back: float) -> tuple[float, float]:
    """Weigh both as the line's value at half the step."""
    whole, ratio = -expm1(-length), length / (2 * back)
    return whole * (1 + ratio), -whole * ratio
