"""The picture that an edit model changes: the one that is shown, or a file; hidden for models that begin from noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipywidgets import HTML, Button, FileUpload, Image, VBox

from zimage_lab.errors import InvalidRequest, StoreError
from zimage_lab.store import inputs
from zimage_lab.widgets.fields import Row, classed, toggle_class
from zimage_lab.widgets.picture import encoded
from zimage_lab.widgets.sentences import beside, translated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.models import Model
    from zimage_lab.widgets.words import Words

EDGE = 128
"""Longest edge of the picture in the form, in pixels."""

FIELD = inputs.SEVERAL


class ReferenceField:
    """The picture to change, kept in the home folder as soon as it is chosen.

    Parameters
    ----------
    words
        The panel's texts.
    changed
        Called after each change.

    Attributes
    ----------
    place
        Gives the engine's home folder.
    shown
        Gives the file of the picture that the panel shows; None where there is none.
    """

    def __init__(self, words: Words, changed: Callable[[], None]) -> None:
        self._words, self._changed = words, changed
        self._digest: str | None = None
        self.place: Callable[[], Path | None] = lambda: None
        self.shown: Callable[[], Path | None] = lambda: None
        self.image = classed(Image(value=b"", format="webp"), "zl-reference", "zl-blank")
        self.take = Button(description=words("take_shown"), tooltip=words("take_shown_tip"), icon="clone")
        self.upload = FileUpload(accept=".png,.jpg,.jpeg,.webp", multiple=False, description=words("upload"))
        self.row = Row({FIELD: self.image}, [self.take, self.upload])
        self.widget = VBox([HTML(f'<div class="zl-caption">{words(FIELD)}</div>'), self.row.widget])
        self.take.on_click(lambda _: self._take())
        self.upload.observe(self._uploaded, "value")
        toggle_class(self.widget, "zl-gone", on=True)

    def use(self, model: Model) -> None:
        """Appear for a model that changes pictures."""
        toggle_class(self.widget, "zl-gone", on=not model.card.reference_images[1])

    @property
    def value(self) -> tuple[str, ...]:
        """The hash of the chosen picture, as a request has it; nothing where the model takes none."""
        hidden = "zl-gone" in self.widget._dom_classes  # noqa: SLF001 - ipywidgets offer no question for it
        return (self._digest,) if self._digest is not None and not hidden else ()

    def fill(self, references: tuple[str, ...]) -> None:
        """Show the picture of a request, where it is still kept."""
        if references:
            self._keep(references[0])

    def _take(self) -> None:
        path = self.shown()
        if path is None:
            self.row.complain(FIELD, self._words("nothing_shown"))
        else:
            self._keep(path)

    def _uploaded(self, change: Any) -> None:  # noqa: ANN401 - traitlets' change
        if change["new"]:
            self._keep(bytes(change["new"][0]["content"]))
            self.upload.value = ()  # the same file may be chosen again

    def _keep(self, picture: object) -> None:
        from zimage_lab.home import home

        place = home(self.place())
        try:
            digest = inputs.put(picture, place, FIELD)
            self.image.value = encoded(inputs.opened(digest, place, FIELD), EDGE, 85)
        except InvalidRequest as error:
            self.row.complain(FIELD, beside(error, self._words(FIELD), self._words))
            return
        except StoreError as error:
            self.row.complain(FIELD, translated(str(error), self._words))
            return
        self._digest = digest
        toggle_class(self.image, "zl-blank", on=False)
        self.row.complain(FIELD)
        self._changed()
