"""A batch at work: a thread that keeps a bounded number of jobs in the queue and writes down what comes of them."""

from __future__ import annotations

import asyncio
import inspect
import logging
import queue
import threading
import time
import uuid
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, NamedTuple

from zimage_lab.batch import view
from zimage_lab.batch.cell import SKIPPED, WAITING, Cell
from zimage_lab.batch.pace import Pace
from zimage_lab.batch.plan import Plan, plan
from zimage_lab.engine import live
from zimage_lab.errors import ZImageError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    from PIL import Image

    from zimage_lab.engine import Engine, Job
    from zimage_lab.result import GeneratedImage

LOG = logging.getLogger(__name__)

WINDOW = 256
"""Most jobs of a batch in the queue at one time: enough to keep engines busy, few enough to leave room for others."""

STALE = 3
"""How often in one start a picture is asked for anew because an earlier start left it failed or cancelled."""

CANCEL_SECONDS = 30.0
"""How long an interrupted wait stays for the running picture to stop at its next step."""

RETRY_SECONDS = 5.0
"""Longest pause before a full queue is asked again."""


class Progress(NamedTuple):
    """How far a batch is, in the form in which a job tells it: a sentence, pictures done, of all, seconds left."""

    stage: str
    step: int
    steps: int
    seconds_left: float | None


