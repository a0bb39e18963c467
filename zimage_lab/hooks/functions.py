"""Runs Python hooks: each on a thread of its own, so that one that raises or hangs hurts nobody else.

A package offers a hook as an entry point of the group `zimage_lab.hooks`: a callable that takes an `Ended`.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from functools import partial
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.hooks.ended import Ended

LOG = logging.getLogger(__name__)

GROUP = "zimage_lab.hooks"
WAITING = 256
"""Most ends that wait for one hook; further ones are left out, and that is told."""

SILENCE = 60.0
"""Seconds between two complaints of a hook that is too slow."""

PATIENCE = 30.0
"""Seconds after which a hook that has not come back is told of. A thread cannot be ended from outside."""


class FunctionHook:
    """One callable, and the ends that wait for it.

    Parameters
    ----------
    name
        What the log calls it.
    load
        Gives the callable; called on the hook's thread, since an import can hang, too.
    patience
        Seconds after which the log tells that it has not come back.
    """

    def __init__(self, name: str, load: Callable[[], Any], patience: float = PATIENCE) -> None:
        self.name, self._load, self._patience = name, load, patience
        self._line: queue.Queue[Ended | None] = queue.Queue(WAITING)
        self._told, self._facts = -math.inf, (name, WAITING)
        self._thread = threading.Thread(target=self._run, name=f"zimage-lab-hook-{name}", daemon=True)
        self._thread.start()

    def put(self, ended: Ended) -> None:
        """Tell it of an end; returns at once."""
        try:
            self._line.put_nowait(ended)
        except queue.Full:
            at = time.monotonic()
            if at - self._told >= SILENCE:
                self._told = at
                LOG.warning("The hook %s is too slow: %d jobs wait for it, further ones are left out", *self._facts)

    def close(self, timeout: float) -> None:
        """Let it finish what waits, for a while; a hook that hangs is left behind."""
        end = time.monotonic() + timeout
        try:
            self._line.put(None, timeout=timeout)
        except queue.Full:
            return
        self._thread.join(max(0.0, end - time.monotonic()))

    def _run(self) -> None:
        call = self._guarded("is loaded", self._load)
        if call is not None and not callable(call):
            LOG.error("The hook %s is no function", self.name)
            call = None
        while (ended := self._line.get()) is not None:
            if call is not None:
                self._guarded(f"runs for job {ended.job_id}", partial(call, ended))

    def _guarded(self, doing: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever it gives
        late = threading.Timer(
            self._patience, LOG.warning, ["The hook %s %s for more than %g s", self.name, doing, self._patience]
        )
        late.daemon = True
        late.start()
        try:
            return call()
        except BaseException:  # also SystemExit, which would end the thread without a word
            LOG.exception("The hook %s failed while it %s", self.name, doing)
            return None
        finally:
            late.cancel()


def installed() -> list[FunctionHook]:
    """Give a hook for each entry point of the packages in this environment."""
    return [FunctionHook(point.name, point.load) for point in entry_points(group=GROUP)]
