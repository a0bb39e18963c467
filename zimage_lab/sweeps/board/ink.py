"""Canvases that are drawn on from the board's own thread, many commands in one message.

ipycanvas sends every command of every canvas through one manager that knows no lock: whoever draws something else
meanwhile, on another thread, would draw it onto our canvas. A board has a manager of its own, and so a queue of its own
in the page.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ipycanvas import Canvas
from ipycanvas.canvas import _CanvasManager

if TYPE_CHECKING:
    from collections.abc import Iterator


class Ink:
    """Makes the canvases of one board, and sends what is drawn on them."""

    def __init__(self) -> None:
        self._manager = _CanvasManager(caching=True)

    def canvas(self, width: float, height: float) -> Any:  # noqa: ANN401 - ipycanvas has no types
        """Make a canvas; one that is shown nowhere is what others are drawn from."""
        return Canvas(width=max(1, round(width)), height=max(1, round(height)), _canvas_manager=self._manager)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Send all that is drawn inside in one message, as `ipycanvas.hold_canvas` does with its one manager."""
        # A page that was loaded anew does not know which canvas was drawn on last: each message says it.
        self._manager._current_canvas = None  # noqa: SLF001 - see above
        try:
            yield
        finally:
            self._manager.flush()

    def close(self) -> None:
        """Close the manager; the canvases are closed by who has them."""
        self._manager.close()


def closed(canvas: Any) -> None:  # noqa: ANN401 - ipycanvas has no types
    """Close a canvas and its layout."""
    canvas.layout.close()
    canvas.close()
