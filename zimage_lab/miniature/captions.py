"""Says in words what a scene shows, in English and in Chinese, in the sentence patterns that people type.

The vocabulary here is also what the tokenizer's merges are made from, word by word, so that a merge never crosses a
word and every caption stays short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.miniature.world import COLOURS, PLACES

if TYPE_CHECKING:
    import random

    from zimage_lab.miniature.world import Scene, Thing

ENGLISH_SUBJECTS: dict[str, tuple[str, ...]] = {
    "circle": ("circle", "circle", "disc"),
    "square": ("square",),
    "triangle": ("triangle",),
    "star": ("star",),
    "heart": ("heart",),
    "cat": ("cat", "cat", "kitten"),
    "fish": ("fish",),
    "house": ("house", "house", "home"),
    "tree": ("tree",),
    "lantern": ("lantern",),
}
CHINESE_SUBJECTS: dict[str, tuple[str, ...]] = {
    "circle": ("圆形", "圆形", "圆"),
    "square": ("正方形", "方形"),
    "triangle": ("三角形",),
    "star": ("星星", "星星", "五角星"),
    "heart": ("爱心", "心形"),
    "cat": ("猫", "猫", "小猫"),
    "fish": ("鱼", "小鱼"),
    "house": ("房子", "屋子"),
    "tree": ("树", "大树"),
    "lantern": ("灯笼",),
}
MEASURES: dict[str, tuple[str, ...]] = {
    "cat": ("一只",),
    "fish": ("一条",),
    "house": ("一座", "一个"),
    "tree": ("一棵",),
    "lantern": ("一盏", "一个"),
    "star": ("一颗", "一个"),
    "heart": ("一颗", "一个"),
}
"""Chinese measure words by subject; others take 一个."""

CHINESE_COLOURS: dict[str, str] = {
    "red": "红色",
    "orange": "橙色",
    "yellow": "黄色",
    "green": "绿色",
    "blue": "蓝色",
    "purple": "紫色",
    "pink": "粉色",
    "brown": "棕色",
}
ENGLISH_PLACES: dict[str, tuple[str, ...]] = {
    "left": ("on the left", "at left", "on the left side"),
    "right": ("on the right", "at right", "on the right side"),
    "top": ("at the top", "on top"),
    "bottom": ("at the bottom", "below"),
    "middle": ("in the middle", "in the center", "in the centre"),
}
CHINESE_PLACES: dict[str, tuple[str, ...]] = {
    "left": ("左侧", "左边", "左侧", "左"),
    "right": ("右侧", "右边", "右侧", "右"),
    "top": ("上方", "上面", "顶部"),
    "bottom": ("下方", "下面", "底部"),
    "middle": ("中间", "中央"),
}
ENGLISH_BACKGROUNDS: dict[str, tuple[str, ...]] = {
    "white": ("white background", "on a white background", "on white"),
    "paper": ("paper background", "on a paper background", "on paper"),
    "day": ("day", "in the daytime", "by day", "daytime"),
    "night": ("night", "at night", "by night"),
}
CHINESE_BACKGROUNDS: dict[str, tuple[str, ...]] = {
    "white": ("白色背景", "白色的背景", "白背景"),
    "paper": ("纸张背景", "米色纸张背景"),
    "day": ("白天", "白天背景"),
    "night": ("夜晚", "夜晚背景", "晚上"),
}

_RELATIONS = {
    "left": (("to the left of", "left of"), "左边"),
    "right": (("to the right of", "right of"), "右边"),
    "top": (("above",), "上方"),
    "bottom": (("below", "under"), "下方"),
}


def _english_thing(thing: Thing, rng: random.Random) -> str:
    colour = thing.colour
    article = rng.choice(("an" if colour[0] in "aeiou" else "a", "an" if colour[0] in "aeiou" else "a", "one", ""))
    return f"{article} {colour} {rng.choice(ENGLISH_SUBJECTS[thing.subject])}".strip()


def _chinese_thing(thing: Thing, rng: random.Random) -> str:
    measure = rng.choice((*MEASURES.get(thing.subject, ("一个",)), ""))
    of = rng.choice(("的", "的", ""))
    return f"{measure}{CHINESE_COLOURS[thing.colour]}{of}{rng.choice(CHINESE_SUBJECTS[thing.subject])}"


def english(scene: Scene, rng: random.Random) -> str:
    """Caption a scene in English, in one of several patterns."""
    things = list(scene.things)
    said = [_english_thing(thing, rng) for thing in things]
    where = [rng.choice(ENGLISH_PLACES[thing.place]) for thing in things]
    if len(things) == 2 and rng.random() < 0.5 and rng.random() < 0.5:
        things.reverse()
        said.reverse()
        where.reverse()
    form = rng.randrange(6)
    if len(things) == 1:
        (what,), (place,) = said, where
        body = (f"{what} {place}", f"{place} {what}", f"{place}, {what}", f"{what}, {place}")[form % 4]
        if things[0].place == "middle" and rng.random() < 0.4:
            body = what
    elif form == 0:
        relation = rng.choice(_RELATIONS[things[0].place][0])
        body = f"{said[0]} {relation} {said[1]}"
    elif form == 1 and things[0].place == "left":
        body = f"{said[0]} and {said[1]}"
    elif form == 2:
        body = f"{where[0]} {said[0]}, {where[1]} {said[1]}"
    elif form == 3:
        body = f"{things[0].place}: {said[0]}, {things[1].place}: {said[1]}"
    else:
        body = f"{said[0]} {where[0]}{rng.choice((',', ' and', ', and'))} {said[1]} {where[1]}"
    setting = rng.choice(ENGLISH_BACKGROUNDS[scene.background])
    text = f"{setting}, {body}" if rng.random() < 0.2 else f"{body}, {setting}"
    if rng.random() < 0.1:
        text = f"a picture of {text}"
    if rng.random() < 0.2:
        text = text[0].upper() + text[1:]
    return text + ("." if rng.random() < 0.15 else "")


def chinese(scene: Scene, rng: random.Random) -> str:
    """Caption a scene in Chinese, in one of several patterns."""
    things = list(scene.things)
    if len(things) == 2 and rng.random() < 0.35:
        things.reverse()
    said = [_chinese_thing(thing, rng) for thing in things]
    where = [rng.choice(CHINESE_PLACES[thing.place]) for thing in things]
    comma = rng.choice("，，，,")
    has = rng.choice(("", "", "有", "是"))
    form = rng.randrange(6)
    if len(things) == 1:
        (what,), (place,) = said, where
        body = (f"{place}{has}{what}", f"{what}在{place}", f"{place}{has}{what}")[form % 3]
        if things[0].place == "middle" and rng.random() < 0.4:
            body = what
    elif form == 0:
        body = f"{said[0]}在{said[1]}的{_RELATIONS[things[0].place][1]}"
    elif form == 1 and things[0].place == "left":
        body = f"{said[0]}和{said[1]}"
    elif form == 2:
        body = f"{said[0]}在{where[0]}{comma}{said[1]}在{where[1]}"
    else:
        body = f"{where[0]}{has}{said[0]}{comma}{where[1]}{has}{said[1]}"
    setting = rng.choice(CHINESE_BACKGROUNDS[scene.background])
    text = f"{setting}{comma}{body}" if rng.random() < 0.3 else f"{body}{comma}{setting}"
    return text + ("。" if rng.random() < 0.15 else "")


def caption(scene: Scene, language: str, rng: random.Random) -> str:
    """Caption a scene in `en` or `zh`."""
    return english(scene, rng) if language == "en" else chinese(scene, rng)


def english_words() -> tuple[str, ...]:
    """List every English word of the captions, sorted."""
    phrases = [
        *(word for words in ENGLISH_SUBJECTS.values() for word in words),
        *COLOURS,
        *PLACES,
        *(phrase for phrases in ENGLISH_PLACES.values() for phrase in phrases),
        *(phrase for phrases in ENGLISH_BACKGROUNDS.values() for phrase in phrases),
        *(phrase for relation, _ in _RELATIONS.values() for phrase in relation),
        "a an one and picture of",
    ]
    return tuple(sorted({word for phrase in phrases for word in phrase.split()}))


def chinese_words() -> tuple[str, ...]:
    """List every Chinese word of the captions, longest first."""
    words = {
        *(word for words in CHINESE_SUBJECTS.values() for word in words),
        *CHINESE_COLOURS.values(),
        *(word for words in MEASURES.values() for word in words),
        *(word for words in CHINESE_PLACES.values() for word in words),
        *("白色", "背景", "白天", "夜晚", "晚上", "纸张", "米色", "白", "的", "有", "是", "在", "和", "一个"),
    }
    return tuple(sorted(words, key=lambda word: (-len(word), word)))
