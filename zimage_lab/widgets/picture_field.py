"""A picture that a request needs: the one that is shown, or a file, kept in the home folder as soon as it is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest, StoreError
from zimage_lab.home import home
from zimage_lab.store import inputs
from zimage_lab.widgets.fields import Row, classed, toggle_class
from zimage_lab.widgets.picture import encoded
from zimage_lab.widgets.plain import HTML, Button, FileUpload, Image, VBox
from zimage_lab.widgets.sentences import beside, translated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PIL.Image import Image as Picture

    from zimage_lab.models import Model
    from zimage_lab.widgets.words import Words

EDGE = 128
"""Longest edge of the picture in the form, in pixels."""

REFERENCES = inputs.SEVERAL


class PictureField:
    """A picture, and the buttons that choose it.

    Parameters
    ----------
    words
        The panel's texts.
    field
        The request's field; also the key of its label.
    changed
        Called after each change.

    Attributes
    ----------
    digest
        Hash of the chosen picture; None without one.
    place
        Gives the engine's home folder.
    shown
        Gives the file of the picture that the panel shows; None where there is none.
    """

    def __init__(self, words: Words, field: str, changed: Callable[[], None]) -> None:
        self._words, self._field, self._changed = words, field, changed
        self.digest: str | None = None
        self.place: Callable[[], Path | None] = lambda: None
        self.shown: Callable[[], Path | None] = lambda: None
        self.image = classed(Image(value=b"", format="webp"), "zl-reference", "zl-blank")
        self.take = Button(description=words("take_shown"), tooltip=words("take_shown_tip"), icon="clone")
        self.upload = FileUpload(
            accept=".png,.jpg,.jpeg,.webp", multiple=False, description=words("upload"), tooltip=words("upload")
        )
        self.clear = Button(tooltip=words("clear_picture"), icon="times")
        self.row = Row({field: self.image}, [self.take, self.upload, classed(self.clear, "zl-icon", "zl-gone")])
        self.widget = VBox([HTML(f'<div class="zl-caption">{words(field)}</div>'), self.row.widget])
        self.take.on_click(lambda _: self._take())
        self.clear.on_click(lambda _: self.forget())
        self.upload.observe(self._uploaded, "value")

    def picture(self) -> Picture | None:
        """Give the chosen picture."""
        return None if self.digest is None else inputs.opened(self.digest, home(self.place()), self._field)

    def choose(self, picture: object) -> bool:
        """Take a picture: a file, bytes, or the hash of a stored one; tell whether that went well."""
        place = home(self.place())
        try:
            digest = inputs.put(picture, place, self._field)
            content = encoded(inputs.opened(digest, place, self._field), EDGE, 85)
        except InvalidRequest as error:
            self.row.complain(self._field, beside(error, self._words(self._field), self._words))
            return False
        except StoreError as error:
            self.row.complain(self._field, translated(str(error), self._words))
            return False
        self.digest, self.image.value = digest, content
        self._draw()
        return True

    def forget(self) -> None:
        """Choose no picture."""
        self.digest, self.image.value = None, b""
        self._draw()

    def _draw(self) -> None:
        toggle_class(self.image, "zl-blank", on=self.digest is None)
        toggle_class(self.clear, "zl-gone", on=self.digest is None)
        self.row.complain(self._field)
        self._changed()

    def _take(self) -> None:
        path = self.shown()
        if path is None:
            self.row.complain(self._field, self._words("nothing_shown"))
        else:
            self.choose(path)

    def _uploaded(self, change: Any) -> None:  # noqa: ANN401 - traitlets' change
        if change["new"]:
            self.choose(bytes(change["new"][0]["content"]))
            self.upload.value = ()  # the same file may be chosen again


class ReferenceField(PictureField):
    """The picture that an edit model changes; hidden for models that begin from noise."""

    def __init__(self, words: Words, changed: Callable[[], None]) -> None:
        super().__init__(words, REFERENCES, changed)
        toggle_class(self.widget, "zl-gone", on=True)

    def use(self, model: Model) -> None:
        """Appear for a model that changes pictures."""
        toggle_class(self.widget, "zl-gone", on=not model.card.reference_images[1])

    @property
    def value(self) -> tuple[str, ...]:
        """The hash of the chosen picture, as a request has it; nothing where the model takes none."""
        hidden = "zl-gone" in self.widget._dom_classes  # noqa: SLF001 - ipywidgets offer no question for it
        return (self.digest,) if self.digest is not None and not hidden else ()

    def fill(self, references: tuple[str, ...]) -> None:
        """Show the picture of a request, where it is still kept."""
        if references:
            self.choose(references[0])
