"""Reads a flat picture without any model: which shapes stand where, in which colour.

The judge subtracts a known background, takes connected regions, and compares each region's filled outline with
reference outlines. What the world looks like (outlines, colours, background) is handed in, so the judge knows nothing
of how pictures are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Mapping

EDGE = 40
"""Outlines are compared in a square of this many pixels."""

DIFFERENT = 42.0
"""Least Euclidean distance in sRGB from the background for a pixel to belong to a thing; a soft shadow stays below."""

HALF = 127
"""A pixel of a scaled outline belongs to it from half its area on."""

SMALLEST = 150
"""Regions of fewer pixels are specks, not things (an object covers about 1,000)."""

WORST_MATCH = 0.72
"""A region whose best overlap with any outline is less than this shows nothing that the world knows."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One region of a picture: what it looks like, in which colour, its centre in pixels, and how well it matches."""

    subject: str
    colour: str
    x: float
    y: float
    overlap: float


@dataclass(frozen=True, slots=True)
class Expected:
    """One thing that a picture should show: subject, colour and the centre of its place in pixels."""

    subject: str
    colour: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is right in a picture; `right` when all of it is."""

    subjects: bool
    colours: bool
    places: bool
    count: bool
    background: bool
    seen: tuple[Seen, ...]

    @property
    def right(self) -> bool:
        """Whether number, subjects, colours, places and background are all as asked."""
        return self.subjects and self.colours and self.places and self.count and self.background


def _normalised(mask: np.ndarray) -> np.ndarray:
    """Cut a mask to its bounding box and scale it to `EDGE`, keeping its proportions."""
    rows, columns = np.any(mask, axis=1).nonzero()[0], np.any(mask, axis=0).nonzero()[0]
    cut = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = EDGE / max(cut.shape)
    size = (max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale)))
    scaled = np.asarray(Image.fromarray(cut).convert("L").resize(size, Image.Resampling.BOX)) > HALF
    square = np.zeros((EDGE, EDGE), bool)
    top, left = (EDGE - size[1]) // 2, (EDGE - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = scaled
    return square


def _pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB"), float)


class Judge:
    """Reads and judges pictures of one world.

    Parameters
    ----------
    outlines
        Filled outline of every subject, boolean arrays of any size.
    colours
        Colour of every name, sRGB 0 to 255.
    reach
        A thing is in its place when its centre is no further than this from it, in pixels.
    """

    def __init__(
        self,
        outlines: Mapping[str, np.ndarray],
        colours: Mapping[str, tuple[int, int, int]],
        reach: float = 14.0,
    ) -> None:
        self._outlines = {name: _normalised(mask) for name, mask in outlines.items()}
        self._colours = {name: np.array(rgb, float) for name, rgb in colours.items()}
        self._reach = reach

    def read(self, picture: Image.Image, background: Image.Image) -> list[Seen]:
        """Find the things in a picture, from left to right.

        Parameters
        ----------
        picture, background
            RGB pictures of one size; the background as it looks with nothing before it.
        """
        from scipy import ndimage

        pixels = _pixels(picture)
        front = np.linalg.norm(pixels - _pixels(background), axis=-1) > DIFFERENT
        regions, count = ndimage.label(ndimage.binary_opening(front, np.ones((2, 2))))
        found = []
        for number in range(1, count + 1):
            region = ndimage.binary_fill_holes(regions == number)
            if region.sum() < SMALLEST:
                continue
            subject, overlap = self._subject(region)
            rows, columns = np.any(region, axis=1).nonzero()[0], np.any(region, axis=0).nonzero()[0]
            x, y = (columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2
            inside = pixels[ndimage.binary_erosion(region, iterations=2)]
            found.append(Seen(subject, self._colour(inside), x, y, overlap))
        return sorted(found, key=lambda seen: seen.x)

    def judge(self, picture: Image.Image, background: Image.Image, expected: list[Expected]) -> Verdict:
        """Compare a picture with what it should show.

        Parameters
        ----------
        picture, background
            As in `read`.
        expected
            Every thing that should be there, and nothing else.
        """
        seen = self.read(picture, background)
        frame = np.ones(picture.size[::-1], bool)
        frame[6:-6, 6:-6] = False
        away = np.linalg.norm(_pixels(picture) - _pixels(background), axis=-1)
        rest, pairs = list(seen), []
        for thing in expected:
            if rest:
                nearest = min(rest, key=lambda one: (one.x - thing.x) ** 2 + (one.y - thing.y) ** 2)
                rest.remove(nearest)
                pairs.append((thing, nearest))
        complete = len(pairs) == len(expected)
        return Verdict(
            subjects=complete and all(thing.subject == one.subject for thing, one in pairs),
            colours=complete and all(thing.colour == one.colour for thing, one in pairs),
            places=complete and all(np.hypot(thing.x - one.x, thing.y - one.y) <= self._reach for thing, one in pairs),
            count=len(seen) == len(expected),
            background=float(np.median(away[frame])) < DIFFERENT / 2,
            seen=tuple(seen),
        )

    def _subject(self, region: np.ndarray) -> tuple[str, float]:
        shape = _normalised(region)
        overlaps = {
            name: float((shape & outline).sum() / (shape | outline).sum()) for name, outline in self._outlines.items()
        }
        best = max(overlaps, key=overlaps.__getitem__)
        return (best if overlaps[best] >= WORST_MATCH else "unknown"), overlaps[best]

    def _colour(self, inside: np.ndarray) -> str:
        if not len(inside):
            return "unknown"
        # Most of a thing is its plain colour; the median leaves eyes, doors and lighter paper aside.
        middle = np.median(inside, axis=0)
        return min(self._colours, key=lambda name: float(np.linalg.norm(middle - self._colours[name])))
