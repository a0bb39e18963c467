"""Live events between processes: an engine publishes, whoever is attached listens, and neither waits for the other.

ZeroMQ's PUB drops what a listener does not take, so a dead or slow one costs the engine nothing. What is dropped is
only ever a step or a preview: states are in the store, where every listener catches up.
"""

from __future__ import annotations

import io
import json
import logging
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zmq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from PIL import Image

    from zimage_lab.engine.events import Event, Events

LOG = logging.getLogger(__name__)

WAITING = 256
"""Messages kept for one listener before its next ones are dropped."""

PREVIEW = 512
"""Longest edge of a preview that travels, in pixels."""

POLL_MILLISECONDS = 200
_SOCKET_PATH = 100  # bytes; the system takes 108 with the closing zero


class Broadcaster:
    """Publishes an engine's steps and previews.

    Parameters
    ----------
    name
        Short name of the engine, for its socket.
    folder
        The home's `run` folder, which only its owner can enter.
    events
        What to publish.
    preview_of
        Gives the latest preview of a job, or None.
    """

    def __init__(
        self, name: str, folder: Path, events: Events, preview_of: Callable[[str], Image.Image | None]
    ) -> None:
        self._preview_of = preview_of
        self._listeners = 0
        self._lock = threading.Lock()
        self._private: tempfile.TemporaryDirectory[str] | None = None
        path = folder / f"{name}.sock"
        if len(str(path).encode()) > _SOCKET_PATH:
            self._private = tempfile.TemporaryDirectory(prefix="zl-")  # made for its owner alone
            path = Path(self._private.name) / "sock"
        self._path = path
        self.endpoint = f"ipc://{path}"
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.XPUB)
        self._socket.set(zmq.SNDHWM, WAITING)
        self._socket.set(zmq.LINGER, 0)
        self._socket.bind(self.endpoint)
        self._unsubscribe = events.subscribe(self._send)

    def close(self) -> None:
        """Stop publishing and remove the socket's file."""
        self._unsubscribe()
        with self._lock:
            if not self._socket.closed:
                self._socket.close()
        self._path.unlink(missing_ok=True)
        if self._private is not None:
            self._private.cleanup()

    def _send(self, event: Event) -> None:
        with self._lock:
            if self._socket.closed:
                return
            self._count()
            if not self._listeners:
                return
            picture = self._preview_of(event.job) if event.kind == "preview" else None
            facts = {"cursor": event.cursor, "job": event.job, "kind": event.kind, "t": event.t, "data": event.data}
            try:
                self._socket.send_multipart(
                    [json.dumps(facts).encode(), jpeg(picture) if picture else b""], zmq.NOBLOCK
                )
            except zmq.Again:
                LOG.debug("A live event was dropped")

    def _count(self) -> None:
        """Read who came and went: without listeners no preview is encoded."""
        while self._socket.poll(0, zmq.POLLIN):
            self._listeners += 1 if self._socket.recv()[:1] == b"\x01" else -1


class Listener(threading.Thread):
    """Hears the engines of other processes.

    Parameters
    ----------
    callback
        Called on this thread with the event's facts and, for a preview, its JPEG.
    """

    def __init__(self, callback: Callable[[dict[str, Any], bytes], None]) -> None:
        super().__init__(name="zimage-lab-listener", daemon=True)
        self._callback = callback
        self._wanted: frozenset[str] = frozenset()
        self._open = True

    def hear(self, endpoints: Iterable[str]) -> None:
        """Listen to these engines, and to no other from now on."""
        self._wanted = frozenset(endpoints)

    def close(self) -> None:
        """End the thread."""
        self._open = False

    def run(self) -> None:
        """Receive until closed; an engine that is gone is simply silent."""
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        socket.set(zmq.LINGER, 0)
        socket.set(zmq.RCVHWM, WAITING)
        socket.set(zmq.SUBSCRIBE, b"")
        heard: frozenset[str] = frozenset()
        try:
            while self._open:
                wanted = self._wanted
                for endpoint in heard - wanted:
                    socket.disconnect(endpoint)
                for endpoint in wanted - heard:
                    socket.connect(endpoint)
                heard = wanted
                if socket.poll(POLL_MILLISECONDS):
                    self._take(socket.recv_multipart())
        finally:
            socket.close()

    def _take(self, frames: list[bytes]) -> None:
        try:
            facts, blob = frames
            self._callback(json.loads(facts), blob)
        except Exception:
            LOG.exception("A live event could not be used")


def can_broadcast() -> bool:
    """Whether this system has the sockets that live events travel on; without them states come from the store alone."""
    return sys.platform != "win32"


def jpeg(picture: Image.Image) -> bytes:
    """Give a preview small enough to travel at every step."""
    small = picture.convert("RGB")
    small.thumbnail((PREVIEW, PREVIEW))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
