"""Workers of a cluster without a model: real jobs, records and PNGs, plain pictures, steps as slow as is asked for."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from PIL import Image
from samples import record

from zimage_lab.recipe import ImageFile
from zimage_lab.store.images import save_png
from zimage_lab.sweeps.cluster.replica import Replica

if TYPE_CHECKING:
    from zimage_lab.store.leases import Lease
    from zimage_lab.sweeps.cluster.agreement import Facts, Needs

STEP_SECONDS = 0.01


class StubReplica(Replica):
    """Takes a hundredth of a second a step."""

    step_seconds = STEP_SECONDS

    def begin(self) -> Any:  # noqa: ANN401 - as the real one
        return StubThread(self, self.step_seconds)


class SlowReplica(StubReplica):
    """The first worker needs a hundred times as long as the others."""

    def begin(self) -> Any:  # noqa: ANN401
        return StubThread(self, self.step_seconds * (100 if self.name.endswith("/0") else 1))


class OldReplica(StubReplica):
    """Has an older torch; the first worker does not."""

    def facts(self, wanted: Needs) -> Facts:
        found = super().facts(wanted)
        if not self.name.endswith("/0"):
            found.versions["torch"] = "1.0.0"
        return found


class ForeignReplica(StubReplica):
    """Has other weights under the same name."""

    def facts(self, wanted: Needs) -> Facts:
        found = super().facts(wanted)
        for files in found.weights.values():
            files["transformer/diffusion_pytorch_model.safetensors"] = "0" * 64
        return found


class StubThread(threading.Thread):
    """Stands in for the engine's thread."""

    def __init__(self, replica: Replica, step_seconds: float) -> None:
        super().__init__(daemon=True)
        self._replica, self._step_seconds = replica, step_seconds
        self.stopping = False

    def wake(self) -> None:
        """Look by itself."""

    def warm_up(self, model: str) -> None:
        """Have nothing to read."""

    def release(self, reason: str, *, paused: bool) -> None:
        """Look at `stopping` at every step."""

    def run(self) -> None:
        while not self.stopping:
            lease = self._replica.handed.lease("stub")
            if lease is None:
                time.sleep(0.005)
            else:
                self._draw(lease)

    def _draw(self, lease: Lease) -> None:
        handed, asked = self._replica.handed, lease.job.request
        job = handed.job(lease.job)
        for step in range(1, asked.steps + 1):
            time.sleep(self._step_seconds)
            if self.stopping:
                return
            if job.cancelled:
                handed.finish(lease, "cancelled", f"It was cancelled at step {step}.")
                return
            data = {"stage": "denoising", "step": step, "steps": asked.steps}
            job.preview = Image.new("RGB", (8, 8), (step, 0, 0))
            self._replica._events.emit("step", job.id, **data)
            self._replica._events.emit("preview", job.id, step=step)
        made = record(
            id=lease.record_id,
            job_id=job.id,
            request=asked,
            created_at=lease.job.created_at,
            attempt=lease.attempt,
            parent_id=lease.job.parent_id,
            seconds={"denoise": self._step_seconds * asked.steps},
        )
        picture = Image.new("RGB", (asked.width, asked.height), (asked.seed % 256, 40, 90))
        saved = save_png(picture, made, self._replica.home)
        path = saved.path.relative_to(self._replica.home).as_posix()
        file = ImageFile(path=path, sha256=saved.sha256, pixels_sha256=saved.pixels_sha256)
        handed.finish(lease, "succeeded", None, made.replace(image=file))
