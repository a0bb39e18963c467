"""What helps with writing: earlier prompts, styles, and one text that stands for many prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest
from zimage_lab.home import home
from zimage_lab.prompts import expand, files, styles
from zimage_lab.prompts.styles import Style
from zimage_lab.widgets.fields import Fold, Row, chips, classed, refill, text, toggle_class
from zimage_lab.widgets.plain import HTML, Button, FileUpload, HBox, Text, Textarea, ToggleButton, VBox
from zimage_lab.widgets.sentences import beside

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.prompts import Written
    from zimage_lab.widgets.words import Words

LISTED = 8
"""Earlier prompts that are listed, and prompts that a text stands for."""

SHOWN_CHARACTERS = 200


class Writing:
    """The three parts under the prompt.

    Parameters
    ----------
    words
        The panel's texts.
    changed
        Called when the prompts that the text stands for may be others.
    take
        Called with an earlier prompt that somebody wants.

    Attributes
    ----------
    place
        Gives the home folder.
    prompt
        Gives the prompt as it is typed.
    """

    def __init__(self, words: Words, changed: Callable[[], None], take: Callable[[str], None]) -> None:
        self._words, self._changed, self._take = words, changed, take
        self.place: Callable[[], Path | None] = lambda: None
        self.prompt: Callable[[], str] = lambda: ""
        self.chosen: list[str] = []
        self.look = Text(placeholder=words("earlier_search"))
        self.found = VBox()
        self.earlier = Fold(words("earlier"), [self.look, self.found])
        self.style_chips = VBox()
        self.name = Text(placeholder=words("style_name_hint"))
        self.save = Button(description=words("save_style"), tooltip=words("save_style_tip"), icon="save")
        self.remove = Button(description=words("remove_style"), tooltip=words("remove_style_tip"), icon="trash")
        self.style_row = Row({"name": self.name}, [self.save, self.remove])
        self.styles = Fold(words("styles"), [self.style_chips, self.style_row.widget])
        self.wildcards = ToggleButton(description=words("wildcards"), tooltip=words("wildcards_tip"), icon="random")
        self.notebook = ToggleButton(
            description=words("notebook_variables"), tooltip=words("notebook_variables_tip"), icon="book"
        )
        self.rows = Textarea(description=words("rows"), placeholder=words("rows_hint"), rows=3)
        self.file = FileUpload(
            accept=".csv,.tsv,.txt", multiple=False, description=words("rows_file"), tooltip=words("rows_file")
        )
        self.rows_row = Row({"rows": self.rows})
        self.listed = HTML()
        switches = classed(HBox([self.wildcards, self.notebook, self.file]), "zl-actions")
        parts = [switches, HTML(text(words("rows_note"))), self.rows_row.widget, self.listed]
        self.many = Fold(words("many"), parts)
        self.widget = VBox([self.earlier.widget, self.styles.widget, self.many.widget])
        self._connect()

    def written(self, prompt: str, negative_prompt: str) -> list[Written]:
        """Give every prompt that a text stands for.

        Raises
        ------
        InvalidRequest
            It cannot be read, or names what is not there.
        """
        typed = str(self.rows.value)
        table = files.parse(typed, self._words("rows")) if typed.strip() else None
        return expand(
            prompt,
            negative_prompt,
            rows=table,
            variables=_notebook() if self.notebook.value else None,
            wildcards=bool(self.wildcards.value),
            styles=self.chosen,
            place=self.place(),
        )

    def show(self, written: list[Written]) -> None:
        """List the prompts that the text stands for, where it is more than itself."""
        number = len(written)
        several = number > 1 or self.rows.value.strip() or self.wildcards.value or self.notebook.value or self.chosen
        lines = [text(one.prompt[:SHOWN_CHARACTERS]) for one in written[:LISTED]] if several else []
        if number > LISTED:
            lines.append(text(self._words("and_others", number=number - LISTED)))
        self.listed.value = "".join(lines)
        self.many.say(self._words("many_number", number=number) if number > 1 else "")
        self.rows_row.complain("rows")

    def complain(self, sentence: str) -> None:
        """Say why the text stands for nothing."""
        self.listed.value = ""
        self.many.say()
        self.rows_row.complain("rows", sentence)

    def _connect(self) -> None:
        self.earlier.head.on_click(lambda _: self.list_earlier())
        self.look.observe(lambda _: self.list_earlier(), "value")
        self.styles.head.on_click(lambda _: self.list_styles())
        self.save.on_click(lambda _: self._save())
        self.remove.on_click(lambda _: self._remove())
        for field in (self.wildcards, self.notebook, self.rows):
            field.observe(lambda _: self._changed(), "value")
        self.file.observe(self._uploaded, "value")

    def list_earlier(self) -> None:
        """List the latest prompts that hold what is looked for."""
        from zimage_lab.runs import prompts_used  # with the records, which no first panel waits for

        wanted = str(self.look.value).strip()
        found = prompts_used(wanted or None, limit=LISTED, home=home(self.place()))
        box, buttons = chips([one[:SHOWN_CHARACTERS] for one in found], self._words("reuse_tip"), "zl-list")
        for button, prompt in zip(buttons, found, strict=True):
            button.on_click(lambda _, prompt=prompt: self._take(prompt))
        nothing = HTML(text(self._words("none_earlier" if wanted else "no_earlier")))
        refill(self.found, [box] if found else [nothing])

    def list_styles(self) -> None:
        """List the styles of the home; those that are gone are off."""
        known = self._known()
        self.chosen = [name for name in self.chosen if name in known]
        box, buttons = chips(list(known), self._words("style_tip"))
        for button in buttons:
            toggle_class(button, "zl-on", on=button.description in self.chosen)
            button.on_click(self._toggle)
        refill(self.style_chips, [box] if known else [HTML(text(self._words("no_styles")))])
        self.remove.disabled = not self.chosen
        names = self._words("list").join(self.chosen)
        self.styles.say(self._words("style_on", names=names) if self.chosen else "")

    def _known(self) -> dict[str, Style]:
        self.style_row.complain("name")
        try:
            return styles.read(self.place())
        except InvalidRequest as error:
            self.style_row.complain("name", beside(error, self._words("styles"), self._words))
            return {}

    def _toggle(self, button: Any) -> None:  # noqa: ANN401 - ipywidgets have no types
        name = button.description
        self.chosen = [one for one in self.chosen if one != name] if name in self.chosen else [*self.chosen, name]
        toggle_class(button, "zl-on", on=name in self.chosen)
        self.remove.disabled = not self.chosen
        names = self._words("list").join(self.chosen)
        self.styles.say(self._words("style_on", names=names) if self.chosen else "")
        self._changed()

    def _save(self) -> None:
        try:
            styles.save(Style(str(self.name.value), self.prompt()), self.place())
        except InvalidRequest as error:
            label = self._words("style_name" if error.field == "name" else "prompt")
            self.style_row.complain("name", beside(error, label, self._words))
            return
        self.name.value = ""
        self.list_styles()

    def _remove(self) -> None:
        for name in self.chosen:
            styles.remove(name, self.place())
        self.chosen = []
        self.list_styles()
        self._changed()

    def _uploaded(self, change: Any) -> None:  # noqa: ANN401 - traitlets' change
        if not change["new"]:
            return
        data = bytes(change["new"][0]["content"])
        self.file.value = ()  # the same file may be chosen again
        try:
            self.rows.value = files.decoded(data, str(change["new"][0]["name"]))
        except InvalidRequest as error:
            self.rows_row.complain("rows", beside(error, self._words("rows"), self._words))


def _notebook() -> dict[str, object]:
    """Give the variables of the notebook whose kernel this is; none outside of one."""
    from IPython import get_ipython

    shell: Any = get_ipython()
    names = {} if shell is None else shell.user_ns
    return {name: value for name, value in names.items() if not name.startswith("_")}
