"""Tells listeners what the engine does, without ever waiting for them.

Every listener has a thread and a box of latest values: of a job's steps and previews, and of what the model does, only
the newest is kept, and a job's states are kept in order. A listener that is slow or stuck loses previews, never states,
and costs the engine one dictionary write.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from zimage_lab.store.events import StoredEvent

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in an engine.

    Attributes
    ----------
    cursor
        Number of the stored event, rising, the same for every process; a step or preview has that of the state
        which it followed.
    job
        Id of the job, or an empty string for the engine itself.
    kind
        `state` (of a job), `step` (of its progress), `preview` (a picture of it), `node` (of a workflow's job:
        executing, executed, cached, failed), `model` (loading, ready, unloaded), `queue` (paused or not).
    t
        Unix time in seconds.
    data
        What there is to know, by kind.
    """

    cursor: int
    job: str
    kind: str
    t: float
    data: dict[str, Any] = field(default_factory=dict)


class _Listener(threading.Thread):
    def __init__(self, callback: Callable[[Event], None]) -> None:
        super().__init__(name="zimage-lab-events", daemon=True)
        self._callback = callback
        self._box: dict[object, Event] = {}
        self._filled = threading.Condition()
        self._open = True
        self.heard = 0
        """The newest stored event that was put before the listener joined."""

    def put(self, event: Event) -> None:
        key: object = event.cursor if event.kind == "state" else (event.job, event.kind)
        if event.kind == "node":  # each node of a graph is told of, not only the latest
            key = (event.job, event.kind, event.data.get("node"), event.data.get("state"))
        with self._filled:
            self._box.pop(key, None)
            self._box[key] = event
            self._filled.notify()

    def close(self) -> None:
        with self._filled:
            self._open = False
            self._filled.notify()

    def run(self) -> None:
        while True:
            with self._filled:
                self._filled.wait_for(lambda: self._box or not self._open)
                if not self._open:
                    return
                events, self._box = list(self._box.values()), {}
            for event in events:
                try:
                    self._callback(event)
                except Exception:
                    LOG.exception("A listener of the engine failed on a %s event", event.kind)


class Events:
    """The engine's bell: `subscribe` to hear it.

    Parameters
    ----------
    stored
        Gives the stored events after a cursor, for listeners that come late; None where nothing is stored.
    """

    def __init__(self, stored: Callable[[int], Iterable[StoredEvent]] | None = None) -> None:
        self._stored = stored
        self._cursor = 0
        self._listeners: list[_Listener] = []
        self._lock = threading.Lock()

    def subscribe(self, callback: Callable[[Event], None], since: int | None = None) -> Callable[[], None]:
        """Call `callback` with every event from now on, on a thread of its own.

        Parameters
        ----------
        callback
            Called with each event.
        since
            A cursor that was heard before: the states after it come first, each once. None begins with what is next.

        Returns
        -------
        A function that ends the subscription.
        """
        listener = _Listener(callback)
        with self._lock:
            if since is not None and self._stored is not None:
                for row in self._stored(since):
                    listener.put(Event(row.cursor, row.job, row.kind, row.t, row.data))
                    listener.heard = row.cursor
            self._listeners.append(listener)
        listener.start()

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)
            listener.close()

        return unsubscribe

    def emit(self, kind: str, job: str = "", *, cursor: int | None = None, **data: Any) -> None:  # noqa: ANN401
        """Tell all listeners; returns at once.

        Parameters
        ----------
        kind, job, **data
            As in `Event`.
        cursor
            The stored event's, for one that is in the store; what is live only follows the newest of those.
        """
        with self._lock:
            self._cursor = max(self._cursor, cursor or 0)
            event = Event(self._cursor if cursor is None else cursor, job, kind, time.time(), data)
            for listener in self._listeners:
                if cursor is None or cursor > listener.heard:
                    listener.put(event)
