"""Reads a flat picture without any model: which shapes stand where, in which colour, before what, with which text.

The judge names the background, subtracts it and its shadows, takes connected regions, and compares each region's
outline with reference outlines. What the world looks like (outlines, colours, backgrounds, letters) is handed in, so
the judge knows nothing of how pictures are made.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from zimage_lab.metrics.regions import (
    DIFFERENT,
    bounds,
    filled,
    find_background,
    find_regions,
    near,
    normalised,
    shadowless,
)
from zimage_lab.metrics.verdict import Expected, Outline, Seen, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zimage_lab.metrics.lettering import Lettering
    from zimage_lab.metrics.regions import Colour

WORST_MATCH = 0.66
"""A region whose best overlap with any outline is less than this shows nothing that the world knows."""

SOFT = 6
"""Width in pixels of what may be a thing's soft edge."""

DOUBTFUL = 0.84
"""A region that matches no better than this may be a part of something."""

STRICTER = (40.0, 55.0, 75.0)
"""Distances from the background at which a region is looked at again; see `regions.DIFFERENT`, the first of them."""

ALIKE = 0.15
"""Outlines whose overlaps differ by no more than this are told apart by their insides."""

INSIDE, SAME = 0.3, 48.0
"""Weight of the inside, and the distance in sRGB up to which a pixel is of the plain colour."""

FEWEST = 12
"""From so many pixels of plain paper a colour is read; of fewer, from the whole thing."""

SHADOW: tuple[Colour, float] = ((40, 30, 24), 0.22)
"""Colour of a shadow and its greatest share."""

MOST = 7
"""Only so many regions, the nearest, are tried for the things of a picture."""

SIGN = "sign"
"""Name of the outlines that are read as a text."""


