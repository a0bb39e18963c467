"""Who makes the pictures, a line each, below a board that several work at."""

from __future__ import annotations

import html
import threading
import time
from typing import TYPE_CHECKING

import ipywidgets

from zimage_lab.errors import ZImageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.sweeps.board.texts import Texts
    from zimage_lab.sweeps.cluster import WorkerLine
    from zimage_lab.sweeps.sweep import Sweep

SECONDS = 1.0
"""Between two looks at the workers."""


class Crew:
    """The lines; empty where one engine makes everything.

    Parameters
    ----------
    sweep
        The sweep.
    texts
        The board's words.
    again
        Asks for another drawing, which looks again: called a while after a look came too soon, or saw somebody at work.
    """

    def __init__(self, sweep: Sweep, texts: Texts, again: Callable[[], object]) -> None:
        self._sweep, self._texts, self._again = sweep, texts, again
        self._next = 0.0
        self._later: threading.Timer | None = None
        self.widget = ipywidgets.HTML()
        self.widget.add_class("zl-board-crew")

    def write(self) -> None:
        """Look, where the last look is a while ago; on the drawing thread."""
        now = time.monotonic()
        if now < self._next:
            self._look_again()
            return
        self._next = now + SECONDS
        try:
            lines = self._sweep.workers
        except ZImageError:
            return  # the store is busy or gone: what was seen last stays
        seen = lines if len(lines) > 1 else []
        value = "".join(f"<div>{html.escape(self._line(one))}</div>" for one in seen)
        if self.widget.value != value:
            self.widget.value = value
        if any(one.state == "drawing" for one in seen):
            self._look_again()

    def _look_again(self) -> None:
        """Have the last word looked for, too: one timer at a time."""
        if self._later is not None and self._later.is_alive():
            return
        self._later = threading.Timer(1.1 * SECONDS, self._again)
        self._later.daemon = True
        self._later.start()

    def _line(self, one: WorkerLine) -> str:
        parts = [
            one.name,
            one.device,
            self._texts(f"state_{one.state}"),
            self._texts("worker_cells", number=one.cells),
        ]
        parts += [self._texts("worker_pace", pace=f"{one.per_minute:.1f}")] if one.per_minute else []
        parts += [one.drawing] if one.drawing else []
        return " · ".join(parts)
