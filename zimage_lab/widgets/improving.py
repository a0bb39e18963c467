"""The button that has the model write the prompt out, and the one that gives the person's own words back."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from zimage_lab.errors import Cancelled, InvalidRequest, ZImageError
from zimage_lab.models.text_head import can_write
from zimage_lab.prompts import enhance
from zimage_lab.widgets.fields import classed, text, toggle_class
from zimage_lab.widgets.plain import HTML, Button, HBox, VBox
from zimage_lab.widgets.sentences import beside, translated

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.engine.desk import Desk
    from zimage_lab.models import Model
    from zimage_lab.widgets.prompt import PromptField
    from zimage_lab.widgets.words import Words


class Improving:
    """Button, Undo, and the text as it is written.

    Parameters
    ----------
    words
        The panel's texts.
    prompt
        Where the prompt stands.
    engine
        Gives the engine.
    changed
        Called from any thread when there is something to draw.
    """

    def __init__(
        self, words: Words, prompt: PromptField, engine: Callable[[], Desk | None], changed: Callable[[], None]
    ) -> None:
        self._words, self._prompt, self._engine, self._changed = words, prompt, engine, changed
        self._model: Model | None = None
        self._stop: threading.Event | None = None
        self._so_far = self._sentence = ""
        self._answer: str | None = None
        self._before: str | None = None
        self.button = Button(description=words("improve"), icon="magic", disabled=True)
        self.undo = Button(description=words("improve_undo"), tooltip=words("improve_undo_tip"), icon="undo")
        self.note = HTML()
        self.widget = VBox([classed(HBox([self.button, self.undo]), "zl-actions"), self.note])
        self.button.on_click(lambda _: self._clicked())
        self.undo.on_click(lambda _: self._undo())
        toggle_class(self.undo, "zl-gone", on=True)

    def use(self, model: Model) -> None:
        """Offer it where the model's encoder can write, and say why where it cannot."""
        self._model = model
        can = can_write(model)
        self.button.disabled = not can
        self.button.tooltip = self._words("improve_tip" if can else "improve_off", title=model.card.title or model.id)

    def draw(self) -> None:
        """Show what was written; for the publisher."""
        answer, self._answer = self._answer, None
        if answer is not None:
            self._before = self._prompt.value
            self._prompt.value = answer
            toggle_class(self.undo, "zl-gone", on=False)
        writing = self._stop is not None
        self.button.description = self._words("improve_stop" if writing else "improve")
        self.button.icon = "stop" if writing else "magic"
        self.note.value = text(self._so_far) if writing else text(self._sentence, "error") if self._sentence else ""

    def _clicked(self) -> None:
        if self._stop is not None:
            self._stop.set()
            return
        engine, model = self._engine(), self._model
        if engine is None or model is None:
            return
        self._so_far = self._sentence = ""
        stop = self._stop = threading.Event()
        arguments = (engine, model.id, self._prompt.value, stop)
        threading.Thread(target=self._write, args=arguments, name="zimage-lab-improving", daemon=True).start()
        self._changed()

    def _write(self, engine: Desk, model: str, prompt: str, stop: threading.Event) -> None:
        try:
            self._answer = enhance(prompt, engine=engine, model=model, on_text=self._hear, stop=stop)
        except Cancelled:
            pass
        except InvalidRequest as error:
            label = self._words("prompt") if error.field == "prompt" else error.field
            self._sentence = beside(error, label, self._words)
        except ZImageError as error:
            self._sentence = translated(str(error), self._words)
        finally:
            self._stop = None
            self._changed()

    def _hear(self, so_far: str) -> None:
        self._so_far = so_far
        self._changed()

    def _undo(self) -> None:
        if self._before is not None:
            self._prompt.value = self._before
        self._before = None
        toggle_class(self.undo, "zl-gone", on=True)
