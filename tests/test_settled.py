"""A click in the browser is acted on when the text before it is here: after an answer, or without one after a while."""

from __future__ import annotations

import time

import pytest

from zimage_lab.widgets import settled
from zimage_lab.widgets.settled import SettledButton


@pytest.fixture
def done() -> list[float]:
    return []


@pytest.fixture
def button(done: list[float]) -> SettledButton:
    made = SettledButton(description="Go")
    made.on_click(lambda _: done.append(time.monotonic()))
    return made


def browser_clicks(button: SettledButton) -> None:
    button._handle_button_msg(None, {"event": "click"}, [])


def test_a_click_in_python_acts_at_once(button: SettledButton, done: list[float]) -> None:
    button.click()
    assert len(done) == 1


def test_a_click_waits_for_the_answer(button: SettledButton, done: list[float]) -> None:
    browser_clicks(button)
    assert not done
    button._answer.order = button._question.order
    assert len(done) == 1


def test_one_answer_stands_for_all_clicks_before_it(button: SettledButton, done: list[float]) -> None:
    for _ in range(3):
        browser_clicks(button)
    button._answer.order = "2"
    assert len(done) == 2
    button._answer.order = "3"
    button._answer.order = "1"
    assert len(done) == 3


def test_without_an_answer_it_acts_once(
    button: SettledButton, done: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settled, "PATIENCE", 0.01)
    browser_clicks(button)
    deadline = time.monotonic() + 10
    while not done and time.monotonic() < deadline:
        time.sleep(0.01)
    button._answer.order = button._question.order
    assert len(done) == 1
