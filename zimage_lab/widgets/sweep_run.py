"""A sweep that runs, or was opened again: how far it is, its board, and what can be done with the chosen cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.errors import ZImageError
from zimage_lab.widgets import outcome
from zimage_lab.widgets.fields import classed, toggle_class
from zimage_lab.widgets.plain import HTML, Button, HBox, ToggleButton, VBox
from zimage_lab.widgets.run_head import RunHead
from zimage_lab.widgets.sweep_export import SweepExport

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.request import GenerationRequest
    from zimage_lab.sweeps import Cell, Sweep
    from zimage_lab.sweeps.board import Board
    from zimage_lab.sweeps.board.colours import Theme
    from zimage_lab.widgets.publisher import Publisher
    from zimage_lab.widgets.words import Words


class SweepRun:
    """The lower part of the tab; empty until there is a sweep.

    Parameters
    ----------
    words
        The panel's texts.
    publisher
        Who draws; `refresh` is to be called by it.
    reuse
        Called with the request of a cell that somebody wants to go on from.
    theme
        The boards' colours.

    Attributes
    ----------
    sweep, board
        The sweep that is seen, and its board.
    """

    def __init__(
        self, words: Words, publisher: Publisher, reuse: Callable[[GenerationRequest], None], theme: Theme
    ) -> None:
        self._words, self._publisher, self._reuse, self._theme = words, publisher, reuse, theme
        self.sweep: Sweep | None = None
        self.board: Board | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self.head = RunHead(words, publisher, lambda: self.sweep, "sweep_cancel_tip")
        self._board_place = VBox()
        self.reuse = Button(description=words("reuse"), tooltip=words("reuse_tip"), icon="reply", disabled=True)
        self.show_code = ToggleButton(description=words("code"), tooltip=words("code_tip"), icon="code", disabled=True)
        self.rerun = Button(description=words("rerun"), tooltip=words("rerun_tip"), icon="refresh", disabled=True)
        self.code = HTML()
        self.export = SweepExport(words, lambda: self.sweep)
        actions = classed(HBox([self.reuse, self.show_code, self.rerun]), "zl-actions")
        below = classed(HBox([actions, self.export.widget]), "zl-run-head")
        self.widget = classed(
            VBox([self.head.widget, self.head.trouble, self._board_place, below, self.code]), "zl-run", "zl-gone"
        )
        self.rerun.on_click(lambda _: self._with_cell(lambda cell: cell.rerun()))
        self.reuse.on_click(lambda _: self._with_cell(lambda cell: self._reuse(cell.request)))
        self.show_code.observe(lambda _: self._write_code(), "value")

    def show(self, sweep: Sweep) -> None:
        """Show a sweep and its board."""
        from zimage_lab.sweeps.board import Board

        self._unsubscribe()
        old, self.sweep = self.board, sweep
        self.board = Board(sweep, theme=self._theme, language=self._words.language)
        self.board.on_choose(lambda _: self._publisher.mark())
        self._board_place.children = (self.board,)
        if old is not None:
            old.close()
        self._unsubscribe = sweep.subscribe(lambda _: self._publisher.mark())
        self.head.trouble.value = ""
        self.export.forget()
        toggle_class(self.widget, "zl-gone", on=False)
        self._publisher.mark()

    def refresh(self) -> None:
        """Draw how far it is; for the publisher."""
        sweep = self.sweep
        if sweep is None:
            return
        self.head.draw(sweep)
        self.export.save.disabled = not sweep.counts.get("succeeded")
        cell = self.board.chosen if self.board is not None else None
        self.reuse.disabled = cell is None
        self.rerun.disabled = cell is None or cell.state in {"queued", "running", "waiting"}
        self.show_code.disabled = cell is None or cell.state != "succeeded"
        self._write_code()

    def _with_cell(self, act: Callable[[Cell], object]) -> None:
        cell = self.board.chosen if self.board is not None else None
        if cell is None:
            return
        try:
            act(cell)
        except ZImageError as error:
            self.head.complain(error)
        self._publisher.mark()

    def _write_code(self) -> None:
        cell = self.board.chosen if self.board is not None and self.show_code.value else None
        made: Any = None
        try:
            made = None if cell is None else cell.image
        except ZImageError:
            made = None  # its record is gone
        value = "" if made is None else outcome.code(made.record, self._words)
        if self.code.value != value:
            self.code.value = value
