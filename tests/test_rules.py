"""Rules on results: seeds are tried until one is good, the best are kept, and a bad scorer is told."""

from __future__ import annotations

import asyncio
import math
import threading
from typing import TYPE_CHECKING

import pytest
from fake_engine import bundle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keyed_engine import KeyedEngine

from zimage_lab import rules
from zimage_lab.errors import EngineStopped, InvalidRequest, QueueFull
from zimage_lab.models import catalog
from zimage_lab.rules import search

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.engine.job import Job
    from zimage_lab.request import GenerationRequest
    from zimage_lab.result import GeneratedImage

SIZE = {"width": 64, "height": 64, "steps": 1}
WAIT = 20.0


class Drawing(KeyedEngine):
    """Draws without keys, as for a person who asks."""

    model = "miniature-turbo"
    full = 0

    def submit(  # type: ignore[override]
        self, prompt: GenerationRequest, *, parent_id: str | None = None, name: str = "", source: str = ""
    ) -> Job:
        """Take a job; sometimes the queue is full."""
        assert (source, bool(name)) == ("rules", True)
        if self.full:
            self.full -= 1
            message = "The queue is full."
            raise QueueFull(message, 0.001)
        return super().submit(prompt, key=f"{parent_id} {prompt.seed}", parent_id=parent_id)


@pytest.fixture
def drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drawing:
    monkeypatch.setattr(catalog, "BUNDLED", bundle(tmp_path / "bundled"))
    return Drawing(tmp_path / "home")


def by_seed(image: GeneratedImage) -> float:
    return image.seed % 10


def test_the_next_seed_is_tried_until_one_is_good(drawing: Drawing) -> None:
    found = rules.until(drawing, "a red circle", by_seed, at_least=7, seed=34, **SIZE)
    assert found.wait(WAIT) is found
    assert [asked.seed for asked in drawing.drawn] == [34, 35, 36, 37]
    assert (found.reached, found.best.seed, found.progress.step) == (True, 37, 4)
    frame = found.frame()
    assert list(frame["score"][:4]) == [4, 5, 6, 7]
    assert list(frame["state"]) == ["succeeded"] * 4 + ["not begun"] * 4
    assert list(frame["kept"]) == [False] * 3 + [True] + [False] * 4
    assert frame["record_id"][3] == found.best.record.id
    assert repr(found) == "Search(done: 4 of 8 pictures, best 7 of 7 wanted)"
    assert {"image/png", "text/plain"} <= set(found._repr_mimebundle_())


def test_a_goal_that_is_not_reached_gives_the_best(drawing: Drawing) -> None:
    found = rules.until(drawing, "a red circle", by_seed, at_least=100, tries=3, seed=2**64 - 2, **SIZE).wait(WAIT)
    assert [asked.seed for asked in drawing.drawn] == [2**64 - 2, 2**64 - 1, 0]
    assert (found.reached, found.best.seed) == (False, 2**64 - 1)
    assert repr(found).endswith("best 5 of 100 wanted, not reached)")


def test_the_best_of_several_are_kept(drawing: Drawing) -> None:
    drawing.fails = lambda request: request.seed == 9
    drawing.full = 3
    found = rules.best_of(drawing, "a red circle", 12, by_seed, keep=3, seed=5, **SIZE)
    assert {one.number for one in found} == set(range(1, 13))
    assert [one.score for one in found.kept] == [8, 7, 6]
    assert found.frame()["error"][4].endswith("It cannot be drawn.")
    assert math.isnan(found.candidates[4].score)


def test_a_scorer_that_raises_or_gives_nan_is_told(drawing: Drawing) -> None:
    def moody(image: GeneratedImage) -> float:
        if image.seed == 0:
            message = "\x1b[31mno"
            raise RuntimeError(message)
        return math.nan if image.seed == 1 else "2.5"  # type: ignore[return-value]

    found = rules.best_of(drawing, "a red circle", 3, moody, seed=0, **SIZE).wait(WAIT)
    assert [one.error for one in found.candidates] == [
        r"The scorer failed: RuntimeError: '\x1b[31mno'",
        "The scorer gave NaN.",
        None,
    ]
    assert (found.best.seed, found.kept[0].score) == (2, 2.5)

    broken = rules.until(drawing, "a red circle", lambda _: 1 / 0, at_least=1, seed=0, **SIZE).wait(WAIT)
    assert broken.progress.step == search.HOPELESS
    with pytest.raises(rules.NothingScored, match=r"No picture of this search has a score. The first one: The scorer"):
        _ = broken.best
    assert broken._repr_mimebundle_() == {"text/plain": repr(broken)}
    assert not broken.reached


