"""How the shell waits for many pictures: a bar on a terminal, a line now and then elsewhere, and Ctrl-C."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from zimage_lab.cli.terminal import tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zimage_lab.batch import Batch
    from zimage_lab.compare import Comparison
    from zimage_lab.sweeps import Sweep

LOOK = 0.1
"""Seconds between two looks."""

LINE_SECONDS = 10.0
"""Seconds between two lines where standard error is no terminal."""


def wait(made: Batch | Sweep | Comparison, look: Callable[[], None]) -> None:
    """Wait for the end; an interrupt cancels it, also between two looks."""
    try:
        while not made.done:
            look()
            try:
                made.wait(timeout=LOOK)
            except TimeoutError:
                continue
        look()
        made.wait()
    except KeyboardInterrupt:
        tell("Stopping after the step that runs; what is done is kept.")
        made.cancel()
        with suppress(TimeoutError):  # a slow step of a large model: it ends by itself, and this is still a cancel
            made.wait(timeout=60)
        raise


@contextmanager
def progress(made: Batch | Sweep | Comparison) -> Iterator[Callable[[], None]]:
    """Show a bar on a terminal, and a line now and then elsewhere; gives the function that moves it."""
    if not sys.stderr.isatty():
        said = [time.monotonic(), ""]

        def line() -> None:
            now = made.progress
            if time.monotonic() - said[0] >= LINE_SECONDS and now.stage != said[1]:  # type: ignore[operator]
                said[:] = [time.monotonic(), now.stage]
                tell(now.stage)

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    with Progress(BarColumn(), TextColumn("{task.description}"), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def look() -> None:
            now = made.progress
            bar.update(task, description=now.stage, completed=now.step, total=now.steps)

        yield look
