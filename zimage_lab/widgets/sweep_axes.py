"""What a sweep varies, as rows of a form: a field and its values in the notations that people know from grids."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest
from zimage_lab.widgets.fields import Row, classed, close, toggle_class
from zimage_lab.widgets.plain import Button, Dropdown, Text, VBox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from zimage_lab.widgets.words import Words

NUMBERS = ("steps", "guidance_scale", "shift", "variation", "strength", "lora_weight")
FIELDS = (
    "steps",
    "guidance_scale",
    "replace",
    "size",
    "model",
    "prompt",
    "shift",
    "variation",
    "strength",
    "lora_weight",
)
"""What can be varied, the most wanted first; `replace` is search and replace in the prompt."""

HINTS = {"size": "hint_size", "model": "hint_model", "replace": "hint_texts", "prompt": "hint_prompt"}
MOST = 8
"""Most rows: a person looks at two axes and turns the pages of the others."""


class AxisRow:
    """One row.

    Parameters
    ----------
    words
        The panel's texts.
    field
        What it varies.
    changed
        Called after each change.
    removed
        Called with the row when somebody takes it away.
    """

    def __init__(
        self, words: Words, field: str, changed: Callable[[], None], removed: Callable[[AxisRow], None]
    ) -> None:
        self._words = words
        self.field = Dropdown(description=words("vary"), options=[(words(name), name) for name in FIELDS], value=field)
        self.needle = Text(description=words("needle"))
        self.values = Text(description=words("values"))
        self.remove = classed(Button(icon="times", tooltip=words("remove_axis")), "zl-icon")
        self.row = Row({"field": self.field, "needle": self.needle, "values": self.values}, [self.remove])
        self.widget = classed(self.row.widget, "zl-axis")
        self._show()
        self.field.observe(lambda _: self._show(), "value")
        for part in (self.field, self.needle, self.values):
            part.observe(lambda _: changed(), "value")
        self.remove.on_click(lambda _: removed(self))

    @property
    def name(self) -> str:
        """What it varies."""
        return str(self.field.value)

    @property
    def blank(self) -> bool:
        """Whether nothing was written yet."""
        return not (self.values.value.strip() or (self.name == "replace" and self.needle.value.strip()))

    def option(self) -> tuple[str, Any]:
        """Give name and values as a sweep takes them.

        Raises
        ------
        InvalidRequest
            Something is missing.
        """
        name, text = self.name, str(self.values.value).strip()
        if name == "replace" and not self.needle.value.strip():
            field = "needle"
            raise InvalidRequest(field, "", self._words("no_needle"), "")
        if not text:
            raise InvalidRequest(name, "", self._words("no_values", hint=self._hint().partition(":")[0]), "")
        if name == "replace":
            return "prompt_replace", {str(self.needle.value): listed(text)}
        if name == "prompt":
            return name, [one.strip() for one in text.split("|") if one.strip()]
        return name, listed(text) if name == "model" else text

    def complain(self, sentence: str = "", field: str = "values") -> None:
        """Put a sentence under the row; without one, take it away."""
        for name in ("needle", "values"):
            self.row.complain(name, sentence if name == field else "")

    def _hint(self) -> str:
        return self._words(HINTS.get(self.name, "hint_numbers"))

    def _show(self) -> None:
        replaces = self.name == "replace"
        toggle_class(self.needle, "zl-gone", on=not replaces)
        self.values.description = self._words("replacements" if replaces else "values")
        self.values.placeholder = self._hint()


class AxisRows:
    """All rows.

    Parameters
    ----------
    words
        The panel's texts.
    changed
        Called after each change.
    """

    def __init__(self, words: Words, changed: Callable[[], None]) -> None:
        self._words, self._changed = words, changed
        self.rows: list[AxisRow] = []
        self.add = classed(
            Button(description=words("add_axis"), tooltip=words("add_axis_tip"), icon="plus"), "zl-add-axis"
        )
        self._box = VBox()
        self.widget = VBox([self._box, self.add])
        self.add.on_click(lambda _: self.append())
        self.append("steps")

    def append(self, field: str | None = None, values: str = "", needle: str = "") -> AxisRow:
        """Add a row; of the field that is not varied yet, where none is given."""
        used = {row.name for row in self.rows}
        free = next((name for name in FIELDS if name not in used or name == "replace"), FIELDS[0])
        row = AxisRow(self._words, field or free, self._changed, self._remove)
        row.needle.value, row.values.value = needle, values
        self.rows.append(row)
        self._show()
        return row

    def take(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Have these rows and no others: field, values and needle of each."""
        for row in list(self.rows):
            self._remove(row)
        for field, values, needle in rows:
            self.append(field, values, needle)

    def told(self) -> list[tuple[str, str, str]]:
        """Give what `take` takes."""
        return [(row.name, row.values.value, row.needle.value) for row in self.rows]

    def options(self) -> dict[str, Any] | None:
        """Give all values as a sweep takes them; None where a row is wrong, which says so. Blank rows are left out."""
        found: dict[str, Any] = {}
        right = True
        for row in self.rows:
            row.complain()
            if row.blank:
                continue
            try:
                name, values = row.option()
            except InvalidRequest as error:
                row.complain(error.what, "needle" if error.field == "needle" else "values")
                right = False
                continue
            if name == "prompt_replace":
                before = found.setdefault(name, {})
                twice = bool(before.keys() & values.keys())
                before.update(values)
            else:
                twice = name in found
                found[name] = values
            if twice:
                row.complain(self._words("axis_twice"), "needle" if name == "prompt_replace" else "values")
                right = False
        return found if right else None

    def complain(self, error: InvalidRequest, sentence: str) -> bool:
        """Put a sentence beside the row that an error is about; tell whether there is one."""
        for row in self.rows:
            if row.name == "replace" and error.field in {"prompt_replace", row.needle.value}:
                needles = [one for one in self.rows if one.name == "replace" and one.needle.value == error.value]
                about = needles[0] if needles else row
                about.complain(sentence, "needle" if needles else "values")
                return True
            edge = row.name == "size" and error.field in {"width", "height"}
            if not row.blank and (row.name == error.field or edge):
                row.complain(sentence)
                return True
        return False

    def _remove(self, row: AxisRow) -> None:
        self.rows.remove(row)
        self._show()
        close(row.widget)
        self._changed()

    def _show(self) -> None:
        self._box.children = tuple(row.widget for row in self.rows)
        self.add.disabled = len(self.rows) >= MOST


def listed(text: str) -> list[str]:
    """Read texts with commas between them; a comma inside of quotes is one of the text."""
    plain = text.replace("，", ",")
    row = next(csv.reader(io.StringIO(plain), skipinitialspace=True), [])
    return [one.strip() for one in row if one.strip()]
