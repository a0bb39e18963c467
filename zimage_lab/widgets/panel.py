"""The panel: its tabs under a line that says what the engine does, and an engine that none of them waits for.

Callbacks validate, queue and return. Whatever the engine does reaches the panel as a mark that it is stale; the
publisher then draws the engine's jobs and state as they are. So a panel made anew, after the page was loaded again,
shows what the first one showed.
"""

from __future__ import annotations

import html
import sys
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest, ZImageError
from zimage_lab.home import home, settings
from zimage_lab.models.catalog import DEFAULT_MODEL
from zimage_lab.widgets.carry import carry
from zimage_lab.widgets.create import Create
from zimage_lab.widgets.fields import classed, refill, text
from zimage_lab.widgets.model_choice import ModelChoice
from zimage_lab.widgets.outputs import Outputs
from zimage_lab.widgets.plain import HTML, HBox, VBox
from zimage_lab.widgets.publisher import Publisher
from zimage_lab.widgets.sentences import translated
from zimage_lab.widgets.style import style_element
from zimage_lab.widgets.tabs import Tabs
from zimage_lab.widgets.words import Words
from zimage_lab.widgets.words import language as choose_language

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.engine.desk import Desk
    from zimage_lab.engine.events import Event
    from zimage_lab.request import GenerationRequest
    from zimage_lab.sweeps.board.colours import Theme
    from zimage_lab.widgets.compare import CompareTab
    from zimage_lab.widgets.gallery import Gallery
    from zimage_lab.widgets.sweep import SweepTab

SENT_SECONDS = 0.4
"""What a new panel gets to be sent to the page before the engine is asked for, while the page draws."""

DRAWN_SECONDS = 1.0
"""What the page gets to draw a new panel before torch is imported: that holds up all else in the kernel."""

DOOR = "zimage_lab.engine.door"
"""The module that a kernel has imported where it has used an engine."""

MOST = 4
"""Panels of one process that `panel()` keeps up to date: a page that is loaded again leaves its old one behind."""


class Root(VBox):  # type: ignore[misc] # ipywidgets have no types
    """The panel's outermost widget, whose text form is a sentence and not all its parts."""

    def __init__(self, owner: Panel, children: list[Any]) -> None:
        super().__init__(children)
        self.owner = owner

    def __repr__(self) -> str:
        """Give what a viewer without widgets shows."""
        return self.owner.words("repr")


