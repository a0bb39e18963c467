"""The panel: form on the left, picture on the right, and an engine that neither of them waits for.

Callbacks validate, queue and return. Whatever the engine does reaches the panel as a mark that it is stale; the
publisher then draws the engine's jobs and state as they are. So a panel made anew, after the page was loaded again,
shows what the first one showed.
"""

from __future__ import annotations

import html
import logging
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any

from ipywidgets import HTML, Button, HBox, ToggleButton, VBox

from zimage_lab.errors import InvalidRequest, ZImageError
from zimage_lab.widgets import outcome
from zimage_lab.widgets.cancelling import cancel_button
from zimage_lab.widgets.create import Form
from zimage_lab.widgets.fields import Fold, classed, refill, text, toggle_class
from zimage_lab.widgets.model_choice import ModelChoice
from zimage_lab.widgets.picture import PictureFrame
from zimage_lab.widgets.progress import ProgressLine, told
from zimage_lab.widgets.publisher import Publisher
from zimage_lab.widgets.sentences import beside, translated
from zimage_lab.widgets.strip import Strip
from zimage_lab.widgets.style import style_element
from zimage_lab.widgets.words import Words
from zimage_lab.widgets.words import language as choose_language

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.engine.desk import Desk
    from zimage_lab.engine.job import Job

LOG = logging.getLogger(__name__)

