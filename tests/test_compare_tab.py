"""The tab that compares models, without a browser: what is asked, what is wrong and where, the run, and ways out."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from stub_engine import StubEngine

from zimage_lab.compare import Comparison, saved
from zimage_lab.compare.ballot import Ballot
from zimage_lab.compare.slider import Slider
from zimage_lab.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from zimage_lab.widgets.compare import CompareTab

PROMPT = "a red cat on the left"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[StubEngine]:
    made = StubEngine(tmp_path / "home")
    yield made
    made.stop()


@pytest.fixture
def shown(stub: StubEngine) -> Iterator[Panel]:
    made = Panel(stub, "en")
    made.create.form.prompt.value = PROMPT
    yield made
    made.close()


def drawn(panel: Panel) -> None:
    with panel.publisher.lock:
        panel.refresh()


def tab(panel: Panel) -> CompareTab:
    """Turn to the tab, as a click does."""
    panel.tabs.buttons["compare"].click()
    drawn(panel)
    return panel.comparing()


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def begun(panel: Panel, made: CompareTab) -> Comparison:
    drawn(panel)
    assert not made.start.disabled, made.told.value
    made.start.click()
    assert made.run.comparison is not None
    made.run.comparison.wait(30)
    drawn(panel)
    return made.run.comparison


def test_it_is_made_when_somebody_turns_to_it(shown: Panel) -> None:
    assert shown.comparison is None
    made = tab(shown)
    assert made.prompts.value == PROMPT
    assert len(made.models.rows) == 2
    assert "4 pictures: 1 x 2 x 2" in made.told.value
    assert not made.start.disabled


def test_a_model_that_needs_a_picture_is_not_offered(shown: Panel) -> None:
    offered = {one for row in tab(shown).models.rows for _, one in row.model.options}
    assert {"miniature", "miniature-sd"} <= offered
    assert "miniature-edit" not in offered


def test_models_prompts_and_seeds_are_compared(shown: Panel, stub: StubEngine) -> None:
    made = tab(shown)
    made.prompts.value = f"{PROMPT}\n\n  一只红色的猫  \n"
    made.models.add.click()
    made.models.rows[2].steps.value = "2"
    made.seeds.value = 1
    comparison = begun(shown, made)
    assert comparison.plan.shape == (2, 1, 3, 1)
    assert [one.text for one in comparison.plan.prompts] == [PROMPT, "一只红色的猫"]
    assert made.run.head.trouble.value == ""
    assert "Seconds a picture" in made.run._table.value
    assert len(stub.drawn) == 9
    assert [one.name for one in saved(stub.home)] == [comparison.name]


def test_what_is_wrong_is_said_where_it_is(shown: Panel) -> None:
    made = tab(shown)
    made.prompts.value = f"{PROMPT}\n{PROMPT}"
    drawn(shown)
    assert "stands twice" in made.prompts_row.under.value
    assert made.start.disabled
    made.prompts.value = HOSTILE
    made.models.take([("miniature-turbo", ""), ("miniature-turbo", "")])
    drawn(shown)
    assert "twice with the same settings" in made.models.under.value
    made.models.rows[1].steps.value = HOSTILE
    drawn(shown)
    assert "is not a whole number" in made.models.under.value
    assert "<img" not in made.models.under.value
    made.models.rows[1].steps.value = "900"
    drawn(shown)
    assert "900" in made.models.under.value
    made.models.rows[1].steps.value = "3"
    made.seeds.value = 0
    drawn(shown)
    assert "0 is out of range" in made.ways.under.value
    made.seeds.value = 3000
    drawn(shown)
    assert "more than the limit" in made.told.value
    made.seeds.value, made.prompts.value = 1, "  \n "
    drawn(shown)
    assert "Write prompts" in made.told.value
    assert made.start.disabled
    made.start.click()
    assert made.run.comparison is None


def test_a_picture_is_sent_here(shown: Panel, stub: StubEngine) -> None:
    stub.generate("a blue fish", seed=3)
    drawn(shown)
    shown.create.to_compare.click()
    assert shown.tabs.chosen == "compare"
    assert shown.comparing().prompts.value == "a blue fish"
    shown.tabs.turn("gallery")
    drawn(shown)
    gallery = shown.gallery
    assert gallery is not None
    gallery._look(0)
    drawn(shown)
    gallery.viewer.compare.click()
    assert shown.comparing().prompts.value == "a blue fish", "the same prompt comes once"
    assert shown.tabs.chosen == "compare"


def test_a_run_is_paused_cancelled_and_goes_on(shown: Panel, stub: StubEngine) -> None:
    stub.gate.clear()
    made = tab(shown)
    made.start.click()
    comparison = made.run.comparison
    assert comparison is not None
    until(lambda: stub._queue.counts()["queued"])  # the warm-up, which is none of its pictures
    drawn(shown)
    assert made.run.head.resume.disabled
    shown.stop()
    stub.gate.set()
    until(lambda: comparison.done and not (stub._queue.counts()["running"] or stub._queue.counts()["queued"]))
    until(lambda: not made.run.head._acting.locked())
    drawn(shown)
    assert comparison.state == "cancelled"
    assert not made.run.head.resume.disabled
    made.run.head.resume.click()
    end = time.monotonic() + 20
    while comparison.counts != {"succeeded": 4}:
        assert time.monotonic() < end, (comparison.counts, comparison.done, made.run.head.trouble.value)
        time.sleep(0.01)


def test_it_is_looked_at_and_rated(shown: Panel) -> None:
    made = tab(shown)
    begun(shown, made)
    assert made.run.slider is None
    made.run.look.head.click()
    (slider,) = made.run._look_place.children
    assert isinstance(slider, Slider)
    made.run.rate.head.click()
    (ballot,) = made.run._rate_place.children
    assert isinstance(ballot, Ballot)
    ballot._hear(None, {"kind": "begin", "rater": "Ann", "way": "pairs"}, [])
    question = ballot.session.next() if ballot.session is not None else None
    assert question is not None
    ballot._hear(None, {"kind": "answer", "said": "left", "question": question.id}, [])
    drawn(shown)
    assert "(1 votes)" in made.run._table.value
    again = Panel(shown.engine, "en")
    again.go_on_with(shown)
    assert again.tabs.chosen == "compare"
    assert again.comparing().run.comparison is made.run.comparison
    again.close()


def inside(made: CompareTab, kind: str) -> bytes:
    made.run.files.kind.value = kind
    made.run.files.save.click()
    until(lambda: "href=" in made.run.files.said.value)
    found = re.search(r'base64,([^"]+)"', made.run.files.said.value)
    assert found is not None
    made.run.files.forget()
    until(lambda: not made.run.files._busy.locked())
    return base64.b64decode(found[1])


def test_report_slider_and_votes_are_taken_elsewhere(shown: Panel) -> None:
    made = tab(shown)
    comparison = begun(shown, made)
    session = comparison.rate("Ann")
    session.answer("tie")
    assert b"<h1>" in inside(made, "as_report")
    assert b'id="slider"' in inside(made, "as_slider")
    votes = inside(made, "as_votes")
    assert json.loads(votes)["comparison"] == comparison.id
    assert b"tie" in inside(made, "as_votes_table")
    bring(made, "votes.json", votes)
    assert "0 new votes; 1 were here already" in made.run.files.said.value
    bring(made, "votes.json", votes.replace(comparison.id.encode(), b"another"))
    assert "another comparison" in made.run.files.said.value
    bring(made, HOSTILE, b"x")
    assert "<img" not in made.run.files.said.value


def bring(made: CompareTab, name: str, content: bytes) -> None:
    made.run.files._take(({"name": name, "content": memoryview(content)},))


def test_it_speaks_chinese(stub: StubEngine) -> None:
    panel = Panel(stub, "zh")
    made = tab(panel)
    assert "请填写提示词" in made.told.value
    made.prompts.value = "一只红色的猫"
    comparison: Any = begun(panel, made)
    assert "每张耗时" in made.run._table.value
    made.open("nothing")
    assert "error" in made.told.value
    made.open(comparison.id)
    panel.close()
