"""A sweep as a person holds it: found again by its name, looked at, measured and saved."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab import home as homes
from zimage_lab import labels as labelling
from zimage_lab.engine import live
from zimage_lab.engine.pace import told
from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.store.sweeps import Sweeps
from zimage_lab.sweeps import figures, view
from zimage_lab.sweeps import grid as grids
from zimage_lab.sweeps.cell import Cell
from zimage_lab.sweeps.cells import Cells
from zimage_lab.sweeps.making import Making

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from PIL import Image

    from zimage_lab.engine.desk import Desk
    from zimage_lab.sweeps.axis import Axis
    from zimage_lab.sweeps.board import Board
    from zimage_lab.sweeps.board.colours import Theme
    from zimage_lab.sweeps.following import Index
    from zimage_lab.sweeps.saving import Saved


class Sweep(Making):
    """Pictures along axes, being made.

    Wait with `wait()` in a cell or `await` in an asynchronous one, go through the cells as they end with `for` or
    `async for`, look at `frame()` at any time. Dropping the object stops nothing.

    Attributes
    ----------
    id
        UUID of the sweep: the `parent_id` of its jobs and records.
    name
        Its name in the home.
    home
        The home folder.
    """

    @classmethod
    def load(
        cls, name: str | os.PathLike[str], *, engine: Desk | None = None, home: str | os.PathLike[str] | None = None
    ) -> Sweep:
        """Find a sweep of the home by its name or id, as it is now; `resume()` makes what is missing.

        Parameters
        ----------
        name
            Name or id, or a contact sheet that `save` wrote as PNG: the sweep of this home that it shows, or else a new
            one with its axes, of which nothing is made before `resume()`.
        engine
            Who shall make what is missing; None loads one when it is needed.
        home
            The home folder; None takes the engine's, or the usual one.

        Raises
        ------
        InvalidRequest
            There is no such sweep, or the picture holds none.
        """
        place = homes.home(home) if engine is None or home is not None else engine.home
        name = os.fspath(name) if isinstance(name, os.PathLike) else name
        file = Path(name).expanduser() if isinstance(name, str) and name.lower().endswith(".png") else None
        if file is not None and file.is_file():
            from zimage_lab.sweeps import inside

            name = inside.kept(inside.read(file), place).id
        with Sweeps(place) as store:
            row = store.get(name)
            found = cls(row, grids.read(row.told), place, engine)
            found._ledger.read(store.cells(row.id))
        return found

    def __repr__(self) -> str:
        sides = " x ".join(f"{len(axis)} {axis.name}" for axis in self.axes)
        return f"Sweep({self.name!r}, {sides or 'one picture'}: {told(self.counts)})"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:  # noqa: ANN401 - IPython's signature
        return {"text/plain": repr(self), "text/html": view.page(self)}

    def _ipython_display_(self) -> None:
        shown_: Any = self  # follows whatever has a job's progress, preview and end
        live.follow(shown_)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes in the order they were given, the seeds last."""
        return self._grid.axes

    @property
    def shape(self) -> Index:
        """Number of values on each axis."""
        return self._grid.shape

    @property
    def cells(self) -> Sequence[Cell]:
        """Every cell, made when it is asked for, the last axis running fastest."""
        return Cells(self, self._grid)

    def cell(self, *index: int) -> Cell:
        """Give the cell at a place on each axis; negative ones count from the end."""
        if len(index) != len(self.shape) or not all(-n <= i < n for i, n in zip(index, self.shape, strict=True)):
            field, what = "index", f"{shown(index)} is no place in a sweep of {shown(self.shape)} values"
            raise InvalidRequest(field, index, what, "Give a place on each axis, from 0.")
        return Cell(self, tuple(place % length for place, length in zip(index, self.shape, strict=True)))

    def where(self, *, state: str | None = None, **values: Any) -> list[Cell]:  # noqa: ANN401 - values of any axis
        """List the cells with these values: `sweep.where(steps=8, cat=["dog", "fish"])`.

        Parameters
        ----------
        state
            Only cells in this state.
        values
            A value, or several of which any will do, by the axis' name.
        """
        places: list[Sequence[int]] = [range(length) for length in self.shape]
        for name, value in values.items():
            number, chosen = view.chosen(self.axes, name, value)
            places[number] = chosen
        cells = (Cell(self, index) for index in itertools.product(*places))
        return [cell for cell in cells if state is None or cell.state == state]

    def frame(self) -> Any:  # noqa: ANN401 - a pandas.DataFrame, which has no types
        """Give the results as they are now, as a pandas data frame, a row for each cell.

        Columns are the axes, then seed (where it is no axis), state, seconds, path, record_id, error, favourite, tags
        and picture: the cell, whose `image` is read when it is asked for.
        """
        return view.frame(self)

    def metrics(self, *names: str | Callable[[Image.Image], float], per: str | None = None) -> Any:  # noqa: ANN401 - a data frame
        """Measure the pictures that are there.

        Parameters
        ----------
        names
            "sharpness", "accuracy" (1 where the miniature's judge sees what the prompt asks for, missing where it
            cannot tell), "diversity" (mean distance of a row's seeds, two by two), or your own function of a picture.
        per
            "cell" for a row of the frame each, "row" for all seeds of one combination together, with the means of what
            is measured of each cell. None is "row" where diversity is asked for.

        Returns
        -------
        A pandas data frame: the axes, and a column for each metric.
        """
        return figures.measured(self, names, per)

    def sheet(self, *, columns: str | None = None, rows: str | None = None, thumbnail: int = 256) -> Image.Image:
        """Draw all pictures on one, with labels for the axes; parameters as for `sweeps.sheet.contact_sheet`."""
        from zimage_lab.sweeps import sheet

        return sheet.contact_sheet(self, columns=columns, rows=rows, thumbnail=thumbnail)

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        labels: Iterable[str] = labelling.DEFAULT,
        **options: Any,  # noqa: ANN401 - those of what is written
    ) -> Saved:
        """Write it as one picture, as one page, or as a folder of pictures.

        Parameters
        ----------
        path
            A name that ends in `.png` (a contact sheet with the axes inside, from which `load` finds them again),
            `.jpg`, `.webp` (the same without), or `.html` (a page that works without a network and on a phone). A
            folder, with `/` behind its name, gets every picture and a table, `sweep.csv`. A file that is there is
            replaced whole.
        labels
            AI labels, as `GeneratedImage.save` takes them.
        options
            `columns` and `rows`, names of the axes that go across and down; `thumbnail`, longest edge of a picture on
            the sheet; `pixels`, the same in the page.

        Returns
        -------
        What was written: its path, pictures and bytes.

        Raises
        ------
        InvalidRequest
            The name or an option cannot be.
        StoreError
            The disk is full, or cannot be written.
        """
        from zimage_lab.sweeps import saving

        return saving.save(self, path, labels=labels, **options)

    def grid(
        self,
        *,
        columns: str | None = None,
        rows: str | None = None,
        theme: Theme = "auto",
        language: str | None = None,
    ) -> Board:
        """Give a live board of the pictures: they appear as they are made, and are zoomed, moved, hidden and marked.

        Parameters
        ----------
        columns, rows
            Names of the axes that run across and down; None takes the last one and the one before it. The others are
            pages.
        theme
            "auto" follows JupyterLab, or "light" or "dark".
        language
            "en" or "zh"; None takes the environment's.

        Returns
        -------
        An ipywidgets widget. A viewer without a kernel shows the contact sheet instead.
        """
        from zimage_lab.sweeps.board import Board

        return Board(self, columns=columns, rows=rows, theme=theme, language=language)
