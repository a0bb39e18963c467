"""Candidates being made and scored, on a thread of their own, with a face that jobs and batches have too."""

from __future__ import annotations

import asyncio
import logging
import math
import queue
import threading
import uuid
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from zimage_lab.engine import live
from zimage_lab.errors import QueueFull, ZImageError, shown
from zimage_lab.rules.candidate import Candidate, Progress, frame

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import TypeAlias

    from PIL import Image

    from zimage_lab.engine import Engine, RemoteEngine
    from zimage_lab.request import GenerationRequest
    from zimage_lab.result import GeneratedImage

    Scorer: TypeAlias = Callable[[GeneratedImage], float]

LOG = logging.getLogger(__name__)

HOPELESS = 2
"""A scorer that has raised so often and never given a score is not fed with further pictures."""

RETRY_SECONDS = 5.0


class NothingScored(ZImageError):  # noqa: N818 - it says what happened
    """No picture of a search has a score."""


class Search:
    """Candidates being made and scored.

    Wait with `wait()` in a cell or `await` in an asynchronous one, go through the candidates as they end with `for`,
    look at `frame()` at any time, stop with `cancel()`. Dropping the object stops nothing.

    Attributes
    ----------
    id
        UUID of the search; the parent of its jobs.
    candidates
        All of them, in the order of their seeds.
    """

    def __init__(
        self,
        engine: Engine | RemoteEngine,
        requests: list[GenerationRequest],
        score: Scorer,
        *,
        at_least: float | None,
        keep: int,
    ) -> None:
        self.id = str(uuid.uuid4())
        self.candidates = [Candidate(number, request) for number, request in enumerate(requests, 1)]
        self._engine, self._score, self._at_least, self._keep = engine, score, at_least, keep
        self._order: list[Candidate] = []
        self._raised = 0
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._events: queue.SimpleQueue[Candidate | None] = queue.SimpleQueue()
        self._future: Future[Search] = Future()
        self._future.set_running_or_notify_cancel()
        threading.Thread(target=self._run, name="zimage-lab-search", daemon=True).start()

    @property
    def done(self) -> bool:
        """Whether nothing more will happen."""
        return self._future.done()

    @property
    def kept(self) -> list[Candidate]:
        """The best of those that have a score now, the best one first; of equal ones the earlier."""
        scored = [one for one in self.candidates if not math.isnan(one.score)]
        return sorted(scored, key=lambda one: -one.score)[: self._keep]

    @property
    def best(self) -> GeneratedImage:
        """The best picture so far.

        Raises
        ------
        NothingScored
            When none has a score.
        """
        kept = self.kept
        if not kept or kept[0].image is None:
            why = next((f" The first one: {one.error}" for one in self.candidates if one.error), "")
            message = f"No picture of this search has a score.{why}"
            raise NothingScored(message)
        return kept[0].image

    @property
    def reached(self) -> bool:
        """Whether a picture is as good as was asked for."""
        kept = self.kept
        return bool(kept) and (self._at_least is None or kept[0].score >= self._at_least)

    @property
    def progress(self) -> Progress:
        """How far the search is."""
        ended, all_of_them, kept = len(self._order), len(self.candidates), self.kept
        best = f", best {kept[0].score:.4g}" if kept else ""
        goal = "" if self._at_least is None else f" of {self._at_least:.4g} wanted"
        return Progress(f"{ended} of {all_of_them} pictures{best}{goal if kept else ''}", ended, all_of_them)

    @property
    def preview(self) -> Image.Image | None:
        """The latest preview of a picture that is being drawn, or None."""
        jobs = [one.job for one in self.candidates if one.job is not None and one.job.state == "running"]
        return next((job.preview for job in jobs if job.preview is not None), None)

    def wait(self, timeout: float | None = None) -> Search:
        """Wait for the end; an interrupt of the kernel cancels the search.

        Parameters
        ----------
        timeout
            Longest wait in seconds; None waits for as long as it takes.

        Raises
        ------
        TimeoutError
            The search is not done yet; it goes on.
        ZImageError
            The search could not go on; what was made is kept.
        """
        try:
            return self._future.result(timeout)
        except TimeoutError:
            message = f"The search is not done after {timeout:g} s; it goes on."
            raise TimeoutError(message) from None
        except KeyboardInterrupt:
            self.cancel()
            raise

    def __await__(self) -> Generator[Any, None, Search]:
        try:
            return (yield from asyncio.wrap_future(self._future).__await__())
        except asyncio.CancelledError:
            self.cancel()
            raise

    def __iter__(self) -> Iterator[Candidate]:
        """Give each candidate when it was scored."""
        position = 0
        while True:
            with self._changed:
                while position >= len(self._order) and not self.done:
                    self._changed.wait(0.1)
                ended = self._order[position:]
            if not ended:
                return
            yield from ended
            position += len(ended)

    def cancel(self) -> None:
        """Stop: what runs ends within a step, what was made stays. Harmless at the end."""
        self._stop.set()
        self._events.put(None)
        for one in reversed(self.candidates):  # the running one last: else the next would begin for nothing
            if one.job is not None:
                one.job.cancel()

    def add_done_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback` once when the search is done, or now if it is."""
        self._future.add_done_callback(lambda _: callback())

    def frame(self) -> Any:  # noqa: ANN401 - a pandas.DataFrame, which has no types
        """Give all candidates as they are now, as a pandas data frame."""
        return frame(self.candidates, {one.number for one in self.kept})

    def __repr__(self) -> str:
        state = "stopped" if self._stop.is_set() else "done" if self.done else "running"
        missed = self.done and self._at_least is not None and not self.reached
        return f"Search({state}: {self.progress.stage}{', not reached' if missed else ''})"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:  # noqa: ANN401 - IPython's signature
        try:
            shown_best = self.best._repr_mimebundle_()
        except ZImageError:
            shown_best = {}
        return {**shown_best, "text/plain": repr(self)}

    def _ipython_display_(self) -> None:
        followed: Any = self  # follows whatever has a job's progress, preview and end
        live.follow(followed)

    def _run(self) -> None:
        try:
            if self._at_least is None:
                self._all_at_once()
            else:
                self._one_by_one(self._at_least)
        except Exception as error:
            if not isinstance(error, ZImageError):
                LOG.exception("The search ended by an error of its own")
            self.cancel()
            self._future.set_exception(error)
        else:
            self._future.set_result(self)
        with self._changed:
            self._changed.notify_all()

    def _one_by_one(self, at_least: float) -> None:
        for one in self.candidates:
            self._submit(one)
            if self._stop.is_set():
                return
            while not one.done:
                self._settle(self._events.get())
            if one.score >= at_least or (self._raised >= HOPELESS and not self.kept):
                return

    def _all_at_once(self) -> None:
        for one in self.candidates:
            self._submit(one)
        begun = sum(one.job is not None for one in self.candidates)
        while len(self._order) < begun:
            self._settle(self._events.get())

    def _submit(self, one: Candidate) -> None:
        while not self._stop.is_set():
            try:
                one.job = self._engine.submit(
                    one.request, parent_id=self.id, name=f"{one.number} of {len(self.candidates)}", source="rules"
                )
            except QueueFull as error:  # others' jobs go first
                self._stop.wait(min(error.retry_after, RETRY_SECONDS))
                continue
            one.job.add_done_callback(lambda: self._events.put(one))
            if self._stop.is_set():
                one.job.cancel()
            return

    def _settle(self, one: Candidate | None) -> None:
        """Score a candidate whose job has ended; None only wakes."""
        if one is None or one.job is None:
            return
        try:
            one.image = one.job.result(0)
            one.score = float(self._score(one.image))
            if math.isnan(one.score):
                one.error = "The scorer gave NaN."
        except ZImageError as error:
            one.error = str(error)
        except Exception as error:  # noqa: BLE001 - somebody's function: the frame tells what it did
            self._raised += 1
            one.error = f"The scorer failed: {type(error).__name__}: {shown(str(error))}"
        one.done = True
        with self._changed:
            self._order.append(one)
            self._changed.notify_all()
