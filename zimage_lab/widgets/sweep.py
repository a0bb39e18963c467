"""The tab Sweep: what varies, what it will cost, and the board of what came of it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from zimage_lab import sweeps
from zimage_lab.errors import InvalidRequest, ZImageError
from zimage_lab.store.sweeps import Sweeps
from zimage_lab.sweeps.plan import LIMIT
from zimage_lab.widgets import outcome
from zimage_lab.widgets.fields import Row, classed, text, toggle_class
from zimage_lab.widgets.plain import HTML, Button, HBox, IntText, ToggleButton, VBox
from zimage_lab.widgets.saved import Saved
from zimage_lab.widgets.sentences import beside, translated
from zimage_lab.widgets.settled import SettledButton
from zimage_lab.widgets.sweep_axes import AxisRows
from zimage_lab.widgets.sweep_plan import Asked, asked, line
from zimage_lab.widgets.sweep_run import SweepRun

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.engine.desk import Desk
    from zimage_lab.request import GenerationRequest
    from zimage_lab.sweeps import Plan
    from zimage_lab.sweeps.board.colours import Theme
    from zimage_lab.widgets.publisher import Publisher
    from zimage_lab.widgets.words import Words

SEEDS = 4


class SweepTab:
    """The tab's parts and what connects them.

    Parameters
    ----------
    words
        The panel's texts.
    publisher
        Who draws; `refresh` is to be called by it.
    form
        Gives the request that the form in Create stands for, or raises what is wrong with it.
    reuse
        Called with the request of a cell that somebody wants to go on from.
    theme
        The boards' colours.

    Attributes
    ----------
    engine
        Who makes the pictures.
    place
        Gives the home folder.
    """

    def __init__(
        self,
        words: Words,
        publisher: Publisher,
        form: Callable[[], GenerationRequest],
        reuse: Callable[[GenerationRequest], None],
        theme: Theme = "auto",
    ) -> None:
        self._words, self._publisher, self._form = words, publisher, form
        self.engine: Desk | None = None
        self.place: Callable[[], Path | None] = lambda: None
        self.base: GenerationRequest | None = None
        self._sent = False  # a picture was sent here: the form does not take its place
        self._stale = True
        self.about = HTML()
        self.take = Button(description=words("sweep_take"), tooltip=words("sweep_take_tip"), icon="reply")
        self.axes = AxisRows(words, self._changed)
        self.seeds = IntText(description=words("seeds"), value=SEEDS, tooltip=words("seeds_tip"))
        self.seeds_row = Row({"seeds": self.seeds})
        self.wildcards = ToggleButton(description=words("wildcards"), tooltip=words("wildcards_tip"), icon="random")
        self.told = classed(HTML(), "zl-plan")
        self.lift = classed(
            ToggleButton(description=words("lift"), tooltip=words("lift_tip"), icon="unlock"), "zl-gone"
        )
        self.start = classed(SettledButton(description=words("start"), tooltip=words("start_tip")), "zl-generate")
        self.run = SweepRun(words, publisher, reuse, theme)
        self.saved = Saved(words, "saved_sweeps", Sweeps, self.open)
        self.widget = self._assemble()
        self.take.on_click(lambda _: self._take())
        self.seeds.observe(lambda _: self._changed(), "value")
        self.lift.observe(lambda _: self._changed(), "value")
        self.wildcards.observe(lambda _: self._changed(), "value")
        self.start.on_click(lambda _: self._start())

    def begin_with(self, request: GenerationRequest) -> None:
        """Start from a picture's request."""
        self.base, self._sent = request, True
        self._changed()

    def shown(self) -> None:
        """Come into view: what the form says may be another than before, and so may what is saved."""
        if not self._sent:
            self._take()
        self.saved.look(self.place())
        self._changed()

    def refresh(self) -> None:
        """Draw what there is to say; for the publisher."""
        if self._stale:
            self._stale = False
            self._judge()
        self.run.refresh()

    def open(self, name: str) -> None:
        """Show the board of a saved sweep."""
        try:
            self.run.show(sweeps.Sweep.load(name, engine=self.engine, home=self.place()))
        except ZImageError as error:
            self._say(translated(str(error), self._words), "error")

    def carry(self, old: SweepTab) -> None:
        """Take over what the tab before had, whose page was loaded anew."""
        self.base, self._sent = old.base, old._sent
        self.axes.take(old.axes.told())
        self.seeds.value, self.wildcards.value = old.seeds.value, old.wildcards.value
        if old.run.sweep is not None:
            self.run.show(old.run.sweep)
        self._changed()

    def _assemble(self) -> Any:  # noqa: ANN401 - ipywidgets have no types
        heading = HTML(f'<div class="zl-caption">{html.escape(self._words("sweep_from"))}</div>')
        base = classed(VBox([heading, self.about, self.take, self.saved.widget]), "zl-sweep-base")
        go = classed(HBox([self.seeds_row.widget, self.start, self.wildcards]), "zl-sweep-go")
        said = classed(HBox([self.told, self.lift]), "zl-sweep-told")
        what = classed(VBox([self.axes.widget, go, said]), "zl-sweep-what")
        return classed(VBox([classed(HBox([base, what]), "zl-sweep-form"), self.run.widget]), "zl-sweep")

    def _take(self) -> None:
        try:
            self.base, self._sent = self._form(), False
        except ZImageError:
            self.base = None if not self._sent else self.base
        self._changed()

    def _changed(self) -> None:
        self._stale = True
        self._publisher.mark()

    def _judge(self) -> Plan | None:
        """Plan it as it stands, and say what it will be, or beside its field what is wrong."""
        self.about.value = self._about()
        self.seeds_row.complain("seeds")
        plan = self._try()
        self.start.disabled = plan is None or self.engine is None
        return plan

    def _try(self) -> Plan | None:
        varied = self.axes.options()
        if self.base is None or varied is None:
            self._say("")
            return None
        try:
            wanted = self._asked(self.base, varied)
            plan = sweeps.plan(wanted.prompt, limit=self._limit(), place=self.place(), **wanted.options)
        except InvalidRequest as error:
            self._complain(error)
            return None
        except ZImageError as error:
            self._say(translated(str(error), self._words), "error")
            return None
        if not self.lift.value:
            toggle_class(self.lift, "zl-gone", on=True)
        notes = "".join(text(translated(one, self._words), "warn") for one in plan.warnings)
        self.told.value = f'<div role="status">{html.escape(line(plan, self._words))}</div>{notes}'
        return plan

    def _asked(self, base: GenerationRequest, varied: dict[str, Any]) -> Asked:
        return asked(base, varied, int(self.seeds.value), self.place(), wildcards=bool(self.wildcards.value))

    def _limit(self) -> int | None:
        return None if self.lift.value else LIMIT

    def _start(self) -> None:
        """Begin the sweep, or say why not."""
        varied = self.axes.options()
        if self.engine is None or self.base is None or varied is None:
            return
        try:
            wanted = self._asked(self.base, varied)
            made = sweeps.start(self.engine, wanted.prompt, limit=self._limit(), **wanted.options)
        except InvalidRequest as error:
            self._complain(error)
            return
        except ZImageError as error:
            self._say(translated(str(error), self._words), "error")
            return
        self.lift.value = False
        self.run.show(made)
        self.saved.look(self.place())

    def _complain(self, error: InvalidRequest) -> None:
        self._say("")
        if error.field == "limit":
            toggle_class(self.lift, "zl-gone", on=False)
            self._say(self._words("over_limit", what=translated(error.what, self._words)), "error")
            return
        name = "size" if error.field in {"width", "height"} else error.field
        label = self._words(name) if name in self._known else name
        sentence = beside(error, label, self._words)
        if error.field in {"seeds", "seed"}:
            self.seeds_row.complain("seeds", sentence)
        elif not self.axes.complain(error, sentence):
            self._say(f"{label}: {sentence}" if not sentence.startswith(label) else sentence, "error")

    @property
    def _known(self) -> set[str]:
        return {row.name for row in self.axes.rows} | {"seeds", "seed", "prompt", "model", "size"}

    def _about(self) -> str:
        if self.base is None:
            return text(self._words("sweep_no_base"))
        return f'<div class="zl-summary">{outcome.summary(self.base, self._words, [])}</div>'

    def _say(self, sentence: str, kind: str = "note") -> None:
        self.told.value = text(sentence, kind)
