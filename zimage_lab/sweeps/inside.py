"""The axes of a sweep inside its contact sheet, and read from one again, which may come from anybody.

As with the recipe in a picture: what anybody may see of it, no person's name and no folder of theirs. Nothing that is
read here is run: it is a plan that waits until somebody says `resume()`, and every value of it is checked anew.
"""

from __future__ import annotations

import json
import struct
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from zimage_lab.errors import InvalidRequest, ZImageError, shown
from zimage_lab.picture_recipe import FORMATS
from zimage_lab.request import PICTURE
from zimage_lab.store.gradual import NAME_CHARACTERS
from zimage_lab.store.images import PIXEL_CAP
from zimage_lab.store.public import public_name, public_request
from zimage_lab.store.sweeps import Sweeps
from zimage_lab.sweeps import building, reading
from zimage_lab.sweeps import grid as grids
from zimage_lab.sweeps.axis import Axis
from zimage_lab.sweeps.grid import Grid
from zimage_lab.values import checked_text

if TYPE_CHECKING:
    import os

    from zimage_lab.store.gradual import Row
    from zimage_lab.sweeps.sweep import Sweep

CHUNK = "zimage_lab_sweep"
"""Name of the PNG text chunk."""

CHARACTERS = 4_000_000
"""Most letters of a text that is read."""

FIELD = "sheet"


class Inside(NamedTuple):
    """What a sheet says: id and name of the sweep, and all its cells."""

    id: str
    name: str
    grid: Grid


def text(sweep: Sweep) -> str:
    """Give what a sheet holds: name, id, and the axes as anybody may see them."""
    told = json.loads(grids.write(public_grid(sweep._grid, sweep.home)))  # noqa: SLF001 - a part of the sweep
    return json.dumps({"version": 1, "id": sweep.id, "name": sweep.name, "grid": told}, ensure_ascii=False)


def public_grid(grid: Grid, home: Path | None) -> Grid:
    """Give a grid whose models and LoRAs name no folder of a person or a home."""
    axes = []
    for axis in grid.axes:
        values: Any = axis.values
        if axis.kind == "field" and axis.name == "model":
            values = tuple(public_name(value, home) for value in values)
        elif axis.kind == "field" and axis.name == "loras":
            values = tuple(
                tuple(one.model_copy(update={"name": public_name(one.name, home)}) for one in value) for value in values
            )
        axes.append(Axis(axis.name, axis.kind, values, axis.needle))
    grounds = tuple(public_request(ground, home) for ground in grid.grounds)
    return Grid(tuple(axes), grounds, grid.said, grid.erased)


def read(path: str | os.PathLike[str]) -> Inside:
    """Read the axes inside a contact sheet.

    Raises
    ------
    InvalidRequest
        It is no PNG, or holds no sweep that can be.
    """
    from PIL import Image as pillow  # noqa: N813 - a module with a class's name

    place = Path(path)
    try:
        with pillow.open(place, formats=FORMATS) as image:  # Pillow bounds the text chunks: 1 MB each, 64 MB in all
            found = image.info.get(CHUNK) if image.width * image.height <= PIXEL_CAP else None
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, pillow.DecompressionBombError) as error:
        raise _strange(place, "cannot be read as a picture") from error
    if not isinstance(found, str) or len(found) > CHARACTERS:
        raise _strange(place, "holds no sweep; JPEG and WebP never do")
    try:
        told = json.loads(found)
        name, known = told["name"], str(uuid.UUID(told["id"]))
        grid = _checked(grids.read(json.dumps(told["grid"])))
        return Inside(known, checked_text("name", name, limit=NAME_CHARACTERS), grid)
    except (ArithmeticError, LookupError, TypeError, AttributeError, ValueError, RecursionError, ZImageError) as error:
        raise _strange(place, "holds a sweep that cannot be") from error


def kept(inside: Inside, home: Path) -> Row:
    """Give the sweep of this home that a sheet shows, or keep the sheet's as a new one of which nothing is made."""
    with Sweeps(home) as store:
        try:
            return store.get(inside.id)
        except InvalidRequest:
            names = {row.name for row in store.every()}
        name, number = inside.name, 2
        while name in names:
            name, number = f"{inside.name[: NAME_CHARACTERS - 8]} {number}", number + 1
        return store.put(inside.id, grids.write(inside.grid), inside.grid.count, name)


def _checked(grid: Grid) -> Grid:
    """Look at every value as if somebody had just typed it."""
    if not 0 < grid.count <= reading.MOST or len({axis.name for axis in grid.axes}) != len(grid.axes):
        raise ValueError
    grounding = 1
    for axis in grid.axes:
        if axis.kind == "field" and (axis.name not in reading.FIELDS or axis.name == "seed"):
            raise ValueError
        if axis.kind == "replace" and not (isinstance(axis.needle, str) and axis.needle):
            raise ValueError
        if axis.kind in {"size", "lora_weight", "seed"} and axis.name != axis.kind:
            raise ValueError
        if axis.name in grids.GROUNDS and axis.kind == "field":
            grounding *= len(axis)
    if len(grid.grounds) != grounding or not all(name in reading.FIELDS for name in grid.said):
        raise ValueError
    axes = tuple(_checked_axis(axis, grid) for axis in grid.axes)
    return Grid(axes, grid.grounds, grid.said, grid.erased)


def _checked_axis(axis: Axis, grid: Grid) -> Axis:
    """Check the values of an axis; those of the grounds stand in the requests, and were checked as these were read."""
    if axis.kind == "field" and axis.name in grids.GROUNDS:
        told = [getattr(ground, axis.name) for ground in grid.grounds]
        if any(value not in told for value in axis.values):
            raise ValueError
        return axis
    if axis.kind == "seed" and isinstance(axis.values, range):  # perhaps a million: its ends tell of all
        grid.grounds[0].replace(seed=axis.values[0]).replace(seed=axis.values[-1])
        return axis
    if axis.name == "mask":
        if not all(value is None or (isinstance(value, str) and PICTURE.fullmatch(value)) for value in axis.values):
            raise ValueError
        return axis
    checked = tuple(building._values(axis, axis.values, grid.grounds[0], None))  # noqa: SLF001 - the one that checks
    if checked != tuple(axis.values):
        raise ValueError
    return axis


def _strange(path: Path, what: str) -> InvalidRequest:
    return InvalidRequest(FIELD, str(path), f"{shown(path.name)} {what}", "Give a contact sheet that was saved as PNG.")
