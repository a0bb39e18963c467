"""Keeps an engine's word to the store: that it lives, that its job is still its own, and what others ask of it."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from zimage_lab.errors import ZImageError
from zimage_lab.store import quota

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.engine.line import Holder
    from zimage_lab.store.engines import Engines
    from zimage_lab.store.queue import Queue

LOG = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
RECOVER_BEATS = 4
"""Every so many beats the jobs of engines that died are looked for."""


QUOTA_BEATS = 12
"""Every so many beats pictures go that are too old, or more than the disk's quota."""


class Keeper(threading.Thread):
    """Beats while the engine lives, on a thread that no picture and no listener can hold up.

    Parameters
    ----------
    engine_id
        Whose it is.
    engines, queue
        Where it beats.
    worker
        Whose job is kept.
    idle_seconds
        Seconds without work after which `on_idle` is called; None for never.
    on_idle
        Ends the engine.
    """

    def __init__(
        self,
        engine_id: str,
        engines: Engines,
        queue: Queue,
        worker: Holder,
        *,
        idle_seconds: float | None,
        on_idle: Callable[[], None],
    ) -> None:
        super().__init__(name="zimage-lab-keeper", daemon=True)
        self._engine_id, self._engines, self._queue, self._worker = engine_id, engines, queue, worker
        self._idle_seconds, self._on_idle = idle_seconds, on_idle
        self._ended = threading.Event()

    def close(self) -> None:
        """End the thread."""
        self._ended.set()

    def run(self) -> None:
        """Beat until closed."""
        pause = BEAT_SECONDS if self._idle_seconds is None else min(BEAT_SECONDS, max(self._idle_seconds / 4, 0.05))
        beats = 0
        while not self._ended.wait(pause):
            beats += 1
            try:
                self._beat(beats)
            except ZImageError as error:
                LOG.warning("The engine could not be kept: %s", error)
                if not self._queue.home.is_dir():
                    self._on_idle()  # its home was removed: nobody can find it any more
            except Exception:
                LOG.exception("The engine could not be kept")

    def _beat(self, beats: int) -> None:
        self._engines.beat(self._engine_id)
        for lease in self._worker.leases:
            if not self._queue.heartbeat(lease) and lease in self._worker.leases:
                LOG.warning("Job %s was given to another engine; this attempt of it stops", lease.job.id)
                self._worker.abandon(lease)
        if beats % RECOVER_BEATS == 0 and self._queue.recover():
            self._worker.wake()
        if beats % QUOTA_BEATS == 1:
            quota.enforce(self._queue.home)
        if self._idle_seconds is not None and self._worker.idle_since is not None:
            idle = time.monotonic() - self._worker.idle_since
            if idle > self._idle_seconds and not self._queue.waits(self._engine_id):
                self._on_idle()
