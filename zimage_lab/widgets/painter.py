"""A mask painted over a picture: brush and eraser on ipycanvas, kept here as pixels, so that a reload loses nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipycanvas import MultiCanvas, hold_canvas

from zimage_lab.widgets.fields import classed, text
from zimage_lab.widgets.plain import HTML, Button, HBox, IntSlider, ToggleButton, VBox

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.Image import Image as Picture

    from zimage_lab.widgets.words import Words

EDGE = 384
"""Longest edge of the canvas in pixels."""

SIZES = (4, 96)
UNDOS = 30
COLOUR, ALPHA = (230, 60, 60), 140
"""How the painted part looks over the picture."""


class MaskPainter:
    """The canvas and its tools; what is painted is white in the mask, and drawn anew.

    Parameters
    ----------
    words
        The panel's texts.
    changed
        Called when another mask is painted.
    """

    def __init__(self, words: Words, changed: Callable[[], None]) -> None:
        self._words, self._changed = words, changed
        self._picture: Picture | None = None
        self._mask: Picture | None = None
        self._before: list[Picture] = []
        self._last: tuple[float, float] | None = None
        self.canvas = classed(MultiCanvas(2, width=EDGE, height=EDGE), "zl-canvas")
        self.eraser = ToggleButton(description=words("eraser"), tooltip=words("eraser_tip"), icon="eraser")
        self.size = IntSlider(value=32, min=SIZES[0], max=SIZES[1], description=words("brush"), continuous_update=False)
        self.invert = Button(description=words("invert"), tooltip=words("invert_tip"), icon="adjust")
        self.undo = Button(description=words("undo"), tooltip=words("undo_mask_tip"), icon="undo")
        self.wipe = Button(description=words("wipe"), tooltip=words("wipe_tip"), icon="times")
        tools = classed(HBox([self.eraser, self.invert, self.undo, self.wipe]), "zl-actions")
        self.widget = VBox([HTML(text(words("paint_note"))), self.canvas, classed(self.size, "zl-brush"), tools])
        self.canvas.on_mouse_down(self._down)
        self.canvas.on_mouse_move(self._move)
        self.canvas.on_mouse_up(lambda _x, _y: self._up())
        self.canvas.on_mouse_out(lambda _x, _y: self._up())
        self.canvas.on_key_down(self._key)
        self.canvas.on_client_ready(self.draw)
        self.invert.on_click(lambda _: self._inverted())
        self.undo.on_click(lambda _: self._undone())
        self.wipe.on_click(lambda _: self._wiped())

    def begin(self, picture: Picture | None, mask: Picture | None = None) -> None:
        """Paint over another picture, with nothing or a mask on it."""
        from PIL import Image

        self._before, self._last = [], None
        if picture is None:
            self._picture = self._mask = None
        else:
            self._picture = picture.convert("RGB")
            self._picture.thumbnail((EDGE, EDGE))
            size = self._picture.size
            self._mask = Image.new("L", size) if mask is None else mask.convert("L").resize(size)
            self.canvas.width, self.canvas.height = size
        self.draw()

    @property
    def mask(self) -> Picture | None:
        """What is painted, of the canvas' size; None where nothing is."""
        return self._mask if self._mask is not None and self._mask.getbbox() is not None else None

    def draw(self) -> None:
        """Draw picture and mask whole, as after a reload."""
        import numpy as np

        with hold_canvas():
            self.canvas[0].clear()
            self.canvas[1].clear()
            if self._picture is None or self._mask is None:
                return
            self.canvas[0].put_image_data(np.asarray(self._picture), 0, 0)
            over = np.empty((self._mask.height, self._mask.width, 4), np.uint8)
            over[..., :3] = COLOUR
            over[..., 3] = np.asarray(self._mask, np.uint16) * ALPHA // 255
            self.canvas[1].put_image_data(over, 0, 0)

    def _down(self, x: float, y: float) -> None:
        if self._mask is None:
            return
        self._keep()
        self._last = (x, y)
        self._stroke(x, y)

    def _move(self, x: float, y: float) -> None:
        if self._last is not None:
            self._stroke(x, y)
            self._last = (x, y)

    def _up(self) -> None:
        if self._last is None:
            return
        self._last = None
        self.draw()  # the strokes' overlaps become one even tone
        self._changed()

    def _stroke(self, x: float, y: float) -> None:
        from PIL import ImageDraw

        if self._mask is None or self._last is None:
            return
        radius, layer = self.size.value / 2, self.canvas[1]
        ink = 0 if self.eraser.value else 255
        pen = ImageDraw.Draw(self._mask)
        pen.line([self._last, (x, y)], fill=ink, width=int(self.size.value))
        pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=ink)
        with hold_canvas():
            layer.global_composite_operation = "destination-out" if self.eraser.value else "source-over"
            red, green, blue = COLOUR
            layer.stroke_style = f"rgba({red}, {green}, {blue}, {1 if self.eraser.value else 0.4})"
            layer.line_width, layer.line_cap = self.size.value, "round"
            layer.stroke_line(*self._last, x + 0.1, y)
            layer.global_composite_operation = "source-over"

    def _key(self, key: str, _shift: bool, control: bool, meta: bool) -> None:  # noqa: FBT001 - ipycanvas' order
        if key.lower() == "z" and (control or meta):
            self._undone()
        elif key in {"[", "]"}:
            self.size.value = min(SIZES[1], max(SIZES[0], self.size.value + (4 if key == "]" else -4)))
        elif key.lower() == "e":
            self.eraser.value = not self.eraser.value
        elif key.lower() == "i":
            self._inverted()

    def _keep(self) -> None:
        if self._mask is not None:
            self._before = [*self._before[-UNDOS + 1 :], self._mask.copy()]

    def _inverted(self) -> None:
        from PIL import ImageOps

        if self._mask is not None:
            self._keep()
            self._put(ImageOps.invert(self._mask))

    def _undone(self) -> None:
        if self._before:
            self._put(self._before.pop())

    def _wiped(self) -> None:
        from PIL import Image

        if self._mask is not None:
            self._keep()
            self._put(Image.new("L", self._mask.size))

    def _put(self, mask: Any) -> None:  # noqa: ANN401 - a picture
        self._mask = mask
        self.draw()
        self._changed()
