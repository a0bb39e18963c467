"""An engine of this process with the real queue, store and events, and plain pictures in the place of a model's."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any

from PIL import Image
from samples import record

from zimage_lab import home as homes
from zimage_lab.engine.desk import Desk
from zimage_lab.errors import LeaseLost
from zimage_lab.recipe import ImageFile
from zimage_lab.store.images import save_png
from zimage_lab.store.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from zimage_lab.engine.language_model import Task
    from zimage_lab.request import GenerationRequest
    from zimage_lab.store.leases import Lease


class StubEngine(Desk):
    """Takes jobs one at a time; `gate` holds it, `fails` says which ones fail, `drawn` lists what it took."""

    device = "cpu"

    def __init__(self, home: Path, *, held: bool = False) -> None:
        self.id = str(uuid.uuid4())
        self.gate = threading.Event()
        self.drawn: list[GenerationRequest] = []
        self.fails: Callable[[GenerationRequest], bool] = lambda _: False
        self.pictures = True
        self._over, self._wake = threading.Event(), threading.Event()
        if not held:
            self.gate.set()
        super().__init__(homes.home(home), None, None)
        self._queue.recover()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._begin()
        self._thread.start()

    @property
    def stopped(self) -> bool:
        return self._over.is_set()

    @property
    def where(self) -> str:
        return "this process"

    def status(self) -> dict[str, Any]:
        return {"state": "idle", "model": self.model, "models": []}

    def warm_up(self) -> None:
        """Have nothing to read."""

    def unload(self, model: str | None = None, timeout: float = 10.0) -> None:
        """Have nothing to let go of."""

    def write(self, task: Task, model: str | None = None) -> Future[tuple[str, bool]]:
        raise NotImplementedError

    def stop(self, timeout: float = 10.0) -> None:
        self._over.set()
        self.gate.set()
        self._wake.set()
        self._thread.join(timeout)
        self._close()

    def _submitted(self) -> None:
        self._wake.set()

    def _tick(self) -> None:
        self._look()
        self._wake.set()

    def _work(self) -> None:
        with Queue(self.home) as queue:
            while not self._over.is_set():
                self._wake.clear()
                self.gate.wait()
                lease = None if self._over.is_set() else queue.lease(self.id, (self.device,))
                if lease is None:
                    self._wake.wait(0.5)
                    continue
                self.drawn.append(lease.job.request)
                try:
                    self._draw(queue, lease)
                except LeaseLost:
                    continue
                self._look()

    def _draw(self, queue: Queue, lease: Lease) -> None:
        job = lease.job
        if self.fails(job.request):
            queue.finish(lease, "failed", "It cannot be drawn.")
            return
        made = record(
            id=lease.record_id,
            job_id=job.id,
            request=job.request,
            created_at=job.created_at,
            attempt=lease.attempt,
            parent_id=job.parent_id,
            seconds={"denoise": 0.001},
            measured={"matrix_rate": 1e11, "process_peak_bytes": 5e8, "others_bytes": 0.0},
        )
        if not self.pictures:
            queue.finish(lease, "succeeded", None, made)
            return
        picture = Image.new("RGB", (job.request.width, job.request.height), (job.request.seed % 256, 40, 90))
        saved = save_png(picture, made, self.home)
        file = ImageFile(
            path=saved.path.relative_to(self.home).as_posix(), sha256=saved.sha256, pixels_sha256=saved.pixels_sha256
        )
        queue.finish(lease, "succeeded", None, made.replace(image=file))
