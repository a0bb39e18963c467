"""One attempt at one job: how far it is, how long each stage took, and the record of it, however it ends."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from zimage_lab import models
from zimage_lab.engine import fallback
from zimage_lab.engine.environment import environment
from zimage_lab.engine.job import Progress
from zimage_lab.engine.meter import SOURCE, Meter
from zimage_lab.engine.previews import preview
from zimage_lab.errors import Cancelled, InvalidRequest
from zimage_lab.models import hashes, loras
from zimage_lab.recipe import Batch, ImageFile, ModelIdentity, RunRecord, bare_record, now
from zimage_lab.store import images

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch
    from PIL import Image

    from zimage_lab.engine.events import Events
    from zimage_lab.engine.families import Family
    from zimage_lab.engine.job import Job, Stage
    from zimage_lab.engine.residency import Residency
    from zimage_lab.models.catalog import Model
    from zimage_lab.recipe import EndState, Environment, Output
    from zimage_lab.store.leases import Lease


class Attempt:
    """Follows the picture of a lease through its stages.

    Parameters
    ----------
    lease
        What the queue gave; its `record_id` names the picture.
    job
        The job as people see it; its progress and preview are kept here.
    home, events
        Where pictures go, who hears of it.
    """

    def __init__(self, lease: Lease, job: Job, *, home: Path, events: Events) -> None:
        self.lease, self.job = lease, job
        self._home, self._events = home, events
        self._began, self._entered = now(), time.perf_counter()
        self._seconds: dict[str, float] = {}
        self._warnings: list[str] = []
        # Not the family itself: whoever holds one keeps its gigabytes, also while a picture waits to be saved.
        self._model: Model | None = None
        self._environment: Environment | None = None
        self._facts: dict[str, str | bool] = {}
        self._batch = Batch()
        self._meter: Meter | None = None
        self._measured: dict[str, float] = {}
        self.node: str | None = None
        """The node of a workflow that runs now."""
        self.output: Output | None = None
        """Which of a workflow's pictures is the job's own."""
        self.others: list[RunRecord] = []
        """The records of a workflow's further pictures, once they are saved."""
        self._further: list[tuple[Output, Image.Image]] = []

    def check(self) -> None:
        """Hold the request against its model's card, where another process asked for it.

        Raises
        ------
        InvalidRequest
            It cannot be drawn here.
        """
        job = self.job
        self._warnings = job.warnings if job.checked else models.check(job.request, place=self._home)

    def drawn_by(self, family: Family, index: int, size: int) -> None:
        """Note the model, and the place in the batch."""
        self._model, self._batch = family.model, Batch(index=index, size=size)
        self._environment = environment(family.device, str(family.dtype).removeprefix("torch."))
        self.computed(family.facts)

    def computed(self, facts: Mapping[str, str | bool]) -> None:
        """Note how it is computed; a later word about the same thing holds."""
        self._facts = {**self._facts, **facts}

    def warn(self, sentences: list[str]) -> None:
        """Add to what the person should know of it."""
        self._warnings = list(dict.fromkeys([*self._warnings, *sentences]))

    def tell_node(self, node: str | None, state: str, **facts: Any) -> None:  # noqa: ANN401 - what the event says
        """Tell what becomes of a workflow's node: executing, executed or failed, or cached with `nodes`."""
        self.node = node if state == "executing" else None
        self._events.emit("node", self.job.id, node=node, state=state, **facts)

    def with_others(self, output: Output, further: list[tuple[Output, Image.Image]]) -> None:
        """Say which of a workflow's pictures the job's own is, and which are saved with it."""
        self.output, self._further = output, further

    def fallen_back(self, done: list[str]) -> None:
        """Note that memory ran out and what a second attempt does otherwise."""
        self._warnings = [*self._warnings, fallback.warning(done)]
        self.computed({"fallback": ", ".join(done) or "once more"})

    @property
    def model_id(self) -> str | None:
        """The model that draws it; None before it is loaded."""
        return None if self._model is None else self._model.id

    def measure(self, family: Family, residency: Residency) -> None:
        """Begin to measure the machine, where a comparison asks for it."""
        if self.lease.job.source == SOURCE:
            self._meter = Meter(family, residency)

    def drawn(self) -> None:
        """Take down what was measured: the pixels are there."""
        if self._meter is not None:
            self._measured, self._meter = self._meter.read(), None

    def spent(self, stage: str, seconds: float) -> None:
        """Note the seconds of a stage (load, encode, denoise, decode): in a batch, the picture's share."""
        self._seconds[stage] = round(seconds, 4)

    def enter(self, stage: Stage) -> None:
        """Begin a stage.

        Raises
        ------
        Cancelled
            The job was asked to stop.
        """
        job = self.job
        self._entered = time.perf_counter()
        if job.cancelled:
            message = "The job was cancelled."
            raise Cancelled(message)
        steps = job.request.denoising_steps
        job.progress = Progress(stage, job.progress.step, steps)
        self._events.emit("step", job.id, stage=stage, step=job.progress.step, steps=steps)

    def on_step(self, number: int, latents: torch.Tensor, of: int | None = None) -> None:
        """Tell of a step.

        Parameters
        ----------
        number
            Steps that are done.
        latents
            The picture's latents (channels, height, width) as they would end from there.
        of
            All steps; None takes the request's.

        Raises
        ------
        Cancelled
            The job was asked to stop.
        """
        job, request = self.job, self.job.request
        steps = request.denoising_steps if of is None else of
        if job.cancelled:
            message = f"The job was cancelled at step {number} of {steps}."
            raise Cancelled(message)
        left = (time.perf_counter() - self._entered) / number * (steps - number)
        job.progress = Progress("denoising", number, steps, left)
        if self._model is not None:
            job.preview = preview(latents, self._model.card, (request.width, request.height))
        where: dict[str, Any] = {} if self.node is None else {"node": self.node, "value": number, "max": steps}
        self._events.emit("step", job.id, stage="denoising", step=number, steps=steps, seconds_left=left, **where)
        self._events.emit("preview", job.id, step=number)

    def save(self, picture: Image.Image) -> RunRecord:
        """Save the picture with its recipe; gives the record, which the queue appends when it ends the job."""
        self.enter("saving")
        record = self.record("succeeded")
        for output, other in self._further:
            self.others.append(self._saved(other, record.replace(id=str(uuid.uuid4()), output=output)))
        return self._saved(picture, record)

    def _saved(self, picture: Image.Image, record: RunRecord) -> RunRecord:
        saved = images.save_png(picture, record, self._home)
        path = saved.path.relative_to(self._home).as_posix()
        return record.replace(image=ImageFile(path=path, sha256=saved.sha256, pixels_sha256=saved.pixels_sha256))

    def record(self, state: EndState, error: str | None = None) -> RunRecord:
        """Give the record of the attempt as it is now.

        Parameters
        ----------
        state
            How it ended.
        error
            The sentence that says why there is no picture.
        """
        row = self.lease.job
        facts: dict[str, Any] = {
            "id": self.lease.record_id,
            "job_id": row.id,
            "created_at": row.created_at,
            "started_at": self._began,
            "finished_at": now(),
            "seconds": self._seconds,
            "warnings": self._warnings,
            "attempt": self.lease.attempt,
            "batch": self._batch,
            "source": row.source,
            "user": row.user,
            "parent_id": row.parent_id,
            "error": error,
            "measured": self._measured,
            "output": self.output,
        }
        if self._model is not None and self._environment is not None:
            facts["model"] = ModelIdentity(
                id=self._model.id,
                family=self._model.card.family,
                weights_sha256=self._hashes() if state == "succeeded" else self._model.card.sha256,
            )
            facts["environment"] = self._environment.model_copy(update=self._facts)
        return bare_record(self.job.request, state, **facts)

    def _hashes(self) -> dict[str, str]:
        """Give the hashes of the weights; a first time for new files takes seconds, on the saver's thread."""
        if self._model is None:
            return {}
        try:
            weights = hashes.weights_sha256(self._model, self._home)
            return weights | loras.hashes(self.job.request.loras, self._home)
        except (OSError, InvalidRequest):  # the files went while they were in memory
            return {}
