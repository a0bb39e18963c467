"""The tab Compare: which prompts, which models, how they are matched, and what came of it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from zimage_lab import compare
from zimage_lab.errors import InvalidRequest, ZImageError
from zimage_lab.store.comparisons import Comparisons
from zimage_lab.widgets.compare_models import ModelRows
from zimage_lab.widgets.compare_run import CompareRun
from zimage_lab.widgets.fields import Row, classed, text
from zimage_lab.widgets.plain import HTML, Dropdown, HBox, IntText, Textarea, VBox
from zimage_lab.widgets.saved import Saved
from zimage_lab.widgets.sentences import beside, translated
from zimage_lab.widgets.settled import SettledButton

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.compare import Plan
    from zimage_lab.engine.desk import Desk
    from zimage_lab.request import GenerationRequest
    from zimage_lab.widgets.publisher import Publisher
    from zimage_lab.widgets.words import Words

SEEDS = 2
MATCHES = ("own", "size", "steps", "time")
PROMPTS = {"prompt", "prompts", "meaning"}


class CompareTab:
    """The tab's parts and what connects them.

    Parameters
    ----------
    words
        The panel's texts.
    publisher
        Who draws; `refresh` is to be called by it.
    form
        Gives the request that the form in Create stands for, or raises what is wrong with it.

    Attributes
    ----------
    engine
        Who makes the pictures.
    place
        Gives the home folder.
    """

    def __init__(self, words: Words, publisher: Publisher, form: Callable[[], GenerationRequest]) -> None:
        self._words, self._publisher, self._form = words, publisher, form
        self.engine: Desk | None = None
        self.place: Callable[[], Path | None] = lambda: None
        self._stale = True
        self.prompts = Textarea(description=words("prompts"), placeholder=words("prompts_hint"))
        self.prompts_row = Row({"prompts": self.prompts})
        self.models = ModelRows(words, self._changed)
        self.seeds = IntText(description=words("seeds"), value=SEEDS, tooltip=words("compare_seeds_tip"))
        self.match = Dropdown(
            description=words("match"), options=[(words(f"match_{name}"), name) for name in MATCHES], value="own"
        )
        self.ways = Row({"seeds": self.seeds, "match": self.match})
        self.told = classed(HTML(), "zl-plan")
        self.start = classed(
            SettledButton(description=words("start"), tooltip=words("compare_start_tip")), "zl-generate"
        )
        self.run = CompareRun(words, publisher)
        self.saved = Saved(words, "saved_comparisons", Comparisons, self.open)
        self.widget = self._assemble()
        for part in (self.prompts, self.seeds, self.match):
            part.observe(lambda _: self._changed(), "value")
        self.start.on_click(lambda _: self._start())

    def begin_with(self, request: GenerationRequest) -> None:
        """Take a picture's prompt, beside those that are there, and its model as the first."""
        lines = [line for line in self.prompts.value.splitlines() if line.strip()]
        prompt = " ".join(request.prompt.split())
        if prompt not in lines:
            self.prompts.value = "\n".join([*lines, prompt])
        self.models.look(self.place())
        self.models.put_first(request.model)
        self._changed()

    def shown(self) -> None:
        """Come into view: models may have come, and so may what is saved."""
        self.models.look(self.place())
        if not self.prompts.value:
            try:
                self.begin_with(self._form())
            except ZImageError:
                self.models.put_first(None)
        self.saved.look(self.place())
        self._changed()

    def refresh(self) -> None:
        """Draw what there is to say; for the publisher."""
        if self._stale:
            self._stale = False
            self._judge()
        self.run.refresh()

    def open(self, name: str) -> None:
        """Show a saved comparison."""
        try:
            self.run.show(compare.Comparison.load(name, engine=self.engine, home=self.place()))
        except ZImageError as error:
            self._say(translated(str(error), self._words), "error")

    def carry(self, old: CompareTab) -> None:
        """Take over what the tab before had, whose page was loaded anew."""
        self.models.look(self.place())
        self.prompts.value = old.prompts.value
        self.models.take(old.models.told())
        self.seeds.value, self.match.value = old.seeds.value, old.match.value
        if old.run.comparison is not None:
            self.run.show(old.run.comparison)
        self._changed()

    def _assemble(self) -> Any:  # noqa: ANN401 - ipywidgets have no types
        base = classed(VBox([self.prompts_row.widget, self.saved.widget]), "zl-sweep-base")
        go = classed(HBox([self.ways.widget, self.start]), "zl-compare-go")
        what = classed(VBox([self.models.widget, go, self.told]), "zl-sweep-what")
        form = classed(HBox([base, what]), "zl-sweep-form")
        return classed(VBox([form, self.run.widget]), "zl-sweep", "zl-compare")

    def _changed(self) -> None:
        self._stale = True
        self._publisher.mark()

    def _judge(self) -> None:
        """Plan it as it stands, and say what it will be, or beside its field what is wrong."""
        self._clear()
        plan: Plan | None = None
        if not self.prompts.value.strip():
            self._say(self._words("compare_no_prompts"))
        else:
            try:
                prompts, models, options = self._asked()
                plan = compare.plan(prompts, models, place=self.place(), **options)
                self._tell(plan)
            except ZImageError as error:
                self._complain(error)
        self.start.disabled = plan is None or self.engine is None

    def _asked(self) -> tuple[list[str], list[Any], dict[str, Any]]:
        lines = (line.strip() for line in self.prompts.value.splitlines())
        match = () if self.match.value == "own" else (self.match.value,)
        options = {"seeds": int(self.seeds.value), "protocol": {"match": match}}
        return [line for line in lines if line], self.models.asked(), options

    def _tell(self, plan: Plan) -> None:
        prompts, seeds, models, _ = plan.shape
        line = self._words("compare_plan", count=plan.count, prompts=prompts, seeds=seeds, models=models)
        notes = "".join(text(translated(one, self._words), "warn") for one in plan.notes)
        self.told.value = f'<div role="status">{html.escape(line)}</div>{notes}'

    def _start(self) -> None:
        """Begin the comparison, or say why not."""
        if self.engine is None or not self.prompts.value.strip():
            return
        self._clear()
        try:
            prompts, models, options = self._asked()
            made = compare.start(self.engine, prompts, models, **options)
        except ZImageError as error:
            self._complain(error)
            return
        self.run.show(made)
        self.saved.look(self.place())
        self._changed()

    def _clear(self) -> None:
        self.prompts_row.complain("prompts")
        self.ways.complain("seeds")
        self.models.complain()

    def _complain(self, error: ZImageError) -> None:
        """Put what is wrong where it is."""
        self._say("")
        if not isinstance(error, InvalidRequest):
            self._say(translated(str(error), self._words), "error")
        elif error.field in PROMPTS:
            self.prompts_row.complain("prompts", beside(error, self._words("prompts"), self._words))
        elif error.field in {"seeds", "seed"}:
            self.ways.complain("seeds", beside(error, self._words("seeds"), self._words))
        elif error.field in {"models", "model", "steps", "width", "height", "size"}:
            label = self._words("steps" if error.field == "steps" else "models")
            self.models.complain(beside(error, label, self._words))
        else:
            self._say(translated(str(error), self._words), "error")

    def _say(self, sentence: str, kind: str = "note") -> None:
        self.told.value = text(sentence, kind)
