"""The one thread that touches torch: takes jobs from the queue and makes their pictures.

Everything else in a kernel only puts requests into the queue and listens, which is why the kernel stays answerable.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from zimage_lab import models
from zimage_lab.engine.environment import environment
from zimage_lab.engine.job import Progress
from zimage_lab.engine.previews import preview
from zimage_lab.engine.residency import Residency
from zimage_lab.errors import Cancelled, InvalidOutput, ZImageError
from zimage_lab.recipe import ImageFile, ModelIdentity, RunRecord, now
from zimage_lab.result import GeneratedImage
from zimage_lab.store import images

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch
    from PIL import Image

    from zimage_lab.engine.events import Events
    from zimage_lab.engine.families.z_image import ZImage
    from zimage_lab.engine.job import Job, Stage
    from zimage_lab.store.jobs import JobRow
    from zimage_lab.store.leases import Lease
    from zimage_lab.store.queue import Queue

LOG = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
"""Pause after an error of the queue (a full disk, a lock held too long) before it is asked again."""

BEAT_SECONDS = 10.0
"""How often a running job is said to be alive."""

SPENT = {"loading": "load", "encoding": "encode", "denoising": "denoise", "decoding": "decode"}
"""Names under which a record keeps the seconds of each stage; saving is over only after the record is written."""


class Worker(threading.Thread):
    """The engine's thread.

    Parameters
    ----------
    engine_id
        Name under which jobs are leased.
    home, queue, events
        Where pictures and records go, where jobs come from, who hears of it.
    job_of
        Gives the `Job` of a queue row.
    device
        As torch names it, or None.
    """

    def __init__(
        self,
        *,
        engine_id: str,
        home: Path,
        queue: Queue,
        events: Events,
        job_of: Callable[[JobRow], Job],
        device: str | None,
    ) -> None:
        super().__init__(name="zimage-lab-engine", daemon=True)
        self._engine_id, self._home = engine_id, home
        self._queue, self._events, self._job_of = queue, events, job_of
        self._last_beat = 0.0
        self._awake = threading.Event()
        self._wanted: str | None = None
        self._unload = False
        self.residency = Residency(home, device, self._model_changed)
        self.state = "idle"
        self.current: str | None = None
        self.stopping = False

    def wake(self) -> None:
        """Say that there is something to do."""
        self._awake.set()

    def warm_up(self, model_id: str) -> None:
        """Read a model's weights when there is nothing else to do."""
        self._wanted = model_id
        self.wake()

    def unload(self) -> None:
        """Let the resident model go after the running job."""
        self._unload = True
        self.wake()

    def run(self) -> None:
        """Take jobs until the engine stops."""
        while not self.stopping:
            self._awake.clear()
            try:
                lease = self._queue.lease(self._engine_id)
                if lease is not None:
                    self._run_job(lease)
                    continue
                self._idle_work()
            except Exception:
                # The thread must outlive whatever goes wrong around a job: without it every later job would wait.
                LOG.exception("The engine met an error outside a job and goes on")
                self._awake.wait(RETRY_SECONDS)
                continue
            if not self.stopping:
                self._awake.wait()
        self.residency.unload()
        self.state = "stopped"

    def _idle_work(self) -> None:
        if self._unload:
            self._unload = False
            self.residency.unload()
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            return
        try:
            self.residency.get(wanted)
        except ZImageError as error:
            # Nobody waits for a warm-up; the first job says the same to somebody who does.
            LOG.info("The model was not loaded ahead: %s", error)

    def _model_changed(self, change: str, model_id: str) -> None:
        self.state = "loading" if change == "loading" else "running" if self.current else "idle"
        self._events.emit("model", state=change, model=model_id)

    def _run_job(self, lease: Lease) -> None:
        job = self._job_of(lease.job)
        self.current, self.state = job.id, "running"
        job.state = "running"
        self._events.emit("state", job.id, state="running")
        state, image, error, record = "failed", None, None, None
        try:
            image = self._make(job, lease)
            state, record = "succeeded", image.record
        except Cancelled as stopped:
            state, error = "cancelled", str(stopped)
        except InvalidOutput as invalid:
            state, error = "invalid_output", str(invalid)
        except ZImageError as known:
            error = str(known)
        except MemoryError:
            error = "Memory ran out. Choose a smaller size, or close what else uses memory; the engine goes on."
        except Exception as unknown:
            LOG.exception("Job %s failed", job.id)
            error = self._sentence(unknown)
        finally:
            self.current, self.state = None, "idle"
        try:
            self._queue.finish(lease, state, error, record)
        except ZImageError as unwritten:
            # Whoever waits hears of the end even where the queue cannot be written; the next start finds the attempt.
            LOG.exception("The end of job %s could not be written", job.id)
            if image is not None:  # a picture without a record does not count
                state, image, error = "failed", None, str(unwritten)
        job._finish(state, image, error)  # noqa: SLF001 - the engine drives its jobs
        self._events.emit("state", job.id, state=state, error=error)

    @staticmethod
    def _sentence(error: Exception) -> str:
        import torch

        if isinstance(error, torch.OutOfMemoryError):
            torch.cuda.empty_cache()
            return "The device's memory ran out. Choose a smaller size; the engine goes on."
        return f"{type(error).__name__}: {error}"

    def _make(self, job: Job, lease: Lease) -> GeneratedImage:
        request, began = job.request, now()
        seconds: dict[str, float] = {}
        warnings = models.check(request, place=self._home)
        clock = time.perf_counter()

        def enter(stage: Stage) -> None:
            nonlocal clock
            tick = time.perf_counter()
            if job.progress.stage in SPENT:
                seconds[SPENT[job.progress.stage]] = round(tick - clock, 4)
            clock = tick
            if job.cancelled:
                message = "The job was cancelled."
                raise Cancelled(message)
            self._beat(lease)
            job.progress = Progress(stage, job.progress.step, request.steps)
            self._events.emit("step", job.id, stage=stage, step=job.progress.step, steps=request.steps)

        enter("loading")
        family = self.residency.get(request.model)
        enter("encoding")
        features = family.encode(request)
        latents = family.noise(request)
        enter("denoising")
        latents = family.denoise(request, features, latents, self._watcher(job, lease, family))
        enter("decoding")
        picture = family.decode(latents)
        enter("saving")
        return self._save(job, lease, family, picture, began=began, seconds=seconds, warnings=warnings)

    def _beat(self, lease: Lease) -> None:
        if time.monotonic() - self._last_beat > BEAT_SECONDS:
            self._last_beat = time.monotonic()
            self._queue.heartbeat(lease)

    def _watcher(self, job: Job, lease: Lease, family: ZImage) -> Callable[[int, torch.Tensor], None]:
        request, began = job.request, time.perf_counter()

        def on_step(number: int, latents: torch.Tensor) -> None:
            if job.cancelled:
                message = f"The job was cancelled at step {number} of {request.steps}."
                raise Cancelled(message)
            self._beat(lease)
            left = (time.perf_counter() - began) / number * (request.steps - number)
            job.progress = Progress("denoising", number, request.steps, left)
            job.preview = preview(latents[0], family.model.card, (request.width, request.height))
            self._events.emit("step", job.id, stage="denoising", step=number, steps=request.steps, seconds_left=left)
            self._events.emit("preview", job.id, step=number)

        return on_step

    def _save(
        self,
        job: Job,
        lease: Lease,
        family: ZImage,
        picture: Image.Image,
        *,
        began: str,
        seconds: dict[str, float],
        warnings: list[str],
    ) -> GeneratedImage:
        record = RunRecord(
            id=lease.record_id,
            job_id=job.id,
            request=job.request,
            state="succeeded",
            created_at=lease.job.created_at,
            started_at=began,
            finished_at=now(),
            seconds=seconds,
            model=ModelIdentity(
                id=family.model.id, family=family.model.card.family, weights_sha256=family.model.card.sha256
            ),
            environment=environment(family.device, str(family.dtype).removeprefix("torch.")),
            warnings=warnings,
            attempt=lease.attempt,
            source=lease.job.source,
            user=lease.job.user,
            parent_id=lease.job.parent_id,
        )
        saved = images.save_png(picture, record, self._home)
        file = ImageFile(
            path=saved.path.relative_to(self._home).as_posix(), sha256=saved.sha256, pixels_sha256=saved.pixels_sha256
        )
        record = record.replace(image=file)
        return GeneratedImage(record, saved.path)
