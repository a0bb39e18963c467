"""An engine without a model: real requests, jobs and records, and a plain picture after the steps asked for."""

from __future__ import annotations

import json
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from PIL import Image

from zimage_lab import models
from zimage_lab.batch import Batch, start
from zimage_lab.engine.job import Job, Progress
from zimage_lab.recipe import Environment, ImageFile, ModelIdentity, RunRecord, now
from zimage_lab.request import GenerationRequest
from zimage_lab.result import GeneratedImage
from zimage_lab.store.images import save_png

CARD = {
    "id": "miniature-turbo",
    "family": "z_image",
    "title": "Miniature Turbo",
    "miniature": True,
    "defaults": {"steps": 8, "guidance_scale": 0.0, "width": 128, "height": 128, "shift": 3.0},
    "ranges": {"width": [64, 256], "height": [64, 256], "steps": [1, 50]},
}


def bundle(folder: Path) -> Path:
    """Write a folder of bundled models that holds one card and no weights."""
    model = folder / str(CARD["id"])
    model.mkdir(parents=True)
    (model / "card.json").write_text(json.dumps(CARD), encoding="utf-8")
    return folder


class FakeEngine:
    """Does what the shell and the magic ask of an engine."""

    def __init__(self, home: Path, *, step_seconds: float = 0.0, fail: str | None = None) -> None:
        self.home, self.step_seconds, self.fail = home, step_seconds, fail
        self.submitted: list[Job] = []
        self.stopped = False

    def load(
        self, model: str | None = None, *, home: str | Path | None = None, independent: bool = False
    ) -> FakeEngine:
        """Stand in for `zimage_lab.load`."""
        del independent
        if model is not None:
            models.find(model)
        self.home = Path(home or self.home)
        self.home.mkdir(parents=True, exist_ok=True)
        return self

    def submit(  # what a batch says besides is not looked at
        self,
        prompt: str | GenerationRequest,
        *,
        source: str = "python",
        key: str | None = None,
        parent_id: str | None = None,
        priority: int = 0,
        name: str | None = None,
        **options: Any,  # noqa: ANN401
    ) -> Job:
        """Check the request as the engine does, and begin to draw it."""
        del key, parent_id, priority, name
        self.source = source
        request = prompt if isinstance(prompt, GenerationRequest) else models.build(prompt, **options)
        models.check(request)
        first = "12345678-1234-4234-8234-123456789abc"
        job = Job(str(uuid.uuid4()) if self.submitted else first, request, ["A note about <this>."])
        self.submitted.append(job)
        threading.Thread(target=self._draw, args=[job], daemon=True).start()
        return job

    def batch(self, source: object, template: str | None = None, **options: Any) -> Batch:  # noqa: ANN401 - as start's
        """Make the pictures of a table."""
        return start(self, source, template, **options)  # type: ignore[arg-type]

    def jobs(self) -> list[Job]:
        """List the jobs, newest first."""
        return self.submitted[::-1]

    def warm_up(self) -> None:
        """Have nothing to read."""

    def unload(self, model: str | None = None) -> None:
        """Have nothing to let go of."""

    def generate(self, prompt: str, **options: Any) -> GeneratedImage:  # noqa: ANN401 - as the engine's
        """Make a picture and wait for it."""
        return self.submit(prompt, **options).result()

    def status(self) -> dict[str, Any]:
        """Tell what the engine does."""
        return {"state": "idle", "model": "miniature-turbo", "queue": 0, "job": None}

    def stop(self) -> None:
        """End."""
        self.stopped = True

    def _draw(self, job: Job) -> None:
        try:
            self._try_to_draw(job)
        except Exception as error:  # noqa: BLE001 - whoever waits must not wait for ever
            job._finish("failed", error=repr(error))

    def _try_to_draw(self, job: Job) -> None:
        asked, began = job.request, now()
        image = Image.new("RGB", (asked.width, asked.height), (asked.seed % 256, 40, 90))
        for step in range(1, asked.steps + 1):
            time.sleep(self.step_seconds)
            if job.cancelled:
                return job._finish("cancelled", error="The job was cancelled.")
            job.progress, job.preview = Progress("denoising", step, asked.steps, 1.5), image
        if self.fail:
            return job._finish("failed", error=self.fail)
        record = RunRecord(
            job_id=job.id,
            request=asked,
            state="succeeded",
            created_at=began,
            model=ModelIdentity(id=asked.model, family="z_image"),
            environment=Environment(zimage_lab="0", python="3.11", device="cpu", dtype="float32", platform="Linux"),
        )
        saved = save_png(image, record, self.home)
        file = ImageFile(
            path=str(saved.path.relative_to(self.home)), sha256=saved.sha256, pixels_sha256=saved.pixels_sha256
        )
        return job._finish("succeeded", GeneratedImage(record.replace(image=file), saved.path, image))
