"""One picture of a sweep: where it stands, what is asked for, and what came of it so far."""

# ruff: noqa: SLF001 - a cell is a part of its sweep

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zimage_lab.result import GeneratedImage
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from zimage_lab.engine.job import Job, Progress
    from zimage_lab.request import GenerationRequest
    from zimage_lab.sweeps.sweep import Sweep

WAITING = "waiting"
"""State of a cell that is not in the queue yet; the others are a job's."""


@dataclass(frozen=True, slots=True, repr=False)
class Cell:
    """One picture of a sweep. It holds nothing but its place: what it tells is how things are when it is asked.

    Attributes
    ----------
    sweep
        The sweep.
    index
        Place on each of the sweep's axes. It stays the same when an axis is extended; `number` may change.
    """

    sweep: Sweep
    index: tuple[int, ...]

    @property
    def number(self) -> int:
        """Place among the sweep's cells, the last axis running fastest."""
        return self.sweep._grid.number(self.index)

    @property
    def values(self) -> dict[str, object]:
        """Value on each axis, by the axis' name."""
        return {axis.name: axis.values[place] for axis, place in zip(self.sweep.axes, self.index, strict=True)}

    @property
    def labels(self) -> dict[str, str]:
        """The values as people read them."""
        return {axis.name: axis.label(place) for axis, place in zip(self.sweep.axes, self.index, strict=True)}

    @property
    def request(self) -> GenerationRequest:
        """What is asked for: the same request made alone gives the same picture."""
        return self.sweep._grid.request(self.index)

    @property
    def state(self) -> str:
        """`waiting` (not in the queue yet) or a job's state: queued, running, succeeded, failed, cancelled, ..."""
        return self.sweep._ledger.state(self.index)

    @property
    def job(self) -> Job | None:
        """Its job while it is in the queue, with progress and preview; None before and afterwards."""
        return self.sweep._flight.get(self.index)

    @property
    def progress(self) -> Progress | None:
        """Stage, step and seconds left while it is in the queue."""
        return None if self.job is None else self.job.progress

    @property
    def preview(self) -> Image.Image | None:
        """The latest preview while it is drawn."""
        return None if self.job is None else self.job.preview

    @property
    def image(self) -> GeneratedImage | None:
        """The picture with its record, read when it is asked for; None where there is none."""
        if self.record_id is None or self.state != "succeeded":
            return None
        with Records(self.sweep.home) as records:
            return GeneratedImage.from_record(records.get(self.record_id), self.sweep.home)

    @property
    def error(self) -> str | None:
        """Why there is no picture, in a sentence."""
        error = self._end.get("error")
        return None if error is None else str(error)

    @property
    def seconds(self) -> float | None:
        """What it took to draw."""
        seconds = self._end.get("seconds")
        return None if seconds is None else float(seconds)

    @property
    def record_id(self) -> str | None:
        """Id of the run record; marks and history know the picture by it."""
        record_id = self._end.get("record_id")
        return None if record_id is None else str(record_id)

    @property
    def path(self) -> Path | None:
        """The picture's file."""
        name = self._end.get("image_path")
        return None if name is None else self.sweep.home / name

    def rerun(self) -> None:
        """Make it again, also where it succeeded; the picture before stays in the history."""
        self.sweep._rerun(self.index)

    @property
    def _end(self) -> dict[str, Any]:
        return self.sweep._end_of(self.index)

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={text}" for name, text in self.labels.items())
        return f"Cell({told})"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:  # noqa: ANN401 - IPython's signature
        image = self.image
        words = f"{self!r}: {self.state}" + (f": {self.error}" if self.error else "")
        return {"text/plain": words} | ({} if image is None else image._repr_mimebundle_(exclude={"text/plain"}))
