"""A batch as a person holds it: started at once, waited for, looked at, shown, stopped."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from zimage_lab.batch import view
from zimage_lab.batch.cell import SKIPPED, WAITING, Cell
from zimage_lab.batch.plan import Plan, plan
from zimage_lab.batch.work import Work
from zimage_lab.engine import live
from zimage_lab.engine.gradual import Gradual
from zimage_lab.engine.pace import Progress, stage

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    from PIL import Image

    from zimage_lab.engine.desk import Desk


class Batch(Gradual[Cell]):
    """Pictures of a table, being made.

    Wait with `wait()` in a cell or `await` in an asynchronous one, go through the cells as they end with `for` or
    `async for`, look at `frame()` at any time, stop with `cancel()`. Dropping the object stops nothing.

    Attributes
    ----------
    id
        UUID of the batch; the same after a resume.
    plan
        What it does.
    cells
        Every picture and skipped row, in the table's order.
    """

    KIND = "batch"

    def __init__(self, engine: Desk, made: Plan) -> None:
        self.plan, self.cells = made, made.cells
        self._work: Work = Work(engine, made)
        self.id = self._work.id
        self._work.begin()

    def __repr__(self) -> str:
        return view.text(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:  # noqa: ANN401 - IPython's signature
        return {"text/plain": view.text(self), "text/html": view.page(self)}

    def _ipython_display_(self) -> None:
        shown: Any = self  # follows whatever has a job's progress, preview and end
        live.follow(shown)

    @property
    def results(self) -> Path | None:
        """The results table, where there is an output folder."""
        return None if self.plan.folder is None else self.plan.folder.results

    @property
    def counts(self) -> dict[str, int]:
        """Number of cells in each state, only states that occur."""
        with self._work.changed:
            counts = Counter(self._work.counts)
            for cell, job in self._work.flight.items():
                if cell.state == WAITING:
                    counts[WAITING] -= 1
                    counts[job.state] += 1
        return dict(+counts)

    @property
    def progress(self) -> Progress:
        """How far the batch is."""
        counts = self._work.counts
        pictures = len(self.cells) - counts[SKIPPED]
        ended = pictures - counts[WAITING]
        left = None if self.done else self._work.pace.left(self._work.left)
        return Progress(stage(ended, pictures, counts, left), ended, pictures, left)

    @property
    def preview(self) -> Image.Image | None:
        """The latest preview of a picture that is being drawn, or None."""
        with self._work.changed:
            jobs = list(self._work.flight.values())
        return next((job.preview for job in jobs if job.state == "running" and job.preview is not None), None)

    def frame(self) -> Any:  # noqa: ANN401 - a pandas.DataFrame, which has no types
        """Give the results as they are now, as a pandas data frame: a row for each picture and each skipped row."""
        return view.frame(self.cells, [self._state(cell) for cell in self.cells])

    def cancel(self) -> None:
        """Stop: what runs ends within a step, what waits is not begun, what is done stays. Harmless at the end."""
        self._work.cancel()

    @property
    def _standing(self) -> Work:
        return self._work

    def _ended_since(self, position: int) -> list[Cell]:
        with self._work.changed:
            return self._work.ended[position:]

    def _state(self, cell: Cell) -> str:
        job = self._work.flight.get(cell)
        return cell.state if job is None or cell.state != WAITING else job.state


def start(
    engine: Desk,
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
