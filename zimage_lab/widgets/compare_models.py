"""The models of a comparison, as rows of a form: which one, and its steps where they are not its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.compare.contestants import FEWEST, MOST
from zimage_lab.errors import ZImageError
from zimage_lab.models import catalog
from zimage_lab.options import whole
from zimage_lab.widgets.fields import Row, classed, close, text
from zimage_lab.widgets.plain import HTML, Button, Dropdown, HBox, Text, VBox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from zimage_lab.models import Model
    from zimage_lab.widgets.words import Words


class ModelRow:
    """One row; the steps are text, so that what is no number is told and not lost."""

    def __init__(self, words: Words, changed: Callable[[], None], removed: Callable[[ModelRow], None]) -> None:
        self._changed, self._writing = changed, False
        self.model = Dropdown(description=words("model"))
        self.steps = Text(description=words("steps"), placeholder=words("own_steps"))
        self.remove = classed(Button(icon="times", tooltip=words("remove_model")), "zl-icon")
        self.widget = classed(Row({"model": self.model, "steps": self.steps}, [self.remove]).widget, "zl-axis")
        for part in (self.model, self.steps):
            part.observe(lambda _: None if self._writing else changed(), "value")
        self.remove.on_click(lambda _: removed(self))

    def offer(self, options: list[tuple[str, str]], chosen: str | None) -> None:
        """List the models; the chosen one stays, or the first is."""
        self._writing = True
        wanted = chosen or self.model.value
        if tuple(self.model.options) != tuple(options):
            self.model.options = options
        ids = [one for _, one in options]
        self.model.value = wanted if wanted in ids else next(iter(ids), None)
        self._writing = False

    def asked(self) -> Any:  # noqa: ANN401 - an id, or a mapping with steps
        """Give what `compare.plan` takes."""
        steps = str(self.steps.value).strip()
        return {"model": self.model.value, "steps": whole(steps)} if steps else self.model.value


class ModelRows:
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
        self.rows: list[ModelRow] = []
        self._known: dict[str, Model] = {}
        self._box, self.under = VBox(), classed(HTML(), "zl-under")
        self.add = classed(
            Button(description=words("add_model"), tooltip=words("add_model_tip"), icon="plus"), "zl-add-axis"
        )
        self.widget = VBox([self._box, self.under, classed(HBox([self.add]), "zl-actions")])
        self.add.on_click(lambda _: self._added())
        for _ in range(FEWEST):
            self._append()

    def look(self, place: Path | None) -> None:
        """Read which models are on this machine and begin without a picture, as a comparison does."""
        try:
            here = [one for one in catalog.models(place) if one.path is not None]
            self._known = {one.id: one for one in here if not one.card.reference_images[0]}
        except ZImageError:
            self._known = {}
        for row in self.rows:
            row.offer(self._options, None)

    def put_first(self, model: str | None) -> None:
        """Have a model in the first row; where nothing else was said, another model or half the steps in the second."""
        first, second = self.rows[:FEWEST]
        first.offer(self._options, model)
        if second.steps.value or second.model.value != first.model.value:
            return
        others = [one for one in self._known if one != first.model.value]
        if others:
            second.offer(self._options, others[0])
        elif first.model.value in self._known:
            second.steps.value = str(max(1, self._known[first.model.value].card.defaults.steps // 2))

    def take(self, rows: Iterable[tuple[str | None, str]]) -> None:
        """Have these rows and no others: model and steps of each."""
        for row in list(self.rows):
            self.rows.remove(row)
            close(row.widget)
        for model, steps in rows:
            row = self._append()
            row.offer(self._options, model)
            row.steps.value = steps

    def told(self) -> list[tuple[str | None, str]]:
        """Give what `take` takes."""
        return [(row.model.value, row.steps.value) for row in self.rows]

    def asked(self) -> list[Any]:
        """Give what `compare.plan` takes."""
        return [row.asked() for row in self.rows if row.model.value]

    def complain(self, sentence: str = "") -> None:
        """Put a sentence under the rows; without one, take it away."""
        self.under.value = text(sentence, "error")

    @property
    def _options(self) -> list[tuple[str, str]]:
        return [(one.card.title or one.id if one.card else one.id, one.id) for one in self._known.values()]

    def _append(self) -> ModelRow:
        row = ModelRow(self._words, self._changed, self._remove)
        row.offer(self._options, None)
        self.rows.append(row)
        self._show()
        return row

    def _added(self) -> None:
        self._append()
        self._changed()

    def _remove(self, row: ModelRow) -> None:
        self.rows.remove(row)
        self._show()
        close(row.widget)
        self._changed()

    def _show(self) -> None:
        self._box.children = tuple(row.widget for row in self.rows)
        self.add.disabled = len(self.rows) >= MOST
        for row in self.rows:
            row.remove.disabled = len(self.rows) <= FEWEST
