"""The tab Create: form on the left, picture on the right, and what the buttons under them do."""

from __future__ import annotations

import logging
import threading
import uuid
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest, ZImageError
from zimage_lab.widgets import outcome
from zimage_lab.widgets.cancelling import cancel_button
from zimage_lab.widgets.fields import Fold, classed, text, toggle_class
from zimage_lab.widgets.form import Form
from zimage_lab.widgets.found import FoundRecipe
from zimage_lab.widgets.improving import Improving
from zimage_lab.widgets.interrupted import Interrupted
from zimage_lab.widgets.picture import PictureFrame
from zimage_lab.widgets.plain import HTML, Button, HBox, ToggleButton, VBox
from zimage_lab.widgets.progress import ProgressLine, told
from zimage_lab.widgets.sentences import beside, translated
from zimage_lab.widgets.settled import SettledButton
from zimage_lab.widgets.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.engine.desk import Desk
    from zimage_lab.engine.job import Job
    from zimage_lab.models import Model
    from zimage_lab.picture_recipe import PictureRecipe
    from zimage_lab.request import GenerationRequest
    from zimage_lab.widgets.model_choice import ModelChoice
    from zimage_lab.widgets.words import Words

LOG = logging.getLogger(__name__)

FAILED = frozenset({"failed", "invalid_output", "quarantined"})


