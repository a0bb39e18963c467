"""One picture of the gallery: large, with its recipe, its marks, and the ways out of here."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import ZImageError
from zimage_lab.labels import FORMATS
from zimage_lab.widgets import outcome, workflow
from zimage_lab.widgets.fields import Fold, Row, classed, text
from zimage_lab.widgets.picture import PictureFrame
from zimage_lab.widgets.plain import HTML, Button, Dropdown, HBox, Text, ToggleButton, VBox
from zimage_lab.widgets.sentences import translated
from zimage_lab.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zimage_lab.result import GeneratedImage
    from zimage_lab.widgets.words import Words

ENDINGS = {"PNG": ".png", "JPEG": ".jpg", "WebP": ".webp"}
GRAPH = "ComfyUI"
"""What the list of formats calls the picture's workflow."""


class Viewer:
    """The picture and its buttons; what they do, the gallery decides.

    Parameters
    ----------
    words
        The panel's texts.
    """

    def __init__(self, words: Words) -> None:
        self._words, self._writing = words, False
        self.result: GeneratedImage | None = None
        self.back = Button(description=words("back"), icon="th")
        self.newer = classed(Button(tooltip=words("previous"), icon="chevron-left"), "zl-icon")
        self.older = classed(Button(tooltip=words("next"), icon="chevron-right"), "zl-icon")
        self.frame, self.summary = PictureFrame(words), classed(HTML(), "zl-summary")
        self.reuse = Button(description=words("reuse"), tooltip=words("reuse_tip"), icon="reply")
        self.show_code = ToggleButton(description=words("code"), tooltip=words("code_tip"), icon="code")
        self.sweep = Button(description=words("sweep"), tooltip=words("sweep_tip"), icon="th")
        self.compare = Button(description=words("compare"), tooltip=words("compare_tip"), icon="columns")
        self.favourite = classed(
            ToggleButton(description=words("favourite"), tooltip=words("favourite_tip"), icon="star"), "zl-favourite"
        )
        self.delete = Button(description=words("delete"), tooltip=words("delete_tip"), icon="trash")
        self.tags = Text(description=words("tags"), placeholder=words("tags_hint"), continuous_update=False)
        self.tag_row = Row({"tag": self.tags})
        self.format = Dropdown(
            options=[*((name, name) for name in ENDINGS), (words("workflow_pictured"), GRAPH)],
            layout={"width": "104px"},
        )
        self.export = Button(description=words("export"), tooltip=words("export_tip"), icon="download")
        self.saved, self.code, self.recipe_text = HTML(), HTML(), HTML()
        self.recipe = Fold(words("recipe"), [self.recipe_text], opened=True)
        top = classed(HBox([self.back, self.newer, self.older]), "zl-actions")
        actions = classed(
            HBox([self.reuse, self.show_code, self.compare, self.sweep, self.favourite, self.delete]), "zl-actions"
        )
        export = classed(HBox([self.format, self.export]), "zl-actions")
        about = [self.summary, actions, self.code, self.tag_row.widget, export, self.saved, self.recipe.widget]
        parts = [classed(VBox([top, self.frame.widget]), "zl-seen"), classed(VBox(about), "zl-about")]
        self.widget = classed(HBox(parts), "zl-viewer")
        self.show_code.observe(lambda _: self._write_code(), "value")
        self.export.on_click(lambda _: self._export())
        self.format.observe(lambda _: self._forget(), "value")

    def show(self, result: GeneratedImage, *, favourite: bool, tags: Sequence[str], first: bool, last: bool) -> None:
        """Show a picture; `first` and `last` tell whether there is a newer and an older one to turn to."""
        if self.result is None or self.result.record.id != result.record.id:
            self._forget()
        self.result = result
        record = result.record
        self.frame.show_result(result)
        self.summary.value = outcome.summary(record.request, self._words, record.warnings)
        self.recipe_text.value = outcome.recipe(record, self._words)
        self.newer.disabled, self.older.disabled = first, last
        self._writing = True
        self.favourite.value = favourite
        self.tags.value = ", ".join(tags)
        self._writing = False
        self._write_code()

    def on_favourite(self, act: Callable[[bool], object]) -> None:
        """Say what happens when somebody makes the picture a favourite, or takes that back."""
        self.favourite.observe(lambda change: None if self._writing else act(change["new"]), "value")

    def on_tags(self, act: Callable[[list[str]], None]) -> None:
        """Say what happens with the tags that somebody typed."""

        def typed(change: Any) -> None:  # noqa: ANN401 - traitlets' change
            if not self._writing:
                act([name.strip() for name in change["new"].replace("，", ",").split(",") if name.strip()])

        self.tags.observe(typed, "value")

    def _write_code(self) -> None:
        wanted = self.show_code.value and self.result is not None
        self.code.value = outcome.code(self.result.record, self._words) if wanted and self.result else ""

    def _export(self) -> None:
        """Make the file, and a link that the browser saves it from: the kernel may be on another machine."""
        if self.result is None:
            return
        if self.format.value == GRAPH:
            name = f"{self.result.record.id[:8]}-{self.result.seed}.json"
            self.saved.value = workflow.link(Workflow.from_request(self.result.record.request), name, self._words)
            return
        ending = ENDINGS[self.format.value]
        name = f"{self.result.record.id[:8]}-{self.result.seed}{ending}"
        try:
            data = self.result.exported(suffix=ending)
        except ZImageError as error:
            self.saved.value = text(translated(str(error), self._words), "error")
            return
        line = html.escape(self._words("export_ready", name=name, size=self._words.size(len(data))))
        inside = base64.b64encode(data).decode("ascii")
        mime = FORMATS[ending].mime
        self.saved.value = f'<a class="zl-save" download="{name}" href="data:{mime};base64,{inside}">{line}</a>'

    def _forget(self) -> None:
        self.saved.value = ""
