"""Draws many pictures at once, by several processes; the result depends on the seed alone, not on their number."""

from __future__ import annotations

import multiprocessing
import os
import random
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from zimage_lab.miniature.drawing import draw
from zimage_lab.miniature.edits import training_edit
from zimage_lab.miniature.scenes import ALL, Mix, training_scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zimage_lab.miniature.edits import Edit
    from zimage_lab.miniature.world import Scene

_Job = TypeVar("_Job")
_Drawn = TypeVar("_Drawn")

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
    yield from _spread(_chunk, [(name, size, mix) for name, size in _parts(count, seed)], workers)


def drawn_edits(
    count: int, *, seed: int, workers: int | None = None
) -> Iterator[tuple[list[Edit], np.ndarray, np.ndarray]]:
    """Draw training edits in chunks; parameters as for `drawn`.

    Yields
    ------
    Edits, and their pictures before and after as bytes (n, 128, 128, 3).
    """
    yield from _spread(_edit_chunk, _parts(count, seed), workers)


def _parts(count: int, seed: int) -> list[tuple[str, int]]:
    return [(f"{seed}/{start}", min(CHUNK, count - start)) for start in range(0, count, CHUNK)]


def _edit_chunk(job: tuple[str, int]) -> tuple[list[Edit], np.ndarray, np.ndarray]:
    seed, count = job
    rng = random.Random(seed)
    edits = [training_edit(rng) for _ in range(count)]
    before, after = zip(*(edit.pictures() for edit in edits), strict=True)
    return edits, np.stack([np.asarray(one) for one in before]), np.stack([np.asarray(one) for one in after])


def _spread(draw_chunk: Callable[[_Job], _Drawn], jobs: list[_Job], workers: int | None) -> Iterator[_Drawn]:
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    if workers <= 1:
        yield from map(draw_chunk, jobs)
        return
    # Fresh processes: a copy of one that has torch's threads may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(draw_chunk, jobs)
