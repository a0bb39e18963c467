"""A comparison that runs, or was opened again: how far it is, its table, its slider, its votes, and ways out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.widgets.compare_files import CompareFiles
from zimage_lab.widgets.fields import Fold, classed, refill, toggle_class
from zimage_lab.widgets.plain import HTML, VBox
from zimage_lab.widgets.run_head import RunHead

if TYPE_CHECKING:
    from zimage_lab.compare import Comparison
    from zimage_lab.compare.slider import Slider
    from zimage_lab.widgets.publisher import Publisher
    from zimage_lab.widgets.words import Words


class CompareRun:
    """The lower part of the tab; empty until there is a comparison.

    Parameters
    ----------
    words
        The panel's texts.
    publisher
        Who draws; `refresh` is to be called by it.

    Attributes
    ----------
    comparison, slider
        What is seen, and its slider once somebody looked.
    """

    def __init__(self, words: Words, publisher: Publisher) -> None:
        self._words, self._publisher = words, publisher
        self.comparison: Comparison | None = None
        self.slider: Slider | None = None
        self._tabled: object = None
        self._votes = 0
        self.head = RunHead(words, publisher, lambda: self.comparison, "compare_cancel_tip")
        self._table, self._look_place, self._rate_place = classed(HTML(), "zl-compare-table"), VBox(), VBox()
        self.files = CompareFiles(words, lambda: self.comparison, self._voted)
        self.table = Fold(words("compare_table"), [self._table], opened=True, opening=self._publisher.mark)
        self.look = Fold(words("compare_look"), [self._look_place], opening=self._make_slider)
        self.rate = Fold(words("compare_rate"), [self._rate_place], opening=self._make_ballot)
        folds = [self.table.widget, self.look.widget, self.rate.widget]
        self.widget = classed(
            VBox([self.head.widget, self.head.trouble, *folds, self.files.widget]), "zl-run", "zl-gone"
        )

    def show(self, comparison: Comparison) -> None:
        """Show a comparison; what was open of the one before is open of this one, too."""
        with self._publisher.lock:
            self.comparison, self.slider, self._tabled = comparison, None, None
            refill(self._look_place, [])
            refill(self._rate_place, [])
            self.head.trouble.value = self._table.value = ""
            self.files.forget()
            toggle_class(self.widget, "zl-gone", on=False)
        if not comparison.done:
            comparison.add_done_callback(self._publisher.mark)
        for fold in (self.look, self.rate):
            if fold.opened:
                fold.fill()
        self._publisher.mark()

    def refresh(self) -> None:
        """Draw how far it is; for the publisher."""
        comparison = self.comparison
        if comparison is None:
            return
        state = self.head.draw(comparison)
        made = comparison.counts.get("succeeded", 0)
        self.files.save.disabled = not made
        for fold in (self.look, self.rate):
            fold.head.disabled = not made
        now = comparison.id, comparison.counts, state, self._votes
        if made and self.table.opened and now != self._tabled:
            self._tabled = now
            self._table.value = comparison.table(self._words.language).to_html(escape=True, border=0)
            if self.slider is not None:
                self.slider.refresh()

    def _make_slider(self) -> None:
        if self.comparison is None or self._look_place.children:
            return
        from zimage_lab.compare.slider import Slider

        self.slider = Slider(self.comparison, language=self._words.language)
        self._look_place.children = (self.slider,)

    def _make_ballot(self) -> None:
        if self.comparison is None or self._rate_place.children:
            return
        from zimage_lab.compare.ballot import Ballot

        ballot = Ballot(self.comparison, language=self._words.language)
        ballot.on_vote(self._voted)
        self._rate_place.children = (ballot,)

    def _voted(self) -> None:
        self._votes += 1
        self._publisher.mark()
