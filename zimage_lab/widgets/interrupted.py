"""Says that a restart of the kernel interrupted pictures, and lets the person have them made or dropped.

Nothing of that runs by itself: who restarts a kernel in the middle of a picture may have meant to be rid of it.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from zimage_lab.errors import ZImageError
from zimage_lab.widgets.fields import classed, toggle_class
from zimage_lab.widgets.plain import HTML, Button, HBox
from zimage_lab.widgets.sentences import translated

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.engine.desk import Desk
    from zimage_lab.engine.events import Event
    from zimage_lab.engine.job import Job
    from zimage_lab.store.jobs import JobRow
    from zimage_lab.widgets.words import Words

LONGEST = 80
"""Characters of a prompt that the line shows."""


class Interrupted:
    """A line with two buttons, there only while something was interrupted.

    Parameters
    ----------
    words
        The panel's texts.
    engine
        Gives the engine, or None while there is none.
    changed
        Called after a click.
    """

    def __init__(self, words: Words, engine: Callable[[], Desk | None], changed: Callable[[], None]) -> None:
        self._words, self._engine, self._changed = words, engine, changed
        self._stale = True
        self.rows: list[JobRow] = []
        self.line = HTML()
        self.again = Button(description=words("interrupted_again"), tooltip=words("interrupted_again_tip"), icon="play")
        self.drop = Button(description=words("interrupted_drop"), tooltip=words("interrupted_drop_tip"), icon="trash")
        self.again.on_click(lambda _: self._resume())
        self.drop.on_click(lambda _: self._drop())
        self.widget = classed(HBox([self.line, self.again, self.drop]), "zl-bar-line", "zl-interrupted", "zl-gone")

    def heard(self, event: Event) -> None:
        """Take note of an event that may change what is shown; from any thread."""
        if event.kind == "state" and (event.data.get("paused") or event.job in {row.id for row in self.rows}):
            self._stale = True

    def draw(self) -> None:
        """Show what was interrupted, reading the queue only where that may have changed; for the publisher."""
        engine = self._engine()
        if engine is None or not self._stale:
            return
        from zimage_lab.engine.interrupted import interrupted  # with the queue, which no first panel waits for

        self._stale = False
        self.rows = interrupted(engine)
        self.line.value = html.escape(self._sentence())
        toggle_class(self.widget, "zl-gone", on=not self.rows)

    def _sentence(self) -> str:
        if len(self.rows) != 1:
            return self._words("interrupted_many", number=len(self.rows))
        prompt = self.rows[0].request.prompt
        return self._words("interrupted_one", prompt=prompt if len(prompt) <= LONGEST else f"{prompt[: LONGEST - 1]}…")

    def _resume(self) -> None:
        from zimage_lab.engine.interrupted import resume

        self._each(resume)

    def _drop(self) -> None:
        from zimage_lab.engine.interrupted import drop

        self._each(drop)

    def _each(self, act: Callable[[Desk, str], Job | None]) -> None:
        engine = self._engine()
        if engine is None:
            return
        for row in self.rows:
            try:
                act(engine, row.id)
            except ZImageError as error:  # another panel or a shell was quicker
                self.line.value = html.escape(translated(str(error), self._words))
                return
        self._stale = True
        self._changed()
