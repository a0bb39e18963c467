"""The sweeps or the comparisons of the home, to be opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.errors import ZImageError
from zimage_lab.home import home
from zimage_lab.widgets.fields import classed
from zimage_lab.widgets.plain import Dropdown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.store.gradual import Rows
    from zimage_lab.widgets.words import Words

LISTED = 200
"""How many the list has, the newest first; older ones are found by name in a cell."""


class Saved:
    """A list of names.

    Parameters
    ----------
    words
        The panel's texts.
    label
        Which of them stands before the list.
    store
        `Sweeps` or `Comparisons`.
    opened
        Called with the id of the one that somebody chose.
    """

    def __init__(self, words: Words, label: str, store: type[Rows], opened: Callable[[str], None]) -> None:
        self._words, self._store, self._opened, self._writing = words, store, opened, False
        self.widget = classed(Dropdown(description=words(label)), "zl-field", "zl-saved")
        self.widget.observe(lambda change: self._choose(change["new"]), "value")
        self._write([])

    def look(self, place: Path | None) -> None:
        """Read the list anew."""
        try:
            with self._store(home(place)) as store:
                rows = store.every()[:LISTED]
        except ZImageError:
            rows = []
        said = self._words
        self._write([(said("saved_line", name=row.name, count=f"{row.cells:,}"), row.id) for row in rows])

    def _write(self, options: list[tuple[str, str]]) -> None:
        self._writing = True
        first = self._words("saved_choose" if options else "saved_none")
        wanted = ((first, ""), *options)
        if tuple(self.widget.options) != wanted:
            self.widget.options = wanted
        self.widget.value = ""
        self.widget.disabled = not options
        self._writing = False

    def _choose(self, name: str | None) -> None:
        if name and not self._writing:
            self._opened(name)
            self._writing = True
            self.widget.value = ""  # the same one may be opened again
            self._writing = False
