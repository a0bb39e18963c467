"""A page of thumbnails: its tiles are made once and filled anew by each page, the pictures following as they come."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from zimage_lab.widgets.fields import classed, toggle_class
from zimage_lab.widgets.picture import encoded
from zimage_lab.widgets.plain import Box, Button, Image

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PAGE = 48
"""Pictures of a page: whole rows of 2, 3, 4, 6 and 8."""

EDGE = 256
"""Longest edge of a thumbnail in pixels, twice what it takes on the screen."""

REMEMBERED = 20 * PAGE
"""Thumbnails that are kept, some 10 kB each: pages that somebody turns back to."""


class Tiles:
    """The tiles of one page.

    Parameters
    ----------
    clicked
        Called with the number of a tile on the page.
    lock
        Held while a widget is changed from the thread that reads pictures.
    """

    def __init__(self, clicked: Callable[[int], None], lock: threading.RLock) -> None:
        self._clicked, self._lock = clicked, lock
        self._shown: list[tuple[str, Path]] = []
        self._turn = 0
        self._kept: dict[str, bytes] = {}
        self.widget = classed(Box(), "zl-tiles")

    def show(self, pictures: Sequence[tuple[str, Path, str]]) -> None:
        """Show pictures: the id, the file and a sentence of each; those that stay where they are, stay."""
        if [one[:2] for one in pictures] == self._shown and self.widget.children:
            return
        self._turn += 1
        self._shown = [(name, path) for name, path, _ in pictures]
        while len(self.widget.children) < len(pictures):
            self.widget.children = (*self.widget.children, self._tile(len(self.widget.children)))
        missing = []
        for number, tile in enumerate(self.widget.children):
            toggle_class(tile, "zl-gone", on=number >= len(pictures))
            if number < len(pictures):
                name, path, sentence = pictures[number]
                button, image = tile.children
                button.tooltip = sentence
                image.value = self._kept.get(name, b"")
                missing += [] if name in self._kept else [(number, name, path)]
        if missing:
            reader = threading.Thread(target=self._read, args=(self._turn, missing), name="zimage-lab-thumbnails")
            reader.daemon = True
            reader.start()

    def mark(self, number: int, kind: str, *, on: bool) -> None:
        """Mark a tile as `zl-on` (chosen) or `zl-star` (a favourite)."""
        toggle_class(self.widget.children[number], kind, on=on)

    def _tile(self, number: int) -> Any:  # noqa: ANN401 - ipywidgets have no types
        # The button lies under the picture: ipywidgets' images take no clicks and no keys.
        button = Button()
        button.on_click(lambda _: self._clicked(number))
        return classed(Box([button, Image(value=b"", format="webp")]), "zl-thumb", "zl-tile")

    def _read(self, turn: int, missing: list[tuple[int, str, Path]]) -> None:
        from PIL import Image as pillow  # noqa: N813 - a module with a class's name

        for number, name, path in missing:
            if turn != self._turn:
                return  # another page is shown by now
            try:
                with pillow.open(path, formats=["PNG"]) as picture:
                    content = encoded(picture, EDGE, 80)
            except (OSError, SyntaxError, ValueError):
                continue  # the file is gone or broken: its tile stays empty, and says what it was
            with self._lock:
                if turn != self._turn:
                    return
                while len(self._kept) >= REMEMBERED:
                    self._kept.pop(next(iter(self._kept)))
                self._kept[name] = content
                self.widget.children[number].children[1].value = content
