"""Tells listeners what the engine does, without ever waiting for them.

Every listener has a thread and a box of latest values: of a job's steps and previews, and of what the model does, only
the newest is kept, and a job's states are kept in order. A listener that is slow or stuck loses previews, never states,
and costs the engine one dictionary write.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

LOG = logging.getLogger(__name__)

Kind = Literal["state", "step", "preview", "model"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in an engine.

    Attributes
    ----------
    cursor
        Number of the event, rising.
    job
        Id of the job, or an empty string for the engine itself.
    kind
        `state` (of a job), `step` (of its progress), `preview` (a picture of it), `model` (loading, ready, unloaded).
    t
        Unix time in seconds.
    data
        What there is to know, by kind.
    """

    cursor: int
    job: str
    kind: Kind
    t: float
    data: dict[str, Any] = field(default_factory=dict)


class _Listener(threading.Thread):
    def __init__(self, callback: Callable[[Event], None]) -> None:
        super().__init__(name="zimage-lab-events", daemon=True)
        self._callback = callback
        self._box: dict[object, Event] = {}
        self._filled = threading.Condition()
        self._open = True

    def put(self, event: Event) -> None:
        key: object = event.cursor if event.kind == "state" else (event.job, event.kind)
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
    """The engine's bell: `subscribe` to hear it."""

    def __init__(self) -> None:
        self._cursor = itertools.count(1)
        self._listeners: list[_Listener] = []
        self._lock = threading.Lock()

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Call `callback` with every event from now on, on a thread of its own.

        Returns
        -------
        A function that ends the subscription.
        """
        listener = _Listener(callback)
        with self._lock:
            self._listeners.append(listener)
        listener.start()

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)
            listener.close()

        return unsubscribe

    def emit(self, kind: Kind, job: str = "", **data: Any) -> None:  # noqa: ANN401 - whatever the kind carries
        """Tell all listeners; returns at once."""
        with self._lock:
            event = Event(next(self._cursor), job, kind, time.time(), data)
            for listener in self._listeners:
                listener.put(event)
