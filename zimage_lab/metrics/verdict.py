"""What a judge compares: outlines that it knows, things that it saw and that were asked for, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True)
class Outline:
    """What a subject looks like: its shape, and where in it its plain colour shows; boolean arrays of one size.

    A sign has one outline for each number of `characters`.
    """

    subject: str
    shape: np.ndarray
    own: np.ndarray
    characters: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """One region of a picture: what it looks like, in which colour, its centre in pixels, how well it matches."""

    subject: str
    colour: str
    x: float
    y: float
    overlap: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """One thing that a picture should show: subject, colour and the centre of its place in pixels; None is anywhere."""

    subject: str
    colour: str
    x: float | None
    y: float | None
    text: str = ""

    def away(self, seen: Seen) -> float:
        """Give the distance of something seen from where this should be, in pixels."""
        return 0.0 if self.x is None or self.y is None else float(np.hypot(self.x - seen.x, self.y - seen.y))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is right in a picture; `right` when all of it is.

    Attributes
    ----------
    subjects, colours, places, count, background, text
        Whether that is as asked.
    seen
        Everything in the picture, from left to right.
    pairs
        What was asked with what was seen for it, None where nothing was.
    """

    subjects: bool
    colours: bool
    places: bool
    count: bool
    background: bool
    text: bool
    seen: tuple[Seen, ...]
    pairs: tuple[tuple[Expected, Seen | None], ...] = field(default=())

    @property
    def right(self) -> bool:
        """Whether number, subjects, colours, places, texts and background are all as asked."""
        return self.subjects and self.colours and self.places and self.count and self.background and self.text
