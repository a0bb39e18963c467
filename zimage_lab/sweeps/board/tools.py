"""The buttons and lists above a board: everything that mouse and keys do on it, and which axis runs where."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.sweeps.board.layout import Layout
    from zimage_lab.sweeps.board.texts import Texts


class Tools:
    """The row of tools.

    Parameters
    ----------
    texts
        The board's words.
    arranged
        Called with the numbers of the axes that somebody wants across and down; None for none.

    Attributes
    ----------
    buttons
        Each button by the name of what it does.
    """

    def __init__(self, texts: Texts, arranged: Callable[[int | None, int | None], None]) -> None:
        self._texts, self._arranged, self._writing = texts, arranged, False
        icons = {
            "zoom_out": "search-minus",
            "zoom_in": "search-plus",
            "fit": "arrows-alt",
            "large": "expand",
            "favourite": "star",
            "hide_row": "eye-slash",
            "hide_column": "eye-slash",
            "previous": "chevron-left",
            "next": "chevron-right",
        }
        self.buttons = {name: ipywidgets.Button(icon=icon, tooltip=texts(name)) for name, icon in icons.items()}
        self.buttons["hide_row"].description, self.buttons["hide_column"].description = texts("row"), texts("column")
        self.buttons["favourite"].add_class("zl-board-star")
        self.buttons["show_hidden"] = ipywidgets.Button(icon="eye")
        self.columns = ipywidgets.Dropdown(description=texts("columns"))
        self.rows = ipywidgets.Dropdown(description=texts("rows"))
        self._page = ipywidgets.HTML()
        self._pager = ipywidgets.HBox([self.buttons["previous"], self._page, self.buttons["next"]])
        self._pager.add_class("zl-board-pager")
        gap = ipywidgets.Box()
        gap.add_class("zl-board-gap")
        names = ("zoom_out", "zoom_in", "fit", "large", "favourite", "hide_row", "hide_column", "show_hidden")
        parts = [self.columns, self.rows, self._pager, gap, *(self.buttons[name] for name in names)]
        self.widget = ipywidgets.HBox(parts)
        self.widget.add_class("zl-board-tools")
        self.columns.observe(lambda _: self._arrange("columns"), "value")
        self.rows.observe(lambda _: self._arrange("rows"), "value")

    def show(self, seen: Layout, *, chosen: bool, made: bool, favourite: bool) -> None:
        """Show what can be done.

        Parameters
        ----------
        seen
            What is seen of the sweep.
        chosen, made, favourite
            Whether a cell is chosen, whether it has a picture, and whether that is a favourite.
        """
        self._writing = True
        options = [(self._texts.axis(axis.name)[:40], number) for number, axis in enumerate(seen.axes)]
        for field, value in ((self.columns, seen.columns), (self.rows, seen.rows)):
            wanted = (*options, (self._texts("none"), None)) if field is self.rows else tuple(options)
            if field.options != wanted:
                field.options = wanted
            if field.value != value and value in {number for _, number in wanted}:
                field.value = value
            _off(field, off=len(seen.axes) < 2)  # noqa: PLR2004 - nothing to choose
        self._writing = False
        _off(self._pager, off=seen.pages < 2)  # noqa: PLR2004 - nothing to turn
        values = ", ".join(
            f"{self._texts.axis(seen.axes[axis].name)} {seen.axes[axis].label(place)}" for axis, place in seen.turned
        )
        told = self._texts("page", values=values, number=seen.page + 1, pages=seen.pages) if seen.turned else ""
        _put(self._page, "value", html.escape(told))
        hidden = len(seen.hidden)
        _put(self.buttons["show_hidden"], "description", self._texts("show_hidden", number=hidden) if hidden else "")
        _off(self.buttons["show_hidden"], off=not hidden)
        _off(self.buttons["hide_row"], off=seen.rows is None)
        _off(self.buttons["hide_column"], off=seen.columns is None)
        _put(self.buttons["hide_row"], "disabled", not chosen or seen.down < 2)  # noqa: PLR2004 - the last one stays
        _put(self.buttons["hide_column"], "disabled", not chosen or seen.across < 2)  # noqa: PLR2004
        _put(self.buttons["large"], "disabled", not chosen)
        _put(self.buttons["favourite"], "disabled", not made)
        _toggle(self.buttons["favourite"], "mod-active", on=favourite)

    def _arrange(self, changed: str) -> None:
        if self._writing:
            return
        columns, rows = self.columns.value, self.rows.value
        if columns == rows:  # they change places
            others = [number for _, number in self.columns.options if number != columns]
            columns, rows = (others[0], rows) if changed == "rows" else (columns, others[0])
            self._writing = True
            self.columns.value, self.rows.value = columns, rows
            self._writing = False
        self._arranged(columns, rows)


def _put(widget: Any, name: str, value: object) -> None:  # noqa: ANN401 - ipywidgets have no types
    if getattr(widget, name) != value:
        setattr(widget, name, value)


def _off(widget: Any, *, off: bool) -> None:  # noqa: ANN401 - ipywidgets have no types
    _toggle(widget, "zl-board-off", on=off)


def _toggle(widget: Any, name: str, *, on: bool) -> None:  # noqa: ANN401 - ipywidgets have no types
    if (name in widget._dom_classes) != on:  # noqa: SLF001 - ipywidgets offer no question for it
        (widget.add_class if on else widget.remove_class)(name)
