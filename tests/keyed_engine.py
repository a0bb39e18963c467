"""An engine without a model that takes jobs as the real queue does: in order, one at a time, each key once."""

from __future__ import annotations

import queue
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from fake_engine import FakeEngine

from zimage_lab import models
from zimage_lab.engine.job import Job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.request import GenerationRequest


class KeyedEngine(FakeEngine):
    """Draws what it is given; `jobs` by key outlive an engine, as the database does."""

    def __init__(self, home: Path, jobs: dict[str, Job] | None = None, *, step_seconds: float = 0.0) -> None:
        super().__init__(home, step_seconds=step_seconds)
        self.keyed: dict[str, Job] = {} if jobs is None else jobs
        self.drawn: list[GenerationRequest] = []
        self.fails: Callable[[GenerationRequest], bool] = lambda _: False
        self.most_waiting = 0
        self.gate = threading.Event()
        self.gate.set()
        self._line: queue.SimpleQueue[Job] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def submit(  # type: ignore[override] - as the real one's
        self,
        prompt: GenerationRequest,
        *,
        key: str | None = None,
        parent_id: str | None = None,
        **_: Any,  # noqa: ANN401
    ) -> Job:
        """Take a job, or give the one that has its key."""
        models.check(prompt)
        assert key is not None
        assert parent_id is not None
        job = self.keyed.get(key)
        if job is None:
            job = self.keyed[key] = Job(str(uuid.uuid4()), prompt)
            job._on_cancel = self._cancel_waiting
            self.submitted.append(job)
            self._line.put(job)
            self.most_waiting = max(self.most_waiting, sum(not known.done for known in self.submitted))
        return job

    def die(self) -> dict[str, Job]:
        """End as by a kill: gives the jobs that had ended, under their keys; the others are lost with their engine."""
        self.gate.clear()
        while any(job.state == "running" and not job.done for job in self.submitted):
            time.sleep(0.001)
        return {key: job for key, job in self.keyed.items() if job.done}

    @staticmethod
    def _cancel_waiting(job: Job) -> None:
        if job.state == "queued":
            job._finish("cancelled", error="The job was cancelled before it began.")

    def _work(self) -> None:
        while True:
            job = self._line.get()
            self.gate.wait()
            if job.done:
                continue
            job.state = "running"
            self.drawn.append(job.request)
            self.fail = "It cannot be drawn." if self.fails(job.request) else None
            self._draw(job)