def test_cancel_keeps_what_is_there(drawing: Drawing) -> None:
    first = threading.Event()

    def slow(image: GeneratedImage) -> float:
        first.set()
        return by_seed(image)

    found = rules.best_of(drawing, "a red circle", 50, by_seed, seed=0, width=64, height=64, steps=50)
    found.cancel()
    drawing.step_seconds = 0.01
    again = rules.until(drawing, "a red circle", slow, at_least=1e9, tries=50, seed=0, **SIZE)
    assert first.wait(WAIT)
    again.cancel()
    assert again.wait(WAIT).candidates[0].state == "succeeded"
    assert again.progress.step < 50
    assert repr(again).startswith("Search(stopped: ")
    assert {one.state for one in found.wait(WAIT).candidates} <= {"cancelled", "not begun", "succeeded"}
    again.cancel()


def test_an_engine_that_stops_ends_the_search(drawing: Drawing, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> Job:
        message = "This engine was stopped."
        raise EngineStopped(message)

    monkeypatch.setattr(drawing, "submit", stopped)
    found = rules.best_of(drawing, "a red circle", 2, by_seed, **SIZE)
    with pytest.raises(EngineStopped):
        found.wait(WAIT)
    assert list(found) == []


def test_it_can_be_awaited_and_waiting_has_an_end(drawing: Drawing) -> None:
    async def both() -> float:
        found = await rules.best_of(drawing, "a red circle", 2, by_seed, seed=3, **SIZE)
        return found.kept[0].score

    assert asyncio.run(both()) == 4
    drawing.gate.clear()
    found = rules.best_of(drawing, "a red circle", 1, by_seed, **SIZE)
    with pytest.raises(TimeoutError, match=r"not done after 0.01 s; it goes on"):
        found.wait(0.01)

    async def given_up() -> None:
        await asyncio.wait_for(found, 0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(given_up())
    drawing.gate.set()
    assert found.wait(WAIT).candidates[0].state == "cancelled"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"tries": 0}, "tries"), ({"tries": 1001}, "tries"), ({"tries": 2.0}, "tries"),
        ({"at_least": math.nan}, "at_least"),
        ({"at_least": "1"}, "at_least"), ({"score": 3}, "score"), ({"width": 65}, "width"), ({"wdith": 64}, "wdith"),
        ({"request": ""}, "prompt"), ({"steps": 51}, "steps"),
    ],
)  # fmt: skip
def test_wrong_input_begins_nothing(drawing: Drawing, wrong: dict[str, object], field: str) -> None:
    good: dict[str, object] = {"request": "a red circle", "score": by_seed, "at_least": 1}
    with pytest.raises(InvalidRequest) as caught:
        rules.until(drawing, **{**good, **wrong})  # type: ignore[arg-type]
    assert caught.value.field == field
    with pytest.raises(InvalidRequest, match=r"^keep: "):
        rules.best_of(drawing, "a red circle", 2, by_seed, keep=3)
    assert drawing.submitted == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(st.floats(), st.none()), min_size=1, max_size=6),
    st.floats(allow_nan=False),
    st.integers(1, 6),
)
def test_kept_are_the_highest_scores(drawing: Drawing, scores: list[float | None], goal: float, keep: int) -> None:
    def given_score(image: GeneratedImage) -> float:
        return scores[image.seed]  # type: ignore[return-value]  # None is what a careless scorer gives

    real = [score for score in scores if score is not None and not math.isnan(score)]
    keep = min(keep, len(scores))
    found = rules.best_of(drawing, "a red circle", len(scores), given_score, keep=keep, seed=0, **SIZE).wait(WAIT)
    assert [one.score for one in found.kept] == sorted(real, reverse=True)[:keep]
    first = rules.until(drawing, "a red circle", given_score, goal, tries=len(scores), seed=0, **SIZE).wait(WAIT)
    ended = [one for one in first.candidates if one.done]
    assert all(not one.score >= goal for one in ended[:-1])
    assert first.reached == (ended[-1].score >= goal)
