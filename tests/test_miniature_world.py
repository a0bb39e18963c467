"""The picture world: what is drawn, what is said, what is held out, and the judge that reads it."""

from __future__ import annotations

import dataclasses
import random

import pytest

from zimage_lab import models
from zimage_lab.miniature import captions, evaluate
from zimage_lab.miniature.drawing import draw
from zimage_lab.miniature.world import COLOURS, SUBJECTS, Scene, Thing, draw_scene, held_out_scene, training_scene

MINIATURE = models.find("miniature-turbo")
RED_CIRCLE_BLUE_CAT = Scene((Thing("circle", "red", "left"), Thing("cat", "blue", "right")), "white")


def scenes(count: int, seed: int = 0) -> list[Scene]:
    rng = random.Random(seed)
    return [draw_scene(rng) for _ in range(count)]


def test_held_out_scenes_are_never_trained_on() -> None:
    rng = random.Random(1)
    trained = {training_scene(rng) for _ in range(3000)}
    asked = {held_out_scene(rng) for _ in range(500)}
    assert not trained & asked
    share = sum(scene.held_out for scene in scenes(4000)) / 4000
    assert 0.07 < share < 0.13


def test_held_out_does_not_depend_on_the_order_of_things() -> None:
    swapped = dataclasses.replace(RED_CIRCLE_BLUE_CAT, things=RED_CIRCLE_BLUE_CAT.things[::-1])
    assert swapped.held_out == RED_CIRCLE_BLUE_CAT.held_out


def test_drawing_is_repeatable_and_stays_in_the_frame() -> None:
    scene = scenes(1)[0]
    assert draw(scene, random.Random(3)).tobytes() == draw(scene, random.Random(3)).tobytes()
    assert draw(scene).size == (128, 128)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_captions_are_short_and_of_known_words(language: str) -> None:
    from zimage_lab.miniature.forward import Captions
    from zimage_lab.miniature.tokenizer import build

    rng = random.Random(2)
    texts = [captions.caption(scene, language, rng) for scene in scenes(400)]
    assert not {word for text in texts for word in models.unknown_words(MINIATURE, text)}
    assert Captions.of(build(), texts).ids.shape[1] == 32
    assert len(set(texts)) > 350


def test_unknown_words_are_named_once_in_order() -> None:
    assert models.unknown_words(MINIATURE, "a red dragon and a Dragon, 樱花树") == ["dragon", "Dragon", "樱花"]
    assert models.unknown_words(MINIATURE, "左侧一个红色的圆形，右侧一只蓝色的猫，白色背景") == []


def test_the_judge_reads_drawn_pictures() -> None:
    judge, rng = evaluate.world_judge(), random.Random(4)
    verdicts = [evaluate.verdict(judge, scene, draw(scene, rng)) for scene in scenes(200, seed=5)]
    assert sum(verdict.right for verdict in verdicts) >= 198


@pytest.mark.parametrize(
    ("wrong", "aspect"),
    [
        (Scene((Thing("cat", "blue", "left"), Thing("circle", "red", "right")), "white"), "subjects"),
        (Scene((Thing("circle", "green", "left"), Thing("cat", "blue", "right")), "white"), "colours"),
        (Scene((Thing("circle", "red", "left"),), "white"), "count"),
        (Scene((Thing("circle", "red", "top"), Thing("cat", "blue", "bottom")), "white"), "places"),
        (Scene(RED_CIRCLE_BLUE_CAT.things, "night"), "background"),
    ],
)
def test_the_judge_says_what_is_wrong(wrong: Scene, aspect: str) -> None:
    verdict = evaluate.verdict(evaluate.world_judge(), RED_CIRCLE_BLUE_CAT, draw(wrong))
    assert not getattr(verdict, aspect)
    assert not verdict.right


def test_the_judge_sees_nothing_in_noise() -> None:
    import numpy as np
    from PIL import Image

    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8))
    assert not evaluate.verdict(evaluate.world_judge(), RED_CIRCLE_BLUE_CAT, noise).right


def test_an_evaluation_counts_what_the_judge_says() -> None:
    drawn = {text: scene for scene, text in evaluate.prompts("zh", 20)}
    tally = evaluate.evaluate(lambda prompt, _: draw(drawn[prompt]), language="zh", count=20)
    assert tally.table()["right"] == 1.0
    blank = evaluate.evaluate(lambda *_: draw(Scene((), "white")), language="en", count=10)
    assert blank.table()["right"] == 0.0


def test_every_subject_and_colour_has_words_in_both_languages() -> None:
    assert set(captions.ENGLISH_SUBJECTS) == set(captions.CHINESE_SUBJECTS) == set(SUBJECTS)
    assert set(captions.CHINESE_COLOURS) == set(COLOURS)
