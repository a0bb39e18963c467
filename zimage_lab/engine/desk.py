"""What every engine is to its user, whether the model is in this process or in another one.

The store is the truth. A desk puts requests into the queue, hands out jobs, and moves them as the stored events say,
in the store's order, whoever caused them. Steps and previews are the only things that reach a job in another way.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from zimage_lab import home as homes
from zimage_lab import models
from zimage_lab.engine.events import Events
from zimage_lab.engine.job import FINAL, Job, Progress
from zimage_lab.errors import EngineStopped, InvalidRequest, ZImageError, shown
from zimage_lab.request import GenerationRequest
from zimage_lab.result import GeneratedImage
from zimage_lab.runs import estimate
from zimage_lab.store import inputs
from zimage_lab.store.events import StoredEvents
from zimage_lab.store.order import Options
from zimage_lab.store.queue import Queue
from zimage_lab.store.records import Records
from zimage_lab.store.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from zimage_lab.batch import Batch
    from zimage_lab.compare import Comparison
    from zimage_lab.engine.language_model import Task
    from zimage_lab.runs import Cost
    from zimage_lab.store.events import StoredEvent
    from zimage_lab.store.jobs import JobRow
    from zimage_lab.sweeps import Sweep

LOG = logging.getLogger(__name__)

REMEMBERED = 1000
"""Ended jobs that `jobs()` still lists; the store has all of them."""


class Desk(ABC):
    """The counter at which an engine takes requests.

    Parameters
    ----------
    home
        The home folder.
    model
        Model of requests that name none; None takes the settings', else the bundled one.
    pin
        Name of the engine or device that alone may take this desk's jobs; None for any shared engine.

    Attributes
    ----------
    id
        UUID of the engine, or of the attachment to one.
    model
        Model of requests that name none.
    events
        What happens, as it happens; `engine.events.subscribe(callback)`.
    """

    def __init__(self, home: Path, model: str | None, pin: str | None) -> None:
        self.home = home
        self.model = model or homes.settings(home).model or models.DEFAULT_MODEL
        self._pin = pin
        self._queue, self._records, self._stored = Queue(home), Records(home), StoredEvents(home)
        self.events = Events(self._stored.since)
        self._cursor = self._stored.newest()
        self._jobs: dict[str, Job] = {}
        self._jobs_lock = threading.Lock()
        self._looking, self._stale = threading.Lock(), threading.Event()
        self._watch: Watch | None = None

    @property
    @abstractmethod
    def stopped(self) -> bool:
        """Whether it takes no more jobs."""

    @property
    @abstractmethod
    def where(self) -> str:
        """In which process the model is."""

    @abstractmethod
    def status(self) -> dict[str, Any]:
        """Tell state (idle, loading, running, stopped), model, device, dtype, bytes of weights and jobs."""

    @abstractmethod
    def warm_up(self) -> None:
        """Have the default model's weights read while nothing else is to do."""

    @abstractmethod
    def unload(self, model: str | None = None, timeout: float = 10.0) -> None:
        """Let go of a model, or of all of them."""

    @abstractmethod
    def write(self, task: Task, model: str | None = None) -> Future[tuple[str, bool]]:
        """Have the model's text encoder write an answer."""

    @abstractmethod
    def stop(self, timeout: float = 10.0) -> None:
        """End it."""

    @abstractmethod
    def _submitted(self) -> None:
        """Something was queued."""

    def __repr__(self) -> str:
        status = self.status()
        return f"{type(self).__name__}({status['model'] or self.model}, {status['state']}, in {self.where})"

    def request(self, prompt: str | GenerationRequest, **options: Any) -> GenerationRequest:  # noqa: ANN401 - any field
        """Build a request with the model's defaults, checked by both halves of the validator.

        Raises
        ------
        InvalidRequest
            Something asked for cannot be; the message names the field and the fix.
        """
        return self._checked(prompt, options)[0]

    def submit(
        self,
        prompt: str | GenerationRequest,
        *,
        key: str | None = None,
        priority: int = 0,
        parent_id: str | None = None,
        name: str | None = None,
        source: str = "python",
        pin: str | None = None,
        **options: Any,  # noqa: ANN401 - any field
    ) -> Job:
        """Put a request into the queue and return at once.

        Parameters
        ----------
        prompt
            A prompt, or a whole `GenerationRequest`.
        key
            Idempotency key: a second submit with the same key and request gives the first job again, also one that
            ended before this engine began.
        priority
            Higher goes first, -1000..1000.
        parent_id
            UUID of the batch or sweep that it belongs to.
        name
            What a list shows it as.
        source
            Who asked, for the record: python, panel, magic, shell, batch, schedule, http.
        pin
            Name of the engine or device that alone may take it; None for any that takes this desk's jobs.
        options
            Fields of `GenerationRequest`: seed, steps, width, height, guidance_scale, negative_prompt, model, ...

        Raises
        ------
        InvalidRequest
            Something asked for cannot be; nothing was queued.
        QueueFull
            The queue is as long as the settings let it be.
        EngineStopped
            The engine was stopped.
        """
        self._open()
        request, warnings = self._checked(prompt, options)
        with self._jobs_lock:
            self._open()  # again: a job that comes behind stop() would wait for ever
            row = self._queue.put(
                request,
                key=key,
                priority=priority,
                parent_id=parent_id,
                name=name,
                source=source,
                user=user(),
                engine=pin or self._pin,
            )
            job = self._jobs.get(row.id)
            if job is None:
                job = self._know(row, warnings)
        self._look()
        self._submitted()
        return job

    def submit_many(
        self, requests: Sequence[GenerationRequest], keys: Sequence[str], *, parent_id: str, source: str = "python"
    ) -> list[Job]:
        """Put many requests into the queue at once, all of them or, on an error, none.

        Parameters
        ----------
        requests
            What to draw.
        keys
            The idempotency key of each, as for `submit`.
        parent_id, source
            Of all of them, as for `submit`.

        Raises
        ------
        InvalidRequest, QueueFull, EngineStopped
            As `submit` does.
        """
        self._open()
        warnings = [models.check(request, place=self.home) for request in requests]
        own = Options(parent_id=parent_id, source=source, user=user(), engine=self._pin)
        wanted = [(request, Options(key=key, **own)) for request, key in zip(requests, keys, strict=True)]
        with self._jobs_lock:
            self._open()
            rows = self._queue.put_many(wanted)
            jobs = [self._jobs.get(row.id) or self._know(row, told) for row, told in zip(rows, warnings, strict=True)]
        self._look()
        self._submitted()
        return jobs

    def job(self, job_id: str) -> Job:
        """Give the job with this id, whoever asked for it, also one that has ended.

        Raises
        ------
        InvalidRequest
            The home has no such job.
        """
        with self._jobs_lock:
            job = self._jobs.get(job_id) or self._know(self._queue.get(job_id))
        self._look()
        self._submitted()
        return job

    def generate(self, prompt: str | GenerationRequest, **options: Any) -> GeneratedImage:  # noqa: ANN401 - any field
        """Make a picture and wait for it; an interrupt of the kernel cancels it. Options are those of `submit`."""
        return self.submit(prompt, **options).result()

    def estimate(self, prompt: str | GenerationRequest, **options: Any) -> Cost:  # noqa: ANN401 - any field
        """Tell what a request costs before it is taken, from what was measured here. Options are those of `submit`."""
        return estimate(self.request(prompt, **options), self.home)

    def batch(self, source: Any, template: str | None = None, **options: Any) -> Batch:  # noqa: ANN401 - as start's
        """Make the pictures of a table; returns at once. Source and options are those of `zimage_lab.batch.start`."""
        from zimage_lab.batch import start

        return start(self, source, template, **options)

    def sweep(self, prompt: Any, **options: Any) -> Sweep:  # noqa: ANN401 - as start's
        """Make a picture for each combination of values; returns at once.

        Several values of any field are an axis: `engine.sweep("a red cat", seeds=range(16), steps=[4, 8])`; all options
        are those of `zimage_lab.sweeps.start`.
        """
        from zimage_lab.sweeps import start

        return start(self, prompt, **options)

    def compare(self, prompts: Any, models: Any, **options: Any) -> Comparison:  # noqa: ANN401 - as start's
        """Measure models on the same prompts; returns at once.

        `engine.compare(["a red cat on the left"], models=["miniature-turbo", "miniature-sd"], seeds=range(4))`; all
        options are those of `zimage_lab.compare.start`.
        """
        from zimage_lab.compare import start

        return start(self, prompts, models, **options)

    def jobs(self) -> list[Job]:
        """List the jobs that this process knows, newest first: all that go on, and the latest that ended."""
        with self._jobs_lock:
            return list(reversed(self._jobs.values()))

    def _named(self, model: str) -> str:
        """Give a model's id, also of one that is resident and not in the catalog any more."""
        held = {one["id"] for one in self.status()["models"]}
        return model if model in held else models.find(model, self.home).id

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
            raise InvalidRequest(field, job_id, f"{shown(job_id)} is not a job of this engine", "See engine.jobs().")
        job.cancel()

    def _open(self) -> None:
        if self.stopped:
            message = "This engine was stopped. Call zimage_lab.load() for a new one."
            raise EngineStopped(message)

    def _checked(self, prompt: str | GenerationRequest, options: dict[str, Any]) -> tuple[GenerationRequest, list[str]]:
        """Build and check a request; gives it with what the person should know of it."""
        if isinstance(prompt, GenerationRequest):
            request = prompt.replace(**inputs.taken(options, self.home)) if options else prompt
        else:
            model = options.get("model")
            options = {**options, "model": self.model if model is None else model}
            request = models.build(prompt, place=self.home, **options)
        return request, models.check(request, place=self.home)

    def _know(self, row: JobRow, warnings: list[str] | None = None) -> Job:
        """Make the job of a queue row, under the jobs' lock; one that has ended already has its result."""
        job = Job(row.id, row.request, warnings)
        job._on_cancel = self._stop_job  # noqa: SLF001 - the engine drives its jobs
        job.state = row.state if not row.done else job.state
        if row.done:
            self._settle(job, row)
        self._jobs[row.id] = job
        ended = [known for known, other in self._jobs.items() if other.done]
        for known in ended[: max(0, len(ended) - REMEMBERED)]:
            del self._jobs[known]
        return job

    def _settle(self, job: Job, row: JobRow) -> None:
        """Give an ended job what it ended with."""
        image, state, error = None, row.state, row.error
        if state == "succeeded" and row.record_id is not None:
            try:
                image = GeneratedImage.from_record(self._records.get(row.record_id), self.home)
            except ZImageError as unreadable:
                state, error = "failed", str(unreadable)
        job._finish(state, image, error)  # noqa: SLF001 - the engine drives its jobs

    def _stop_job(self, job: Job) -> None:
        """End a job that still waits; ask the engine of a running one to stop."""
        if not job.done:
            self._queue.cancel(job.id)
            self._look()

    def _tick(self) -> None:
        """Do what is due after a change of the store, and now and then."""
        self._look()

    def _look(self) -> None:
        """Move the jobs as the stored events say, each event once and in order, whichever thread comes.

        A thread that finds another one at it leaves its wish behind and goes on: a callback that submits a job from
        within must not wait for itself.
        """
        self._stale.set()
        while self._stale.is_set() and self._looking.acquire(blocking=False):
            try:
                self._stale.clear()
                while events := self._stored.since(self._cursor):
                    for event in events:
                        self._cursor = event.cursor
                        self._apply(event)
            except ZImageError:
                LOG.exception("The store could not be read; it is looked at again")
            finally:
                self._looking.release()

    def _apply(self, event: StoredEvent) -> None:
        with self._jobs_lock:  # a job that is just being put is known before its events are looked at
            job = self._jobs.get(event.job)
        state = str(event.data.get("state"))
        if job is not None and not job.done and event.kind == "state":
            if state in FINAL:
                self._settle(job, self._queue.get(job.id))
            else:
                job.state = state
                if state == "queued":
                    job.progress = Progress(
                        steps=job.request.denoising_steps
                    )  # its engine ended; another one begins anew
        self.events.emit(event.kind, event.job, cursor=event.cursor, **event.data)

    def _begin(self) -> None:
        """Look at the store from now on; the last thing that is done to build an engine."""
        self._watch = Watch(self.home, self._tick)

    def _close(self) -> None:
        """Let go of the store."""
        if self._watch is not None:
            self._watch.close()
        self._queue.close()
        self._records.close()
        self._stored.close()


@lru_cache(maxsize=1)
def user() -> str | None:
    """Give the name of the person at the machine, for the record; None where it has none."""
    import getpass
    import os

    try:
        return os.environ.get("JUPYTERHUB_USER") or getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None
