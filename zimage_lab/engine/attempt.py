"""One attempt at one job: from the request to the saved picture, and the record of it, however it ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from zimage_lab import models
from zimage_lab.engine.environment import environment
from zimage_lab.engine.job import Progress
from zimage_lab.engine.previews import preview
from zimage_lab.errors import Cancelled
from zimage_lab.recipe import ImageFile, ModelIdentity, RunRecord, bare_record, now
from zimage_lab.store import images

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch

    from zimage_lab.engine.events import Events
    from zimage_lab.engine.families.z_image import ZImage
    from zimage_lab.engine.job import Job, Stage
    from zimage_lab.engine.residency import Residency
    from zimage_lab.recipe import EndState
    from zimage_lab.store.leases import Lease

SPENT = {"loading": "load", "encoding": "encode", "denoising": "denoise", "decoding": "decode"}
"""Names under which a record keeps the seconds of each stage; saving is over only after the record is written."""


class Attempt:
    """Makes the picture of a lease.

    Parameters
    ----------
    lease
        What the queue gave; its `record_id` names the picture.
    job
        The job as people see it; its progress and preview are kept here.
    home, residency, events
        Where pictures go, where models are, who hears of it.
    """

    def __init__(self, lease: Lease, job: Job, *, home: Path, residency: Residency, events: Events) -> None:
        self._lease, self._job = lease, job
        self._home, self._residency, self._events = home, residency, events
        self._began, self._clock = now(), time.perf_counter()
        self._seconds: dict[str, float] = {}
        self._warnings: list[str] = []
        self._family: ZImage | None = None

    def make(self) -> RunRecord:
        """Make and save the picture.

        Returns
        -------
        RunRecord
            The record, which the queue appends when it ends the job.

        Raises
        ------
        Cancelled
            The job was asked to stop; looked for at every stage and step.
        ZImageError
            What went wrong, in a sentence.
        """
        request = self._job.request
        self._warnings = self._job.warnings if self._job.checked else models.check(request, place=self._home)
        self._enter("loading")
        family = self._family = self._residency.get(request.model)
        self._enter("encoding")
        features = family.encode([request])
        latents = family.noise([request])
        self._enter("denoising")
        latents = family.denoise([request], features, latents, self._watcher(family))
        self._enter("decoding")
        (picture,) = family.decode(latents)
        self._enter("saving")
        record = self.record("succeeded")
        saved = images.save_png(picture, record, self._home)
        path = saved.path.relative_to(self._home).as_posix()
        file = ImageFile(path=path, sha256=saved.sha256, pixels_sha256=saved.pixels_sha256)
        return record.replace(image=file)

    def record(self, state: EndState, error: str | None = None) -> RunRecord:
        """Give the record of the attempt as it is now.

        Parameters
        ----------
        state
            How it ended.
        error
            The sentence that says why there is no picture.
        """
        family, row = self._family, self._lease.job
        facts: dict[str, Any] = {
            "id": self._lease.record_id,
            "job_id": row.id,
            "created_at": row.created_at,
            "started_at": self._began,
            "finished_at": now(),
            "seconds": self._seconds,
            "warnings": self._warnings,
            "attempt": self._lease.attempt,
            "source": row.source,
            "user": row.user,
            "parent_id": row.parent_id,
            "error": error,
        }
        if family is not None:
            card = family.model.card
            facts["model"] = ModelIdentity(id=family.model.id, family=card.family, weights_sha256=card.sha256)
            facts["environment"] = environment(family.device, str(family.dtype).removeprefix("torch.")).model_copy(
                update=family.facts
            )
        return bare_record(self._job.request, state, **facts)

    def _enter(self, stage: Stage) -> None:
        job, tick = self._job, time.perf_counter()
        if job.progress.stage in SPENT:
            self._seconds[SPENT[job.progress.stage]] = round(tick - self._clock, 4)
        self._clock = tick
        if job.cancelled:
            message = "The job was cancelled."
            raise Cancelled(message)
        steps = job.request.steps
        job.progress = Progress(stage, job.progress.step, steps)
        self._events.emit("step", job.id, stage=stage, step=job.progress.step, steps=steps)

    def _watcher(self, family: ZImage) -> Callable[[int, torch.Tensor], None]:
        job, request, began = self._job, self._job.request, time.perf_counter()

        def on_step(number: int, latents: torch.Tensor) -> None:
            if job.cancelled:
                message = f"The job was cancelled at step {number} of {request.steps}."
                raise Cancelled(message)
            left = (time.perf_counter() - began) / number * (request.steps - number)
            job.progress = Progress("denoising", number, request.steps, left)
            job.preview = preview(latents[0], family.model.card, (request.width, request.height))
            self._events.emit("step", job.id, stage="denoising", step=number, steps=request.steps, seconds_left=left)
            self._events.emit("preview", job.id, step=number)

        return on_step
