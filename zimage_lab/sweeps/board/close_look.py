"""What the window shows of a board, as sharp as the screen can, for when somebody looks closely.

The atlas has small pictures. Where cells are seen larger, the pictures that are seen are put together in the kernel and
sent as one, once the board is at rest; while it moves, that one moves with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image

from zimage_lab.sweeps.board.atlas import put_together
from zimage_lab.sweeps.board.ink import closed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zimage_lab.sweeps.board.camera import Camera
    from zimage_lab.sweeps.board.ink import Ink
    from zimage_lab.sweeps.board.layout import Place

LOSSLESS = 2
"""Pictures up to which they are sent without loss, which takes long for many."""


class CloseLook:
    """One canvas with the pictures of the window.

    Parameters
    ----------
    ink
        Who makes canvases.
    """

    def __init__(self, ink: Ink) -> None:
        self._ink = ink
        self._canvas: Any = None
        self._of: Camera | None = None
        self._sent: tuple[object, ...] = ()
        self._pictures: dict[Place, Image.Image] = {}  # kept: a new picture may get the id of one that is gone

    def current(self, camera: Camera, pictures: Mapping[Place, Image.Image], ratio: float) -> bool:
        """Whether it shows just this."""
        return self._sent == _told(camera, pictures, ratio)

    def paint(self, camera: Camera, pictures: Mapping[Place, Image.Image], ratio: float) -> None:
        """Send what the window shows.

        Parameters
        ----------
        camera
            What part of the board is seen.
        pictures
            The picture of each place that is seen and has one.
        ratio
            Pixels of the screen for each one of the page.
        """
        left, top, width, height = camera.window
        size = max(1, round(width * ratio)), max(1, round(height * ratio))
        if self._canvas is None:
            self._canvas = self._ink.canvas(*size)
        if (self._canvas.width, self._canvas.height) != size:
            self._canvas.width, self._canvas.height = size
        boxes, resized = {}, {}
        for place, picture in pictures.items():
            x, y, w, h = camera.rectangle(place)
            boxes[place] = ((x - left) * ratio, (y - top) * ratio, w * ratio, h * ratio)
            resized[place] = _filling(picture, (w * ratio, h * ratio))
        put_together(self._canvas, boxes, resized, lossless=len(pictures) <= LOSSLESS)
        self._pictures = dict(pictures)
        self._of, self._sent = camera, _told(camera, pictures, ratio)

    def draw(self, canvas: Any, camera: Camera) -> None:  # noqa: ANN401 - ipycanvas has no types
        """Draw it where it belongs by now."""
        if self._of is None or self._of.cell != camera.cell:
            return
        x, y = camera.on_screen(self._of.x, self._of.y)
        grown = camera.scale / self._of.scale
        canvas.draw_image(self._canvas, x, y, self._of.window[2] * grown, self._of.window[3] * grown)

    def forget(self) -> None:
        """Show nothing: other cells are seen, or the page lost it."""
        self._of, self._sent = None, ()

    def close(self) -> None:
        """Close the canvas."""
        if self._canvas is not None:
            closed(self._canvas)


def _told(camera: Camera, pictures: Mapping[Place, Image.Image], ratio: float) -> tuple[object, ...]:
    return camera, ratio, tuple((place, id(picture)) for place, picture in sorted(pictures.items()))


def _filling(picture: Image.Image, box: tuple[float, float]) -> Image.Image:
    """Give a picture in the size in which it fills a box; small ones grow, too."""
    factor = min(box[0] / picture.width, box[1] / picture.height)
    size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    return picture if size == picture.size else picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2)
