"""The contact sheet of a board as an ordinary output, for whoever sees the notebook without a kernel.

A widget is nothing without its kernel. So the cell also holds a picture of the whole sweep, which every viewer shows.
It is hidden while the board itself is on the screen (`style`). A cell that has ended takes no new outputs, but those
that it has may change: an empty one is made with the board, and filled when the sweep is done.
"""

from __future__ import annotations

import contextvars
import io
import logging
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zimage_lab.sweeps.sweep import Sweep

LOG = logging.getLogger(__name__)

EDGE = 1600
"""Longest edge of the picture: a notebook is to stay small, and the whole sheet is a call away."""

EMPTY = {"text/plain": "", "text/html": '<i class="zl-board-slot"></i>'}


def sheet(sweep: Sweep) -> bytes | None:
    """Give the contact sheet as JPEG; None where there is no picture yet."""
    if not sweep.counts.get("succeeded"):
        return None
    from zimage_lab.sweeps.sheet import contact_sheet

    picture = contact_sheet(sweep).convert("RGB")
    picture.thumbnail((EDGE, EDGE))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def bundle(sweep: Sweep) -> dict[str, Any]:
    """Give what a viewer without widgets shows."""
    data = sheet(sweep)
    return {"text/plain": repr(sweep)} | ({} if data is None else {"image/jpeg": data})


def slot(sweep: Sweep) -> None:
    """Put the sheet into the cell that runs; in a notebook alone, and filled when the sweep is done."""
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    if not hasattr(get_ipython(), "kernel"):
        return
    handle: Any = display(EMPTY, raw=True, display_id=True)  # type: ignore[no-untyped-call]
    cell = contextvars.copy_context()  # ipykernel finds in it the cell that an output belongs to

    def fill() -> None:
        try:
            metadata = {"image/jpeg": {"width": EDGE // 2}}
            cell.run(handle.update, bundle(sweep), metadata=metadata, raw=True)
        except Exception:
            LOG.exception("The board's contact sheet could not be put into the notebook")

    def later() -> None:
        # A sheet of a thousand pictures takes a minute to read, and neither the cell nor the sweep waits for it.
        threading.Thread(target=fill, name="zimage-lab-board-sheet", daemon=True).start()

    sweep.add_done_callback(later)
