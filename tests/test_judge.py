"""The judge: right on drawn pictures of every kind, and able to say what is wrong."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from zimage_lab.miniature import evaluate, questions
from zimage_lab.miniature.drawing import draw
from zimage_lab.miniature.edits import EDITS, edit_pair
from zimage_lab.miniature.sayings import SAYINGS
from zimage_lab.miniature.scenes import KINDS, draw_scene
from zimage_lab.miniature.world import Scene, Thing

if TYPE_CHECKING:
    from zimage_lab.metrics.judge import Judge

PAIR = Scene((Thing("circle", "red", "left"), Thing("cat", "blue", "right")), "white")
SIGN = Scene((Thing("sign", "brown", "middle", "TEA"),), "day")
STARS = Scene(tuple(Thing("star", "red", place) for place in ("left", "middle", "right")), "night")
STORY = next(iter(SAYINGS))


@pytest.fixture(scope="module")
def judge() -> Judge:
    return evaluate.world_judge()


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_pictures_are_read_rightly(judge: Judge, kind: str) -> None:
    rng = random.Random(4)
    drawn = [draw_scene(rng, kind) for _ in range(150)]
    assert sum(evaluate.verdict(judge, scene, draw(scene, rng)).right for scene in drawn) >= 149


@pytest.mark.parametrize(
    ("asked", "shown", "aspect"),
    [
        (PAIR, Scene((Thing("cat", "blue", "left"), Thing("circle", "red", "right")), "white"), "subjects"),
        (PAIR, Scene((Thing("circle", "green", "left"), Thing("cat", "blue", "right")), "white"), "colours"),
        (PAIR, Scene((Thing("circle", "red", "left"),), "white"), "count"),
        (PAIR, Scene((Thing("circle", "red", "top"), Thing("cat", "blue", "bottom")), "white"), "places"),
        (PAIR, replace(PAIR, background="night"), "background"),
        (replace(PAIR, background="day"), replace(PAIR, background="beach"), "background"),
        (STARS, replace(STARS, things=STARS.things[:2]), "count"),
        (SIGN, replace(SIGN, things=(replace(SIGN.things[0], text="TEN"),)), "text"),
        (SIGN, replace(SIGN, things=(replace(SIGN.things[0], text="TE"),)), "text"),
        (SIGN, replace(SIGN, things=(replace(SIGN.things[0], colour="red"),)), "colours"),
        (STORY, replace(STORY, things=STORY.things[:3]), "count"),
        (STORY, replace(STORY, things=(*STORY.things[:3], Thing("lantern", "blue", "right"))), "colours"),
        (STORY, replace(STORY, things=(*STORY.things[:2], Thing("dog", "white", "left"), STORY.things[3])), "subjects"),
    ],
)
def test_the_judge_says_what_is_wrong(judge: Judge, asked: Scene, shown: Scene, aspect: str) -> None:
    assert evaluate.verdict(judge, asked, draw(asked)).right
    verdict = evaluate.verdict(judge, asked, draw(shown))
    assert not getattr(verdict, aspect)
    assert not verdict.right


def test_a_shifted_picture_has_its_things_in_wrong_places(judge: Judge) -> None:
    scene = Scene((Thing("dog", "brown", "left"),), "white")
    shifted = Image.fromarray(np.roll(np.asarray(draw(scene)), 18, axis=1))
    verdict = evaluate.verdict(judge, scene, shifted)
    assert (verdict.places, verdict.subjects, verdict.colours) == (False, True, True)


def test_counted_things_may_stand_anywhere(judge: Judge) -> None:
    heap = Scene(tuple(Thing("star", "red", place) for place in ("top left", "top right", "bottom")), "night")
    assert evaluate.verdict(judge, STARS, draw(heap)).right


@pytest.mark.parametrize("kind", EDITS)
def test_an_edit_carried_out_is_told_from_one_that_is_not(judge: Judge, kind: str) -> None:
    rng = random.Random(6)
    for _ in range(15):
        edit = edit_pair(rng, kind=kind)
        before, after = edit.pictures()
        wanted = evaluate.expected(edit.after, edit.where)
        assert judge.judge(after, edit.after.background, wanted).right
        assert not judge.judge(before, edit.after.background, wanted).right


NEIGHBOURS = Scene((Thing("cat", "black", "left"), Thing("dog", "brown", "right")), "white")


def _smeared(scene: Scene, colour: tuple[int, int, int], left: int, right: int) -> Image.Image:
    """Draw a scene with a smear across its middle."""
    pixels = np.array(draw(scene))
    ground = np.linalg.norm(pixels.astype(float) - pixels[0, 0], axis=-1) < 12
    smear = np.zeros_like(ground)
    smear[66:72, left:right] = True
    pixels[smear & ground] = colour
    return Image.fromarray(pixels)


def test_a_faint_smear_between_two_things_does_not_make_them_one(judge: Judge) -> None:
    joined = _smeared(NEIGHBOURS, (255, 210, 210), 30, 100)
    assert evaluate.verdict(judge, NEIGHBOURS, joined).right
    assert not evaluate.verdict(judge, replace(NEIGHBOURS, things=NEIGHBOURS.things[:1]), joined).right


def test_what_clearly_joins_two_things_is_seen(judge: Judge) -> None:
    assert not evaluate.verdict(judge, NEIGHBOURS, _smeared(NEIGHBOURS, (200, 60, 60), 30, 100)).right


def test_the_judge_sees_nothing_in_noise(judge: Judge) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8))
    assert not evaluate.verdict(judge, PAIR, noise).right


def test_an_evaluation_counts_what_the_judge_says() -> None:
    tally = evaluate.evaluate(lambda question, _: draw(question.wanted), questions.captions("zh", 24))
    assert tally.table()["right"] == tally.table()["sign"] == 1.0
    assert not tally.confusions()
    blank = evaluate.evaluate(lambda *_: draw(Scene((), "white")), questions.captions("en", 10, kind="pair"))
    assert blank.table()["pair"] == 0.0
    assert all(name.endswith("-> nothing") for name in blank.confusions())
    assert "diversity" not in blank.table(), "nothing to compare"


def test_an_edit_counts_when_it_is_carried_out() -> None:
    asked = list(questions.edits("en", 8))
    done = evaluate.evaluate(lambda question, _: draw(question.wanted, where=question.where), asked)
    assert {kind: done.table()[kind] for kind in EDITS} == dict.fromkeys(EDITS, 1.0)
    untouched = evaluate.evaluate(lambda question, _: question.given or pytest.fail("no picture"), asked)
    assert untouched.table()["right"] == 0.0


def test_the_distance_of_seeds_is_measured() -> None:
    black, white = (Image.new("RGB", (128, 128), colour) for colour in ("black", "white"))
    tally = evaluate.evaluate(
        lambda _, seed: (black, white)[seed % 2], questions.captions("en", 3, kind="single"), seeds=2
    )
    assert tally.table()["diversity"] == 1.0
    assert tally.table()["pictures"] == 6


def test_confusions_name_both_subjects(judge: Judge) -> None:
    tally = evaluate.Tally()
    wrong = Scene((Thing("circle", "red", "left"), Thing("dog", "blue", "right")), "white")
    tally.verdicts.append((questions.Question("pair", "", PAIR), evaluate.verdict(judge, PAIR, draw(wrong))))
    assert tally.confusions() == {"cat -> dog": 1}
