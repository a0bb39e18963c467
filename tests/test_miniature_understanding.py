"""A prompt is read back into the scene that it was made of, or not at all."""

from __future__ import annotations

import random

import pytest

from zimage_lab.miniature.accuracy import accuracy
from zimage_lab.miniature.captions import caption
from zimage_lab.miniature.drawing import draw
from zimage_lab.miniature.sayings import SAYINGS
from zimage_lab.miniature.scenes import KINDS, draw_scene
from zimage_lab.miniature.understanding import scene_of
from zimage_lab.miniature.world import Scene, Thing

READ = {
    "a red circle on the left, a blue cat on the right, white background": Scene(
        (Thing("circle", "red", "left"), Thing("cat", "blue", "right")), "white"
    ),
    "A picture of a green kitten at the top and a house at the bottom.": Scene(
        (Thing("cat", "green", "top"), Thing("house", "brown", "bottom")), "paper"
    ),
    "night sky, a yellow star": Scene((Thing("star", "yellow", "middle"),), "night"),
}
UNREAD = [
    "",
    "white background",
    "two red cats",
    "a red cat to the left of a dog",
    "a red cat and a red cat",
    "a red cat on the left, a blue dog",
    "a red cat on the left, a blue dog on the left",
    "a red cat, white background, night",
    "a crimson cat",
    "a red cat on the beach",
    "a cat, a dog, a fish, a bird",
    '"TEA" on a sign',
    "左边一只红色的猫",
]


@pytest.mark.parametrize(("prompt", "scene"), READ.items())
def test_plain_prompts_are_read(prompt: str, scene: Scene) -> None:
    assert scene_of(prompt) == scene


@pytest.mark.parametrize(("scene", "texts"), SAYINGS.items())
def test_known_sentences_are_read_in_both_languages(scene: Scene, texts: tuple[str, str]) -> None:
    english, chinese = texts
    assert scene_of(f"{english.capitalize()}.") == scene_of(f"{chinese}。") == scene
    assert accuracy(english, draw(scene)) == 1


@pytest.mark.parametrize("prompt", UNREAD)
def test_what_is_not_plain_is_not_read(prompt: str) -> None:
    assert scene_of(prompt) is None


def test_no_caption_is_misread() -> None:
    rng, read = random.Random(1), 0
    for number in range(3000):
        scene = draw_scene(rng, KINDS[number % len(KINDS)])
        found = scene_of(caption(scene, "en", rng))
        if found is not None:
            read += 1
            assert (found.background, set(found.things)) == (scene.background, set(scene.things))
    assert read > 300


def test_only_a_background_that_is_said_must_be_there() -> None:
    scene = scene_of("a red circle, night sky")
    assert scene is not None
    picture = draw(scene)
    assert accuracy("a red circle, night sky", picture) == 1
    assert accuracy("a red circle", picture) == 1
    assert accuracy("a red circle, white background", picture) == 0
    assert accuracy("a blue circle", picture) == 0
    assert accuracy("two red circles", picture) is None
