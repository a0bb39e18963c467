"""What happens in the home, brought to the server's event loop: stored states in order, live steps and previews.

Two threads hear it, the store's watch and the engines' listener; the loop is only ever rung. Of a job's steps and
previews the newest is kept until the loop comes for it, so that neither a slow loop nor a slow client holds an engine.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from zimage_lab.errors import ZImageError
from zimage_lab.store.engines import Engines
from zimage_lab.store.events import StoredEvents
from zimage_lab.store.watch import Watch

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from pathlib import Path

LOG = logging.getLogger(__name__)
LATEST = frozenset({"step", "preview", "model"})  # only the newest of a job is of use
MOST_LIVE = 2000  # live events that wait for the loop


class Heard(NamedTuple):
    """One thing that happened, as `engine.events.Event` has it, and for a preview its JPEG."""

    cursor: int
    job: str
    kind: str
    t: float
    data: dict[str, Any]
    blob: bytes = b""


class Bridge:
    """Rings the loop.

    Parameters
    ----------
    home
        The home folder.
    loop
        The event loop, on which subscribers are called.
    tick
        Called on the watch's thread after each change of the store, and now and then.
    """

    def __init__(self, home: Path, loop: asyncio.AbstractEventLoop, tick: Callable[[], None]) -> None:
        from zimage_lab.engine.broadcast import Listener  # with the engine's whole room behind it

        self._loop, self._tick = loop, tick
        self._stored, self._engines = StoredEvents(home), Engines(home)
        self.cursor = self._stored.newest()
        self._subscribers: list[Callable[[Heard], None]] = []
        self._box: dict[object, Heard] = {}
        self._lock, self._looking = threading.Lock(), threading.Lock()
        self._rung, self._number = False, 0
        self._listener = Listener(self._live)
        self._listener.start()
        self._watch = Watch(home, self._changed)

    def subscribe(self, hear: Callable[[Heard], None]) -> Callable[[], None]:
        """Have a function called on the loop with all that happens; gives the function that ends it."""
        self._subscribers.append(hear)

        def end() -> None:
            if hear in self._subscribers:
                self._subscribers.remove(hear)

        return end

    def since(self, cursor: int, limit: int = 1000) -> list[Heard]:
        """Give the stored events behind a cursor."""
        return [Heard(one.cursor, one.job, one.kind, one.t, one.data) for one in self._stored.since(cursor, limit)]

    def close(self) -> None:
        """End both threads."""
        self._watch.close()
        self._listener.close()
        self._listener.join()
        self._stored.close()
        self._engines.close()

    def _changed(self) -> None:
        self._listener.hear(row.endpoint for row in self._engines.living() if row.endpoint)
        self._look()
        self._tick()

    def _live(self, facts: dict[str, Any], blob: bytes) -> None:
        if facts["kind"] == "state":
            self._look()  # the store says it, in its order
            return
        heard = Heard(facts["cursor"], facts["job"], facts["kind"], facts["t"], facts["data"], blob)
        # A preview is of use behind its step, and the step of a node behind the node.
        self._put(heard, (heard.job, heard.kind, heard.data.get("node")) if heard.kind in LATEST else None)

    def _look(self) -> None:
        with self._looking:
            try:
                while found := self.since(self.cursor):
                    for heard in found:
                        self._put(heard, None)
                    self.cursor = found[-1].cursor
            except ZImageError:
                LOG.exception("The store could not be read; it is looked at again")

    def _put(self, heard: Heard, key: object) -> None:
        with self._lock:
            if not self._subscribers or (key is not None and key not in self._box and len(self._box) > MOST_LIVE):
                return
            self._number += 1
            self._box.pop(key, None)
            self._box[key if key is not None else self._number] = heard
            if self._rung:
                return
            self._rung = True
        try:
            self._loop.call_soon_threadsafe(self._deliver)
        except RuntimeError:  # the loop has ended
            return

    def _deliver(self) -> None:
        with self._lock:
            found, self._box, self._rung = list(self._box.values()), {}, False
        for heard in found:
            for hear in list(self._subscribers):
                try:
                    hear(heard)
                except Exception:
                    LOG.exception("A client could not be told of a %s event", heard.kind)
