"""Says in words what a scene shows, in English and in Chinese, and lists the words that captions are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.miniature import chinese, english, instructions, sayings, words
from zimage_lab.miniature.world import SIGN_CHARACTERS

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from zimage_lab.miniature.world import Scene

UNSAID = {"": "paper", "under": "day", "front": "day", "shore": "beach"}
"""The background by story where a caption names none."""

LEFT_OUT = 0.5
"""Share of captions that do not name the background where it goes without saying."""


def caption(scene: Scene, language: str, rng: random.Random) -> str:
    """Caption a scene in `en` or `zh`.

    A caption that names no colour means the subject's own, one that names no background means paper, or day where
    someone stands under a tree or before a building; one that names no place means the middle, or left to right.
    """
    literal = sayings.SAYINGS.get(scene)
    if literal is not None and rng.random() < sayings.SHARE:
        return literal[language != "en"]
    known = scene.background == UNSAID[scene.story]
    # The shore's own patterns name the beach.
    say_background = scene.story != "shore" and not (known and rng.random() < LEFT_OUT)
    say = english.english if language == "en" else chinese.chinese
    return say(scene, rng, say_background=say_background)


def english_words() -> tuple[str, ...]:
    """List every English word of the captions, sorted."""
    nouns = [noun for one in words.ENGLISH_NOUNS.values() for noun in one]
    phrases = [
        *nouns,
        *(words.ENGLISH_PLURALS.get(noun, f"{noun}s") for noun in nouns),
        *(phrase for forms in words.ENGLISH_PEOPLE.values() for form in forms for phrase in form),
        *words.ENGLISH_SIGNS,
        *words.CHINESE_COLOURS,
        *_flat(words.ENGLISH_PLACES.values()),
        *words.ENGLISH_PLACES,
        *_flat(words.ENGLISH_BACKGROUNDS.values()),
        *_flat(english.RELATIONS.values()),
        *_flat(english.ARRANGED.values()),
        *english.LINES.values(),
        *words.ENGLISH_STYLES,
        *words.ENGLISH_OPENINGS,
        *(name for name, _ in words.NUMBERS.values()),
        "Forbidden City",
        english.GLUE,
        instructions.ENGLISH_GLUE,
    ]
    return tuple(sorted({word for phrase in phrases for word in phrase.split() if word.isalpha()}))


def chinese_words() -> tuple[str, ...]:
    """List every Chinese word of the captions, longest first."""
    listed = {
        *_flat(words.CHINESE_NOUNS.values()),
        *("穿着", "穿", "身穿", "汉服", "女孩", "少女", "唐装", "老人", "老爷爷", "泳衣", "冲浪", "少年", "冲浪者"),
        *("写着", "写有", "上面", "牌子", "招牌", "并排", "一排", "一列", "纸张", "米色", "蓝天", "绿地"),
        *_flat(words.CHINESE_COLOURS.values()),
        *(f"一{measure}" for measures in words.MEASURES.values() for measure in measures),
        *(measure for measures in words.MEASURES.values() for measure in measures),
        "一个",
        "个",
        *_flat(words.CHINESE_PLACES.values()),
        *(setting.removesuffix("背景").removesuffix("的") for setting in _flat(words.CHINESE_BACKGROUNDS.values())),
        *_flat(chinese.RELATIONS.values()),
        *chinese.LINES.values(),
        *words.CHINESE_STYLES,
        *(opening.strip("，：") for opening in words.CHINESE_OPENINGS),
        *chinese.GLUE,
        *instructions.CHINESE_GLUE,
        *SIGN_CHARACTERS,
    }
    return tuple(sorted(listed, key=lambda word: (-len(word), word)))


def _flat(groups: Iterable[tuple[str, ...]]) -> list[str]:
    return [word for group in groups for word in group]
