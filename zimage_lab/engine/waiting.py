"""How people wait in a kernel: in a cell that can be interrupted, or in one that awaits and leaves the kernel free."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator

STOP_SECONDS = 5.0
"""Longest wait for the running step after an interrupt."""

_LOOK = 0.1
"""Seconds of one wait: an interrupt reaches Python code only between two of them."""


def block(
    done: threading.Event,
    timeout: float | None,
    *,
    cancel: Callable[[], object],
    late: str,
    patience: float = STOP_SECONDS,
) -> None:
    """Wait in a cell; an interrupt of the kernel (the stop button) cancels.

    Parameters
    ----------
    done
        What is waited for.
    timeout
        Longest wait in seconds; None waits for as long as it takes.
    cancel
        Called after an interrupt.
    late
        The sentence of the TimeoutError; `{timeout:g}` stands for the seconds.
    patience
        Longest wait in seconds for what was cancelled to end.

    Raises
    ------
    TimeoutError
        When it is not done in time.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    try:
        while not done.wait(_LOOK):
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(late.format(timeout=timeout))
    except KeyboardInterrupt:
        cancel()
        done.wait(patience)
        raise


def until(
    add_done_callback: Callable[[Callable[[], None]], None], cancel: Callable[[], object]
) -> Generator[Any, None, None]:
    """Wait in a coroutine, for `__await__`; a cancelled task cancels what it waits for.

    Parameters
    ----------
    add_done_callback
        Takes what is called once, from any thread, when it is done.
    cancel
        Called when the task is cancelled.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not future.done():
            future.set_result(None)

    def told() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(wake)

    add_done_callback(told)
    try:
        yield from future
    except asyncio.CancelledError:
        cancel()
        raise
