"""Draws the pictures of one batch: several jobs that share everything but prompt and seed go through the model at once.

On small pictures a batch costs far less than its pictures one by one; on large ones nothing is gained, so they go
alone. A job that is cancelled, or whose picture is none, ends alone, and the others go on.
Where memory runs out, what is not drawn yet is tried once more, in a smaller way.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from zimage_lab.engine import fallback, pictures
from zimage_lab.errors import Cancelled
from zimage_lab.models import loras

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import torch
    from PIL import Image

    from zimage_lab.engine.attempt import Attempt
    from zimage_lab.engine.families import Family
    from zimage_lab.engine.job import Stage
    from zimage_lab.engine.pictures import Source
    from zimage_lab.engine.residency import Residency
    from zimage_lab.request import GenerationRequest

PIXELS = {"cpu": 16 * 128 * 128}
"""Most pixels of a batch by device; on a CPU larger batches gain nothing and keep people waiting."""

GPU_PIXELS = 1024 * 1024

MOST = 16
"""Most pictures of a batch, so that the first one does not wait long for the others."""

OWN = {"prompt", "negative_prompt", "seed", "truncate", "variation"}
"""What the requests of one batch may differ in."""


def alike(first: GenerationRequest, other: GenerationRequest) -> bool:
    """Whether two requests may go through the model together."""
    return all(getattr(first, name) == getattr(other, name) for name in type(first).model_fields if name not in OWN)


def most(request: GenerationRequest, device: str) -> int:
    """Tell how many pictures of this kind a batch may have on a device: "cpu", "cuda:0"."""
    return max(1, min(MOST, PIXELS.get(device, GPU_PIXELS) // (request.width * request.height)))


def draw(
    attempts: Sequence[Attempt],
    residency: Residency,
    *,
    ended: Callable[[Attempt, Exception], None],
    drawn: Callable[[Attempt, Image.Image], None],
) -> None:
    """Draw the pictures of attempts whose requests are alike.

    Parameters
    ----------
    attempts
        One or more.
    residency
        Gives the model.
    ended
        Called once for each attempt that ends without a picture, with the reason.
    drawn
        Called once for each picture; saving is the caller's.
    """
    _Drawing(attempts, ended).run(residency, drawn)


class _Drawing:
    def __init__(self, attempts: Sequence[Attempt], ended: Callable[[Attempt, Exception], None]) -> None:
        self._attempts = list(attempts)
        self._going = dict.fromkeys(range(len(attempts)), True)
        self._ended = ended
        self._stage: Stage = "loading"
        self._alone = self._tiled = False

    def run(self, residency: Residency, drawn: Callable[[Attempt, Image.Image], None]) -> None:
        try:
            self._run(residency, drawn)
        except Exception as error:  # noqa: BLE001 - whatever it is, everybody who still waits must hear of it
            for row in list(self._going):
                self._end(row, error)

    def _run(self, residency: Residency, drawn: Callable[[Attempt, Image.Image], None]) -> None:
        self._enter("loading", list(self._going))
        for row in list(self._going):
            self._guard(row, self._attempts[row].check)
        if not self._going:
            return
        self._attempts = [self._attempts[row] for row in self._going]
        self._going = dict.fromkeys(range(len(self._attempts)), True)
        fallback.retry_smaller(
            lambda: self._draw(residency, drawn), lambda: self._smaller(residency), self._fallen_back
        )

    def _draw(self, residency: Residency, drawn: Callable[[Attempt, Image.Image], None]) -> None:
        """Draw what is not drawn yet."""
        rows = list(self._going)
        for batch in [[row] for row in rows] if self._alone else [rows]:
            try:
                self._draw_batch(batch, residency, drawn)
            except Cancelled:
                if any(row in self._going for row in batch):
                    raise

    def _draw_batch(self, rows: list[int], residency: Residency, drawn: Callable[[Attempt, Image.Image], None]) -> None:
        requests = [self._attempts[row].job.request for row in rows]
        with self._timed(rows, "load"):
            family = residency.get(requests[0].model)
            family.adapt(loras.paths(requests[0].loras, residency.home))
        family.tiled = self._tiled
        for place, row in enumerate(rows):
            self._attempts[row].drawn_by(family, place, len(rows))
        self._attempts[rows[0]].measure(family, residency)
        self._enter("encoding", rows)
        with self._timed(rows, "encode"):
            references = pictures.references(requests[0], residency.home)
            features = family.encode(requests, references)
            given = pictures.source(requests[0], residency.home)
            start = None if given is None else family.begin(given, requests)
            latents = family.noise(requests) if start is None else start.latents
        self._enter("denoising", rows)
        with self._timed(rows, "denoise"):
            latents = family.denoise(requests, features, latents, partial(self._on_step, rows), start)
        self._enter("decoding", rows)
        for place, row in enumerate(rows):
            if row in self._going:
                self._guard(row, partial(self._finish, row, latents[place : place + 1], family, given, drawn))

    def _finish(
        self,
        row: int,
        latents: torch.Tensor,
        family: Family,
        given: Source | None,
        drawn: Callable[[Attempt, Image.Image], None],
    ) -> None:
        attempt, began = self._attempts[row], time.perf_counter()
        (picture,) = family.decode(latents)
        if given is not None:
            picture = given.pasted(picture)
        attempt.spent("decode", time.perf_counter() - began)
        attempt.drawn()
        attempt.computed(family.facts)
        del self._going[row]
        drawn(attempt, picture)

    def _smaller(self, residency: Residency) -> list[str]:
        """Make the second attempt need less; gives what was done."""
        model = self._attempts[0].model_id
        if model is None:
            return []
        done = []
        if residency.keep_only(model):
            done.append("other models unloaded")
        if len(self._going) > 1:
            self._alone = True
            done.append("one picture at a time")
        given = self._attempts[0].job.request.init_image is not None
        if self._stage == "decoding" or (self._stage == "encoding" and given):
            self._tiled = True
            done.append(f"{self._stage} in tiles")
        if not done and (policy := residency.lower(model)):
            done.append(f"the memory policy {policy}")
        return done

    def _fallen_back(self, done: list[str]) -> None:
        for row in self._going:
            self._attempts[row].fallen_back(done)

    @contextmanager
    def _timed(self, rows: list[int], stage: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            share = (time.perf_counter() - began) / len(rows)
            for row in rows:
                self._attempts[row].spent(stage, share)

    def _enter(self, stage: Stage, rows: list[int]) -> None:
        self._stage = stage
        for row in rows:
            if row in self._going:
                self._guard(row, partial(self._attempts[row].enter, stage))
        self._anybody(rows)

    def _on_step(self, rows: list[int], number: int, expected: torch.Tensor) -> None:
        for place, row in enumerate(rows):
            if row in self._going:
                self._guard(row, partial(self._attempts[row].on_step, number, expected[place]))
        self._anybody(rows)

    def _anybody(self, rows: list[int]) -> None:
        if not any(row in self._going for row in rows):
            message = "Nobody waits for a picture of this batch any more."
            raise Cancelled(message)

    def _guard(self, row: int, act: Callable[[], None]) -> None:
        """Do something for one attempt; what goes wrong ends it alone, but for memory that ran out."""
        try:
            act()
        except Exception as error:
            if fallback.out_of_memory(error):
                raise
            self._end(row, error)

    def _end(self, row: int, error: Exception) -> None:
        if self._going.pop(row, False):
            self._ended(self._attempts[row], error)
