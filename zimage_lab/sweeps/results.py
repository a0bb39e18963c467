"""How every cell stands, in one look at the store, and in words that anybody may see: what an export is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zimage_lab.errors import ZImageError
from zimage_lab.result import GeneratedImage
from zimage_lab.store.public import public_name, public_sentence
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image

    from zimage_lab.recipe import RunRecord
    from zimage_lab.sweeps.axis import Axis
    from zimage_lab.sweeps.sweep import Sweep

HASHED = frozenset({"init_image", "mask", "reference_images"})
"""Axes whose values are hashes of pictures; their beginnings tell them apart."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a cell.

    Attributes
    ----------
    index
        Its place on each axis.
    state
        As the cell tells it.
    error
        Why there is no picture, without the folders of a person.
    seconds
        What it took.
    record_id
        Id of its run record.
    path
        The picture's file.
    """

    index: tuple[int, ...]
    state: str
    error: str | None
    seconds: float | None
    record_id: str | None
    path: Path | None

    @property
    def image(self) -> Image | None:
        """Read the picture; None where there is none, or none any more."""
        from PIL import Image as pillow  # noqa: N813 - a module with a class's name

        if self.path is None or self.state != "succeeded":
            return None
        try:
            with pillow.open(self.path, formats=["PNG"]) as image:
                return image.convert("RGB")
        except (OSError, SyntaxError, ValueError):
            return None


def results(sweep: Sweep) -> list[Result]:
    """Give what came of every cell, in the order of `sweep.cells`."""
    import pandas as pd

    frame = sweep.frame()
    found = []
    columns = ("picture", "state", "error", "seconds", "record_id", "path")
    for cell, *values in zip(*(frame[name] for name in columns), strict=True):
        state, error, seconds, record_id, path = (None if pd.isna(value) else value for value in values)
        found.append(
            Result(
                cell.index,
                str(state),
                None if error is None else public_sentence(str(error), sweep.home),
                None if seconds is None else float(seconds),
                None if record_id is None else str(record_id),
                None if path is None else Path(path),
            )
        )
    return found


def pictures(sweep: Sweep) -> Iterator[tuple[Result, GeneratedImage]]:
    """Give the pictures that are there, each with its record."""
    with Records(sweep.home) as records:
        for one in results(sweep):
            if one.record_id is None or one.path is None or one.state != "succeeded":
                continue
            try:
                picture = GeneratedImage.from_record(records.get(one.record_id), sweep.home)
            except ZImageError:
                continue  # removed since
            if picture.path is not None and picture.path.is_file():
                yield one, picture


def first_record(sweep: Sweep) -> RunRecord | None:
    """Give the record of the first picture that is there, which says who makes pictures here."""
    return next((picture.record for _, picture in pictures(sweep)), None)


def public_labels(axis: Axis, home: Path | None) -> tuple[str, ...]:
    """Give the labels of an axis as anybody may see them: no folder that names a person or a home."""
    if axis.kind == "field" and axis.name in {"model", "loras"}:
        return tuple(", ".join(public_name(part, home) for part in text.split(", ")) for text in axis.labels)
    if axis.kind == "field" and axis.name in HASHED:
        return tuple(", ".join(part[:8] for part in text.split(", ")) for text in axis.labels)
    return axis.labels
