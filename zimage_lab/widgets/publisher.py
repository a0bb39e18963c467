"""One thread that changes the panel's widgets, at most ten times a second.

ipywidgets are not made for several threads, and a front end that is sent every step of a fast model falls behind. So
whoever learns something only marks the panel as stale; this thread then draws the latest state, once, under a lock.
Whatever was marked while it drew is drawn in the next round: the final state always arrives.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LOG = logging.getLogger(__name__)

PERIOD = 0.1
"""Least seconds between two updates."""


class Publisher:
    """Calls `update` soon after each `mark`, never more often than every `period` seconds.

    Parameters
    ----------
    update
        Draws the latest state; called on the publisher's thread with the lock held.
    period
        Least seconds between two calls.
    """

    def __init__(self, update: Callable[[], None], period: float = PERIOD) -> None:
        self.lock = threading.RLock()
        self._update, self._period = update, period
        self._stale = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="zimage-lab-panel", daemon=True)

    def start(self) -> None:
        """Begin; what was marked before is drawn at once."""
        self._thread.start()

    def mark(self) -> None:
        """Say that the panel is stale; returns at once, from any thread."""
        self._stale.set()

    def close(self) -> None:
        """End the thread; nothing is drawn any more."""
        self._closed.set()
        self._stale.set()

    def _run(self) -> None:
        while True:
            self._stale.wait()
            self._stale.clear()
            try:
                with self.lock:
                    if self._closed.is_set():
                        return
                    self._update()
            except Exception:
                # A panel that stops showing is worse than one that missed a round.
                LOG.exception("The panel could not show the latest state")
            self._closed.wait(self._period)
