"""The picture's frame: empty, forming, finished, or cancelled; it has one place and size through all of them."""

from __future__ import annotations

import html
import io
from typing import TYPE_CHECKING

from zimage_lab.errors import ZImageError
from zimage_lab.widgets.fields import classed, toggle_class
from zimage_lab.widgets.plain import HTML, Box, Image

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from zimage_lab.engine.job import Job
    from zimage_lab.result import GeneratedImage
    from zimage_lab.widgets.words import Words

PREVIEW_EDGE = 512
"""Longest edge of a preview in pixels."""

WHOLE_BYTES = 512 * 1024
"""Up to this size the PNG itself is shown, whose copy still holds its recipe; above it a WebP of the same pixels."""


class PictureFrame:
    """Shows one job: its latest preview, then its picture.

    One image widget is used for both, so that previews never pile up in a saved notebook.

    Parameters
    ----------
    words
        The panel's texts.
    """

    def __init__(self, words: Words) -> None:
        self._words = words
        self._drawn: tuple[object, ...] = ()
        self._blank = ""
        self.image = Image(value=b"", format="png")
        self.caption = HTML()
        self.widget = classed(Box([self.image, self.caption]), "zl-frame", "zl-blank")
        self.show(None)

    def show(self, job: Job | None) -> None:
        """Show a job, sending a picture only where it is another one than before."""
        seen = (None,) if job is None else (job.id, job.state, job.preview)
        if seen == self._drawn:
            return
        self._drawn = seen
        content, caption = self._content(job)
        self._put(content, caption, job.request.prompt if job is not None else "")
        toggle_class(self.widget, "zl-cancelled", on=bool(content) and job is not None and job.state == "cancelled")

    def show_result(self, result: GeneratedImage) -> None:
        """Show a finished picture."""
        if self._drawn == (result.record.id,):
            return
        self._drawn = (result.record.id,)
        try:
            self._put(whole(result), "", result.record.request.prompt)
        except (ZImageError, OSError):
            self._put(b"", self._words("gone"), "")

    def _put(self, content: bytes, caption: str, prompt: str) -> None:
        if content:
            with self.image.hold_sync():
                self.image.format = "png" if content.startswith(b"\x89PNG") else "webp"
                self.image.value = content
        elif self.image.value:
            self.image.value = b""
        toggle_class(self.widget, "zl-blank", on=not content)
        # ipywidgets' images take no alt attribute: the caption says what they show, to whom cannot see them.
        alt = self._words("alt", prompt=prompt) if content else ""
        self.caption.value = f'<span class="zl-alt">{html.escape(alt)}</span>' if alt else html.escape(caption)

    def _content(self, job: Job | None) -> tuple[bytes, str]:
        if job is None:
            return b"", self._words("empty")
        if job.state == "succeeded":
            try:
                return whole(job.result(0)), ""
            except (ZImageError, OSError):
                return b"", self._words("gone")
        if job.preview is not None and job.state in {"queued", "running", "cancelled"}:
            return encoded(job.preview, PREVIEW_EDGE, 80), ""
        return b"", ""


def whole(result: GeneratedImage) -> bytes:
    """Give a finished picture as the browser is sent it: its own file where that is small."""
    path = result.path
    if path is not None and path.is_file() and path.stat().st_size <= WHOLE_BYTES:
        return path.read_bytes()
    return encoded(result.image, max(result.image.size), 92)


def encoded(picture: Picture, edge: int, quality: int) -> bytes:
    """Give a picture as WebP, no edge longer than `edge` pixels."""
    if max(picture.size) > edge:
        picture = picture.copy()
        picture.thumbnail((edge, edge))
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "WEBP", quality=quality, method=0)
    return buffer.getvalue()
