"""The seed: what the next picture starts from, whether it is kept, and a die to draw another."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from zimage_lab.options import whole
from zimage_lab.widgets.fields import Row, classed
from zimage_lab.widgets.plain import Button, IntText, Text, ToggleButton

if TYPE_CHECKING:
    from zimage_lab.widgets.words import Words

DRAWN = 2**32
"""Seeds that the die draws: ten digits are enough to differ and few enough to read out; any other can be typed."""


class SeedField:
    """The seed as text (a browser's numbers end at 2**53), with lock and die.

    An open lock draws a seed for each picture. A seed that somebody typed, or took from a picture, closes the lock: it
    would be lost with the next click.

    Parameters
    ----------
    words
        The panel's texts.
    """

    def __init__(self, words: Words) -> None:
        self.field = Text(description=words("seed"), value=str(secrets.randbelow(DRAWN)))
        self.lock = classed(ToggleButton(icon="unlock", tooltip=words("lock")), "zl-icon")
        self.dice = classed(Button(icon="dice", tooltip=words("dice")), "zl-icon", "zl-dice")
        self.pictures = IntText(description=words("pictures"), value=1, tooltip=words("pictures_tip"))
        self.row = Row({"seed": self.field, "pictures": self.pictures}, [self.lock, self.dice])
        self.widget = self.row.widget
        self._fresh = True  # the seed shown has not been used yet
        self._writing = False
        self.field.observe(self._typed, "value")
        self.lock.observe(self._locked, "value")
        self.dice.on_click(lambda _: self.draw())

    def draw(self) -> None:
        """Draw a new seed and show it."""
        self._write(str(secrets.randbelow(DRAWN)))

    def take(self, seed: int) -> None:
        """Show a picture's seed and keep it."""
        self._write(str(seed))
        self.lock.value = True

    def next(self) -> int | str:
        """Give the seed of the next picture; what is no number is given as it is, for the validator to refuse."""
        if not self._fresh and not self.lock.value:
            self.draw()
        return self.value

    @property
    def value(self) -> int | str:
        """The seed shown; what is no number is given as it is."""
        return whole(str(self.field.value).strip())

    @property
    def spent(self) -> bool:
        """Whether a picture was queued with the seed shown."""
        return not self._fresh

    def used(self) -> None:
        """Say that a picture was queued with the seed shown."""
        self._fresh = False

    def _write(self, seed: str) -> None:
        self._writing = True
        self.field.value = seed
        self._writing = False
        self._fresh = True
        self.row.complain("seed")

    def _typed(self, _: Any) -> None:  # noqa: ANN401 - traitlets' change
        if not self._writing:
            self._fresh = True
            self.lock.value = True

    def _locked(self, change: Any) -> None:  # noqa: ANN401 - traitlets' change
        self.lock.icon = "lock" if change["new"] else "unlock"
