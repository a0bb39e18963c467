"""Blind sessions: nothing gives a model away, nothing is lost or counted twice, and a report says what was voted."""

from __future__ import annotations

import io
import re
import sqlite3
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image
from stub_engine import StubEngine

from zimage_lab import rules
from zimage_lab.compare import Comparison, curve
from zimage_lab.errors import InvalidRequest
from zimage_lab.home import DATABASE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROMPTS = ["a red cat", "a blue star", "a green <b>fish</b> & more"]
THREE: dict[str, Any] = {
    "large one": {"model": "miniature-turbo", "width": 160, "height": 160},
    "eight": "miniature-turbo",
    "two": {"model": "miniature-turbo", "steps": 2},
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StubEngine]:
    made = StubEngine(tmp_path_factory.mktemp("rating"))
    yield made
    made.stop()


@pytest.fixture
def comparison(engine: StubEngine) -> Comparison:
    return engine.compare(PROMPTS, THREE, seeds=[1, 200], protocol={"warm_up": 0}).wait(60)


def places(comparison: Comparison) -> dict[str, tuple[int, ...]]:
    return {record.id: index for index, record in comparison.records().items()}


def test_every_pair_is_asked_once_and_early_votes_are_spread(comparison: Comparison) -> None:
    session, seen = comparison.rate("Ann"), []
    while (question := session.next()) is not None:
        assert session.next() == question, "the same until it is answered"
        seen.append(question)
        session.answer("left", question.id)
    assert [one.number for one in seen] == list(range(1, 19))
    assert {one.of for one in seen} == {18}
    votes = comparison.votes()
    assert len({frozenset(pair) for pair in zip(votes.left[:3], votes.right[:3], strict=True)}) == 3
    assert len({tuple(sorted(pair)) for pair in zip(votes.left_record, votes.right_record, strict=True)}) == 18
    assert set(votes.rater) == {"Ann"}
    assert votes.cast_at.is_monotonic_increasing
    assert (votes.seconds >= 0).all()
    with pytest.raises(InvalidRequest, match="everything is answered"):
        session.answer("left")


def test_nothing_names_a_model(comparison: Comparison) -> None:
    session = comparison.rate("Ann")
    for _ in range(18):
        question = session.next()
        assert question is not None
        pictures = [Image.open(io.BytesIO(data)) for data in question.pictures]
        assert {picture.size for picture in pictures} == {(128, 128)}, "no size tells the larger one"
        for picture, data in zip(pictures, question.pictures, strict=True):
            assert not picture.info
            assert b"miniature" not in data
            assert b"tEXt" not in data
        told = repr(question.id) + repr(session)
        assert not any(label in told for label in comparison.labels)
        session.skip()


def test_sides_and_order_are_drawn_for_each_rater_and_recorded(comparison: Comparison) -> None:
    for rater in ("Ann", "Bob", "Cid", "Dee", "Eva", "Fay"):
        session = comparison.rate(rater)
        while session.next():
            session.answer("tie")
    votes = comparison.votes()
    first = votes[votes.number == 1]
    assert len(set(zip(first.left_record, first.right_record, strict=True))) > 1
    left = sum(places(comparison)[record][2] == 0 for record in votes.left_record)
    right = sum(places(comparison)[record][2] == 0 for record in votes.right_record)
    assert 15 < left < 57, (left, right)
    assert left + right == 72


def test_a_session_goes_on_where_it_was_left(comparison: Comparison) -> None:
    session = comparison.rate("Ann")
    first = session.next()
    session.answer("left")
    second = session.next()
    again = Comparison.load(comparison.id, home=comparison.home).rate(" Ann ")
    assert again.next() == second
    assert again.answered == 1
    assert first is not None
    session.answer("right", first.id)  # a second click, another tab: it was answered
    assert session.answered == 1
    assert session.undo()
    assert session.next() == first
    session.skip()
    assert session.next() == second
    assert comparison.votes().kind.tolist() == ["pair", "undo", "skip"]
    assert comparison.votes().counts.tolist() == [False, False, False]
    assert session.undo()
    assert not session.undo()
    assert comparison.preferences().votes == 0


