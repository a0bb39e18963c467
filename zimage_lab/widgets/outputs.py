"""The panel's finished pictures as ordinary outputs of its cell, for whoever sees the notebook without a kernel.

A widget is nothing without its kernel. So the cell also holds the latest pictures as plain images, which every viewer
shows. While the panel itself is on the screen they are hidden (`widgets.style`): it shows them already. A cell that has
ended takes no new outputs, but the ones that it has may change: empty ones are made with the panel.
"""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython
from IPython.display import display

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zimage_lab.engine.job import Job

SLOTS = 4
"""Pictures that a cell keeps, the newest first."""

WIDEST = 512
"""Width in pixels at which a viewer shows them; the image itself is whole. By it the style knows them, too."""

EMPTY = {"text/plain": "", "text/html": '<i class="zl-slot"></i>'}


class Outputs:
    """Outputs of the cell that runs, none where there is no notebook."""

    def __init__(self) -> None:
        self._before: set[str] = set()
        self._shown: list[str] = []
        notebook = hasattr(get_ipython(), "kernel")
        self._cell = contextvars.copy_context()  # ipykernel finds in it the cell that an output belongs to
        self._slots = [_slot() for _ in range(SLOTS)] if notebook else []

    def leave(self, before: Iterable[Job]) -> None:
        """Leave out jobs of before, whose pictures belong elsewhere."""
        self._before |= {job.id for job in before}

    def show(self, jobs: Iterable[Job]) -> None:
        """Put the newest finished pictures there; jobs come newest first."""
        if not self._slots:
            return
        done = [job for job in jobs if job.state == "succeeded" and job.id not in self._before][:SLOTS]
        if [job.id for job in done] != self._shown:
            self._shown = [job.id for job in done]
            for slot, job in zip(self._slots, done, strict=False):
                picture = job.result(0)
                width = min(WIDEST, picture.record.request.width)
                metadata = {"image/png": {"width": width}}
                self._cell.run(slot.update, picture._repr_mimebundle_(), metadata=metadata, raw=True)


def _slot() -> Any:  # noqa: ANN401 - IPython's DisplayHandle
    return display(EMPTY, raw=True, display_id=True)  # type: ignore[no-untyped-call]
