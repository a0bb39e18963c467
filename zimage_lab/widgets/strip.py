"""Thumbnails of this session's pictures, newest first; a click shows one again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.errors import ZImageError
from zimage_lab.widgets.fields import classed, toggle_class
from zimage_lab.widgets.picture import encoded
from zimage_lab.widgets.plain import Box, Button, Image

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zimage_lab.engine.job import Job

LONGEST = 24
"""Most thumbnails; older pictures are in the home folder."""

EDGE = 128
"""Longest edge of a thumbnail in pixels, twice what it takes on the screen."""


class Strip:
    """A row of thumbnails that wraps.

    Parameters
    ----------
    chosen
        Called with the id of the job whose thumbnail was clicked.
    """

    def __init__(self, chosen: Callable[[str], None]) -> None:
        self._chosen = chosen
        self.thumbnails: dict[str, Any] = {}
        self.buttons: dict[str, Any] = {}
        self._lost: set[str] = set()
        self.widget = classed(Box(), "zl-strip")

    def show(self, jobs: Sequence[Job], shown: str | None) -> None:
        """Show the pictures of the newest jobs, and mark the one in the frame."""
        wanted = [job for job in jobs if job.state == "succeeded" and job.id not in self._lost][:LONGEST]
        names = {job.id for job in wanted}
        for gone in [name for name in self.thumbnails if name not in names]:
            del self.buttons[gone]
            box = self.thumbnails.pop(gone)
            for part in (*box.children, box):
                part.close()
        for job in wanted:
            if job.id not in self.thumbnails:
                self._add(job)
        children = tuple(self.thumbnails[job.id] for job in wanted if job.id in self.thumbnails)
        if children != self.widget.children:
            self.widget.children = children
        for name, box in self.thumbnails.items():
            toggle_class(box, "zl-on", on=name == shown)

    def _add(self, job: Job) -> None:
        try:
            content = encoded(job.result(0).image, EDGE, 80)
        except (ZImageError, OSError):
            self._lost.add(job.id)  # the file is gone: nothing to show, and no reason to look again
            return
        # The button lies under the picture: ipywidgets' images take no clicks and no keys.
        tooltip = f"{job.request.prompt[:200]} · {job.request.seed}"
        button = Button(tooltip=tooltip)
        button.on_click(lambda _, name=job.id: self._chosen(name))
        self.buttons[job.id] = button
        image = Image(value=content, format="webp")
        self.thumbnails[job.id] = classed(Box([button, image]), "zl-thumb")
