"""A sweep that runs, or was opened again: how far it is, its board, and what can be done with the chosen cell."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import ZImageError
from zimage_lab.widgets import outcome
from zimage_lab.widgets.fields import classed, text, toggle_class
from zimage_lab.widgets.plain import HTML, Button, HBox, ToggleButton, VBox
from zimage_lab.widgets.progress import ProgressLine, Shown
from zimage_lab.widgets.sentences import translated
from zimage_lab.widgets.sweep_export import SweepExport

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.request import GenerationRequest
    from zimage_lab.sweeps import Cell, Sweep
    from zimage_lab.sweeps.board import Board
    from zimage_lab.sweeps.board.colours import Theme
    from zimage_lab.widgets.publisher import Publisher
    from zimage_lab.widgets.words import Words

FAILED = ("failed", "invalid_output", "quarantined")


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
        self.pause = Button(description=words("pause"), tooltip=words("pause_tip"), icon="pause")
        self.resume = Button(description=words("resume"), tooltip=words("resume_tip"), icon="play")
        self.cancel = Button(description=words("cancel"), tooltip=words("sweep_cancel_tip"), icon="stop")
        self.progress, self.trouble = ProgressLine(), HTML()
        self._board_place = VBox()
        self.reuse = Button(description=words("reuse"), tooltip=words("reuse_tip"), icon="reply", disabled=True)
        self.show_code = ToggleButton(description=words("code"), tooltip=words("code_tip"), icon="code", disabled=True)
        self.rerun = Button(description=words("rerun"), tooltip=words("rerun_tip"), icon="refresh", disabled=True)
        self.code = HTML()
        self.export = SweepExport(words, lambda: self.sweep)
        line = classed(VBox([self.progress.widget]), "zl-run-line")
        buttons = classed(HBox([self.pause, self.resume, self.cancel]), "zl-actions")
        head = classed(HBox([line, buttons]), "zl-run-head")
        actions = classed(HBox([self.reuse, self.show_code, self.rerun]), "zl-actions")
        below = classed(HBox([actions, self.export.widget]), "zl-run-head")
        self.widget = classed(VBox([head, self.trouble, self._board_place, below, self.code]), "zl-run", "zl-gone")
        self.pause.on_click(lambda _: self._act(lambda sweep: sweep.pause()))
        self.resume.on_click(lambda _: self._act(lambda sweep: sweep.resume()))
        self.cancel.on_click(lambda _: self._act(lambda sweep: sweep.cancel()))
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
        self.trouble.value = ""
        self.export.forget()
        toggle_class(self.widget, "zl-gone", on=False)
        self._publisher.mark()

    def refresh(self) -> None:
        """Draw how far it is; for the publisher."""
        sweep = self.sweep
        if sweep is None:
            return
        state, progress = sweep.state, sweep.progress
        self.progress.show(Shown(self._line(sweep, state), progress.step / max(1, progress.steps)))
        going = state == "running"
        self.pause.disabled = not going
        self.cancel.disabled = state not in {"running", "paused"}
        unmade = sum(number for name, number in sweep.counts.items() if name != "succeeded")
        self.resume.disabled = going or not unmade
        self.export.save.disabled = not sweep.counts.get("succeeded")
        cell = self.board.chosen if self.board is not None else None
        self.reuse.disabled = cell is None
        self.rerun.disabled = cell is None or cell.state in {"queued", "running", "waiting"}
        self.show_code.disabled = cell is None or cell.state != "succeeded"
        self._write_code()

    def _line(self, sweep: Sweep, state: str) -> str:
        words, progress, counts = self._words, sweep.progress, sweep.counts
        made = counts.get("succeeded", 0)
        parts = [sweep.name, words("run_line", done=f"{made:,}", count=f"{progress.steps:,}")]
        parts.append(words(f"run_{state}"))
        failed = sum(counts.get(name, 0) for name in FAILED)
        parts += [words("run_failed", number=failed)] if failed else []
        if state == "running" and progress.seconds_left is not None:
            parts.append(words("left", time=words.time(progress.seconds_left)))
        return " · ".join(parts)

    def _act(self, act: Callable[[Sweep], object]) -> None:
        """Do something with the sweep beside the click, which is answered at once."""
        sweep = self.sweep
        if sweep is None:
            return

        def guarded() -> None:
            try:
                act(sweep)
                self.trouble.value = ""
            except ZImageError as error:
                self.trouble.value = text(translated(str(error), self._words), "error")
            self._publisher.mark()

        threading.Thread(target=guarded, name="zimage-lab-sweep-button", daemon=True).start()

    def _with_cell(self, act: Callable[[Cell], object]) -> None:
        cell = self.board.chosen if self.board is not None else None
        if cell is None:
            return
        try:
            act(cell)
        except ZImageError as error:
            self.trouble.value = text(translated(str(error), self._words), "error")
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
