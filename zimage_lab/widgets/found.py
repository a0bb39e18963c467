"""A recipe from a picture's file: read, shown, and taken over only when somebody says so."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest
from zimage_lab.widgets.fields import Fold, Row, classed, text, toggle_class
from zimage_lab.widgets.plain import HTML, Button, FileUpload, HBox, VBox
from zimage_lab.widgets.sentences import beside, translated

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.picture_recipe import PictureRecipe
    from zimage_lab.widgets.words import Words

SHOWN = ("prompt", "negative_prompt", "model", "seed", "width", "height", "steps", "guidance_scale", "cfg", "shift")


class FoundRecipe:
    """The part of the form that takes a picture.

    Parameters
    ----------
    words
        The panel's texts.
    apply
        Called with a recipe that somebody wants to go on from.
    """

    def __init__(self, words: Words, apply: Callable[[PictureRecipe], None]) -> None:
        self._words = words
        self.recipe: PictureRecipe | None = None
        self.upload = FileUpload(
            accept=".png,.jpg,.jpeg,.webp", multiple=False, description=words("upload"), tooltip=words("upload")
        )
        self.row = Row({"picture": self.upload})
        self.listed = HTML()
        self.apply = Button(description=words("apply"), icon="check")
        self.apply_row = classed(HBox([self.apply]), "zl-actions", "zl-gone")
        note = HTML(text(words("from_picture_note")))
        self.fold = Fold(words("from_picture"), [note, self.row.widget, VBox([self.listed, self.apply_row])])
        self.widget = classed(self.fold.widget, "zl-found")
        self.upload.observe(self._uploaded, "value")
        self.apply.on_click(lambda _: self._take(apply))

    def read(self, name: str, data: bytes) -> None:
        """Show what a file holds, or why nothing can be taken from it."""
        from zimage_lab import picture_recipe  # with all that reads pictures, which a first panel does not wait for

        self.row.complain("picture")
        self.listed.value, self.recipe = "", None
        try:
            self.recipe = picture_recipe.read(data, name)
        except InvalidRequest as error:
            self.row.complain("picture", beside(error, self._words("picture"), self._words))
        else:
            self.listed.value = self._list(name, self.recipe)
        toggle_class(self.apply_row, "zl-gone", on=self.recipe is None)

    def _take(self, apply: Callable[[PictureRecipe], None]) -> None:
        if self.recipe is not None:
            apply(self.recipe)

    def _list(self, name: str, recipe: PictureRecipe) -> str:
        head = text(self._words("found_recipe", name=name, program=recipe.program))
        rows = "".join(
            f"<dt>{html.escape(self._words(key))}</dt><dd>{html.escape(str(recipe.values[key]))}</dd>"
            for key in SHOWN
            if recipe.values.get(key) not in {None, ""}
        )
        notes = "".join(text(translated(note, self._words)) for note in recipe.notes)
        return f'{head}<dl class="zl-recipe">{rows}</dl>{notes}'

    def _uploaded(self, change: Any) -> None:  # noqa: ANN401 - traitlets' change
        if change["new"]:
            file = change["new"][0]
            self.read(str(file["name"]), bytes(file["content"]))
            self.upload.value = ()  # the same file may be chosen again
