"""A request on its way to a picture, as the person who asked for it sees it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from zimage_lab.engine import live
from zimage_lab.engine.waiting import block, until
from zimage_lab.errors import Cancelled, InvalidOutput, JobFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from PIL import Image

    from zimage_lab.request import GenerationRequest
    from zimage_lab.result import GeneratedImage

Stage = Literal["queued", "loading", "encoding", "denoising", "decoding", "saving", "done"]

FINAL = frozenset({"succeeded", "failed", "cancelled", "invalid_output", "quarantined"})
"""States that a job does not leave."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: its stage, steps done of all steps, and seconds left where they can be told."""

    stage: Stage = "queued"
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None


class Job:
    """One request in the queue.

    Watch `state`, `progress` and `preview`, wait with `result()` in a cell or `await` in an asynchronous one, stop it
    with `cancel()`.

    Attributes
    ----------
    id
        UUID of the job, as the queue knows it.
    request
        What was asked for.
    state
        queued, running, succeeded, failed, cancelled, invalid_output or quarantined.
    progress
        Stage, step and seconds left.
    preview
        The latest preview as a PIL picture, or None.
    error
        What went wrong, in a sentence, or None.
    warnings
        What the person should know of the request, in sentences.
    """

    def __init__(self, job_id: str, request: GenerationRequest, warnings: list[str] | None = None) -> None:
        self.id = job_id
        self.request = request
        self.warnings = list(warnings or ())
        self.checked = warnings is not None  # in this process; the request of another one is checked again
        self.state = "queued"
        self.progress = Progress(steps=request.denoising_steps)
        self.preview: Image.Image | None = None
        self.error: str | None = None
        self.submitted = time.time()
        self._image: GeneratedImage | None = None
        self._asked_to_stop = threading.Event()
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._on_cancel: Callable[[Job], None] | None = None

    def __repr__(self) -> str:
        request = self.request
        return f"Job({self.state}, seed={request.seed}, {request.width}x{request.height}, {request.model})"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:  # noqa: ANN401 - IPython's signature
        if self._image is not None:
            return self._image._repr_mimebundle_()
        return {"text/plain": repr(self) + (f": {self.error}" if self.error else "")}

    def _ipython_display_(self) -> None:
        live.follow(self)

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked the job to stop."""
        return self._asked_to_stop.is_set()

    @property
    def done(self) -> bool:
        """Whether the job has reached a state that it does not leave."""
        return self._done.is_set()

    def cancel(self) -> None:
        """Ask the job to stop: at once while it waits, within one step while it runs. Harmless when it is done."""
        self._asked_to_stop.set()
        if self._on_cancel is not None:
            self._on_cancel(self)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the job is done, at most `timeout` seconds; gives whether it is."""
        return self._done.wait(timeout)

    def result(self, timeout: float | None = None) -> GeneratedImage:
        """Wait for the picture.

        An interrupt of the kernel (the stop button) cancels the job.

        Parameters
        ----------
        timeout
            Longest wait in seconds; None waits for as long as it takes.

        Raises
        ------
        TimeoutError
            The job is not done yet; it goes on.
        Cancelled, InvalidOutput, JobFailed
            The job ended without a picture.
        """
        block(
            self._done,
            timeout,
            cancel=self.cancel,
            late="The picture is not done after {timeout:g} s; the job goes on.",
        )
        return self._outcome()

    def __await__(self) -> Generator[Any, None, GeneratedImage]:
        yield from until(self.add_done_callback, self.cancel)
        return self._outcome()

    def add_done_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback` once when the job is done, or now if it is; on the engine's thread, so it must be quick."""
        with self._lock:
            if not self._done.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def _outcome(self) -> GeneratedImage:
        if self._image is not None:
            return self._image
        cause = self.error or "The job was cancelled."
        if self.state == "cancelled":
            raise Cancelled(cause)
        if self.state == "invalid_output":
            raise InvalidOutput(cause)
        raise JobFailed(self.id, self.state, cause)

    def _finish(self, state: str, image: GeneratedImage | None = None, error: str | None = None) -> None:
        with self._lock:
            if self._done.is_set():
                return
            self.state, self._image, self.error = state, image, error
            self.progress = Progress("done", self.progress.step, self.progress.steps, 0.0)
            self._done.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()