def test_two_tabs_give_one_vote(comparison: Comparison) -> None:
    one, other = comparison.rate("Ann"), comparison.rate("Ann")
    question = one.next()
    assert question is not None
    assert other.next() == question
    one.answer("left", question.id)
    other.answer("right", question.id)
    assert comparison.votes().choice.tolist() == ["left"]


def test_answers_that_cannot_be(comparison: Comparison, engine: StubEngine) -> None:
    session = comparison.rate("Ann")
    with pytest.raises(InvalidRequest, match="is no answer"):
        session.answer("lfet")
    with pytest.raises(InvalidRequest, match="no question of this session"):
        session.answer("left", "0123456789abcdef")
    other = comparison.rate("Bob").next()
    assert other is not None
    with pytest.raises(InvalidRequest, match="no question of this session"):
        session.answer("left", other.id)
    with pytest.raises(InvalidRequest, match="stars"):
        comparison.rate("Ann", "stars").answer(6)
    with pytest.raises(InvalidRequest, match="stars"):
        comparison.rate("Ann", "stars").answer(True)  # noqa: FBT003 - a wrong answer
    with pytest.raises(InvalidRequest, match="cannot be rated"):
        comparison.rate("Ann", "grades")  # type: ignore[arg-type] # that is what is tried
    with pytest.raises(InvalidRequest, match="rater"):
        comparison.rate("\u200b")
    engine.fails = lambda _: True
    empty = engine.compare("a dog", THREE, protocol={"warm_up": 0}).wait(60)
    engine.fails = lambda _: False
    with pytest.raises(InvalidRequest, match="no pictures that could be rated"):
        empty.rate("Ann")
    assert len(comparison.votes()) == 0


def test_votes_stay_as_they_were_cast(comparison: Comparison) -> None:
    comparison.rate("Ann").answer("left")
    connection = sqlite3.connect(comparison.home / DATABASE)
    for order in ("DELETE FROM votes", "UPDATE votes SET choice = 'right'"):
        with pytest.raises(sqlite3.IntegrityError, match="votes are never"):
            connection.execute(order)
    connection.close()


def favouring(comparison: Comparison, raters: list[str], best: int = 1, seed: int = 0) -> None:
    """Have raters prefer one contestant nearly always; they look behind the curtain to do so.

    What chance decides depends on the rater and the pictures, not on the order in which these are shown.
    """
    known = places(comparison)
    for rater in raters:
        for method in ("pairs", "stars"):
            session = comparison.rate(rater, method)
            while session.next():
                found = session._open()
                assert found is not None
                cells = [known[one.record.id] for one in found[1].shown if one.record is not None]
                random = np.random.default_rng([seed, ord(rater[0]), *np.ravel(sorted(cells))])
                contestants = [cell[2] for cell in cells]
                if method == "stars":
                    session.answer(int(random.integers(4, 6) if contestants == [best] else random.integers(2, 4)))
                    continue
                draw, other = random.random(), random.choice(sorted(contestants))
                liked = best if best in contestants and draw < 0.9 else other
                session.answer("tie" if draw > 0.99 else ("left", "right")[contestants.index(liked)])


def test_whom_raters_prefer_is_found(comparison: Comparison) -> None:
    favouring(comparison, ["Ann", "Bob", "Cid"])
    liked = comparison.preferences(bootstraps=200)
    assert liked.votes == 54
    assert int(np.argmax(liked.strengths.value)) == 1
    assert "Too few prompts: 3" in " ".join(liked.notes)
    opinions = comparison.opinions()
    assert opinions["eight"].mean > 4 > opinions["two"].mean
    assert opinions["eight"].units == 3
    agreed = comparison.agreement()
    assert agreed["stars"] > 0.4
    assert agreed["pairs"] > 0.3