FAILED = frozenset({"failed", "invalid_output", "quarantined"})

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
    """

    def __init__(self, engine: Desk | None = None, language: str | None = None) -> None:
        self.words = words = Words(choose_language(language))
        self.engine = engine
        self._pinned: str | None = None
        self._under: tuple[object, ...] = ()
        self.publisher = Publisher(self.refresh)
        self.form = Form(words)
        self.choice = ModelChoice(words, self.form.use, self.publisher)
        self.status = classed(HTML(), "zl-status")
        self.generate = classed(Button(description=words("generate"), tooltip=words("generate_tip")), "zl-generate")
        self.cancel = cancel_button(words, self._cancel)
        self.notice = classed(HTML(), "zl-under")
        self.frame, self.progress, self.strip = PictureFrame(words), ProgressLine(), Strip(self._pin)
        self.summary, self.failure, self.code = classed(HTML(), "zl-summary"), HTML(), HTML()
        self.reuse = Button(description=words("reuse"), tooltip=words("reuse_tip"), icon="reply", disabled=True)
        self.show_code = ToggleButton(description=words("code"), tooltip=words("code_tip"), icon="code", disabled=True)
        self.recipe_text = HTML()
        self.recipe = Fold(words("recipe"), [self.recipe_text])
        self.session = HTML()
        self._connect()
        self.widget = self._assemble()
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
        engine = self.engine
        if engine is None:
            return
        jobs, status = engine.jobs(), engine.status()
        active = self._active(jobs)
        shown = next((job for job in jobs if job.id == self._pinned), None) or active or next(iter(jobs), None)
        waiting = [job for job in reversed(jobs) if job.state == "queued"]
        self.choice.draw()
        self._show_status(status, len(waiting))
        self.frame.show(shown)
        told_of = active or shown
        place = waiting.index(told_of) + 1 if told_of in waiting else 1
        reading = status.get("state") == "loading"
        self.progress.show(told(told_of, place, self.words, size=self._size(told_of), reading=reading))
        self._show_outcome(shown)
        self.strip.show(jobs, shown.id if shown else None)
        self.session.value = f'<div class="zl-caption">{self.words("session")}</div>' if self.strip.thumbnails else ""
        if status.get("state") == "stopped":
            self.notice.value = text(self.words("stopped"), "error")

    def _connect(self) -> None:
        self.generate.on_click(lambda _: self._generate())
        self.reuse.on_click(lambda _: self._reuse())
        self.show_code.observe(lambda _: self._show_code(), "value")
        self.form.reference.shown = self._shown_file

    def _assemble(self) -> Root:
        top = classed(HBox([self.choice.widget, self.status, self.choice.note, self.choice.download.widget]), "zl-top")
        go = classed(VBox([classed(HBox([self.generate, self.cancel]), "zl-row"), self.notice]), "zl-go")
        actions = classed(HBox([self.reuse, self.show_code]), "zl-actions")
        view = [self.frame.widget, self.progress.widget, self.summary, self.failure, actions, self.code]
        view += [self.recipe.widget, self.session, self.strip.widget]
        parts = [top, self.form.what, go, classed(VBox(view), "zl-view"), self.form.settings.widget]
        toggle_class(self.recipe.widget, "zl-gone", on=True)
        root = Root(self, [HTML(style_element()), classed(VBox(parts), "zl-grid")])
        root.add_class("zl-panel")
        return root

    def _start(self) -> None:
        """Ask for the engine last: its thread reads the weights while the panel is already on its way to the screen."""
        self._unsubscribe: Callable[[], None] = lambda: None
        first: str | None = None
        try:
            if self.engine is None:
                from zimage_lab.engine import load

                self.engine = load()
            self.choice.place = self.engine.home
            self.form.reference.place = lambda: self.choice.place
            first = self.engine.status().get("default_model")
            self._unsubscribe = self.engine.events.subscribe(lambda _: self.publisher.mark())
        except ZImageError as error:
            self.notice.value = text(f"{self.words('no_engine')} {translated(str(error), self.words)}", "error")
        self.choice.look(first)
        self.publisher.start()
        self.publisher.mark()

    def _generate(self) -> None:
        """Queue a picture, or say beside its field why not."""
        if self.engine is None:
            return  # the notice says why
        self.notice.value = ""
        model = self.form.model
        try:
            if model is not None and model.path is None:  # the engine would take the job only to fail it
                self.choice.complain(self.words("not_applied") + self.choice.missing(model))
                return
            self.engine.submit(self.form.request(), key=str(uuid.uuid4()), source="panel")
        except InvalidRequest as error:
            if not self.form.complain(error):
                label = self.words("model") if error.field == "model" else error.field
                self.notice.value = text(beside(error, label, self.words), "error")
            return
        except ZImageError as error:
            self.notice.value = text(translated(str(error), self.words), "error")
            return
        self.form.seed.used()
        self._pinned = None
        self.publisher.mark()

    def _cancel(self) -> None:
        """Cancel what runs, or else what comes next; may run on a subshell's thread."""
        if self.engine is None:
            return
        job = self._active(self.engine.jobs())
        if job is not None:
            try:
                self.engine.cancel(job.id)
            except ZImageError as error:
                LOG.info("Nothing to cancel: %s", error)
        self.publisher.mark()

    def _reuse(self) -> None:
        job = self._shown_job()
        if job is not None:
            self.choice.choose(job.request.model)
            self.form.fill(job.request)

    def _pin(self, job_id: str) -> None:
        self._pinned = job_id
        self.publisher.mark()

    def _show_code(self) -> None:
        job = self._shown_job()
        wanted = self.show_code.value and job is not None and job.state == "succeeded"
        self.code.value = outcome.code(job.result(0).record, self.words) if wanted and job else ""

    def _shown_job(self) -> Job | None:
        name = self._under[0] if self._under else None
        jobs = self.engine.jobs() if self.engine is not None else []
        return next((job for job in jobs if job.id == name), None)

    def _shown_file(self) -> Path | None:
        job = self._shown_job()
        return job.result(0).path if job is not None and job.state == "succeeded" else None

    @staticmethod
    def _active(jobs: list[Job]) -> Job | None:
        """Find the job that runs and is not yet asked to stop, or else the first in line; jobs come newest first."""
        running = [job for job in jobs if job.state == "running"]
        waiting = [job for job in reversed(jobs) if job.state == "queued"]
        return next((job for job in running if not job.cancelled), None) or next(iter([*waiting, *running]), None)

    def _size(self, job: Job | None) -> int | None:
        model = self.choice.named(job.request.model) if job is not None else None
        return model.card.memory_bytes if model is not None else None

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

    def _show_outcome(self, job: Job | None) -> None:
        """Say under the frame what it shows, once for each state of each job."""
        seen = (None,) if job is None else (job.id, job.state)
        if seen == self._under:
            return
        self._under = seen
        done = job is not None and job.state == "succeeded"
        self.summary.value = outcome.summary(job.request, self.words, job.warnings) if job else ""
        self.failure.value = outcome.failure(job, self.words) if job and job.state in FAILED else ""
        self.recipe_text.value = outcome.recipe(job.result(0).record, self.words) if job and done else ""
        toggle_class(self.recipe.widget, "zl-gone", on=not done)
        self.reuse.disabled = job is None
        self.show_code.disabled = not done
        self._show_code()


_live: deque[Panel] = deque()


def panel(engine: Desk | None = None, language: str | None = None) -> Root:
    """Show the studio in a notebook: prompt, settings, Generate, and the picture as it forms.

    It returns at once, before any model is loaded, and never keeps the kernel from answering. Called again, after the
    page was loaded anew, it finds the running job and its result. A kernel keeps its four newest panels.

    Parameters
    ----------
    engine
        The engine to ask; None takes this process's.
    language
        "en" or "zh"; None takes `ZIMAGE_LAB_LANGUAGE`, else the environment's locale.

    Returns
    -------
    An ipywidgets widget.
    """
    made = Panel(engine, language)
    _live.append(made)
    if len(_live) > MOST:
        _live.popleft().retire()
    return made.widget
