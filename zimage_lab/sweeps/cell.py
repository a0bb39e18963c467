"""One picture of a sweep: where it stands, what is asked for, and what came of it so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from zimage_lab.engine.job import Job, Progress
    from zimage_lab.request import GenerationRequest
    from zimage_lab.result import GeneratedImage
    from zimage_lab.sweeps.sweep import Sweep

WAITING = "waiting"
"""State of a cell that is not in the queue yet; the others are a job's."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One picture of a sweep. It holds nothing but its place: what it tells is how things are when it is asked.

    Attributes
    ----------
    sweep
        The sweep.
    index
        Place on each of the sweep's axes. It stays the same when an axis is extended; `number` may change.
    """

    sweep: Sweep = field(repr=False)
    index: tuple[int, ...]

    @property
    def number(self) -> int:
        """Place among the sweep's cells, the last axis running fastest."""
        raise NotImplementedError

    @property
    def values(self) -> dict[str, object]:
        """Value on each axis, by the axis' name."""
        raise NotImplementedError

    @property
    def labels(self) -> dict[str, str]:
        """The values as people read them."""
        raise NotImplementedError

    @property
    def request(self) -> GenerationRequest:
        """What is asked for: the same request made alone gives the same picture."""
        raise NotImplementedError

    @property
    def state(self) -> str:
        """`waiting` (not in the queue yet) or a job's state: queued, running, succeeded, failed, cancelled, ..."""
        raise NotImplementedError

    @property
    def job(self) -> Job | None:
        """Its job while it is in the queue, with progress and preview; None before and afterwards."""
        raise NotImplementedError

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
        raise NotImplementedError

    @property
    def error(self) -> str | None:
        """Why there is no picture, in a sentence."""
        raise NotImplementedError

    @property
    def seconds(self) -> float | None:
        """What it took to draw."""
        raise NotImplementedError

    @property
    def record_id(self) -> str | None:
        """Id of the run record; marks and history know the picture by it."""
        raise NotImplementedError

    @property
    def path(self) -> Path | None:
        """The picture's file."""
        raise NotImplementedError

    def rerun(self) -> None:
        """Make it again, also where it succeeded; the picture before stays in the history."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:  # noqa: ANN401 - IPython's signature
        image = self.image
        words = f"{self!r}: {self.state}" + (f": {self.error}" if self.error else "")
        return {"text/plain": words} | ({} if image is None else image._repr_mimebundle_(exclude={"text/plain"}))
