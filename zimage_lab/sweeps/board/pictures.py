"""The pictures of a board's cells: small ones for all that is seen, larger ones where somebody looks closely.

They are read from their files on a thread of their own, what is seen now first; a board never waits for one.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TypeAlias

from PIL import Image, ImageOps

from zimage_lab.store.sweeps import Sweeps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from zimage_lab.sweeps.board.layout import Index
    from zimage_lab.sweeps.sweep import Sweep

Box: TypeAlias = tuple[int, int]

LEVELS = (64, 128, 256, 512, 1024, 2048)
"""Longest edges in which pictures are kept, so that a little more zoom does not read them anew."""

PIXELS = 24_000_000
"""Pixels of all pictures that are kept, three bytes each: 1000 cells small, and some dozen of them large."""

TELL_SECONDS = 0.25
"""Least seconds between two words that pictures came: whoever draws each one leaves no time to read them."""

ONE_BY_ONE = 20
"""Cells up to which each is asked for alone; for more, all are asked for at once."""


class Pictures:
    """What is known of each cell's end, and its picture.

    Parameters
    ----------
    sweep
        The sweep.
    came
        Called on the reading thread when more pictures are there.
    """

    def __init__(self, sweep: Sweep, came: Callable[[], None]) -> None:
        self._sweep, self._came = sweep, came
        self._lock = threading.Lock()
        self._ends: dict[Index, dict[str, Any]] = {}
        self._kept: OrderedDict[tuple[Index, int], Image.Image] = OrderedDict()
        self._pixels = 0
        self._lost: set[Index] = set()
        self._wanted: list[tuple[Index, int]] = []
        self._reads = False
        self._told = 0.0

    def look(self, changed: Iterable[Index] | None = None) -> None:
        """Read from the store how cells ended: those that changed, or all of them."""
        cells = None if changed is None else list(changed)
        if cells is not None and len(cells) <= ONE_BY_ONE:
            found = {index: self._sweep._end_of(index) for index in cells}  # noqa: SLF001 - a part of the sweep
        else:
            with Sweeps(self._sweep.home) as store:
                rows = store.cells(self._sweep.id)
                ends = store.ends([row.job_id for row in rows])
            found = {row.index: ends.get(row.job_id, {}) for row in rows}
        with self._lock:
            for index, end in found.items():
                if end.get("record_id") != self._ends.get(index, {}).get("record_id"):
                    self._forget(index)  # it was made again
                self._ends[index] = end

    def end(self, index: Index) -> dict[str, Any]:
        """Tell how a cell ended: record_id, image_path, error, seconds, favourite; nothing where it did not."""
        return self._ends.get(index, {})

    def picture(self, index: Index, edge: float) -> Image.Image | None:
        """Give a cell's picture in the size next to one on the screen, or smaller for now; None where none is there."""
        level = level_of(edge)
        with self._lock:
            for one in (level, *(other for other in reversed(LEVELS) if other != level)):
                found = self._kept.get((index, one))
                if found is not None:
                    self._kept.move_to_end((index, one))
                    return found
        return None

    def missing(self, index: Index, edge: float) -> bool:
        """Whether there is a file that was not read in this size yet."""
        return (
            (index, level_of(edge)) not in self._kept
            and index not in self._lost
            and self.end(index).get("image_path") is not None
        )

    def want(self, cells: Sequence[tuple[Index, float]]) -> None:
        """Say which pictures are seen and not there, with the edge in which they are; others are wanted no more."""
        with self._lock:
            self._wanted = [(index, level_of(edge)) for index, edge in reversed(cells)]
            if not self._wanted or self._reads:
                return
            self._reads = True
        threading.Thread(target=self._read, name="zimage-lab-board-pictures", daemon=True).start()

    def _read(self) -> None:
        while True:
            with self._lock:
                if not self._wanted:
                    self._reads = False
                    break
                index, level = self._wanted.pop()
            name = self.end(index).get("image_path")
            try:
                with Image.open(self._sweep.home / str(name), formats=["PNG"]) as file:
                    picture = fitted(file.convert("RGB"), (level, level))
            except (OSError, SyntaxError, ValueError):
                picture = None  # the file is gone or broken: its cell stays empty, and says what it was
            with self._lock:
                if picture is None:
                    self._lost.add(index)
                else:
                    self._keep(index, level, picture)
                    if (index, LEVELS[0]) not in self._kept:  # the board wants it as well, and it is decoded
                        self._keep(index, LEVELS[0], fitted(picture, (LEVELS[0], LEVELS[0])))
            if time.monotonic() - self._told >= TELL_SECONDS:
                self._told = time.monotonic()
                self._came()
        self._came()

    def _keep(self, index: Index, level: int, picture: Image.Image) -> None:
        self._kept[index, level] = picture
        self._pixels += picture.width * picture.height
        while self._pixels > PIXELS and len(self._kept) > 1:
            _, old = self._kept.popitem(last=False)
            self._pixels -= old.width * old.height

    def _forget(self, index: Index) -> None:
        self._lost.discard(index)
        for level in LEVELS:
            old = self._kept.pop((index, level), None)
            if old is not None:
                self._pixels -= old.width * old.height


def level_of(edge: float) -> int:
    """Give the size in which a picture is kept that is seen with this edge."""
    return next((level for level in LEVELS if level >= edge), LEVELS[-1])


def fitted(picture: Image.Image, box: Box) -> Image.Image:
    """Give a picture with its own ratio, as large as it can be in a box; never larger than it is."""
    if picture.width <= box[0] and picture.height <= box[1]:
        return picture
    return ImageOps.contain(picture, box, Image.Resampling.BOX if max(box) < LEVELS[1] else Image.Resampling.BICUBIC)
