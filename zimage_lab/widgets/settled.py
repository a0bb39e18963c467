"""A button whose click waits for what was typed before it.

ipywidgets' front end sends a click at once, but holds the newest text back while the kernel still works on an older
one: a click overtakes the last letters, and after a cell that blocked even the whole prompt. So a click is answered by
a question, which the front end answers by itself, behind the text that it held back; then the click is acted on.
"""

from __future__ import annotations

import threading
from typing import Any

from ipywidgets import Layout, jsdlink

from zimage_lab.widgets.plain import Button

PATIENCE = 2.0
"""Seconds after which a click is acted on without an answer: its page may be gone, or know no links."""


class SettledButton(Button):  # type: ignore[misc] # ipywidgets have no types
    """A button; `click()` in Python acts at once, a click in the browser when its text is here."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - Button's
        super().__init__(**options)
        # A layout is the smallest widget with a text that both sides keep alike; these two lay nothing out.
        self._question, self._answer = Layout(order="0"), Layout(order="0")
        self._link = jsdlink((self._question, "order"), (self._answer, "order"))
        self._lock, self._acting = threading.Lock(), threading.RLock()
        self._asked = self._done = 0
        self._answer.observe(lambda change: self._settle(int(change["new"])), "order")

    def close(self) -> None:
        """Close the button and the parts that nobody sees."""
        for part in (self._link, self._question, self._answer):
            part.close()
        super().close()

    def _handle_button_msg(self, _: Any, content: dict[str, Any], buffers: Any) -> None:  # noqa: ANN401 - Button's
        del buffers
        if content.get("event") != "click":
            return
        with self._lock:
            self._asked += 1
            number = self._asked
        self._question.order = str(number)
        timer = threading.Timer(PATIENCE, self._settle, (number,))
        timer.daemon = True
        timer.start()

    def _settle(self, number: int) -> None:
        """Act on all clicks up to one, each once."""
        with self._acting:  # one after the other, whichever thread brings the word
            clicks, self._done = max(0, number - self._done), max(number, self._done)
            for _ in range(clicks):
                self.click()