class Panel:
    """The panel's parts and what connects them.

    Parameters
    ----------
    engine
        The engine to ask; None takes this process's.
    language
        "en" or "zh"; None takes the environment's.
    outputs
        Whether its finished pictures are also outputs of the cell.
    board_theme
        Colours of the boards of sweeps: "auto" follows JupyterLab, or "light" or "dark".
    """

    def __init__(
        self,
        engine: Desk | None = None,
        language: str | None = None,
        *,
        outputs: bool = False,
        board_theme: Theme = "auto",
    ) -> None:
        self.outputs = Outputs() if outputs else None  # now: a cell that has ended takes no outputs
        self.words = words = Words(choose_language(language))
        self._engine, self._opened = engine, False
        self._unsubscribe: Callable[[], None] = lambda: None
        self.publisher = Publisher(self.refresh)
        self.create = Create(words, lambda: self.engine, self.publisher.mark)
        self.choice = ModelChoice(words, self.create.use, self.publisher)
        self.create.choice = self.choice
        self.create.vary, self.create.compare = self._vary, self._compare
        self.gallery: Gallery | None = None  # its many widgets are made when somebody wants to see it
        self.sweep: SweepTab | None = None  # so are these
        self.comparison: CompareTab | None = None
        self._gallery_place, self._sweep_place, self._compare_place = VBox(), VBox(), VBox()
        self._board_theme = board_theme
        self.status = classed(HTML(), "zl-status")
        parts = {
            "create": (words("create"), self.create.widget),
            "sweep": (words("sweep"), self._sweep_place),
            "compare": (words("compare"), self._compare_place),
            "gallery": (words("gallery"), self._gallery_place),
        }
        self.tabs = Tabs(parts, self._turned)
        top = [self.tabs.widget, self.choice.widget, self.status, self.choice.note, self.choice.download.widget]
        body = [classed(HBox(top), "zl-top"), *(part for _, part in parts.values())]
        self.widget = Root(self, [HTML(style_element()), *body])
        self.widget.add_class("zl-panel")
        self._start()

    def close(self) -> None:
        """Stop listening; the panel stays as it is."""
        self._unsubscribe()
        self.publisher.close()

    def retire(self) -> None:
        """Stop listening, and leave a sentence in the panel's place; all its parts are closed."""
        self.close()
        with self.publisher.lock:
            refill(self.widget, [HTML(text(self.words("retired")))])

    def refresh(self) -> None:
        """Draw the engine's jobs and state as they are now; for the publisher."""
        if self.tabs.chosen == "gallery":
            self._show_gallery()
        if self.tabs.chosen == "sweep":
            self.sweeping().refresh()
        if self.tabs.chosen == "compare":
            self.comparing().refresh()
        engine = self.engine
        if engine is None:
            return
        jobs, status = engine.jobs(), engine.status()
        self.choice.draw()
        self._show_status(status, sum(job.state == "queued" for job in jobs))
        self.create.draw(jobs, status)
        if self.outputs is not None:
            self.outputs.show(jobs)
        if status.get("state") == "stopped":
            self.create.say(self.words("stopped"))

    def sweeping(self) -> SweepTab:
        """Give the tab of sweeps; it is made when somebody wants to see it."""
        with self.publisher.lock:
            if self.sweep is None:
                from zimage_lab.widgets.sweep import SweepTab

                form = self.create.form
                made = SweepTab(self.words, self.publisher, form.first, self._go_on_from, self._board_theme)
                made.engine, made.place = self.engine, lambda: self.choice.place
                self.sweep = made
                self._sweep_place.children = (made.widget,)
            return self.sweep

    def comparing(self) -> CompareTab:
        """Give the tab of comparisons; it is made when somebody wants to see it."""
        with self.publisher.lock:
            if self.comparison is None:
                from zimage_lab.widgets.compare import CompareTab

                made = CompareTab(self.words, self.publisher, self.create.form.first)
                made.engine, made.place = self.engine, lambda: self.choice.place
                self.comparison = made
                self._compare_place.children = (made.widget,)
            return self.comparison

    def go_on_with(self, old: Panel) -> None:
        """Show the sweep and the comparison that an older panel shows: its page was loaded anew."""
        if old.sweep is not None:
            self.sweeping().carry(old.sweep)
            if old.tabs.chosen == "sweep":
                self.tabs.turn("sweep")
        if old.comparison is not None:
            self.comparing().carry(old.comparison)
            if old.tabs.chosen == "compare":
                self.tabs.turn("compare")

    def stop(self) -> None:
        """Cancel what is seen: the sweep or the comparison in its tab, else the running picture."""
        seen = {"sweep": self.sweep, "compare": self.comparison}.get(self.tabs.chosen)
        run = None if seen is None else seen.run
        if run is not None and not run.head.cancel.disabled:
            run.head.cancel.click()
        else:
            self.create.stop()

    def _turned(self) -> None:
        if self.tabs.chosen == "sweep":
            self.sweeping().shown()
        if self.tabs.chosen == "compare":
            self.comparing().shown()
        self.publisher.mark()

    def _vary(self, request: GenerationRequest) -> None:
        self.sweeping().begin_with(request)
        self.tabs.turn("sweep")

    def _compare(self, request: GenerationRequest) -> None:
        self.comparing().begin_with(request)
        self.tabs.turn("compare")

    @property
    def engine(self) -> Desk | None:
        """The engine, asked for by whoever needs it first; None where there is none, and the notice says why."""
        if not self._opened:
            with self.publisher.lock:
                if not self._opened:
                    self._open()
                    self._opened = True
        return self._engine

    def _start(self) -> None:
        """Begin to draw; a kernel that has imported no engine yet does so while the page draws what is there."""
        if self._engine is not None or DOOR in sys.modules:
            engine = self.engine
            self.choice.look(None if engine is None else engine.status().get("default_model"))
            self.publisher.start()
        else:
            with suppress(ZImageError):  # the engine will say the same, and the notice with it
                self.choice.look(settings(home()).model or DEFAULT_MODEL)
            later = threading.Timer(SENT_SECONDS, self.publisher.start)
            later.daemon = True
            later.start()
        self.publisher.mark()

    def _open(self) -> None:
        """Ask for the engine; its thread reads the weights when the panel is already on the screen."""
        try:
            if self._engine is None:
                from zimage_lab.engine import load

                self._engine = load(warm=False)
                later = threading.Timer(DRAWN_SECONDS, self._engine.warm_up)
                later.daemon = True
                later.start()
            if self.outputs is not None:
                self.outputs.leave(self._engine.jobs())
            self.choice.place = self._engine.home
            form = self.create.form
            for part in (form.reference, form.beginning.picture, form.writing):
                part.place = lambda: self.choice.place
            self._unsubscribe = self._engine.events.subscribe(self._heard)
        except ZImageError as error:
            self.create.say(f"{self.words('no_engine')} {translated(str(error), self.words)}")

    def _show_gallery(self) -> None:
        if self.gallery is None:
            from zimage_lab.widgets.gallery import Gallery

            acts = self._go_on_from, self._vary
            place = lambda: self.choice.place  # noqa: E731 - it may change
            self.gallery = Gallery(self.words, self.publisher, place, *acts, compare=self._compare)
            self._gallery_place.children = (self.gallery.widget,)
        self.gallery.refresh()

    def _heard(self, event: Event) -> None:
        self.create.interrupted.heard(event)
        self.publisher.mark()

    def _go_on_from(self, request: GenerationRequest) -> None:
        self.create.go_on_from(request)
        self.tabs.turn("create")

    def _show_status(self, status: dict[str, Any], waiting: int) -> None:
        resident = status.get("model")
        model = self.choice.named(resident) if resident else None
        parts = [(model.card.title or model.id) if model else resident] if resident else []
        if status.get("state") == "loading":
            parts.append(self.words("loading_model"))
        parts += [str(status["device"])] if status.get("device") else []
        if status.get("memory_bytes"):
            parts.append(self.words("memory", size=self.words.size(status["memory_bytes"])))
        parts.append(self.words("queue", number=waiting))
        self.status.value = html.escape(" · ".join(parts))


