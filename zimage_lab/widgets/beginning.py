"""What a picture begins with: another picture, how much of it is drawn anew, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.home import home
from zimage_lab.models.check import size_of
from zimage_lab.request import STRENGTH
from zimage_lab.store import inputs
from zimage_lab.widgets.fields import Fold, Row, toggle_class
from zimage_lab.widgets.picture_field import PictureField
from zimage_lab.widgets.plain import FloatText, ToggleButton, VBox

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.models import Model
    from zimage_lab.request import GenerationRequest
    from zimage_lab.widgets.painter import MaskPainter
    from zimage_lab.widgets.words import Words

FAMILY = "z_image"
"""The family that begins with pictures."""


class Beginning:
    """The part of the form; folded, since most pictures begin with noise.

    Parameters
    ----------
    words
        The panel's texts.
    changed
        Called after each change.
    sized
        Called with the width and height in which the model draws from the picture.
    """

    def __init__(self, words: Words, changed: Callable[[], None], sized: Callable[[tuple[int, int]], None]) -> None:
        self._words, self._changed, self._sized = words, changed, sized
        self._model: Model | None = None
        self._filling = False
        self.picture = PictureField(words, "init_image", self._chosen)
        self.strength = FloatText(
            description=words("strength"), value=STRENGTH, step=0.05, tooltip=words("strength_tip")
        )
        self.paint = ToggleButton(description=words("paint"), tooltip=words("paint_tip"), icon="paint-brush")
        self.row = Row({"strength": self.strength}, [self.paint])
        self.rows = {"init_image": self.picture.row, "strength": self.row}
        self.board = VBox()
        self.painter: MaskPainter | None = None
        self.more = VBox([self.row.widget, self.board])
        self.fold = Fold(words("beginning"), [self.picture.widget, self.more])
        self.widget = self.fold.widget
        self.strength.observe(lambda _: changed(), "value")
        self.paint.observe(lambda _: self._show_board(), "value")
        self._show()

    def use(self, model: Model) -> None:
        """Appear for a model that begins with pictures and changes none."""
        self._model = model
        fits = model.card.family == FAMILY
        toggle_class(self.widget, "zl-gone", on=not fits)

    def values(self) -> dict[str, Any]:
        """Give the fields of a request that are about it; none where it begins with noise."""
        hidden = "zl-gone" in self.widget._dom_classes  # noqa: SLF001 - ipywidgets offer no question for it
        if self.picture.digest is None or hidden:
            return {}
        found: dict[str, Any] = {"init_image": self.picture.digest, "strength": float(self.strength.value)}
        mask = self.painter.mask if self.painter is not None and self.paint.value else None
        if mask is not None:
            found["mask"] = inputs.put(mask, home(self.picture.place()), "mask")
        return found

    def fill(self, request: GenerationRequest) -> None:
        """Show what a request begins with, where it is still kept."""
        self._filling = True  # the request has its own size
        if request.init_image is None or not self.picture.choose(request.init_image):
            self.picture.forget()
        self._filling = False
        self.strength.value = STRENGTH if request.strength is None else request.strength
        self.paint.value = False
        if request.mask is not None and self.picture.digest is not None:
            place = home(self.picture.place())
            self.paint.value = True
            if self.painter is not None:
                self.painter.begin(self.picture.picture(), inputs.opened(request.mask, place, "mask"))

    def _chosen(self) -> None:
        picture = self.picture.picture()
        if picture is not None and self._model is not None and not self._filling:
            size = size_of(picture.size, self._model)
            self._sized((size["width"], size["height"]))
        if self.painter is not None:
            self.painter.begin(picture)
        self._show()
        self._changed()

    def _show(self) -> None:
        begun = self.picture.digest is not None
        toggle_class(self.more, "zl-gone", on=not begun)
        self.fold.say(self._words("beginning_on") if begun else "")

    def _show_board(self) -> None:
        """Put the canvas there when it is first wanted: it is heavy, and most people never paint."""
        if self.paint.value and self.painter is None:
            from zimage_lab.widgets.painter import MaskPainter

            self.painter = MaskPainter(self._words, self._changed)
            self.painter.begin(self.picture.picture())
            self.board.children = (self.painter.widget,)
        toggle_class(self.board, "zl-gone", on=not self.paint.value)
        self._changed()
