"""One run of a scheduled command: a process of its own, its words kept, its end waited for.

What it prints goes to a file, not through a pipe: the engine that it may start outlives it, inherits what it writes to,
and would keep a pipe open for ever.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab.home import RUN, VARIABLE
from zimage_lab.schedules.command import program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

OUTPUT_BYTES = 2**16
"""How much of the end of what a run printed is kept."""

STOP_SECONDS = 30.0
"""How long a run has to end after it was asked to."""

STATES = {0: "done", 3: "cancelled"}
"""By exit code; every other one is "failed"."""


class Outcome(NamedTuple):
    """How a run ended."""

    state: str
    exit_code: int | None
    error: str | None
    output: str


class Process:
    """A command that runs.

    Parameters
    ----------
    words
        The command without the program.
    home, folder
        Its home, and where its relative paths begin.
    name
        Of the file in `run/` that it prints to.
    """

    def __init__(self, words: Sequence[str], home: Path, folder: str, name: str) -> None:
        self._words, self._home, self._folder = list(words), home, folder
        self._path = home / RUN / f"{name}.log"
        self._running: subprocess.Popen[bytes] | None = None
        self._asked = threading.Event()

    def run(self) -> Outcome:
        """Run it to its end."""
        environment = {**os.environ, VARIABLE: str(self._home), "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
        try:
            with self._path.open("wb") as file:
                self._running = subprocess.Popen(  # noqa: S603 - our own program, a checked command, no shell
                    [*program(), *self._words],
                    cwd=self._folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # a Ctrl-C at the terminal is the scheduler's, which passes it on
                )
            if self._asked.is_set():
                self.stop()
            code = self._running.wait()
            output = self._tail()
        except OSError as error:
            return Outcome("failed", None, f"It cannot be started: {error.strerror} ({error.filename}).", "")
        finally:
            self._path.unlink(missing_ok=True)
        if code < 0:
            return Outcome("failed", code, f"It was ended by signal {-code}.", output)
        state = STATES.get(code, "failed")
        lines = output.strip().splitlines()
        return Outcome(state, code, lines[-1] if state == "failed" and lines else None, output)

    def stop(self) -> None:
        """Ask it to end as by Ctrl-C: what is done is kept; after a while it is killed."""
        self._asked.set()
        running = self._running
        if running is None or running.poll() is not None:
            return
        running.send_signal(signal.SIGINT)
        late = threading.Timer(STOP_SECONDS, self.kill)
        late.daemon = True
        late.start()

    def kill(self) -> None:
        """End it at once."""
        running = self._running
        if running is not None and running.poll() is None:
            running.kill()

    def _tail(self) -> str:
        with self._path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - OUTPUT_BYTES))
            return file.read().decode("utf-8", "replace")
