"""Draws many pictures at once, by several processes; the result depends on the seed alone, not on their number."""

from __future__ import annotations

import multiprocessing
import os
import random
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from zimage_lab.miniature.drawing import draw
from zimage_lab.miniature.scenes import ALL, Mix, training_scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zimage_lab.miniature.world import Scene

CHUNK = 512
"""Pictures that a process draws at a time."""


def _chunk(job: tuple[str, int, Mix]) -> tuple[list[Scene], np.ndarray]:
    seed, count, mix = job
    rng = random.Random(seed)
    scenes = [training_scene(rng, mix=mix) for _ in range(count)]
    return scenes, np.stack([np.asarray(draw(scene, rng)) for scene in scenes])


def drawn(
    count: int, *, seed: int, workers: int | None = None, mix: Mix = ALL
) -> Iterator[tuple[list[Scene], np.ndarray]]:
    """Draw training scenes in chunks.

    Parameters
    ----------
    count
        Number of pictures.
    seed
        Where the randomness starts.
    workers
        Number of processes; None takes every core, 1 draws in this process.
    mix
        Weights of the kinds of scenes.

    Yields
    ------
    Scenes, and their pictures as bytes (n, 128, 128, 3).
    """
    jobs = [(f"{seed}/{start}", min(CHUNK, count - start), mix) for start in range(0, count, CHUNK)]
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    if workers <= 1:
        yield from map(_chunk, jobs)
        return
    # Fresh processes: a copy of one that has torch's threads may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(_chunk, jobs)
