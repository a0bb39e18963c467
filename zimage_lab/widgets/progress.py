"""One bar and one line: how far a job is, in words and as a share, also for who cannot see the bar."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab.widgets.plain import HTML

if TYPE_CHECKING:
    from zimage_lab.engine.job import Job
    from zimage_lab.widgets.words import Words


class Shown(NamedTuple):
    """A line, and the share that is done; None where no bar is shown."""

    line: str
    share: float | None


def told(job: Job | None, place: int, words: Words, *, size: int | None = None, reading: bool = False) -> Shown:
    """Say how far a job is.

    Parameters
    ----------
    job
        The job, or None where there is none.
    place
        Its place in line, from 1, where it waits.
    words
        The panel's texts.
    size
        Bytes of the model's weights, where they are known.
    reading
        Whether the engine reads weights now, which the first in line waits for.
    """
    if job is None:
        return Shown(words("idle"), None)
    if job.state == "queued" and reading and place == 1:
        return Shown(words("loading", model=job.request.model, size=words.size(size)), 0.0)
    if job.state == "queued":
        return Shown(words("queued", place=place), 0.0)
    if job.state == "running":
        return _running(job, words, size)
    return Shown(_ended(job, words), None)


def _ended(job: Job, words: Words) -> str:
    step, steps = job.progress.step, job.progress.steps
    if job.state == "succeeded":
        return _took(job, words)
    if job.state == "cancelled":
        return words("cancelled_at", step=step, steps=steps) if step else words("cancelled_early")
    return words(job.state if job.state in {"invalid_output", "quarantined"} else "failed")


def _running(job: Job, words: Words, size: int | None) -> Shown:
    progress = job.progress
    steps = max(1, progress.steps)
    share = min(1.0, progress.step / steps)
    if job.cancelled:
        return Shown(words("cancelling"), share)
    if progress.stage == "denoising" and progress.step:
        line = words("step", step=progress.step, steps=steps)
        if progress.seconds_left is not None:
            line += words("comma") + words("left", time=words.time(progress.seconds_left))
        return Shown(line, share)
    if progress.stage == "loading":
        return Shown(words("loading", model=job.request.model, size=words.size(size)), 0.0)
    lines = {
        "encoding": words("encoding"),
        "denoising": words("starting"),
        "decoding": words("decoding", steps=steps),
        "saving": words("saving"),
    }
    return Shown(lines.get(progress.stage, words("starting")), share)


def _took(job: Job, words: Words) -> str:
    seconds = job.result(0).record.seconds
    return words("done", time=words.time(sum(seconds.values()))) if seconds else words("done_plain")


class ProgressLine:
    """The bar and the line; they keep their place also while nothing runs."""

    def __init__(self) -> None:
        self.widget = HTML()

    def show(self, shown: Shown) -> None:
        """Show how far a job is."""
        percent = round((shown.share or 0.0) * 100)
        rest = " zl-rest" if shown.share is None else ""
        bar = (
            f'<div class="zl-bar{rest}" role="progressbar" aria-valuemin="0" aria-valuemax="100" '
            f'aria-valuenow="{percent}"><div style="width:{0 if rest else percent}%"></div></div>'
        )
        self.widget.value = f'<div class="zl-state" role="status">{html.escape(shown.line)}</div>{bar}'
