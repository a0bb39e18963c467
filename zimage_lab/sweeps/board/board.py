"""The board of a sweep: a widget on which its pictures appear as they are made, and are zoomed, moved and marked.

What people do, and what the sweep tells, changes what is wanted and marks the board as stale; one thread draws. So only
that thread draws on the canvases, and twenty moves of the mouse are one drawing.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets

from zimage_lab.errors import InvalidRequest, ZImageError, shown
from zimage_lab.store.marks import Marks
from zimage_lab.sweeps.board import glue, static, style
from zimage_lab.sweeps.board.colours import THEMES
from zimage_lab.sweeps.board.crew import Crew
from zimage_lab.sweeps.board.hands import ZOOM, Hands, Point
from zimage_lab.sweeps.board.layout import layout, neighbour
from zimage_lab.sweeps.board.painter import Painter
from zimage_lab.sweeps.board.texts import Texts
from zimage_lab.sweeps.board.tools import Tools

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.sweeps.board.colours import Theme
    from zimage_lab.sweeps.board.layout import Index, Layout
    from zimage_lab.sweeps.cell import Cell
    from zimage_lab.sweeps.sweep import Sweep


class Board(ipywidgets.VBox):  # type: ignore[misc] # ipywidgets have no types
    """A live board: rows and columns of pictures, zoomed and moved by mouse and keys.

    Parameters
    ----------
    sweep
        The sweep.
    columns, rows
        Names of the axes that run across and down; None takes the last one and the one before it. The others are pages.
    theme
        "auto" follows JupyterLab, or "light" or "dark".
    language
        "en" or "zh"; None takes the environment's.

    Raises
    ------
    InvalidRequest
        The sweep has no such axis, or there is no such theme.
    """

    def __init__(
        self,
        sweep: Sweep,
        *,
        columns: str | None = None,
        rows: str | None = None,
        theme: Theme = "auto",
        language: str | None = None,
    ) -> None:
        if theme not in THEMES:
            field = "theme"
            raise InvalidRequest(field, theme, f"{shown(theme)} is no theme", 'Use "auto", "light" or "dark".')
        self.sweep, self.texts = sweep, Texts(language)
        across, down = _axis(sweep, columns, "columns"), _axis(sweep, rows, "rows")
        if across is not None and across == down:
            field = "rows"
            raise InvalidRequest(field, rows, "is the same axis as columns", "Give another one, or one of the two.")
        seen = layout(sweep.axes, across, down)
        self._chosen_callbacks: list[Callable[[Cell | None], None]] = []
        self.painter = Painter(sweep, seen, self.texts, theme, self._say)
        self.tools = Tools(self.texts, self._arrange)
        self.caption, self._hint = ipywidgets.HTML(), ipywidgets.HTML(html.escape(self.texts("hint")))
        self.crew = Crew(sweep, self.texts, self.painter.mark)
        self._told = ipywidgets.Text()
        page = ipywidgets.HTML(style.element() + glue.element(self.texts("label")))
        for widget, name in ((self.caption, "caption"), (self._hint, "hint"), (self._told, "told")):
            widget.add_class(f"zl-board-{name}")
        self.hands = Hands(self.painter.canvas, self)
        super().__init__(
            [self.tools.widget, self.painter.canvas, self.caption, self.crew.widget, self._hint, self._told, page]
        )
        self.add_class("zl-board")
        self._told.observe(lambda change: self._hear_page(change["new"]), "value")
        acts: dict[str, Callable[[], object]] = {
            "zoom_in": lambda: self.zoom(ZOOM),
            "zoom_out": lambda: self.zoom(1 / ZOOM),
            "fit": self.fit,
            "large": self.open_large,
            "favourite": self.star,
            "previous": lambda: self.turn(-1),
            "next": lambda: self.turn(1),
            "hide_row": lambda: self.hide("rows"),
            "hide_column": lambda: self.hide("columns"),
            "show_hidden": lambda: self._arrange_to(self.seen.show_all()),
        }
        for name, act in acts.items():
            self.tools.buttons[name].on_click(lambda _, act=act: act())
        self.painter.begin()

    def __repr__(self) -> str:
        return self.texts("repr", sweep=repr(self.sweep))

    def _repr_mimebundle_(self, **options: Any) -> Any:  # noqa: ANN401 - as IPython asks
        return static.bundle(self.sweep) | super()._repr_mimebundle_(**options)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        static.slot(self.sweep)
        display(super()._repr_mimebundle_(), raw=True)  # type: ignore[no-untyped-call]

    @property
    def seen(self) -> Layout:
        """What is seen of the sweep, and where."""
        return self.painter.seen

    @property
    def chosen(self) -> Cell | None:
        """The chosen cell."""
        index = self.painter.chosen
        return None if index is None else self.sweep.cell(*index)

    def on_choose(self, callback: Callable[[Cell | None], None]) -> None:
        """Call `callback` with the cell after somebody chose another one."""
        self._chosen_callbacks.append(callback)

    def choose(self, index: Index | None) -> None:
        """Choose a cell by its place on the axes, or none; the board moves so that it is seen."""
        with self.painter.lock:
            place = None if index is None else self.seen.place(index)
            self.painter.chosen = index if place is not None else None
            if place is not None and self.painter.large:
                self.painter.see(self.painter.camera.onto(place), large=True)
            elif place is not None:
                self.painter.see(self.painter.camera.revealing(place), free=self.painter.free)
        self.painter.mark()
        for callback in self._chosen_callbacks:
            callback(self.chosen)

    def choose_at(self, at: Point) -> None:
        """Choose the cell at a point of the canvas."""
        place = self.painter.camera.at(*at)
        index = None if place is None else self.seen.index(*place)
        if index is not None:
            self.choose(index)

    def step(self, down: int, across: int) -> None:
        """Choose a neighbour of the chosen cell; of none, the first one."""
        with self.painter.lock:
            index = self.painter.chosen
            place = None if index is None else self.seen.place(index)
            place = (0, 0) if place is None else neighbour(self.seen, place, (down, across))
        self.choose(self.seen.index(*place))

    def pan(self, x: float, y: float) -> None:
        """Move it under the window by pixels."""
        with self.painter.lock:
            self.painter.see(self.painter.camera.moved(x, y))

    def zoom(self, factor: float, at: Point | None = None) -> None:
        """See it larger or smaller, around a point, the chosen cell, or the middle."""
        with self.painter.lock:
            camera = self.painter.camera
            place = None if self.painter.chosen is None else self.seen.place(self.painter.chosen)
            if at is None:
                left, top, width, height = camera.window if place is None else camera.rectangle(place)
                at = left + width / 2, top + height / 2
            self.painter.see(camera.zoomed(factor, at))

    def fit(self) -> None:
        """See the whole page."""
        with self.painter.lock:
            self.painter.fit()

    def open_large(self) -> None:
        """See the chosen cell as large as it can be; again, and the whole page is seen."""
        with self.painter.lock:
            place = None if self.painter.chosen is None else self.seen.place(self.painter.chosen)
            if place is None or self.painter.large:
                self.painter.fit()
            else:
                self.painter.see(self.painter.camera.onto(place), large=True)

    def hover(self, at: Point | None) -> None:
        """Show the recipe of the cell at a point, or none."""
        with self.painter.lock:
            self.painter.pointer = at
        self.painter.mark()

    def star(self) -> None:
        """Make the chosen picture a favourite, or not any more: the same favourites as the gallery's."""
        index = self.painter.chosen
        end = {} if index is None else self.painter.pictures.end(index)
        if index is None or end.get("image_path") is None:
            return
        try:
            with Marks(self.sweep.home) as marks:
                marks.favourite([end["record_id"]], on=not end.get("favourite"))
            self.painter.trouble = ""
        except ZImageError as error:
            self.painter.trouble = self.texts("no_store", why=error)
        self.painter.change(index)

    def turn(self, pages: int) -> None:
        """Go to a page after this one, or before; behind the last one comes the first."""
        self._arrange_to(self.seen.turn(self.seen.page + pages))

    def hide(self, which: str) -> None:
        """Hide the row or the column of the chosen cell: "rows" or "columns"."""
        index, axis = self.painter.chosen, self.seen.rows if which == "rows" else self.seen.columns
        if index is not None and axis is not None:
            self._arrange_to(self.seen.hide(axis, index[axis]))

    def leave(self, *, back: bool) -> None:
        """Give the focus to what stands before the canvas, or behind it."""
        self.painter.canvas.blur()
        if back:
            self.tools.buttons["fit"].focus()

    def close(self) -> None:
        """Stop listening and drawing, and close all parts."""
        if "painter" in self.__dict__:  # ipywidgets also close what was never whole
            self.painter.close()
        super().close()

    def _arrange(self, columns: int | None, rows: int | None) -> None:
        self._arrange_to(self.seen.with_axes(columns, rows))

    def _arrange_to(self, seen: Layout) -> None:
        self.painter.arrange(seen)
        if self.painter.chosen is not None and seen.place(self.painter.chosen) is None:
            self.choose(None)

    def _hear_page(self, text: str) -> None:
        self.painter.hear_page(glue.read(text))
        self.hands.ratio = self.painter.ratio

    def _say(self, caption: str, *, made: bool, favourite: bool) -> None:
        """Write what is below and above the canvas; on the drawing thread."""
        words = caption or self.texts("nothing")
        value = f'<span role="status">{html.escape(words)}</span>'
        if self.caption.value != value:
            self.caption.value = value
        self.crew.write()
        self.tools.show(self.seen, chosen=self.painter.chosen is not None, made=made, favourite=favourite)


def _axis(sweep: Sweep, name: str | None, field: str) -> int | None:
    if name is None:
        return None
    wanted = "seed" if name == "seeds" else name
    for number, axis in enumerate(sweep.axes):
        if axis.name == wanted:
            return number
    known = ", ".join(axis.name for axis in sweep.axes) or "none"
    raise InvalidRequest(field, name, f"{shown(name)} is no axis of this sweep", f"Use one of {known}.")
