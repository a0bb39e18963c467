"""The noise shares between which the steps are taken, by the name of their schedule.

Facts: what ComfyUI documents of its schedulers for flow models, whose table has 1000 times t / 1000, each shifted:
sigma(t) = s t / (1 + (s - 1) t). `beta` is from Lee et al., "Beta Sampling is All You Need" (arXiv 2407.12173), with
the parameters 0.6 and 0.6. `simple` is linear in t, as diffusers has it: where the number of steps does not divide
1000, ComfyUI's table is up to a thousandth away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.engine.families import euler

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMES = 1000
"""Entries of the table."""

ALPHA = BETA = 0.6


def shifted(time: float, shift: float) -> float:
    """Give the noise share of a time in 0..1."""
    return shift * time / (1 + (shift - 1) * time)


def sigmas(scheduler: str, steps: int, shift: float) -> list[float]:
    """Give the noise shares before each step and after the last, falling from 1 to 0.

    Parameters
    ----------
    scheduler
        "simple", "normal", "sgm_uniform" or "beta".
    steps
        1 and more. `beta` has fewer where several fall on one entry of the table, which takes more than 100.
    shift
        As for `euler.schedule`.
    """
    if scheduler == "simple":
        return euler.schedule(steps, shift)
    if scheduler == "beta":
        return _in_float32([*(shifted((index + 1) / TIMES, shift) for index in _beta(steps)), 0.0])
    # Both are linear in time down to that of the smallest noise share, which is taken for a time once more.
    last = shifted(1 / TIMES, shift)
    count = steps if scheduler == "sgm_uniform" else max(1, steps - 1)
    times = [1 + (last - 1) * step / count for step in range(steps)]
    return _in_float32([*(shifted(time, shift) for time in times), 0.0])


def denoised_partly(scheduler: str, steps: int, shift: float, denoise: float) -> list[float]:
    """Give the last steps of a longer walk: as many as were asked for, of steps / denoise.

    Parameters
    ----------
    denoise
        Share of the walk that is taken, above 0 to 1; 0 takes none.
    """
    if denoise <= 0:
        return []
    if denoise > 0.9999:  # noqa: PLR2004 - as ComfyUI has it
        return sigmas(scheduler, steps, shift)
    return sigmas(scheduler, int(steps / denoise), shift)[-(steps + 1) :]


def _beta(steps: int) -> list[int]:
    from scipy.stats import beta

    places = [1 - step / steps for step in range(steps)]
    entries = [int(entry) for entry in (beta.ppf(places, ALPHA, BETA) * (TIMES - 1)).round()]
    return list(dict.fromkeys(entries))


def _in_float32(values: Sequence[float]) -> list[float]:
    import numpy as np

    return [float(value) for value in np.asarray(values, np.float32)]
