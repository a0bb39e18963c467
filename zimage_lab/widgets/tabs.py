"""The studio's tabs: a row of buttons, and one part of the panel for each, of which one is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.widgets.fields import classed, toggle_class
from zimage_lab.widgets.plain import Button, HBox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Tabs:
    """The row of buttons.

    Parameters
    ----------
    parts
        Title and widget of each tab by its name; the first one is seen at the beginning.
    turned
        Called after another tab was chosen.
    """

    def __init__(self, parts: Mapping[str, tuple[str, Any]], turned: Callable[[], None]) -> None:
        self._parts, self._turned = {name: part for name, (_, part) in parts.items()}, turned
        self.buttons = {name: classed(Button(description=title), "zl-tab") for name, (title, _) in parts.items()}
        self.widget = classed(HBox(list(self.buttons.values())), "zl-tabs")
        self.chosen = next(iter(parts))
        for name, button in self.buttons.items():
            button.on_click(lambda _, name=name: self.turn(name))
        self._draw()

    def turn(self, name: str) -> None:
        """Show a tab."""
        self.chosen = name
        self._draw()
        self._turned()

    def _draw(self) -> None:
        for name, part in self._parts.items():
            toggle_class(part, "zl-gone", on=name != self.chosen)
            toggle_class(self.buttons[name], "zl-on", on=name == self.chosen)
