"""A job as a notebook shows it: a bar, the time left and the preview while it is made, its picture afterwards."""

from __future__ import annotations

import base64
import contextvars
import html
import io
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zimage_lab.engine.job import Job

LOOK = 0.1
"""Seconds between two looks at a job: no front end is sent more than ten updates a second."""

PREVIEW = 256
"""Longest edge of a preview in the cell, in pixels."""


def progress(job: Job) -> str:
    """Draw a job's progress as HTML in the theme's own colours: stage, bar, time left, preview."""
    now = job.progress
    left = "" if now.seconds_left is None else f", {now.seconds_left:.0f} s left"
    text = html.escape(f"{now.stage} {now.step}/{now.steps}{left}" if now.stage == "denoising" else now.stage)
    bar = f'<progress max="{max(now.steps, 1)}" value="{now.step}" aria-label="{text}"></progress>'
    return f'<div style="color: var(--jp-ui-font-color1, inherit)">{bar} {text}</div>{_preview(job)}'


def follow(job: Job) -> None:
    """Show a job where the cell's result goes, and keep it up to date there while other cells run.

    Without a front end that can change what it has shown (a terminal), the job is shown once, as it is now.
    """
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    shell: Any = get_ipython()
    if job.done or not hasattr(shell, "kernel"):
        display(job._repr_mimebundle_(), raw=True)  # type: ignore[no-untyped-call]
        return
    slot: Any = display(_bundle(job), raw=True, display_id=True)  # type: ignore[no-untyped-call]
    context = contextvars.copy_context()  # ipykernel finds in it the cell that an output belongs to
    threading.Thread(target=context.run, args=(_keep, job, slot), name="zimage-lab-live", daemon=True).start()


def _keep(job: Job, slot: Any) -> None:  # noqa: ANN401 - IPython's DisplayHandle
    ended, last = threading.Event(), ""
    job.add_done_callback(ended.set)
    while not ended.wait(LOOK):
        bundle = _bundle(job)
        if bundle["text/html"] != last:
            slot.update(bundle, raw=True)
            last = bundle["text/html"]
    slot.update(job._repr_mimebundle_(), raw=True)


def _bundle(job: Job) -> dict[str, str]:
    return {"text/plain": repr(job), "text/html": progress(job)}


def _preview(job: Job) -> str:
    if job.preview is None:
        return ""
    small = job.preview.convert("RGB")
    small.thumbnail((PREVIEW, PREVIEW))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<img alt="preview" width="{small.width}" src="data:image/jpeg;base64,{data}">'