class Judge:
    """Reads and judges pictures of one world.

    Parameters
    ----------
    outlines
        What every subject looks like.
    colours
        Colour of every name, sRGB 0 to 255.
    backgrounds
        Every background with nothing before it, (rows, columns, 3), 0 to 255.
    lettering
        How signs are read; None reads none.
    reach
        A thing is in its place when its centre is no further than this from it, in pixels.
    """

    def __init__(
        self,
        outlines: Sequence[Outline],
        colours: Mapping[str, Colour],
        backgrounds: Mapping[str, np.ndarray],
        lettering: Lettering | None = None,
        reach: float = 13.0,
    ) -> None:
        self._outlines = list(outlines)
        self._shapes = np.stack([normalised(outline.shape) for outline in outlines])
        self._colours = {name: np.array(rgb, float) for name, rgb in colours.items()}
        self._backgrounds = {name: np.asarray(ground, float) for name, ground in backgrounds.items()}
        self._lettering, self._reach = lettering, reach

    def background(self, picture: Image.Image) -> str:
        """Name the background of a picture, or `unknown`."""
        return find_background(_pixels(picture), self._backgrounds)

    def read(self, picture: Image.Image, background: str | None = None) -> list[Seen]:
        """Find the things in a picture, from left to right.

        Parameters
        ----------
        picture
            RGB picture of the backgrounds' size.
        background
            Name of its background; None finds out.
        """
        pixels = _pixels(picture)
        name = background or find_background(pixels, self._backgrounds)
        if name not in self._backgrounds:
            return []
        away = shadowless(pixels, self._backgrounds[name], *SHADOW)
        regions = self._whole(find_regions(away > DIFFERENT))
        clearest = (part for region in regions for part in self._clearest(away, region))
        return sorted((self._seen(pixels, region) for region in clearest), key=lambda seen: seen.x)

    def judge(self, picture: Image.Image, background: str, expected: Sequence[Expected]) -> Verdict:
        """Compare a picture with what it should show.

        Parameters
        ----------
        picture
            As in `read`.
        background
            The background that it should have.
        expected
            Every thing that should be there, and nothing else.
        """
        shown = self.background(picture)
        seen = self.read(picture, shown)
        pairs = _matched(expected, seen)
        both = [(thing, one) for thing, one in pairs if one is not None]
        complete = len(both) == len(expected)
        return Verdict(
            subjects=complete and all(thing.subject == one.subject for thing, one in both),
            colours=complete and all(thing.colour == one.colour for thing, one in both),
            places=complete and all(thing.away(one) <= self._reach for thing, one in both),
            count=len(seen) == len(expected),
            background=shown == background,
            text=complete and all(thing.text == one.text for thing, one in both),
            seen=tuple(seen),
            pairs=tuple(pairs),
        )

    def _overlaps(self, region: np.ndarray) -> np.ndarray:
        """Measure how well a region overlaps each outline, 0 to 1."""
        shape = normalised(region)
        overlaps: np.ndarray = (shape & self._shapes).sum((1, 2)) / (shape | self._shapes).sum((1, 2))
        return overlaps

    def _fit(self, region: np.ndarray) -> float:
        return float(self._overlaps(region).max())

    def _whole(self, regions: list[np.ndarray]) -> list[np.ndarray]:
        """Put together neighbours that match an outline only as one: a part between them looked like background."""
        overlaps = [self._fit(region) for region in regions]
        for first, second in itertools.combinations(range(len(regions)), 2):
            parts = overlaps[first], overlaps[second]
            if min(parts) < DOUBTFUL and near(regions[first], regions[second]):
                both = filled(regions[first] | regions[second])
                overlap = self._fit(both)
                if overlap > max(parts) and overlap >= WORST_MATCH:
                    rest = [region for n, region in enumerate(regions) if n not in {first, second}]
                    return self._whole([*rest, both])
        return regions

    def _clearest(self, away: np.ndarray, region: np.ndarray) -> list[np.ndarray]:
        """Look more strictly at a region that is in doubt: soft edges blur an outline, and join it to its neighbour's.

        What is seen then counts where each part of it matches an outline, all together better than the region did, and
        no more than an edge is lost.
        """
        best, fit = [region], self._fit(region)
        for least in STRICTER:
            if fit >= DOUBTFUL:
                break
            parts = self._whole(find_regions(region & (away > least)))
            fits = [self._fit(part) for part in parts]
            middle = sum(fits) / max(1, len(fits))
            if middle > fit and min(fits) >= WORST_MATCH and _lost(region, parts) <= SOFT:
                best, fit = parts, middle
        return best

    def _seen(self, pixels: np.ndarray, region: np.ndarray) -> Seen:
        left, top, right, bottom = bounds(region)
        box, cut = pixels[top:bottom, left:right], region[top:bottom, left:right]
        outline, overlap = self._subject(box, cut, self._overlaps(region))
        colour = self._colour(box, cut, outline)
        subject = outline.subject if overlap >= WORST_MATCH else "unknown"
        text = ""
        if subject == SIGN and self._lettering is not None:
            text = self._lettering.read(box, outline.characters)
        return Seen(subject, colour, (left + right - 1) / 2, (top + bottom - 1) / 2, overlap, text)

    def _subject(self, box: np.ndarray, cut: np.ndarray, overlaps: np.ndarray) -> tuple[Outline, float]:
        """Choose among outlines that fit alike by where each shows its plain colour."""
        scores = {}
        for number in np.flatnonzero(overlaps >= overlaps.max() - ALIKE):
            own = _own(self._outlines[number], cut)
            if own.sum() < FEWEST:
                scores[int(number)] = float(overlaps[number])
                continue
            plain = cut & (np.linalg.norm(box - np.median(box[own], axis=0), axis=-1) < SAME)
            scores[int(number)] = float(overlaps[number]) + INSIDE * (plain & own).sum() / (plain | own).sum()
        best = max(scores, key=scores.__getitem__)
        return self._outlines[best], float(overlaps[best])

    def _colour(self, box: np.ndarray, cut: np.ndarray, outline: Outline) -> str:
        """Name the colour of a thing's plain paper: skin, eyes and golden roofs are left aside."""
        from scipy import ndimage

        own = _own(outline, cut)
        inner = ndimage.binary_erosion(own)
        chosen = next((mask for mask in (inner, own, cut) if mask.sum() >= FEWEST), cut)
        middle = np.median(box[chosen], axis=0)
        return min(self._colours, key=lambda name: float(np.linalg.norm(middle - self._colours[name])))


def _lost(region: np.ndarray, parts: Sequence[np.ndarray]) -> int:
    """Give the pixels by which parts of a region stay behind its box, at the side where they do so most."""
    short = np.subtract(bounds(region), bounds(np.any(parts, axis=0)))
    return int(np.abs(short).max())


def _own(outline: Outline, cut: np.ndarray) -> np.ndarray:
    """Lay a subject's plain paper over a region: boolean, of the region's size."""
    left, top, right, bottom = bounds(outline.shape)
    own = Image.fromarray(outline.own[top:bottom, left:right]).convert("L").resize(cut.shape[::-1])
    return np.asarray(cut & (np.asarray(own) > 200))  # noqa: PLR2004 - not the edges


def _pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB"), float)


def _matched(expected: Sequence[Expected], seen: list[Seen]) -> list[tuple[Expected, Seen | None]]:
    """Find for each expected thing what was seen for it, such that the distances are least in all."""
    places = [*seen, *[None] * max(0, len(expected) - len(seen))]
    if len(places) > MOST:
        places = [*sorted(seen, key=lambda one: min(thing.away(one) for thing in expected))[:MOST]] if expected else []

    def cost(order: tuple[Seen | None, ...]) -> float:
        return sum(
            1000.0 if one is None else thing.away(one) + 0.1 * (thing.subject != one.subject)
            for thing, one in zip(expected, order, strict=True)
        )

    best = min(itertools.permutations(places, len(expected)), key=cost, default=())
    return list(zip(expected, best, strict=True))
