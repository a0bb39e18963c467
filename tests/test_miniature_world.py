"""The picture world: what is drawn, what is held out, and that things stand apart."""

from __future__ import annotations

import dataclasses
import json
import random

import numpy as np
import pytest

from zimage_lab.miniature import backgrounds, dataset, glyphs, signs
from zimage_lab.miniature.drawing import draw, silhouette
from zimage_lab.miniature.edits import EDITS, Edit, edit_pair, held_out_edit, training_edit
from zimage_lab.miniature.sayings import SAYINGS
from zimage_lab.miniature.scenes import KINDS, draw_scene, held_out_scene, training_scene
from zimage_lab.miniature.sign_texts import SIGN_WORDS, sign_text
from zimage_lab.miniature.world import (
    BACKGROUNDS,
    COLOURS,
    HIDDEN,
    OWN_COLOURS,
    SIGN_CHARACTERS,
    SIGN_LETTERS,
    SUBJECTS,
    Scene,
    Thing,
)

RED_CIRCLE_BLUE_CAT = Scene((Thing("circle", "red", "left"), Thing("cat", "blue", "right")), "white")


def scenes(count: int, seed: int = 0, kind: str | None = None) -> list[Scene]:
    rng = random.Random(seed)
    return [draw_scene(rng, kind) for _ in range(count)]


def test_the_world_is_as_large_as_it_says() -> None:
    assert len(SUBJECTS) == 24
    assert len(COLOURS) == 10
    assert len(BACKGROUNDS) == 9
    assert len(set(SIGN_CHARACTERS)) == 40
    assert set(OWN_COLOURS) == {*SUBJECTS, "sign"}


@pytest.mark.parametrize("kind", KINDS)
def test_held_out_scenes_are_never_trained_on(kind: str) -> None:
    rng = random.Random(1)
    trained = {training_scene(rng, kind) for _ in range(2000)}
    asked = {held_out_scene(rng, kind) for _ in range(200)}
    assert not trained & asked
    assert {scene.kind for scene in trained | asked} == {kind}


def test_one_scene_in_ten_is_held_out_and_no_known_text() -> None:
    assert 0.08 < sum(scene.held_out for scene in scenes(4000)) / 4000 < 0.12
    assert not any(scene.held_out for scene in SAYINGS)


def test_held_out_does_not_depend_on_the_order_of_things() -> None:
    swapped = dataclasses.replace(RED_CIRCLE_BLUE_CAT, things=RED_CIRCLE_BLUE_CAT.things[::-1])
    assert swapped.held_out == RED_CIRCLE_BLUE_CAT.held_out


def test_everything_gets_its_share() -> None:
    drawn = scenes(6000)
    things = [thing for scene in drawn for thing in scene.things]
    for name, known in (("subject", OWN_COLOURS), ("colour", COLOURS)):
        counts = [sum(getattr(thing, name) == one for thing in things) for one in known]
        assert min(counts) > 0.2 * sum(counts) / len(counts)
    assert {scene.background for scene in drawn} == set(BACKGROUNDS)
    assert {len(scene.things) for scene in drawn if scene.kind == "count"} == {2, 3, 4}


def test_nothing_is_drawn_on_its_own_colour() -> None:
    assert not any((t.colour, scene.background) in HIDDEN for scene in scenes(3000) for t in scene.things)
    for colour, rgb in COLOURS.items():
        for name in BACKGROUNDS:
            if (colour, name) not in HIDDEN:
                away = np.linalg.norm(backgrounds.pixels(name) - rgb, axis=-1)
                assert (away < 40).mean() < 0.03, (colour, name)  # a star and a line of foam may come near


def test_signs_carry_what_can_be_drawn() -> None:
    rng = random.Random(0)
    texts = [*SIGN_WORDS, *(sign_text(rng) for _ in range(3000))]
    assert all(1 <= len(text) <= 4 and set(text) <= set(glyphs.ALPHABET) for text in texts)
    assert {*SIGN_LETTERS, *SIGN_CHARACTERS} == {character for text in texts for character in text}
    assert min(signs.board(count).glyph for count in (1, 2)) >= 20
    assert signs.board(4).glyph >= 14
    assert all(0.05 < glyphs.glyph(character).mean() < 0.6 for character in glyphs.ALPHABET)


def test_drawing_is_repeatable() -> None:
    scene = scenes(1)[0]
    assert draw(scene, random.Random(3)).tobytes() == draw(scene, random.Random(3)).tobytes()
    assert draw(scene).size == (128, 128)


def test_outlines_are_far_apart() -> None:
    from zimage_lab.metrics.regions import normalised

    shapes = {subject: normalised(silhouette(subject)) for subject in SUBJECTS}
    for one, first in shapes.items():
        for other, second in shapes.items():
            assert one == other or (first & second).sum() / (first | second).sum() < 0.85, (one, other)


@pytest.mark.parametrize("kind", EDITS)
def test_an_edit_leaves_the_rest_to_the_pixel(kind: str) -> None:
    rng = random.Random(8)
    for _ in range(20):
        edit = edit_pair(rng, kind=kind)
        before, after = (np.asarray(picture, int) for picture in edit.pictures())
        changed = {*edit.before.things} ^ {*edit.after.things}
        allowed = np.zeros(before.shape[:2], bool)
        for spot in (edit.where[thing.place] for thing in changed):
            reach = int(spot.radius * 1.15) + 9
            top, left = max(0, int(spot.y) - reach), max(0, int(spot.x) - reach)
            allowed[top : int(spot.y) + reach, left : int(spot.x) + reach] = True
        assert (before != after).any()
        assert not (before != after).any(-1)[~allowed].any()
        assert edit.instruction


def test_an_edit_comes_back_from_json() -> None:
    rng = random.Random(3)
    for edit in (edit_pair(rng) for _ in range(20)):
        assert Edit.of(json.loads(json.dumps(dataclasses.asdict(edit)))) == edit


def test_edits_are_held_out_by_their_scenes() -> None:
    rng = random.Random(2)
    trained = [training_edit(rng) for _ in range(300)]
    seen = {scene for edit in trained for scene in (edit.before, edit.after)}
    asked: list[Edit] = [held_out_edit(rng) for _ in range(100)]
    assert not any({edit.before, edit.after} <= seen for edit in asked)
    assert {edit.language for edit in trained} == {"en", "zh"}


def test_a_data_set_does_not_depend_on_the_number_of_processes() -> None:
    alone = list(dataset.drawn(600, seed=3, workers=1))
    shared = list(dataset.drawn(600, seed=3, workers=2))
    assert [len(pixels) for _, pixels in alone] == [512, 88]
    for (said, pixels), (others, same) in zip(alone, shared, strict=True):
        assert said == others
        assert (pixels == same).all()
