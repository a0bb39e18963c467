"""What stands above a sweep or a comparison that runs: its name, how far it is, and Pause, Resume, Cancel."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeAlias

from zimage_lab.errors import ZImageError
from zimage_lab.widgets.fields import classed, text
from zimage_lab.widgets.plain import HTML, Button, HBox, VBox
from zimage_lab.widgets.progress import ProgressLine, Shown
from zimage_lab.widgets.sentences import translated

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from zimage_lab.compare import Comparison
    from zimage_lab.sweeps import Sweep
    from zimage_lab.widgets.publisher import Publisher
    from zimage_lab.widgets.words import Words

    Run: TypeAlias = Sweep | Comparison

FAILED = ("failed", "invalid_output", "quarantined")


class RunHead:
    """The line, its buttons, and the sentence of what went wrong below.

    Parameters
    ----------
    words
        The panel's texts.
    publisher
        Who draws.
    run
        Gives what is seen, or None.
    cancel_tip
        Name of the text that says what Cancel does.
    """

    def __init__(self, words: Words, publisher: Publisher, run: Callable[[], Run | None], cancel_tip: str) -> None:
        self._words, self._publisher, self._run = words, publisher, run
        self._acting = threading.Lock()  # one click after the other: a late cancel would end what was resumed
        self.pause = Button(description=words("pause"), tooltip=words("pause_tip"), icon="pause")
        self.resume = Button(description=words("resume"), tooltip=words("resume_tip"), icon="play")
        self.cancel = Button(description=words("cancel"), tooltip=words(cancel_tip), icon="stop")
        self.progress, self.trouble = ProgressLine(), HTML()
        line = classed(VBox([self.progress.widget]), "zl-run-line")
        buttons = classed(HBox([self.pause, self.resume, self.cancel]), "zl-actions")
        self.widget = classed(HBox([line, buttons]), "zl-run-head")
        self.pause.on_click(lambda _: self._act(lambda run: run.pause()))
        self.resume.on_click(lambda _: self._act(self._again))
        self.cancel.on_click(lambda _: self._act(lambda run: run.cancel()))

    def draw(self, run: Run) -> str:
        """Draw how far it is, and give its state; for the publisher."""
        state, progress = run.state, run.progress
        self.progress.show(Shown(self._line(run, state), progress.step / max(1, progress.steps)))
        self.pause.disabled = state != "running"
        self.cancel.disabled = state not in {"running", "paused"}
        unmade = sum(number for name, number in run.counts.items() if name != "succeeded")
        self.resume.disabled = state == "running" or not unmade
        return state

    def complain(self, error: ZImageError) -> None:
        """Say what went wrong."""
        self.trouble.value = text(translated(str(error), self._words), "error")

    def _line(self, run: Run, state: str) -> str:
        words, progress, counts = self._words, run.progress, run.counts
        made = counts.get("succeeded", 0)
        parts = [run.name, words("run_line", done=f"{made:,}", count=f"{progress.steps:,}"), words(f"run_{state}")]
        failed = sum(counts.get(name, 0) for name in FAILED)
        parts += [words("run_failed", number=failed)] if failed else []
        if state == "running" and progress.seconds_left is not None:
            parts.append(words("left", time=words.time(progress.seconds_left)))
        return " · ".join(parts)

    def _again(self, run: Run) -> None:
        run.resume().add_done_callback(self._publisher.mark)

    def _act(self, act: Callable[[Any], object]) -> None:
        """Do something with what is seen beside the click, which is answered at once."""
        run = self._run()
        if run is None:
            return

        def guarded() -> None:
            try:
                with self._acting:
                    act(run)
                self.trouble.value = ""
            except ZImageError as error:
                self.complain(error)
            self._publisher.mark()

        threading.Thread(target=guarded, name="zimage-lab-run-button", daemon=True).start()
