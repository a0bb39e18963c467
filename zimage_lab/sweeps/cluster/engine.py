"""The workers of a cluster as one engine: what is submitted to it is drawn by them, and kept in the home here."""

from __future__ import annotations

import atexit
import io
import logging
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from PIL import Image

from zimage_lab import home as homes
from zimage_lab.engine.broadcast import Broadcaster, can_broadcast
from zimage_lab.engine.desk import Desk
from zimage_lab.engine.job import Progress
from zimage_lab.engine.keeper import Keeper
from zimage_lab.errors import EngineStopped, InvalidRequest, ZImageError
from zimage_lab.store.engines import Engines
from zimage_lab.sweeps.cluster import agreement, joining
from zimage_lab.sweeps.cluster.conductor import Conductor
from zimage_lab.sweeps.cluster.crew import Crew
from zimage_lab.sweeps.cluster.messages import Preview, Step
from zimage_lab.sweeps.cluster.options import FIELD

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from zimage_lab.engine.job import Job
    from zimage_lab.engine.language_model import Task
    from zimage_lab.sweeps.cluster.agreement import Needs
    from zimage_lab.sweeps.cluster.hand import WorkerLine
    from zimage_lab.sweeps.cluster.messages import Message
    from zimage_lab.sweeps.cluster.options import Ray

LOG = logging.getLogger(__name__)

DEVICE = "ray"
"""What the list of engines shows as its device."""

OTHERS_SECONDS = 10.0
"""How long those who begin slower are waited for, once the first worker is there; they get work when they come."""


