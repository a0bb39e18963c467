"""What to look for in the gallery: a text, a model, a seed, a time, favourites, a tag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.request import SEED_RANGE
from zimage_lab.runs import Search
from zimage_lab.widgets.fields import Row, classed
from zimage_lab.widgets.plain import Dropdown, Text, ToggleButton, VBox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from zimage_lab.widgets.words import Words

TIMES = {"any_time": "", "today": "24h", "week": "7d", "month": "30d"}
"""Ages by the key of their text. No menu has None for a value: ipywidgets takes that for nothing chosen."""


class SearchRow:
    """The fields of a search.

    Parameters
    ----------
    words
        The panel's texts.
    changed
        Called after each change that makes another search.
    """

    def __init__(self, words: Words, changed: Callable[[], None]) -> None:
        self._words, self._changed, self._writing = words, changed, False
        self.text = Text(description=words("search"), placeholder=words("search_hint"))
        self.model = Dropdown(description=words("model"), options=[(words("any_model"), "")])
        self.seed = Text(description=words("seed"), placeholder=words("any_seed"))
        self.when = Dropdown(description=words("when"), options=[(words(key), age) for key, age in TIMES.items()])
        self.tag = Dropdown(description=words("tag"), options=[(words("any_tag"), "")])
        self.favourites = ToggleButton(
            description=words("favourites"), tooltip=words("favourites_tip"), icon="star", value=False
        )
        self.found = Row({"text": self.text})
        self.narrow = Row(
            {"model": self.model, "seed": self.seed, "when": self.when, "tag": self.tag}, [self.favourites]
        )
        self.widget = classed(VBox([self.found.widget, self.narrow.widget]), "zl-search")
        for field in (self.text, self.model, self.seed, self.when, self.tag, self.favourites):
            field.observe(lambda _: self._tell(), "value")

    def offer(self, models: Iterable[str], tags: Iterable[str]) -> None:
        """Offer the models and tags that there are; a choice that is gone is taken back."""
        self._writing = True
        for menu, key, names in ((self.model, "any_model", models), (self.tag, "any_tag", tags)):
            options = ((self._words(key), ""), *((name, name) for name in names))
            if menu.options != options:
                chosen = menu.value
                menu.options = options
                menu.value = chosen if any(chosen == value for _, value in options) else ""
        self._writing = False

    def clear(self) -> None:
        """Look for everything."""
        self._writing = True
        self.text.value = self.seed.value = ""
        self.model.value = self.when.value = self.tag.value = ""
        self.favourites.value = False
        self._writing = False
        self._tell()

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for."""
        return self.wanted() == Search(pictures=True)

    def wanted(self) -> Search:
        """Give the search as it stands; a seed that cannot be one is left out, and said so."""
        typed = str(self.seed.value).strip()
        whole = typed.isascii() and typed.isdigit() and int(typed[:21]) <= SEED_RANGE[1]
        self.narrow.complain("seed", "" if whole or not typed else self._words("not_a_seed"))
        return Search(
            prompt=str(self.text.value).strip() or None,
            model=self.model.value or None,
            seed=int(typed) if whole else None,
            since=self.when.value or None,
            favourite=True if self.favourites.value else None,
            tag=self.tag.value or None,
            pictures=True,
        )

    def _tell(self, *_: Any) -> None:  # noqa: ANN401 - traitlets' change
        if not self._writing:
            self._changed()