def test_what_raters_prefer_picks_the_best_of_n(comparison: Comparison, engine: StubEngine) -> None:
    with pytest.raises(InvalidRequest, match="too few to learn from"):
        comparison.scorer()
    known, images = places(comparison), {one.index: one.image for one in comparison.results()}
    for rater in ("Ann", "Bob"):
        session = comparison.rate(rater)
        while session.next():  # the redder picture always; the stub paints a seed's red
            found = session._open()
            assert found is not None
            reds = [images[known[one.record.id]].image.getpixel((0, 0))[0] for one in found[1].shown]  # type: ignore[union-attr]
            session.answer("tie" if reds[0] == reds[1] else "left" if reds[0] > reds[1] else "right")
    scorer = comparison.scorer()
    assert scorer.votes == 36
    found = rules.best_of(engine, "a red cat", 5, scorer, seed=10).wait(30)
    assert not any(one.error for one in found.candidates)
    assert found.best.record.request.seed in range(10, 15)


def test_a_report_is_one_page_from_the_store_alone(comparison: Comparison, tmp_path: Path) -> None:
    favouring(comparison, ["Ann <script>", "Bob"])
    path = comparison.report(tmp_path / "report.html")
    page = path.read_text(encoding="utf-8")
    assert page == Comparison.load(comparison.id, home=comparison.home).report(tmp_path / "b.html").read_text("utf-8")
    assert page.count("data:image/webp") == 18
    assert "<script" not in page
    assert "a green &lt;b&gt;fish&lt;/b&gt; &amp; more" in page
    assert "Ann" not in page, "raters are numbered"
    assert str(comparison.home) not in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    for text in (
        "实测结果",
        "Equal seeds mean nothing",
        "Krippendorff",
        "Too few prompts",
        "What a second buys",
        "<svg",
    ):
        assert text in page
    with pytest.raises(InvalidRequest, match="no page's name"):
        comparison.report(tmp_path / "report.pdf")
    with pytest.raises(InvalidRequest, match="no folder"):
        comparison.report(tmp_path / "nowhere" / "report.html")


def test_quality_is_drawn_against_seconds_and_steps(engine: StubEngine, tmp_path: Path) -> None:
    contestants = {**curve("miniature-turbo", [1, 8]), "miniature": "miniature"}
    prompts = ["a dragon", "a castle", "a robot"]  # of which the judge knows none
    comparison = engine.compare(prompts, contestants, seeds=[1, 200], protocol={"warm_up": 0}).wait(60)
    with pytest.raises(InvalidRequest, match="nobody voted"):
        comparison.curve()
    favouring(comparison, ["Ann", "Bob"])
    drawn = ET.fromstring(comparison.curve().data)  # noqa: S314 - our own
    texts = [one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Preferred", "seconds a picture", "1 step", "8 steps", "miniature-turbo", "miniature"} <= set(texts)
    assert texts.count("miniature-turbo") == 1, "a line's name is said once"
    by_steps = comparison.curve("steps").data
    assert ">steps</text>" in by_steps
    assert "8 steps" not in by_steps, "the axis says it"
    assert {'<g class="line0">', '<g class="line1">'} <= set(re.findall(r"<g [^>]*>", by_steps))
    with pytest.raises(InvalidRequest, match="no cost"):
        comparison.curve("euros")  # type: ignore[arg-type]
    page = comparison.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "What a second buys" in page
    assert "What a step buys" in page


def test_a_curve_is_each_model_at_several_steps() -> None:
    assert list(curve("miniature-turbo", [1, 8])) == ["miniature-turbo, 1 step", "miniature-turbo, 8 steps"]
    with pytest.raises(InvalidRequest, match="steps"):
        curve("miniature-turbo", [0])
    with pytest.raises(InvalidRequest, match="there is none"):
        curve("miniature-turbo", [])
