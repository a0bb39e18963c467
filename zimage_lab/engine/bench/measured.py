"""Sums up runs: medians and spread, rates and peaks, and how far two ways' pixels lie apart."""

from __future__ import annotations

import math
import statistics
import time
from typing import TYPE_CHECKING, Any

from zimage_lab.engine.bench.device import Peak, synchronise
from zimage_lab.engine.bench.ways import STAGES, Diffusers, Ours, Sample

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL import Image

    from zimage_lab.engine.flops import Cost
    from zimage_lab.request import GenerationRequest

TERA = 1e12


class Measured:
    """Samples by the name of their way.

    Parameters
    ----------
    device
        Where the ways compute.
    folder
        Where they write; it is emptied after each run.
    """

    def __init__(self, device: str, folder: Path) -> None:
        self._device, self._folder = device, folder
        self._samples: dict[str, list[Sample]] = {}
        self._peaks: dict[str, list[int]] = {}
        self._warm_up: dict[str, float] = {}
        self._last: dict[str, list[Image.Image]] = {}
        self._apart: dict[str, tuple[int, float | None]] = {}

    def warm_up(self, way: Ours | Diffusers, requests: Sequence[GenerationRequest]) -> None:
        """Make pictures for the first time, which may compile or choose kernels."""
        synchronise(self._device)
        began = time.perf_counter()
        way.make(requests, self._folder)
        self._warm_up[way.name] = time.perf_counter() - began

    def run(self, name: str, way: Ours | Diffusers, requests: Sequence[GenerationRequest]) -> None:
        """Make pictures and keep what the clock said, under a name."""
        peak = Peak(self._device)
        peak.start()
        sample = way.make(requests, self._folder)
        most = peak.bytes()
        if most is not None:
            self._peaks.setdefault(name, []).append(most)
        for path in self._folder.iterdir():
            path.unlink()
        self._last[name], sample.pictures = sample.pictures, []
        self._samples.setdefault(name, []).append(sample)

    def report(self, cost: Cost, rate: float, seeds: int) -> list[dict[str, Any]]:
        """Sum up each way; rates are of what a picture must cost, whatever a way does beyond it."""
        rows = []
        for name, samples in self._samples.items():
            stages = {stage: statistics.median(one.seconds[stage] for one in samples) for stage in STAGES}
            achieved = seeds * cost.denoise / stages["denoise"]
            totals = [one.total for one in samples]
            rows.append(
                {
                    "name": name,
                    "seconds": statistics.median(totals),
                    "lowest": min(totals),
                    "highest": max(totals),
                    "all": totals,
                    "seconds_a_picture": statistics.median(totals) / seeds,
                    "stages": stages,
                    "warm_up_seconds": self._warm_up.get(name),
                    "denoise_tflops": achieved / TERA,
                    "denoise_fraction": achieved / rate,
                    "peak_bytes": max(self._peaks[name], default=None) if name in self._peaks else None,
                }
            )
        return rows

    def compare(self, ours: str, others: Sequence[str]) -> None:
        """Keep how far the pictures of this run lie apart, where it is the farthest so far."""
        for name in others:
            found = difference(self._last[ours], self._last[name])
            self._apart[name] = max(found, self._apart.get(name, found), key=lambda pair: -(pair[1] or math.inf))

    def against(self, ours: str, others: Sequence[str]) -> list[dict[str, Any]]:
        """Compare with each baseline: times of the same run, and the pixels of the worst."""
        rows = []
        for name in others:
            most, noise = self._apart[name]
            pairs = [
                theirs.total / mine.total for mine, theirs in zip(self._samples[ours], self._samples[name], strict=True)
            ]
            rows.append(
                {
                    "name": name,
                    "speedup": statistics.median(pairs),
                    "lowest": min(pairs),
                    "highest": max(pairs),
                    "max_difference": most,
                    "psnr": noise,
                }
            )
        return rows


def difference(ours: Sequence[Image.Image], theirs: Sequence[Image.Image]) -> tuple[int, float | None]:
    """Tell how far pixels lie apart.

    Returns
    -------
    tuple
        Largest difference of a channel, 0 to 255; peak signal-to-noise ratio in dB, None where they are equal.
    """
    import numpy as np

    gaps = [np.abs(np.asarray(one, float) - np.asarray(other, float)) for one, other in zip(ours, theirs, strict=True)]
    square = float(np.mean([np.mean(gap**2) for gap in gaps]))
    return int(max(gap.max() for gap in gaps)), 10 * math.log10(255**2 / square) if square else None
