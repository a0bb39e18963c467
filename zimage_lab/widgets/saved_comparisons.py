"""The comparisons of the home, to be opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.errors import ZImageError
from zimage_lab.home import home
from zimage_lab.store.comparisons import Comparisons
from zimage_lab.widgets.saved_sweeps import LISTED, SavedSweeps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.widgets.words import Words


class SavedComparisons(SavedSweeps):
    """A list of names, as that of sweeps."""

    def __init__(self, words: Words, opened: Callable[[str], None]) -> None:
        super().__init__(words, opened)
        self.widget.description = words("saved_comparisons")

    def look(self, place: Path | None) -> None:
        """Read the list anew."""
        try:
            with Comparisons(home(place)) as store:
                rows = store.every()[:LISTED]
        except ZImageError:
            rows = []
        said = self._words
        self._write([(said("saved_line", name=row.name, count=f"{row.cells:,}"), row.id) for row in rows])
