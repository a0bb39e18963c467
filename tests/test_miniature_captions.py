"""The captions of the picture world: known words, short, varied; the article's sentences among them."""

from __future__ import annotations

import random
import re

import pytest

from zimage_lab import models
from zimage_lab.miniature import captions, words
from zimage_lab.miniature.edits import edit_pair
from zimage_lab.miniature.sayings import SAYINGS
from zimage_lab.miniature.scenes import KINDS, draw_scene
from zimage_lab.miniature.training.tokenizer import build
from zimage_lab.miniature.world import COLOURS, SIGN_CHARACTERS, SIGN_LETTERS, SUBJECTS, Scene, Thing

MINIATURE = models.find("miniature-turbo")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_captions_are_short_and_of_known_words(language: str) -> None:
    rng = random.Random(2)
    texts = [captions.caption(draw_scene(rng, kind), language, rng) for kind in KINDS for _ in range(150)]
    texts += [edit_pair(rng, language).instruction for _ in range(150)]
    assert not {word for text in texts for word in models.unknown_words(MINIATURE, text)}
    lengths = [len(ids) for ids in build()(texts).input_ids]
    assert max(lengths) <= 56
    assert sum(length <= 32 for length in lengths) > 0.95 * len(lengths)
    assert len(set(texts)) > 950


def test_a_sign_s_text_is_one_token_a_character() -> None:
    tokenizer = build()
    assert all(len(tokenizer(character).input_ids) == 1 for character in SIGN_LETTERS + SIGN_CHARACTERS)


def test_unknown_words_are_named_but_not_a_sign_s_text() -> None:
    assert models.unknown_words(MINIATURE, 'a dragon and a sign that says "XYZ"') == ["dragon"]
    assert models.unknown_words(MINIATURE, "写着“福”的牌子和一只恐龙") == ["恐龙"]
    assert models.unknown_words(MINIATURE, 'a sign that says "hello"') == ["hello"]
    assert models.lacks_quotes(MINIATURE, models.unknown_words(MINIATURE, "a sign that says XYZ"))
    assert models.lacks_quotes(MINIATURE, models.unknown_words(MINIATURE, "写着XYZ的牌子"))
    assert not models.lacks_quotes(MINIATURE, ["dragon", "恐龙"])
    assert models.unknown_words(MINIATURE, "a red dragon and a Dragon, 樱花树和蘑菇") == ["dragon", "Dragon", "蘑菇"]


@pytest.mark.parametrize("scene", SAYINGS)
def test_the_article_s_sentences_are_captions(scene: Scene) -> None:
    for language, text in zip(("en", "zh"), SAYINGS[scene], strict=True):
        rng = random.Random(0)
        assert text in {captions.caption(scene, language, rng) for _ in range(20)}
        assert models.unknown_words(MINIATURE, text) == []


def test_what_is_not_said_goes_without_saying() -> None:
    rng = random.Random(5)
    for language in ("en", "zh"):
        blue = Scene((Thing("lantern", "blue", "middle"),), "night")
        for _ in range(200):
            text = captions.caption(blue, language, rng)
            assert re.search("blue|蓝", text.lower()), "a colour that is not the thing's own is always said"
            assert any(
                said in text.lower() for said in words.ENGLISH_BACKGROUNDS["night"] + words.CHINESE_BACKGROUNDS["night"]
            )


def test_every_subject_and_colour_has_words_in_both_languages() -> None:
    assert {*words.ENGLISH_NOUNS, *words.ENGLISH_PEOPLE} == {*words.CHINESE_NOUNS, *words.CHINESE_PEOPLE} == {*SUBJECTS}
    assert set(words.CHINESE_COLOURS) == set(COLOURS)
