"""Numbers about the pictures of a sweep, by name: of each cell, or of each row of seeds."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from zimage_lab import models
from zimage_lab.errors import InvalidRequest, ZImageError, shown, suggestion
from zimage_lab.metrics import distance, sharpness
from zimage_lab.sweeps.view import axis_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL import Image

    from zimage_lab.request import GenerationRequest
    from zimage_lab.sweeps.cell import Cell
    from zimage_lab.sweeps.sweep import Sweep

    Own = Callable[[Image.Image], float]

NAN = float("nan")


def _sharpness(picture: Image.Image, _request: GenerationRequest, _sweep: Sweep) -> float:
    return sharpness.sharpness(picture)


def _accuracy(picture: Image.Image, request: GenerationRequest, sweep: Sweep) -> float:
    """Give 1 where a miniature drew what its prompt says, 0 where not, and nothing where nobody can tell."""
    from zimage_lab.miniature.accuracy import accuracy

    if request.reference_images or request.init_image is not None:
        return NAN
    card = models.find(request.model, sweep.home).card
    right = accuracy(request.prompt, picture) if card.miniature and picture.size == card.trained_size else None
    return NAN if right is None else right


OF_CELLS: dict[str, Callable[[Image.Image, GenerationRequest, Sweep], float]] = {
    "sharpness": _sharpness,
    "accuracy": _accuracy,
}
"""What is measured of one picture."""

OF_ROWS = {"diversity": distance.mean_distance}
"""What is measured of all seeds of one combination."""


def measured(sweep: Sweep, names: Sequence[str | Own], per: str | None) -> Any:  # noqa: ANN401 - a data frame
    """Measure the pictures that are there; parameters as for `Sweep.metrics`."""
    import pandas as pd

    for name in names:
        if not callable(name) and name not in {*OF_CELLS, *OF_ROWS}:
            field, what = "metric", f"{shown(name)} is not one we have"
            raise InvalidRequest(field, name, what, suggestion(name, [*OF_CELLS, *OF_ROWS]))
    wide = per == "row" or (per is None and any(name in OF_ROWS for name in names))
    if per not in {None, "cell", "row"} or (per == "cell" and any(name in OF_ROWS for name in names)):
        field = "per"
        raise InvalidRequest(field, per, f"{shown(per)} cannot be", 'Use "cell", or "row", as diversity does.')
    axes = [axis for axis in sweep.axes if not (wide and axis.kind == "seed")]
    seeds = next((len(axis) for axis in sweep.axes if wide and axis.kind == "seed"), 1)
    columns: dict[str, Any] = axis_columns(axes, pd)
    found: dict[str, list[float]] = {called(name): [] for name in names}
    cells = iter(sweep.cells)
    while row := list(itertools.islice(cells, seeds)):  # the seeds are the last axis: a row's cells stand together
        made = [(cell, picture) for cell in row if (picture := _picture(cell)) is not None]
        for name in names:
            found[called(name)].append(_of_row(sweep, name, made))
    return pd.DataFrame(columns | found)


def called(name: str | Own) -> str:
    """Give the name of a metric's column."""
    return str(getattr(name, "__name__", name)) if callable(name) else name


def _of_row(sweep: Sweep, name: str | Own, made: Sequence[tuple[Cell, tuple[str, Image.Image]]]) -> float:
    if not callable(name) and name in OF_ROWS:
        return OF_ROWS[name]([picture for _, (_, picture) in made])
    values = [_of_cell(sweep, name, cell, *picture) for cell, picture in made]
    known = [value for value in values if value == value]  # noqa: PLR0124 - not NaN
    return sum(known) / len(known) if known else NAN


def _of_cell(sweep: Sweep, name: str | Own, cell: Cell, record_id: str, picture: Image.Image) -> float:
    if callable(name):
        return float(name(picture))
    key = (name, record_id)
    if key not in sweep._measured:  # noqa: SLF001 - a part of the sweep
        sweep._measured[key] = OF_CELLS[name](picture, cell.request, sweep)  # noqa: SLF001
    return sweep._measured[key]  # noqa: SLF001


def _picture(cell: Cell) -> tuple[str, Image.Image] | None:
    """Read a cell's picture; None where there is none, or none any more."""
    try:
        image = cell.image
        picture = None if image is None else (image.record.id, image.image)
    except ZImageError:
        return None  # removed since
    return picture
