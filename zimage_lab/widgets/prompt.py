"""The prompt: its text, its tokens, what the model knows, and a warning before a word is wasted."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from zimage_lab import models
from zimage_lab.errors import ModelLoadError
from zimage_lab.widgets.fields import Fold, Row, chips, classed, refill, text, toggle_class
from zimage_lab.widgets.plain import HTML, Textarea, VBox
from zimage_lab.widgets.words import GRAMMAR

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.models import Model
    from zimage_lab.widgets.words import Words

EXAMPLES = 3
UNKNOWN_SHOWN = 6
WORD_CHARACTERS = 24
CUT_BEFORE, CUT_SHOWN = 40, 400
"""Characters shown of what stays before a cut, and of what goes."""


class PromptField:
    """The prompt and everything that is said about it while it is typed.

    Parameters
    ----------
    words
        The panel's texts.
    changed
        Called after each change; to call `judge`.
    """

    def __init__(self, words: Words, changed: Callable[[], None]) -> None:
        self._words = words
        self._model: Model | None = None
        self.area = Textarea(description=words("prompt"), placeholder=words("prompt_hint"), rows=3)
        self.count = classed(HTML(), "zl-count")
        self.count.tooltip = words("tokens")
        self.row = Row({"prompt": self.area})
        self.cut = classed(HTML(), "zl-cut", "zl-gone")
        self._notice = ""
        self.tools = VBox()
        self.examples = VBox()
        self._known: list[str] = []
        self.vocabulary = Fold(words("words"), [], opening=self._show_known)
        prompt = classed(VBox([self.row.widget, self.count, self.cut]), "zl-prompt")
        self.widget = VBox([prompt, self.tools, self.examples, self.vocabulary.widget])
        self.area.observe(lambda _: changed(), "value")

    @property
    def value(self) -> str:
        """The prompt as it is typed."""
        return str(self.area.value)

    @value.setter
    def value(self, prompt: str) -> None:
        self.area.value = prompt

    def use(self, model: Model) -> None:
        """Show what a model knows; `judge` then says what it makes of the prompt."""
        self._model = model
        self.area.placeholder = self._words("edit_hint" if model.card.reference_images[1] else "prompt_hint")
        vocabulary, language = model.card.vocabulary, self._words.language
        notice = self._words("miniature", number=len((vocabulary or {}).get(language, ())))
        self._notice = text(notice) if model.card.miniature and vocabulary else ""
        samples = [example[language] for example in model.card.examples if language in example][:EXAMPLES]
        shown = []
        if samples:
            listed, buttons = chips(samples, self._words("examples"), "zl-list")
            for button in buttons:
                button.on_click(self._take)
            shown = [HTML(f'<div class="zl-caption">{self._words("examples")}</div>'), listed]
        refill(self.examples, shown)
        self._know([word for word in (vocabulary or {}).get(language, ()) if word not in GRAMMAR[language]])

    def judge(self, prompt: str) -> None:
        """Count a prompt's tokens, and warn of what the model will not understand in it."""
        model = self._model
        if model is None:
            return
        limit = model.card.max_tokens
        try:
            number = models.count(model, prompt) if prompt else 0
        except ModelLoadError:
            number = None  # the engine says what is wrong with the model when it is asked to draw
        over = number is not None and number > limit
        self.row.complain("prompt", self._words("too_long", number=number, limit=limit) if over else "")
        self._mark(prompt, models.kept(model, prompt) if over else len(prompt))
        self.count.value = f"{'-' if number is None else number}/{limit}"
        unknown = models.unknown_words(model, prompt)
        # The warning takes the notice's place, so that nothing moves while somebody types.
        said = [self._words("unknown", words=self._listed(unknown))] if unknown else []
        if models.lacks_quotes(model, unknown):
            said.append(self._words("quotes"))
        self.row.say(text(" ".join(said), "warn") if said else self._notice)

    def _mark(self, prompt: str, kept: int) -> None:
        """Show which words would be cut, behind the last ones that stay."""
        lost = prompt[kept:]
        toggle_class(self.cut, "zl-gone", on=not lost)
        before, after = prompt[max(0, kept - CUT_BEFORE) : kept], lost[:CUT_SHOWN]
        rest = "…" if len(lost) > CUT_SHOWN else ""
        title = html.escape(self._words("cut"))
        marked = f"{'…' if kept > CUT_BEFORE else ''}{html.escape(before)}<mark>{html.escape(after)}{rest}</mark>"
        self.cut.value = f'<div class="zl-text">{title} {marked}</div>' if lost else ""

    def _listed(self, unknown: list[str]) -> str:
        quoted = self._words("list").join(f"“{word[:WORD_CHARACTERS]}”" for word in unknown[:UNKNOWN_SHOWN])
        more = len(unknown) - UNKNOWN_SHOWN
        return self._words("and_more", words=quoted, number=more) if more > 0 else quoted

    def _know(self, known: list[str]) -> None:
        if known != self._known:
            self._known = known
            refill(self.vocabulary.body, [])
        self.vocabulary.open(opened=self.vocabulary.opened)
        toggle_class(self.vocabulary.widget, "zl-gone", on=not known)

    def _show_known(self) -> None:
        if self._known and not self.vocabulary.body.children:
            box, buttons = chips(self._known, self._words("add_word"))
            for button in buttons:
                button.on_click(self._add)
            self.vocabulary.body.children = (box,)

    def _take(self, button: Any) -> None:  # noqa: ANN401 - ipywidgets have no types
        self.value = button.description

    def _add(self, button: Any) -> None:  # noqa: ANN401 - ipywidgets have no types
        spaced = self._words.language == "en" and self.value and not self.value[-1].isspace()
        self.value = f"{self.value}{' ' if spaced else ''}{button.description}"
