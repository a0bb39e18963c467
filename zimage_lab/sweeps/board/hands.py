"""What hands do on a board's canvas: drag, wheel, click, double click, fingers and keys, as the board's own verbs."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

DRAG = 4.0
"""Pixels from which a press is a drag and no click."""

DOUBLE_SECONDS = 0.35
WHEEL = 0.0016
"""How much a pixel of the wheel zooms: a notch of most mice is 100 to 120 pixels."""

ZOOM = 1.4
"""How much a key or a button zooms."""

Point = tuple[float, float]


class Handled(Protocol):
    """What a board does; points are in the page's pixels."""

    def pan(self, x: float, y: float) -> None:
        """Move it under the window."""

    def zoom(self, factor: float, at: Point | None = None) -> None:
        """See it larger or smaller."""

    def hover(self, at: Point | None) -> None:
        """Have the pointer somewhere, or nowhere."""

    def choose_at(self, at: Point) -> None:
        """Choose the cell at a point."""

    def step(self, down: int, across: int) -> None:
        """Choose a neighbour."""

    def open_large(self) -> None:
        """See the chosen cell large, or all again."""

    def fit(self) -> None:
        """See all."""

    def star(self) -> None:
        """Make the chosen picture a favourite, or not."""

    def turn(self, pages: int) -> None:
        """Go to another page."""

    def leave(self, *, back: bool) -> None:
        """Give the focus to what comes next, or before."""


class Hands:
    """Listens to a canvas.

    Parameters
    ----------
    canvas
        The canvas.
    board
        Who acts.

    Attributes
    ----------
    ratio
        Pixels of the canvas for each one of the page.
    """

    def __init__(self, canvas: Any, board: Handled) -> None:  # noqa: ANN401 - ipycanvas has no types
        self._board = board
        self.ratio = 1.0
        self._pressed: Point | None = None
        self._last: Point = (0.0, 0.0)
        self._drags = False
        self._clicked = (-math.inf, (0.0, 0.0))
        self._apart = 0.0
        canvas.on_mouse_down(lambda x, y: self.press(self._page(x, y)))
        canvas.on_mouse_move(lambda x, y: self.move(self._page(x, y)))
        canvas.on_mouse_up(lambda x, y: self.release(self._page(x, y)))
        canvas.on_mouse_out(lambda _x, _y: self.out())
        canvas.on_mouse_wheel(lambda _x, y: board.zoom(math.exp(-min(max(y, -600), 600) * WHEEL), self._last))
        canvas.on_touch_start(self._touched)
        canvas.on_touch_move(self._slid)
        canvas.on_touch_end(self._lifted)
        canvas.on_touch_cancel(lambda _: self.out())
        canvas.on_key_down(self.key)

    def press(self, at: Point) -> None:
        """Begin a click or a drag."""
        self._pressed, self._last, self._drags = at, at, False

    def move(self, at: Point) -> None:
        """Drag, or hover."""
        if self._pressed is None:
            self._last = at
            self._board.hover(at)
            return
        if not self._drags and math.dist(at, self._pressed) > DRAG:
            self._drags = True
            self._board.hover(None)
        if self._drags:
            self._board.pan(at[0] - self._last[0], at[1] - self._last[1])
            self._last = at

    def release(self, at: Point) -> None:
        """End a drag, or click; a second click soon after opens the cell."""
        pressed, self._pressed = self._pressed, None
        if pressed is None or self._drags:
            return
        self._board.choose_at(at)
        when, where = self._clicked
        now = time.monotonic()
        if now - when < DOUBLE_SECONDS and math.dist(at, where) < 2 * DRAG:
            self._board.open_large()
            now = -math.inf
        self._clicked = (now, at)

    def out(self) -> None:
        """Leave the canvas."""
        self._pressed = None
        self._board.hover(None)

    def key(self, key: str, shift: bool, control: bool, meta: bool) -> None:  # noqa: FBT001 - ipycanvas' order
        """Do what a key says."""
        board = self._board
        steps = {"ArrowLeft": (0, -1), "ArrowRight": (0, 1), "ArrowUp": (-1, 0), "ArrowDown": (1, 0)}
        if control or meta:
            return
        board.hover(None)  # the words beside the pointer would lie on what is looked at
        if key in steps:
            board.step(*steps[key])
        elif key in {"+", "="}:
            board.zoom(ZOOM)
        elif key in {"-", "_"}:
            board.zoom(1 / ZOOM)
        elif key == "Enter":
            board.open_large()
        elif key in {"0", "Escape"}:
            board.fit()
        elif key in {"f", "F"}:
            board.star()
        elif key in {"PageDown", "PageUp"}:
            board.turn(1 if key == "PageDown" else -1)
        elif key == "Tab":  # only where the page has no glue: ipycanvas keeps every key, and nobody may be caught
            board.leave(back=shift)

    def _page(self, x: float, y: float) -> Point:
        return x / self.ratio, y / self.ratio

    def _touched(self, fingers: Sequence[Point]) -> None:
        points = [self._page(*finger) for finger in fingers]
        if len(points) == 1:
            self.press(points[0])
        elif len(points) > 1:
            self._drags, self._apart, self._last = True, math.dist(points[0], points[1]), _between(points)

    def _slid(self, fingers: Sequence[Point]) -> None:
        points = [self._page(*finger) for finger in fingers]
        if len(points) == 1:
            self.move(points[0])
        elif len(points) > 1 and self._apart:
            apart, at = math.dist(points[0], points[1]), _between(points)
            self._board.pan(at[0] - self._last[0], at[1] - self._last[1])
            self._board.zoom(apart / self._apart, at)
            self._apart, self._last = max(apart, 1.0), at

    def _lifted(self, fingers: Sequence[Point]) -> None:
        if fingers:
            self._last, self._apart = self._page(*fingers[0]), 0.0
        else:
            self.release(self._last)


def _between(points: Sequence[Point]) -> Point:
    return (points[0][0] + points[1][0]) / 2, (points[0][1] + points[1][1]) / 2
