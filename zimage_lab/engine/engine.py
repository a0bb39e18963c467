"""The engine as everybody uses it: submit a request, get a job; one engine per process and home."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any

from zimage_lab import home as homes
from zimage_lab import models
from zimage_lab.engine.events import Events
from zimage_lab.engine.job import Job
from zimage_lab.engine.worker import Worker
from zimage_lab.errors import EngineStopped, InvalidRequest
from zimage_lab.request import GenerationRequest
from zimage_lab.result import GeneratedImage
from zimage_lab.store.queue import Queue
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from os import PathLike

    from zimage_lab.store.jobs import JobRow

_engines: dict[str, Engine] = {}
_lock = threading.Lock()


def load(model: str | None = None, *, home: str | PathLike[str] | None = None, device: str | None = None) -> Engine:
    """Get this process's engine; the first call starts it.

    The weights are read by the engine's own thread, so the call returns at once; the first picture waits for them.

    Parameters
    ----------
    model
        Model of requests that name none: an id, a folder or a hub id. None keeps the present one
        (`miniature-turbo` at first).
    home
        Folder of pictures and records; None takes `ZIMAGE_LAB_HOME` or the user's data folder.
    device
        Where to compute, as torch names it; None takes CUDA, then MPS, then the CPU. An engine that is there already
        keeps its own.

    Raises
    ------
    UnknownModel
        No such model; the message lists close names.
    """
    if model is not None:
        models.find(model, homes.home(home))
    key = str(homes.home(home))
    with _lock:
        engine = _engines.get(key)
        if engine is None or engine.stopped:
            engine = _engines[key] = Engine(model, home=home, device=device)
        elif model is not None:
            engine.model = model
    engine.warm_up()
    return engine


def engines() -> list[Engine]:
    """List the engines of this process that take jobs."""
    with _lock:
        return [engine for engine in _engines.values() if not engine.stopped]


class Engine:
    """Makes pictures, one at a time, with a model that stays in memory.

    Parameters
    ----------
    model, home, device
        As for `load`.

    Attributes
    ----------
    model
        Model of requests that name none.
    events
        What happens, as it happens; `engine.events.subscribe(callback)`.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        home: str | PathLike[str] | None = None,
        device: str | None = None,
    ) -> None:
        self.id = str(uuid.uuid4())
        self.home = homes.home(home)
        settings = homes.settings(self.home)
        self.model = model or settings.model or models.DEFAULT_MODEL
        self.events = Events()
        self._queue, self._records = Queue(self.home), Records(self.home)
        self._jobs: dict[str, Job] = {}
        self._jobs_lock = threading.Lock()
        self._queue.recover()
        self._worker = Worker(
            engine_id=self.id,
            home=self.home,
            queue=self._queue,
            events=self.events,
            job_of=self._adopt,
            device=device or settings.device,
        )
        self._worker.start()

    def __repr__(self) -> str:
        status = self.status()
        return f"Engine({status['model'] or self.model}, {status['state']})"

    @property
    def stopped(self) -> bool:
        """Whether the engine takes no more jobs."""
        return self._worker.stopping or not self._worker.is_alive()

    def request(self, prompt: str | GenerationRequest, **options: Any) -> GenerationRequest:  # noqa: ANN401 - any field
        """Build a request with the model's defaults, checked by both halves of the validator.

        Raises
        ------
        InvalidRequest
            Something asked for cannot be; the message names the field and the fix.
        """
        return self._checked(prompt, options)[0]

    def submit(self, prompt: str | GenerationRequest, *, key: str | None = None, **options: Any) -> Job:  # noqa: ANN401
        """Put a request into the queue and return at once.

        Parameters
        ----------
        prompt
            A prompt, or a whole `GenerationRequest`.
        key
            Idempotency key: a second submit with the same key and request gives the first job again, also one that
            ended before this engine began.
        options
            Fields of `GenerationRequest`: seed, steps, width, height, guidance_scale, negative_prompt, model, ...

        Raises
        ------
        InvalidRequest
            Something asked for cannot be; nothing was queued.
        EngineStopped
            The engine was stopped.
        """
        self._refuse_when_stopped()
        request, warnings = self._checked(prompt, options)
        with self._jobs_lock:
            self._refuse_when_stopped()  # again: a job that comes behind stop() would wait for ever
            row = self._queue.put(request, key=key)
            job = self._jobs.get(row.id)
            if job is None:
                job = self._jobs[row.id] = self._follow(row, warnings)
                # Told under the lock that the worker needs for its first look: "running" cannot come before "queued".
                self.events.emit("state", job.id, state=job.state)
        self._worker.wake()
        return job

    def generate(self, prompt: str | GenerationRequest, **options: Any) -> GeneratedImage:  # noqa: ANN401 - any field
        """Make a picture and wait for it; an interrupt of the kernel cancels it. Options are those of `submit`."""
        return self.submit(prompt, **options).result()

    def jobs(self) -> list[Job]:
        """List the jobs of this engine, newest first."""
        with self._jobs_lock:
            return list(reversed(self._jobs.values()))

    def cancel(self, job_id: str) -> None:
        """Cancel a job by its id.

        Raises
        ------
        InvalidRequest
            The engine has no such job.
        """
        job = self._jobs.get(job_id)
        if job is None:
            field = "job"
            raise InvalidRequest(field, job_id, "is not a job of this engine", "Use an id of engine.jobs().")
        job.cancel()

    def status(self) -> dict[str, Any]:
        """Tell state (idle, loading, running, stopped), model, device, dtype, bytes of weights and jobs."""
        family = self._worker.residency.loaded
        waiting = [job for job in self.jobs() if job.state == "queued"]
        return {
            "state": self._worker.state,
            "model": family.model.id if family else None,
            "default_model": self.model,
            "device": family.device if family else None,
            "dtype": str(family.dtype).removeprefix("torch.") if family else None,
            "memory_bytes": sum(family.memory_bytes.values()) if family else 0,
            "queue": len(waiting),
            "job": self._worker.current,
        }

    def warm_up(self) -> None:
        """Have the engine's thread read the default model's weights while nothing else is to do."""
        self._worker.warm_up(self.model)

    def unload(self) -> None:
        """Give the model's memory back; the next picture loads it again."""
        self._worker.unload()

    def stop(self, timeout: float = 10.0) -> None:
        """Cancel what runs and waits, and end the engine's thread."""
        with self._jobs_lock:
            self._worker.stopping = True
        for job in self.jobs():
            job.cancel()
        self._worker.wake()
        self._worker.join(timeout)
        if not self._worker.is_alive():
            self._queue.close()
            self._records.close()

    def _refuse_when_stopped(self) -> None:
        if self.stopped:
            message = "This engine was stopped. Call zimage_lab.load() for a new one."
            raise EngineStopped(message)

    def _checked(self, prompt: str | GenerationRequest, options: dict[str, Any]) -> tuple[GenerationRequest, list[str]]:
        """Build and check a request; gives it with what the person should know of it."""
        if isinstance(prompt, GenerationRequest):
            request = prompt.replace(**options) if options else prompt
        else:
            model = options.get("model")
            options = {**options, "model": self.model if model is None else model}
            request = models.build(prompt, place=self.home, **options)
        return request, models.check(request, place=self.home)

    def _follow(self, row: JobRow, warnings: list[str] | None = None) -> Job:
        """Make the job of a queue row; one that has ended already, in this process or before it, has its result."""
        job = Job(row.id, row.request, warnings)
        job._on_cancel = self._stop_waiting  # noqa: SLF001 - the engine drives its jobs
        if row.done:
            image = None
            if row.state == "succeeded" and row.record_id is not None:
                image = GeneratedImage.from_record(self._records.get(row.record_id), self.home)
            job._finish(row.state, image, row.error)  # noqa: SLF001
        return job

    def _stop_waiting(self, job: Job) -> None:
        """End a job that still waits; a running one is ended by its next step."""
        if not job.done and self._queue.cancel(job.id).state == "cancelled":
            job._finish("cancelled", error="The job was cancelled before it began.")  # noqa: SLF001
            self.events.emit("state", job.id, state="cancelled")

    def _adopt(self, row: JobRow) -> Job:
        """Find the job of a queue row, or take over one that an engine before this one left behind."""
        with self._jobs_lock:
            job = self._jobs.get(row.id)
            if job is None:
                job = self._jobs[row.id] = self._follow(row)
            return job
