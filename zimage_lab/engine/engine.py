"""The engine of this process: one thread that holds the model and takes jobs, its own and those of others."""

from __future__ import annotations

import atexit
import threading
import uuid
from concurrent import futures
from functools import partial
from typing import TYPE_CHECKING, Any

from zimage_lab import home as homes
from zimage_lab import models
from zimage_lab.engine import language_model
from zimage_lab.engine.broadcast import Broadcaster, can_broadcast
from zimage_lab.engine.desk import Desk
from zimage_lab.engine.devices import device_name
from zimage_lab.engine.keeper import Keeper
from zimage_lab.engine.residency import Residency
from zimage_lab.engine.worker import Worker
from zimage_lab.hooks import Hooks
from zimage_lab.store.engines import Engines

if TYPE_CHECKING:
    from concurrent.futures import Future
    from os import PathLike

    from filelock import FileLock
    from PIL import Image

    from zimage_lab.engine.job import Job
    from zimage_lab.engine.language_model import Task
    from zimage_lab.store.jobs import JobRow

RESTARTED = "Its kernel ended or was restarted while it was made. Resume it to make it again."


class Engine(Desk):
    """Makes pictures, one at a time, with models that stay in memory.

    Parameters
    ----------
    model, home, device
        As for `load`.
    path
        "fast" or "reference", as for `load`'s `engine`; None lets the home's settings say.
    lock
        The device's lock, held by this process: with it the engine serves everybody, without it only its own jobs.
    pin
        As for `Desk`.
    independent, idle_seconds
        Whether it belongs to no person's kernel, and after how many seconds without work it ends.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        home: str | PathLike[str] | None = None,
        device: str | None = None,
        path: str | None = None,
        lock: FileLock | None = None,
        pin: str | None = None,
        independent: bool = False,
        idle_seconds: float | None = None,
    ) -> None:
        self.id = str(uuid.uuid4())
        place = homes.home(home)
        device = device or homes.settings(place).device
        self.device = device_name(device)
        self.path = path or homes.settings(place).path
        self._lock = lock
        self._own_ids: set[str] = set()
        super().__init__(place, model, pin if lock is not None else self.id)
        self._engines = Engines(place)
        self._broadcast: Broadcaster | None = None
        if can_broadcast():
            self._broadcast = Broadcaster(self.id[:8], place / homes.RUN, self.events, self._preview)
        self._engines.register(
            self.id,
            device=self.device,
            endpoint=self._broadcast.endpoint if self._broadcast else None,
            independent=independent,
            idle_seconds=idle_seconds,
            shared=lock is not None,
        )
        self._queue.recover()
        self._ended = threading.Event()
        self._worker = Worker(
            engine_id=self.id,
            home=place,
            queue=self._queue,
            events=self.events,
            job_of=self._adopt,
            look=self._look,
            tell=self._tell,
            pins=(self.id, self.device),
            shared=lock is not None,
            device=device,
            path=path,
        )
        self._keeper = Keeper(
            self.id, self._engines, self._queue, self._worker, idle_seconds=idle_seconds, on_idle=self.ask_to_stop
        )
        self._hooks = Hooks(place) if lock is not None else None
        if self._hooks is not None:
            self._hooks.subscribe(self)
        self._worker.start()
        self._keeper.start()
        # A kernel that is restarted or shut down runs this; one that is killed cannot, and its job runs again.
        atexit.register(self._release)
        self._begin()

    @property
    def stopped(self) -> bool:
        """Whether the engine takes no more jobs."""
        return self._worker.stopping or not self._worker.is_alive()

    @property
    def where(self) -> str:
        """In which process the model is."""
        return "this process"

    def status(self) -> dict[str, Any]:
        """Tell state (idle, loading, running, stopped), model, device, dtype, bytes of weights, each model and jobs."""
        worker = self._worker
        leases = worker.leases
        return {
            "state": worker.state,
            **worker.residency.facts(),
            "default_model": self.model,
            "queue": sum(job.state == "queued" for job in self.jobs()),
            "job": leases[0].job.id if leases else None,
            "where": self.where,
        }

    def warm_up(self) -> None:
        """Have the engine's thread read the default model's weights while nothing else is to do."""
        self._worker.warm_up(self.model)

    def unload(self, model: str | None = None, timeout: float = 10.0) -> None:
        """Give memory back after the running job; the next picture loads its model again.

        Parameters
        ----------
        model
            Which one, by any of its names; None lets all go.
        timeout
            Longest wait in seconds for the running job; after it the model goes all the same, only later.

        Raises
        ------
        UnknownModel
            There is none of this name.
        """
        name = None if model is None else self._named(model)
        futures.wait([self._worker.do(lambda residency: residency.unload(name))], timeout)

    def write(self, task: Task, model: str | None = None) -> Future[tuple[str, bool]]:
        """Have a model's text encoder answer after the running job; `prompts.enhance` is the door for people."""
        self._open()
        name = models.find(model or self.model, self.home).id
        return self._worker.do(lambda residency: language_model.write(residency.get(name), task))

    def stop(self, timeout: float = 10.0) -> None:
        """End the engine: what this process asked for is cancelled, what others wait for goes back to the queue.

        Parameters
        ----------
        timeout
            Longest wait in seconds for the running step.
        """
        with self._jobs_lock:
            self._worker.stopping = True
            own = [job for job in self._jobs.values() if job.id in self._own_ids and not job.done]
        for job in own:
            job.cancel()
        self._worker.release("Its engine was stopped.", paused=False)
        self._end(timeout)

    def ask_to_stop(self) -> None:
        """End the engine without waiting, from any thread; what runs goes back to the queue."""
        self._worker.stopping = True
        self._worker.release("Its engine was stopped.", paused=False)
        threading.Thread(target=self._end, name="zimage-lab-stop", daemon=True).start()

    def wait_stopped(self) -> None:
        """Wait until the engine has ended."""
        self._ended.wait()

    def _release(self) -> None:
        """End with the kernel: the job that is cut waits, paused, for somebody to say that it shall run again."""
        if not self._ended.is_set():
            self._worker.stopping = True
            self._worker.release(RESTARTED, paused=True)
            self._end(5)

    def _end(self, timeout: float = 10.0) -> None:
        self._worker.wake()
        self._worker.join(timeout)
        if self._worker.is_alive() or self._ended.is_set():
            return
        atexit.unregister(self._release)
        self._keeper.close()
        if self._hooks is not None:
            self._hooks.close()
        if self._broadcast is not None:
            self._broadcast.close()
        self._engines.end(self.id)
        self._engines.close()
        self._close()
        if self._lock is not None:
            self._lock.release()
        self._ended.set()

    def _submitted(self) -> None:
        self._worker.wake()

    def _know(self, row: JobRow, warnings: list[str] | None = None) -> Job:
        self._own_ids.add(row.id)
        return super()._know(row, warnings)

    def _adopt(self, row: JobRow) -> Job:
        """Find the job of a queue row, or take over one that another process asked for."""
        with self._jobs_lock:
            return self._jobs.get(row.id) or super()._know(row)

    def _tick(self) -> None:
        self._look()
        self._worker.look_for_cancel()
        self._worker.wake()
        asked = self._engines.asked(self.id)
        if asked.what == "stop":
            self.ask_to_stop()
        elif asked.what == "unload":
            for name in asked.models or (None,):
                self._worker.do(partial(Residency.unload, model_id=name))

    def _tell(self, facts: dict[str, Any]) -> None:
        """Let others see what is loaded."""
        self._engines.tell(self.id, facts)

    def _preview(self, job_id: str) -> Image.Image | None:
        job = self._jobs.get(job_id)
        return None if job is None else job.preview
