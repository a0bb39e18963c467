"""The panel's Improve: it writes beside the kernel, can be stopped, and Undo gives the person's words back."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

import pytest

from zimage_lab import models
from zimage_lab.errors import Cancelled, InvalidRequest, ZImageError
from zimage_lab.widgets import improving
from zimage_lab.widgets.improving import Improving
from zimage_lab.widgets.prompt import PromptField
from zimage_lab.widgets.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable

    from zimage_lab.engine.desk import Desk

WAIT = 10
MODEL = models.find("miniature-turbo")


class Bench:
    """The button with a prompt, and an `enhance` that waits to be let go."""

    def __init__(self, language: str = "en") -> None:
        self.prompt = PromptField(Words(language), lambda: None)
        self.changed = threading.Event()
        engine = cast("Desk", object())
        self.improving = Improving(Words(language), self.prompt, lambda: engine, self.changed.set)
        self.improving.use(MODEL)
        self.asked: list[str] = []
        self.heard = threading.Event()
        self.go = threading.Event()
        self.error: ZImageError | None = None

    def enhance(self, prompt: str, *, on_text: Callable[[str], None], stop: threading.Event, **_: Any) -> str:  # noqa: ANN401
        self.asked.append(prompt)
        on_text("A red")
        self.heard.set()
        assert self.go.wait(WAIT)
        if self.error is not None:
            raise self.error
        if stop.is_set():
            message = "The writing was stopped."
            raise Cancelled(message)
        return "A red cat by day."

    def end(self) -> None:
        self.go.set()
        for thread in threading.enumerate():
            if thread.name == "zimage-lab-improving":
                thread.join(WAIT)
        self.improving.draw()


def gone(widget: Any) -> bool:  # noqa: ANN401 - ipywidgets have no types
    return "zl-gone" in widget._dom_classes


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(improving, "can_write", lambda _: True)
    made = Bench()
    monkeypatch.setattr(improving, "enhance", made.enhance)
    return made


def test_the_answer_takes_the_prompt_s_place_and_undo_brings_it_back(bench: Bench) -> None:
    part = bench.improving
    bench.prompt.value = "red cat"
    assert gone(part.undo)
    part.button.click()
    assert bench.heard.wait(WAIT)
    part.draw()
    assert (part.button.description, bench.prompt.value) == ("Stop writing", "red cat")
    assert "A red" in part.note.value
    bench.end()
    assert (part.button.description, bench.prompt.value, part.note.value) == ("Improve", "A red cat by day.", "")
    part.undo.click()
    assert bench.prompt.value == "red cat"
    assert gone(part.undo)
    assert bench.asked == ["red cat"]


def test_a_second_click_stops_it(bench: Bench) -> None:
    bench.prompt.value = "red cat"
    bench.improving.button.click()
    assert bench.heard.wait(WAIT)
    bench.improving.button.click()
    bench.end()
    assert bench.prompt.value == "red cat"
    assert bench.improving.note.value == ""
    assert len(bench.asked) == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            InvalidRequest("prompt", "", "is empty", "Write a few words first."),
            "Prompt is empty. Write a few words first.",
        ),
        (ZImageError("The model wrote nothing. The prompt is as it was; another seed may do better."), "wrote nothing"),
    ],
)
def test_what_went_wrong_is_told(bench: Bench, error: ZImageError, said: str) -> None:
    bench.error = error
    bench.improving.button.click()
    bench.end()
    assert said in bench.improving.note.value


def test_a_miniature_cannot_and_says_so() -> None:
    for language, said in (("en", "cannot write"), ("zh", "不能写作")):
        part = Bench(language).improving
        assert part.button.disabled
        assert said in part.button.tooltip
