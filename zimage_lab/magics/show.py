"""What a cell shows while it waits: a live bar and preview, and nothing of them afterwards."""

from __future__ import annotations

import html
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from IPython.display import display as ipython_display

from zimage_lab.engine import live
from zimage_lab.engine.waiting import STOP_SECONDS
from zimage_lab.errors import ZImageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.batch import Batch
    from zimage_lab.compare import Comparison
    from zimage_lab.engine.job import Job
    from zimage_lab.result import GeneratedImage
    from zimage_lab.sweeps import Sweep

Outcome = TypeVar("Outcome")

display: Any = ipython_display  # IPython leaves it untyped

QUIET = {"text/plain": "", "text/html": ""}
"""What the progress leaves behind: the same in a notebook that was saved, converted, or run again by a test."""


def notes(warnings: list[str]) -> None:
    """Show what a person should know of a request."""
    for warning in warnings:
        display({"text/plain": f"Note: {warning}", "text/html": f"<p>{html.escape(warning)}</p>"}, raw=True)


def show(job: Job) -> GeneratedImage:
    """Wait for a job in the cell that asked for it, with a live bar and preview where there is a front end.

    Parameters
    ----------
    job
        The job; an interrupt of the kernel cancels it.

    Returns
    -------
    GeneratedImage
        The picture.
    """
    notes(job.warnings)
    return _watched(job, job.result)


def show_batch(batch: Batch) -> Batch:
    """Wait for a batch in the same way; the cell then shows it once, as its result."""
    return _watched(batch, batch.wait)


def show_sweep(sweep: Sweep) -> Sweep:
    """Wait for a sweep in the same way."""
    return _watched(sweep, sweep.wait)


def show_comparison(comparison: Comparison) -> Comparison:
    """Wait for a comparison in the same way."""
    return _watched(comparison, comparison.wait)


def _watched(made: Any, outcome: Callable[..., Outcome]) -> Outcome:  # noqa: ANN401 - a job, or what follows one
    slot = display(QUIET, raw=True, display_id=True)
    last = ""
    try:
        while not made.done:
            now = live.progress(made)
            if now != last and slot is not None:
                slot.update({"text/plain": "", "text/html": now}, raw=True)
                last = now
            try:
                return outcome(timeout=live.LOOK)
            except TimeoutError:
                continue
        return outcome()
    except KeyboardInterrupt:
        made.cancel()  # also where the interrupt came between two looks
        with suppress(TimeoutError, ZImageError):
            outcome(timeout=STOP_SECONDS)
        raise
    finally:
        if slot is not None:
            slot.update(QUIET, raw=True)