class Batch:
    """Pictures of a table, being made.

    Wait with `wait()` in a cell or `await` in an asynchronous one, go through the cells as they end with `for`, look at
    `frame()` at any time, stop with `cancel()`. Dropping the object stops nothing.

    Attributes
    ----------
    id
        UUID of the batch; the same after a resume.
    plan
        What it does.
    cells
        Every picture and skipped row, in the table's order.
    """

    def __init__(self, engine: Engine, made: Plan) -> None:
        self.plan, self.cells = made, made.cells
        self.id = made.folder.id if made.folder is not None else str(uuid.uuid4())
        self._engine = engine
        self._waiting = deque(made.missing)
        self._flight: dict[Cell, Job] = {}
        self._order = [cell for cell in self.cells if cell.state != WAITING]
        self._counts = Counter(cell.state for cell in self.cells)  # kept, not counted at each of ten looks a second
        self._again: Counter[Cell] = Counter()
        self._left = made.cost
        known = made.known_seconds
        self._pace = Pace(known / made.cost if known and made.cost else None)
        self._events: queue.SimpleQueue[tuple[Cell, Job, bool] | None] = queue.SimpleQueue()
        self._stop, self._done = threading.Event(), threading.Event()
        self._changed = threading.Condition()
        self._callbacks: list[Callable[[], None]] = []
        self._trouble: Exception | None = None
        self._submit_takes = set(inspect.signature(engine.submit).parameters)
        try:
            if made.folder is not None:
                made.folder.remember(made.seeds.first)
                made.folder.rewrite([cell for cell in self.cells if cell.state != WAITING], made.earlier)
        except BaseException:
            made.close()
            raise
        threading.Thread(target=self._run, name="zimage-lab-batch", daemon=True).start()

    def __repr__(self) -> str:
        return view.text(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:  # noqa: ANN401 - IPython's signature
        return {"text/plain": view.text(self), "text/html": view.page(self)}

    def _ipython_display_(self) -> None:
        shown: Any = self  # follows whatever has a job's progress, preview and end
        live.follow(shown)

    @property
    def done(self) -> bool:
        """Whether nothing more will happen."""
        return self._done.is_set()

    @property
    def results(self) -> Path | None:
        """The results table, where there is an output folder."""
        return None if self.plan.folder is None else self.plan.folder.results

    @property
    def counts(self) -> dict[str, int]:
        """Number of cells in each state, only states that occur."""
        with self._changed:
            counts = Counter(self._counts)
            for cell, job in self._flight.items():
                if cell.state == WAITING:
                    counts[WAITING] -= 1
                    counts[job.state] += 1
        return dict(+counts)

    @property
    def progress(self) -> Progress:
        """How far the batch is."""
        counts = self._counts
        pictures = len(self.cells) - counts[SKIPPED]
        ended = pictures - counts[WAITING]
        left = None if self.done else self._pace.left(self._left)
        return Progress(view.stage(ended, pictures, counts, left), ended, pictures, left)

    @property
    def preview(self) -> Image.Image | None:
        """The latest preview of a picture that is being drawn, or None."""
        with self._changed:
            jobs = list(self._flight.values())
        return next((job.preview for job in jobs if job.state == "running" and job.preview is not None), None)

    def wait(self, timeout: float | None = None) -> Batch:
        """Wait for the end; an interrupt of the kernel cancels the batch.

        Parameters
        ----------
        timeout
            Longest wait in seconds; None waits for as long as it takes.

        Raises
        ------
        TimeoutError
            The batch is not done yet; it goes on.
        ZImageError
            The batch could not go on: the output folder cannot be written, the engine was stopped.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            while not self._done.wait(0.1):  # an interrupt reaches Python code only between short waits
                if deadline is not None and time.monotonic() >= deadline:
                    message = f"The batch is not done after {timeout:g} s; it goes on."
                    raise TimeoutError(message)
        except KeyboardInterrupt:
            self.cancel()
            self._done.wait(CANCEL_SECONDS)
            raise
        return self._outcome()

    def __await__(self) -> Generator[Any, None, Batch]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not future.done():
                future.set_result(None)

        def told() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(wake)

        self.add_done_callback(told)
        try:
            yield from future
        except asyncio.CancelledError:
            self.cancel()
            raise
        return self._outcome()

    def __iter__(self) -> Iterator[Cell]:
        """Give each cell when it has ended, those that an earlier start made first."""
        position = 0
        while True:
            try:
                with self._changed:
                    while position >= len(self._order) and not self.done:
                        self._changed.wait(0.1)
                    ended = self._order[position:]
            except KeyboardInterrupt:
                self.cancel()
                raise
            if not ended:
                break
            yield from ended
            position += len(ended)
        self._outcome()

    def frame(self) -> Any:  # noqa: ANN401 - a pandas.DataFrame, which has no types
        """Give the results as they are now, as a pandas data frame: a row for each picture and each skipped row."""
        return view.frame(self.cells, [self._state(cell) for cell in self.cells])

    def cancel(self) -> None:
        """Stop: what runs ends within a step, what waits is not begun, what is done stays. Harmless at the end."""
        self._stop.set()
        self._events.put(None)
        with self._changed:
            jobs = list(self._flight.values())
        for job in reversed(jobs):  # the running one last: else the engine would begin the next for nothing
            job.cancel()

    def add_done_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback` once when the batch is done, or now if it is."""
        with self._changed:
            if not self.done:
                self._callbacks.append(callback)
                return
        callback()

    def _outcome(self) -> Batch:
        if self._trouble is not None:
            raise self._trouble
        return self

    def _state(self, cell: Cell) -> str:
        job = self._flight.get(cell)
        return cell.state if job is None or cell.state != WAITING else job.state

    def _run(self) -> None:
        try:
            while True:
                pause = self._fill()
                if not self._flight and (self._stop.is_set() or not self._waiting):
                    break
                try:
                    event = self._events.get(timeout=pause)
                except queue.Empty:
                    continue
                if event is not None:
                    self._settle(*event)
        except Exception as error:
            if not isinstance(error, ZImageError):
                LOG.exception("The batch ended by an error of its own")
            self._trouble = error
            self.cancel()
        finally:
            self._end()

    def _fill(self) -> float | None:
        """Submit up to the window; gives the pause after which a full queue is asked again."""
        while self._waiting and len(self._flight) < WINDOW and not self._stop.is_set():
            try:
                self._submit(self._waiting[0])
            except ZImageError as error:
                wait = getattr(error, "retry_after", None)  # the queue is full: others' jobs go first
                if wait is None:
                    raise
                return float(min(wait, RETRY_SECONDS))
            self._waiting.popleft()
        return None

    def _submit(self, cell: Cell) -> None:
        # The failed tries are in the key: what was cancelled or failed is asked for anew, what was interrupted by a
        # kill is the same job as before, and is found where it is.
        key = f"batch-{self.id}-{cell.key}-{cell.tries}"
        facts = {"parent_id": self.id, "name": cell.name or None, "source": "batch"}
        known: dict[str, Any] = {name: fact for name, fact in facts.items() if name in self._submit_takes}
        job = self._engine.submit(cell.request, key=key, **known)
        replayed = job.done
        with self._changed:
            self._flight[cell] = job
        job.add_done_callback(lambda: self._events.put((cell, job, replayed)))
        if self._stop.is_set():
            job.cancel()

    def _settle(self, cell: Cell, job: Job, replayed: bool) -> None:  # noqa: FBT001 - travels through the queue
        """Write down the end of a cell, its picture first."""
        if replayed and not self._stop.is_set() and self._is_stale(cell, job):
            cell.tries += 1
            with self._changed:
                del self._flight[cell]
            self._waiting.appendleft(cell)
            return
        if job.state == "succeeded":
            image = job.result()
            cell.path = self._kept(cell, image)
            cell.seconds = sum(spent for name, spent in image.record.seconds.items() if name != "load")
            cell.record_id = image.record.id
            if not replayed:
                self._pace.ended(cell.cost, cell.seconds, time.monotonic())
        else:
            cell.tries += 1
        self._count(cell, job.state, job.error)
        with self._changed:
            del self._flight[cell]
        if self.plan.folder is not None:
            self.plan.folder.append(cell)
        self._tell(cell)

    def _is_stale(self, cell: Cell, job: Job) -> bool:
        """Say whether an end that an earlier start left is to be tried anew: no picture, or one removed since."""
        path = job.result().path if job.state == "succeeded" else None
        stale = job.state != "succeeded" or (path is not None and not path.is_file())
        self._again[cell] += stale
        return stale and self._again[cell] <= STALE

    def _count(self, cell: Cell, state: str, error: str | None) -> None:
        with self._changed:
            self._left -= cell.cost
            self._counts[cell.state] -= 1
            self._counts[state] += 1
            cell.state, cell.error = state, error

    def _kept(self, cell: Cell, image: GeneratedImage) -> Path | None:
        """Copy the picture to the output folder; never over a file that is not this very picture."""
        folder, names = self.plan.folder, self.plan.names
        if folder is None or names is None:
            return image.path
        stem = cell.name.removesuffix(".png")
        while folder.has(cell.name) and not folder.same(cell.name, image):
            cell.name = names.next_free(stem)
        path = folder.path / cell.name
        return path if path.exists() else image.save(path)

    def _tell(self, cell: Cell) -> None:
        with self._changed:
            self._order.append(cell)
            self._changed.notify_all()

    def _end(self) -> None:
        """Account for every cell, whatever happened."""
        why = "The batch was cancelled before its turn."
        if self._trouble is not None:
            why = f"The batch stopped: {self._trouble}"
        for cell in self.cells:
            if cell.state == WAITING:
                job = self._flight.get(cell)
                cell.tries += job is not None and job.state != "succeeded"
                self._count(cell, "cancelled", why)
                self._tell(cell)
        folder = self.plan.folder
        if folder is not None:
            try:
                folder.rewrite(self.cells, self.plan.earlier)
            except ZImageError as error:
                self._trouble = self._trouble or error
            finally:
                folder.close()
        with self._changed:
            self._flight.clear()
            self._done.set()
            callbacks, self._callbacks = self._callbacks, []
            self._changed.notify_all()
        for callback in callbacks:
            callback()


def start(
    engine: Engine,
    source: object,
    template: str | None = None,
    *,
    seeds: int | Sequence[int] = 1,
    output_dir: str | os.PathLike[str] | None = None,
    name: str | None = None,
    skip_bad: bool = False,
    **options: Any,  # noqa: ANN401 - the values of any field, checked by the request
) -> Batch:
    """Make the pictures of a table; returns at once.

    Parameters
    ----------
    engine
        Who makes them.
    source
        A CSV or JSONL file, a pandas data frame, or rows: mappings, or texts that are prompts. A column called like a
        field of the request (seed, steps, width, height, guidance_scale, negative_prompt, model, ...) sets it.
    template
        Prompt with a `{column}` for each value; None takes the column `prompt`.
    seeds
        Number of pictures of each row, with consecutive seeds from `seed` (drawn where it is not given, and the same
        after a resume), or a list of seeds.
    output_dir
        Folder for copies of the pictures and for `results.csv`. A second start with the same folder makes only what is
        missing.
    name
        Template of the files' names: columns, fields of the request, and row, line and n (number within the row).
    skip_bad
        Go on without rows that cannot be drawn.
    options
        Fields of the request for rows that do not say otherwise.

    Raises
    ------
    BadRows
        Rows cannot be drawn; each is named by its line, and nothing was begun.
    InvalidRequest
        Something else cannot be; nothing was begun.
    """
    model = options.pop("model", None) or getattr(engine, "model", None)
    made = plan(
        source,
        template,
        seeds=seeds,
        output_dir=output_dir,
        name=name,
        skip_bad=skip_bad,
        model=model,
        place=engine.home,
        **options,
    )
    return Batch(engine, made)
