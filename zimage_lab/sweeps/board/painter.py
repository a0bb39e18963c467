"""The thread that draws a board: it gathers what is seen, has it drawn, and says what is chosen."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from zimage_lab.sweeps.board.atlas import Atlas, cell_size
from zimage_lab.sweeps.board.camera import Camera
from zimage_lab.sweeps.board.close_look import CloseLook
from zimage_lab.sweeps.board.colours import colours
from zimage_lab.sweeps.board.drawing import Scene, draw
from zimage_lab.sweeps.board.gathering import gather
from zimage_lab.sweeps.board.ink import Ink, closed
from zimage_lab.sweeps.board.pictures import Pictures
from zimage_lab.sweeps.board.sizing import LARGEST_CELL, LEAST_MOST, WIDTH, sized

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL.Image import Image

    from zimage_lab.sweeps.board.colours import Theme
    from zimage_lab.sweeps.board.gathering import Gathered
    from zimage_lab.sweeps.board.layout import Index, Layout, Place
    from zimage_lab.sweeps.board.texts import Texts
    from zimage_lab.sweeps.sweep import Sweep

LOG = logging.getLogger(__name__)

PERIOD = 0.033
"""Least seconds between two drawings."""

REST = 0.15
"""Seconds without a move after which what is seen is sent sharp; and the least between two that are sent."""


class Said(Protocol):
    """Hears what is to be written around the canvas."""

    def __call__(self, caption: str, *, made: bool, favourite: bool) -> None:
        """Take it over."""


class Painter:
    """What is seen of a board, and the thread that draws it.

    Parameters
    ----------
    sweep
        The sweep.
    seen
        Where its cells stand.
    texts
        The board's words.
    theme
        Which colours.
    said
        Called with each drawing, on the drawing thread.

    Attributes
    ----------
    lock
        Held while what is seen is changed or drawn.
    camera, chosen, pointer
        What part is seen, which cell is chosen, where the pointer is.
    free, large
        Whether somebody has zoomed or moved it, and whether a cell is open large.
    trouble
        What is to be said before all else.
    """

    def __init__(self, sweep: Sweep, seen: Layout, texts: Texts, theme: Theme, said: Said) -> None:
        self.sweep, self.seen, self._texts, self._theme, self._said = sweep, seen, texts, theme, said
        self.lock = threading.RLock()
        self.ink = Ink()
        self.canvas: Any = self.ink.canvas(WIDTH, LEAST_MOST)
        self.canvas.add_class("zl-board-canvas")
        self.pictures = Pictures(sweep, self.mark)
        self.page: dict[str, Any] = {}
        self.ratio = 1.0
        self.chosen: Index | None = None
        self.pointer: tuple[float, float] | None = None
        self.free = self.large = False
        self.trouble = ""
        self._size = (WIDTH, LEAST_MOST)
        self._moved = self._sharpened = 0.0
        self._blurred = False
        self._changed: set[Index] | None = None  # None: all of them
        self._stale, self._closed = threading.Event(), threading.Event()
        self._close_look = CloseLook(self.ink)
        self._ratio_of_cells = self._cells_ratio()
        self.atlas, self.camera = self._laid_out()
        self.canvas.on_client_ready(self._page_is_new)
        self._thread = threading.Thread(target=self._run, name="zimage-lab-board", daemon=True)
        self._unsubscribe = sweep.subscribe(lambda cell: self.change(cell.index))

    def begin(self) -> None:
        """Draw for the first time, and then as often as anything changes."""
        self._thread.start()
        self.mark()

    def mark(self) -> None:
        """Say that the board is stale; returns at once, from any thread."""
        self._stale.set()

    def change(self, index: Index) -> None:
        """Say that a cell changed; from any thread."""
        with self.lock:
            if self._changed is not None:
                self._changed.add(index)
        self.mark()

    def close(self) -> None:
        """End the thread and close the canvases."""
        self._unsubscribe()
        self._closed.set()
        self.mark()
        with self.lock:
            self.atlas.close()
            self._close_look.close()
            closed(self.canvas)
            self.ink.close()

    def see(self, camera: Camera, *, free: bool = True, large: bool = False) -> None:
        """See another part."""
        if camera != self.camera:
            self._moved = time.monotonic()
        self.camera, self.free, self.large = camera, free, large
        self.mark()

    def fit(self) -> None:
        """See the whole page."""
        self.see(self.camera.fitted(LARGEST_CELL), free=False)

    def arrange(self, seen: Layout) -> None:
        """See other cells, or the same ones in other places."""
        with self.lock:
            self.seen = seen
            self.atlas.close()
            self._close_look.forget()
            self.atlas, self.camera = self._laid_out()
            self.free = self.large = False
            self._moved = time.monotonic()
        self.mark()

    def hear_page(self, told: Mapping[str, Any]) -> None:
        """Take over what the page told: its width, its pixels, its colours."""
        with self.lock:
            self.page = dict(told)
            self.ratio = min(float(told.get("ratio", 1.0)), 2.0)
            self._resize()
        self.mark()

    def draw(self) -> None:
        """Draw what there is to see, now; for the thread, and whoever measures it."""
        with self.lock:
            if self.sweep.axes != self.seen.axes:
                self.arrange(self.seen.regrown(self.sweep.axes))
            self._take_changes()
            found = gather(
                self.sweep, self.seen, self.camera, atlas=self.atlas, pictures=self.pictures, ratio=self.ratio
            )
            with self.ink.held():
                self._sharpen(found.close)

                def draw_pictures(canvas: Any) -> None:  # noqa: ANN401 - ipycanvas has no types
                    if not self._covered(found):
                        self.atlas.draw(canvas, self.camera)
                    if found.close is not None:
                        self._close_look.draw(canvas, self.camera)

                draw(self.canvas, self._scene(found), draw_pictures)
            end = {} if self.chosen is None else self.pictures.end(self.chosen)
            caption = self.trouble or (
                "" if self.chosen is None else self._texts.sentence(self.sweep.cell(*self.chosen), end)
            )
            self._said(caption, made=end.get("image_path") is not None, favourite=bool(end.get("favourite")))

    def _run(self) -> None:
        while True:
            self._stale.wait(REST if self._blurred else None)
            self._stale.clear()
            if self._closed.is_set():
                return
            try:
                self.draw()
            except Exception:
                # A board that stops showing is worse than one that missed a round.
                LOG.exception("The board could not be drawn")
                self._blurred = False
            self._closed.wait(PERIOD)

    def _take_changes(self) -> None:
        changed, self._changed = self._changed, set()
        if changed is None:
            self.pictures.look()
        else:
            ended = [index for index in changed if self._state(index) not in {"queued", "running"}]
            if ended:
                self.pictures.look(ended)

    def _scene(self, found: Gathered) -> Scene:
        under = None if self.pointer is None else self.camera.at(*self.pointer)
        index = None if under is None else self.seen.index(*under)
        lines = [] if index is None else self._texts.lines(self.sweep.cell(*index), self.pictures.end(index))
        names = tuple(
            "" if axis is None else self._texts.axis(self.seen.axes[axis].name)
            for axis in (self.seen.columns, self.seen.rows)
        )
        return Scene(
            self._size,
            self.ratio,
            self.camera,
            self.seen,
            colours(self._theme, self.page),
            blank=found.blank,
            running=found.running,
            stars=found.stars,
            selected=None if self.chosen is None else self.seen.place(self.chosen),
            pointer=self.pointer,
            lines=lines,
            titles=(names[0], names[1]),
        )

    def _sharpen(self, close: dict[Place, Image] | None) -> None:
        """Send what is seen sharp, once it is at rest."""
        self._blurred = bool(close) and not self._close_look.current(self.camera, close or {}, self.ratio)
        now = time.monotonic()
        if self._blurred and min(now - self._moved, now - self._sharpened) >= REST:
            self._close_look.paint(self.camera, close or {}, self.ratio)
            self._blurred, self._sharpened = False, now

    def _covered(self, found: Gathered) -> bool:
        """Whether the close look shows all that the atlas has, whose soft edges would be seen around it."""
        if not found.close or not self._close_look.current(self.camera, found.close, self.ratio):
            return False
        rows, columns = self.camera.seen
        return len(found.close) == sum(place in self.atlas.tiles for place in itertools.product(rows, columns))

    def _page_is_new(self) -> None:
        """Send all of it again: a page that was loaded anew has empty canvases."""
        with self.lock:
            self.atlas.repaint()
            self._close_look.forget()
            self._changed = None
        self.mark()

    def _state(self, index: Index) -> str:
        return self.sweep._ledger.state(index)  # noqa: SLF001 - a part of the sweep

    def _cells_ratio(self) -> float:
        """Give width over height of the pictures; of several sizes, of a square that holds them all."""
        if any(axis.name in {"size", "width", "height", "init_image", "reference_images"} for axis in self.seen.axes):
            return 1.0
        request = self.sweep.cells[0].request
        return min(max(request.width / request.height, 0.2), 5.0)

    def _laid_out(self) -> tuple[Atlas, Camera]:
        size = self.seen.across, self.seen.down
        cell = cell_size(self._ratio_of_cells, size[0] * size[1])
        camera = Camera(cell, size, (0.0, 0.0, 100.0, 100.0))
        atlas = Atlas(self.ink, cell, size)
        self.camera, self.free = camera, False
        self._resize()
        return atlas, self.camera

    def _resize(self) -> None:
        """Take the room that the page has."""
        self._size, camera = sized(self.seen, self.camera, self.page)
        self.camera = camera if self.free else camera.fitted(LARGEST_CELL)
        self._moved = time.monotonic()
        wanted = round(self._size[0] * self.ratio), round(self._size[1] * self.ratio)
        if (self.canvas.width, self.canvas.height) != wanted:
            self.canvas.width, self.canvas.height = wanted