class Create:
    """The tab's parts and what connects them.

    Parameters
    ----------
    words
        The panel's texts.
    engine
        Gives the engine, or None where there is none.
    changed
        Called when what is shown may be another than before.

    Attributes
    ----------
    vary, compare
        Called with the request of the shown picture when somebody wants a sweep of it, or a comparison.
    """

    def __init__(self, words: Words, engine: Callable[[], Desk | None], changed: Callable[[], None]) -> None:
        self.words, self._engine, self._changed = words, engine, changed
        self.choice: ModelChoice | None = None
        self.vary: Callable[[GenerationRequest], None] = lambda _: None
        self.compare: Callable[[GenerationRequest], None] = lambda _: None
        self._pinned: str | None = None
        self._under: tuple[object, ...] = ()
        self.form = Form(words)
        self.improving = Improving(words, self.form.prompt, engine, changed)
        self.form.prompt.tools.children = (self.improving.widget,)
        self.found = FoundRecipe(words, self.apply)
        self.generate = classed(
            SettledButton(description=words("generate"), tooltip=words("generate_tip")), "zl-generate"
        )
        self.cancel = cancel_button(words, self.stop)
        self.notice = classed(HTML(), "zl-under")
        self.interrupted = Interrupted(words, engine, changed)
        self.frame, self.progress, self.strip = PictureFrame(words), ProgressLine(), Strip(self._pin)
        self.summary, self.failure, self.code = classed(HTML(), "zl-summary"), HTML(), HTML()
        self.reuse = Button(description=words("reuse"), tooltip=words("reuse_tip"), icon="reply", disabled=True)
        self.show_code = ToggleButton(description=words("code"), tooltip=words("code_tip"), icon="code", disabled=True)
        self.sweep = Button(description=words("sweep"), tooltip=words("sweep_tip"), icon="th", disabled=True)
        self.to_compare = Button(
            description=words("compare"), tooltip=words("compare_tip"), icon="columns", disabled=True
        )
        self.recipe_text = HTML()
        self.recipe = Fold(words("recipe"), [self.recipe_text])
        self.session = HTML()
        self.generate.on_click(lambda _: self._generate())
        self.reuse.on_click(lambda _: self._with_shown(self.go_on_from))
        self.to_compare.on_click(lambda _: self._with_shown(self.compare))
        self.sweep.on_click(lambda _: self._with_shown(self.vary))
        self.show_code.observe(lambda _: self._show_code(), "value")
        for field in (self.form.reference, self.form.beginning.picture):
            field.shown = self._shown_file
        self.widget = self._assemble()

    def draw(self, jobs: list[Job], status: dict[str, Any]) -> None:
        """Show jobs, newest first, and what the engine does; for the publisher."""
        self.improving.draw()
        self.interrupted.draw()
        active = active_job(jobs)
        shown = next((job for job in jobs if job.id == self._pinned), None) or active or next(iter(jobs), None)
        waiting = [job for job in reversed(jobs) if job.state == "queued"]
        self.frame.show(shown)
        told_of = active or shown
        place = waiting.index(told_of) + 1 if told_of in waiting else 1
        reading = status.get("state") == "loading"
        self.progress.show(told(told_of, place, self.words, size=self._size(told_of), reading=reading))
        self._show_outcome(shown)
        self.strip.show(jobs, shown.id if shown else None)
        number = self.form.number
        self.generate.description = (
            self.words("generate_number", number=number) if number > 1 else self.words("generate")
        )
        self.session.value = f'<div class="zl-caption">{self.words("session")}</div>' if self.strip.thumbnails else ""

    def use(self, model: Model) -> None:
        """Take a model that was chosen."""
        self.form.use(model)
        self.improving.use(model)

    def say(self, sentence: str, kind: str = "error") -> None:
        """Put a sentence under the buttons."""
        self.notice.value = text(sentence, kind)

    def stop(self) -> None:
        """Cancel what runs, or else what comes next; may run on a subshell's thread."""
        engine = self._engine()
        if engine is None:
            return
        job = active_job(engine.jobs())
        if job is not None:
            try:
                engine.cancel(job.id)
            except ZImageError as error:
                LOG.info("Nothing to cancel: %s", error)
        self._changed()

    def go_on_from(self, request: GenerationRequest) -> None:
        """Fill the form with a request, its model included."""
        if self.choice is not None:
            self.choice.choose(request.model)
        self.form.fill(request)

    def apply(self, recipe: PictureRecipe) -> None:
        """Take over what a picture's recipe says; of another program's, what it does not say stays as it is."""
        if recipe.request is not None:
            self.go_on_from(recipe.request)
        else:
            self.form.take(recipe)

    def _assemble(self) -> Any:  # noqa: ANN401 - ipywidgets have no types
        buttons = classed(HBox([self.generate, self.cancel]), "zl-row")
        go = classed(VBox([buttons, self.notice, self.interrupted.widget]), "zl-go")
        actions = classed(HBox([self.reuse, self.show_code, self.to_compare, self.sweep]), "zl-actions")
        view = [self.frame.widget, self.progress.widget, self.summary, self.failure, actions, self.code]
        view += [self.recipe.widget, self.session, self.strip.widget]
        self.form.settings.add(self.found.widget)
        left = classed(VBox([self.form.what, self.form.settings.widget, go]), "zl-left")
        toggle_class(self.recipe.widget, "zl-gone", on=True)
        return classed(VBox([left, classed(VBox(view), "zl-view")]), "zl-grid")

    def _generate(self) -> None:
        """Queue a picture, or say beside its field why not."""
        engine = self._engine()
        if engine is None:
            return  # the notice says why
        self.notice.value = ""
        model, choice = self.form.model, self.choice
        try:
            if model is not None and choice is not None and model.path is None:
                # The engine would take the job only to fail it.
                choice.complain(self.words("not_applied") + choice.missing(model))
                return
            self._submit(engine, self.form.requests())
        except InvalidRequest as error:
            if not self.form.complain(error):
                label = self.words("model") if error.field == "model" else error.field
                self.say(beside(error, label, self.words))
            return
        except ZImageError as error:
            self.say(translated(str(error), self.words))
            return
        self.form.seed.used()
        self._pinned = None
        self._changed()

    def _submit(self, engine: Desk, requests: list[GenerationRequest]) -> None:
        """Queue the pictures of one click; many of them beside the click, which is answered at once."""
        parent = str(uuid.uuid4()) if len(requests) > 1 else None

        def queue() -> None:
            for number, request in enumerate(requests, start=1):
                engine.submit(request, key=str(uuid.uuid4()), source="panel", parent_id=parent)
                if len(requests) > 1:
                    self.say(self.words("queued_number", number=number), "note")
            self._changed()

        def guarded() -> None:
            try:
                queue()
            except ZImageError as error:
                self.say(translated(str(error), self.words))

        if len(requests) == 1:
            queue()
        else:
            threading.Thread(target=guarded, name="zimage-lab-queueing", daemon=True).start()

    def _with_shown(self, act: Callable[[GenerationRequest], None]) -> None:
        job = self._shown_job()
        if job is not None:
            act(job.request)

    def _pin(self, job_id: str) -> None:
        self._pinned = job_id
        self._changed()

    def _show_code(self) -> None:
        job = self._shown_job()
        wanted = self.show_code.value and job is not None and job.state == "succeeded"
        self.code.value = outcome.code(job.result(0).record, self.words) if wanted and job else ""

    def _shown_job(self) -> Job | None:
        name = self._under[0] if self._under else None
        engine = self._engine()
        jobs = engine.jobs() if engine is not None else []
        return next((job for job in jobs if job.id == name), None)

    def _shown_file(self) -> Path | None:
        job = self._shown_job()
        return job.result(0).path if job is not None and job.state == "succeeded" else None

    def _size(self, job: Job | None) -> int | None:
        model = self.choice.named(job.request.model) if job is not None and self.choice is not None else None
        return model.card.memory_bytes if model is not None else None

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
        self.reuse.disabled = self.sweep.disabled = self.to_compare.disabled = job is None
        self.show_code.disabled = not done
        self._show_code()


def active_job(jobs: list[Job]) -> Job | None:
    """Find the job that runs and is not yet asked to stop, or else the first in line; jobs come newest first."""
    running = [job for job in jobs if job.state == "running"]
    waiting = [job for job in reversed(jobs) if job.state == "queued"]
    return next((job for job in running if not job.cancelled), None) or next(iter([*waiting, *running]), None)
