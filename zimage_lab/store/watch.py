"""A thread that notices when another process wrote to the database, without asking for anything in it."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Self

from zimage_lab.errors import ZImageError
from zimage_lab.store.database import connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOG = logging.getLogger(__name__)

LOOK_SECONDS = 0.05
REOPEN_SECONDS = 1.0


class Watch:
    """Calls back when somebody else's connection has committed, and now and then in any case.

    What happened is not said: whoever is called looks at what concerns it.

    Parameters
    ----------
    home
        The home folder.
    callback
        Called on the watch's own thread; what it raises is logged, and the watch goes on.
    every
        Seconds after which it is called though nothing was written.
    """

    def __init__(self, home: Path, callback: Callable[[], None], every: float = 2.0) -> None:
        self._home, self._callback, self._every = home, callback, every
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="zimage-lab-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread; the callback is not called afterwards, unless it calls this itself."""
        self._closed.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread."""
        self.close()

    def _run(self) -> None:
        told = ""
        while not self._closed.is_set():
            try:
                connection = connect(self._home)
                try:
                    self._look(connection)
                finally:
                    connection.close()
            except (ZImageError, sqlite3.Error) as error:
                # The file may be locked, or on a disk that is full; the calls at intervals go on meanwhile.
                if str(error) != told:
                    told = str(error)
                    LOG.warning("The database could not be watched and is opened again: %s", error)
                self._call()
                self._closed.wait(REOPEN_SECONDS)

    def _look(self, connection: sqlite3.Connection) -> None:
        seen: int | None = None  # the first look always calls: something may have been written before
        called = time.monotonic()
        while True:
            # A number in shared memory that each commit of another connection changes: nothing is read from the disk.
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            if version != seen or time.monotonic() - called >= self._every:
                seen, called = version, time.monotonic()
                self._call()
            if self._closed.wait(LOOK_SECONDS):
                return

    def _call(self) -> None:
        if self._closed.is_set():
            return
        try:
            self._callback()
        except Exception:
            LOG.exception("What watches the database raised an error; the watch goes on")