_live: deque[Panel] = deque()


def panel(
    engine: Desk | None = None,
    language: str | None = None,
    *,
    outputs: bool = True,
    board_theme: Theme = "auto",
) -> Root:
    """Show the studio in a notebook: prompt, settings, Generate, and the picture as it forms.

    It returns at once, before any model is loaded, and never keeps the kernel from answering. Called again, after the
    page was loaded anew, it finds the running job, its result, and what was typed. A kernel keeps its four newest
    panels.

    Every front end that shows ipywidgets shows it: JupyterLab, Notebook 7, VS Code. Keys, the status bar, dropped files
    and the word on a broken connection come with JupyterLab's extension; the buttons do all that the keys do.

    Parameters
    ----------
    engine
        The engine to ask; None takes this process's.
    language
        "en" or "zh"; None takes `ZIMAGE_LAB_LANGUAGE`, else the environment's locale.
    outputs
        Keep the four newest pictures as ordinary outputs of the cell as well, for viewers without a kernel; they are
        hidden while the panel is there.
    board_theme
        Colours of the boards of sweeps: "auto" follows JupyterLab, or "light" or "dark".

    Returns
    -------
    An ipywidgets widget.
    """
    made = Panel(engine, language, outputs=outputs, board_theme=board_theme)
    if _live:
        carry(_live[-1].create, made.create)
        made.go_on_with(_live[-1])
    _live.append(made)
    if len(_live) > MOST:
        _live.popleft().retire()
    return made.widget


def cancel() -> None:
    """Cancel what the panel that was made last would cancel; for JupyterLab, on any thread."""
    if _live:
        _live[-1].stop()


def newest() -> Panel:
    """Give the panel that was made last.

    Raises
    ------
    InvalidRequest
        When there is none.
    """
    if not _live:
        field = "panel"
        raise InvalidRequest(field, None, "there is none in this kernel", "Call panel() first.")
    return _live[-1]