class ClusterEngine(Desk):
    """Draws with the workers of a Ray cluster, which keep their models until it stops or was idle for long.

    Parameters
    ----------
    home
        Where jobs, pictures and records are.
    options
        Which cluster, and how it is used.

    Raises
    ------
    InvalidRequest, ZImageError
        As `joining.join` does.
    """

    def __init__(self, home: Path, options: Ray) -> None:
        self.id = str(uuid.uuid4())
        self.options = options
        self._ray = joining.join(options)
        super().__init__(home, None, self.id)
        settings = home / homes.CONFIG
        told = {
            "home": str(home),
            "settings": settings.read_text(encoding="utf-8") if settings.is_file() else "",
            "path": homes.settings(home).path,
        }
        self._crew = Crew(self._ray, options, told, lambda needs: agreement.facts(needs, home))
        self._engines = Engines(home)
        self._broadcast = (
            Broadcaster(self.id[:8], home / homes.RUN, self.events, self._preview) if can_broadcast() else None
        )
        endpoint = self._broadcast.endpoint if self._broadcast else None
        self._engines.register(self.id, device=DEVICE, endpoint=endpoint, shared=False)
        self._queue.recover()
        self._ended, self._ending = threading.Event(), threading.Lock()
        self._conductor = Conductor(
            self.id,
            home,
            self._queue,
            self._crew,
            heard=self._heard,
            look=self._look,
            left=self._left,
            gave_up=self._give_up,
        )
        idle = options.idle_seconds
        self._keeper = Keeper(
            self.id, self._engines, self._queue, self._conductor, idle_seconds=idle, on_idle=self.ask_to_stop
        )
        self._conductor.start()
        self._keeper.start()
        atexit.register(self.stop)
        self._begin()

    @property
    def stopped(self) -> bool:
        """Whether it takes no more jobs."""
        return self._conductor.stopping or not self._conductor.is_alive()

    @property
    def where(self) -> str:
        """In which processes the models are."""
        count = len(self._crew.ready)
        return f"{count} worker{'' if count == 1 else 's'} of Ray"

    @property
    def device(self) -> str:
        """On what kind of device the workers compute: "cuda:0" or "cpu"."""
        return next((hand.device for hand in self._crew.hands), "cpu").partition(",")[0]

    @property
    def workers(self) -> list[WorkerLine]:
        """A line for each worker, those that were lost last."""
        return [hand.line() for hand in (*self._crew.hands, *self._crew.lost)]

    def agree(self, needs: Needs) -> None:
        """Wait for the workers, and see that they have what is needed as it is here; nothing is drawn before.

        Raises
        ------
        InvalidRequest
            A worker differs; the message says in what.
        ZImageError
            No worker came.
        """
        before = self._crew.needs
        if needs <= before and self._crew.ready:
            return
        self._crew.need(before | needs)
        deadline, first = time.monotonic() + self.options.start_seconds, None
        while True:
            with self._crew.changed:
                self._crew.changed.wait(0.1)
            hands, slots = self._crew.hands, self._crew.slots
            refused = next((hand for hand in hands if hand.state == "refused"), None)
            if refused is not None:
                what = f"the worker {refused.name} cannot draw this: {refused.note}"
                self._crew.need(before)
                raise InvalidRequest(FIELD, self.options.address or "ray", what, "Bring both to the same.")
            ready = len(self._crew.ready)
            first = first or (time.monotonic() if ready else None)
            waited = first is not None and time.monotonic() - first > OTHERS_SECONDS
            if ready and (waited or ready == len(hands)):
                return
            if slots == ():
                what = "the cluster has neither a GPU nor a CPU for a worker"
                raise InvalidRequest(FIELD, self.options.address or "ray", what, "Start a node that has some.")
            if self.stopped or time.monotonic() > deadline:
                lost = next((f" The last words: {hand.note}" for hand in reversed(self._crew.lost)), "")
                message = f"No worker was ready in {self.options.start_seconds:g} s.{lost}"
                raise ZImageError(message)

    def status(self) -> dict[str, Any]:
        """Tell what an engine tells, and the number of workers."""
        running = [job for job in self.jobs() if job.state == "running"]
        state = "stopped" if self.stopped else "running" if running else "idle" if self._crew.ready else "starting"
        return {
            "state": state,
            "model": next(iter(sorted(self._crew.needs.models)), None),
            "default_model": self.model,
            "device": DEVICE,
            "dtype": None,
            "memory_bytes": 0,
            "models": [],
            "workers": len(self._crew.ready),
            "queue": self._left()[0],
            "job": running[0].id if running else None,
            "where": self.where,
        }

    def job(self, job_id: str) -> Job:
        """Give a job; one that waits for any engine, as the one that it was for is gone, is this one's from now on."""
        self._queue.pin(job_id, self.id)
        return super().job(job_id)

    def warm_up(self) -> None:
        """Nothing to do: a worker reads its weights as soon as it was found to agree."""

    def unload(self, model: str | None = None, timeout: float = 10.0) -> None:
        """Have the workers give memory back after their running batch."""
        del timeout
        for hand in self._crew.hands:
            hand.actor.unload.remote(model)

    def write(self, task: Task, model: str | None = None) -> Future[tuple[str, bool]]:
        """Refuse: prompts are written by an engine of this machine."""
        del task, model
        message = "A cluster draws pictures; prompts are written by zimage_lab.load()."
        raise ZImageError(message)

    def stop(self, timeout: float = 10.0) -> None:
        """End the workers; what is not made is cancelled.

        Parameters
        ----------
        timeout
            Longest wait in seconds for the running step.
        """
        if not self._ended.is_set():
            going = [job for job in self.jobs() if not job.done]
            for job in going:
                job.cancel()
            deadline = time.monotonic() + timeout / 2
            while self._conductor.leases and self._conductor.is_alive() and time.monotonic() < deadline:
                time.sleep(0.02)
        self._end(timeout)

    def ask_to_stop(self) -> None:
        """End it without waiting, from any thread; what is drawn goes back to the queue."""
        self._conductor.stopping = True
        threading.Thread(target=self._end, name="zimage-lab-stop", daemon=True).start()

    def _end(self, timeout: float = 30.0) -> None:
        self._conductor.stopping = True
        self._conductor.join(timeout)
        with self._ending:
            if self._ended.is_set():
                return
            self._ended.set()
        atexit.unregister(self.stop)
        self._keeper.close()
        joining.leave(self._ray)
        if self._broadcast is not None:
            self._broadcast.close()
        self._look()
        self._close()  # the watch first: it asks the engines' table
        self._engines.end(self.id)
        self._engines.close()

    def _give_up(self, reason: str) -> None:
        """Tell whoever waits that nobody will make the pictures; the jobs stay queued for an engine that can."""
        LOG.error("%s", reason)
        self._conductor.stopping = True
        for job in self.jobs():
            if not job.done:
                job._finish("failed", error=f"{reason} The job stays in the queue.")  # noqa: SLF001
        self.ask_to_stop()

    def _open(self) -> None:
        if self.stopped:
            message = "The workers have ended. Sweep.resume() begins them again."
            raise EngineStopped(message)

    def _submitted(self) -> None:
        """Nothing to do: the conductor looks at every turn."""

    def _stop_job(self, job: Job) -> None:
        super()._stop_job(job)
        if not job.done:
            self._conductor.cancel([job.id])

    def _tick(self) -> None:
        self._look()
        if self._engines.asked(self.id).what == "stop":
            self.ask_to_stop()

    def _left(self) -> tuple[int, int]:
        states = [job.state for job in self.jobs() if not job.done]
        return states.count("queued"), len(states)

    def _heard(self, job_id: str, message: Message) -> None:
        job = self._jobs.get(job_id)
        if job is None or job.done:
            return
        if isinstance(message, Step):
            job.progress = Progress(message.stage, message.step, message.steps, message.seconds_left)
            told: dict[str, Any] = {"stage": message.stage, "step": message.step, "steps": message.steps}
            self.events.emit("step", job_id, **told, seconds_left=message.seconds_left)
        elif isinstance(message, Preview):
            job.preview = Image.open(io.BytesIO(message.data), formats=["JPEG"])
            self.events.emit("preview", job_id, step=job.progress.step)

    def _preview(self, job_id: str) -> Image.Image | None:
        job = self._jobs.get(job_id)
        return None if job is None else job.preview
