"""Says in Chinese what a scene shows, in the sentence patterns that people type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.miniature import words
from zimage_lab.miniature.english import bright, silent

if TYPE_CHECKING:
    import random

    from zimage_lab.miniature.world import Scene, Thing

LINES = {("left", "middle", "right"): "从左到右", ("top", "middle", "bottom"): "从上到下"}
RELATIONS = {
    "left": ("左边", "左侧"),
    "right": ("右边", "右侧"),
    "top": ("上方", "上面"),
    "bottom": ("下方", "下面"),
}
ARRANGED = {
    ("left", "right"): ("并排的",),
    ("left", "middle", "right"): ("并排的", "一排"),
    ("top", "middle", "bottom"): ("一列",),
}
FAMOUS = "故宫"
"""A proper noun: no measure word stands before it."""

GLUE = (
    *("的", "有", "是", "在", "和", "下", "前", "前面", "之间", "站在", "拍照", "天上", "阳光明媚", "冲浪"),
    *("夏日", "海滩上", "沙滩上", "海边", "背景", "一", "两", "三", "四", *"234"),
)
"""Words of the patterns in this module, for the vocabulary."""


def _coloured(phrase: str, thing: Thing, rng: random.Random) -> str:
    usual, short = words.CHINESE_COLOURS[thing.colour]
    if len(short) == 1 and rng.random() < 0.25:
        return phrase.replace("~的", f"{usual}的").replace("~", short)
    colour = short if len(short) > 1 and rng.random() < 0.2 else usual
    of = "的" if rng.random() < 0.6 and not phrase.startswith(("穿", "身")) else ""
    return phrase.replace("~的", f"{colour}的").replace("~", colour + of)


def noun(thing: Thing, rng: random.Random, *, quiet: bool) -> str:
    """Name one thing alone, with its colour or quiet about it."""
    if thing.subject == "sign":
        text = rng.choice(("“{}”", "“{}”", "「{}」", '"{}"')).format(thing.text)
        phrase = rng.choice(words.CHINESE_SIGNS).format(text)
    elif thing.subject in words.CHINESE_PEOPLE:
        phrase = rng.choice(words.CHINESE_PEOPLE[thing.subject][quiet])
    else:
        phrase = "~" + rng.choice(words.CHINESE_NOUNS[thing.subject])
    if quiet:
        return phrase.replace("~的", "").replace("~", "")
    return _coloured(phrase, thing, rng)


def thing_phrase(thing: Thing, rng: random.Random) -> str:
    """Name one thing, mostly with its measure word."""
    said = noun(thing, rng, quiet=silent(thing, rng))
    if said == FAMOUS or rng.random() < 0.25:
        return said
    return f"一{rng.choice(words.MEASURES.get(thing.subject, '个'))}{said}"


def _count(scene: Scene, rng: random.Random) -> str:
    number, thing = len(scene.things), scene.things[0]
    measure = rng.choice(words.MEASURES.get(thing.subject, "个"))
    said = f"{str(number) if rng.random() < 0.15 else words.NUMBERS[number][1]}{measure}"
    name = noun(thing, rng, quiet=silent(thing, rng))
    arranged = ARRANGED.get(tuple(one.place for one in scene.things))
    if arranged and rng.random() < 0.2:
        how = rng.choice(arranged)
        return f"{said}{how}{name}" if how.endswith("的") else f"{said}{name}，{how}"
    return f"{rng.choice(('', '', '有'))}{said}{name}"


def _placed(things: tuple[Thing, ...], rng: random.Random) -> str:
    """Name each thing with its place, in any order."""
    things = tuple(rng.sample(things, len(things)))
    form, has, comma = rng.randrange(3), rng.choice(("", "有", "有", "是")), rng.choice("，，，,")
    parts = []
    for thing in things:
        what, where = thing_phrase(thing, rng), rng.choice(words.CHINESE_PLACES[thing.place])
        parts.append(f"{what}在{where}" if form == 0 else f"{where}{has}{what}")
    return comma.join(parts)


def _two(things: tuple[Thing, ...], rng: random.Random) -> str:
    if rng.random() < 0.45 or things[0].place not in RELATIONS:
        return _placed(things, rng)
    first, second = things if rng.random() < 0.5 else things[::-1]
    if "left" in {first.place, second.place} and rng.random() < 0.3:
        first, second = sorted(things, key=lambda thing: thing.place)  # named in reading order
        return f"{thing_phrase(first, rng)}和{thing_phrase(second, rng)}"
    relation = rng.choice(RELATIONS[first.place])
    if rng.random() < 0.3:
        return f"{thing_phrase(second, rng)}的{relation}有{thing_phrase(first, rng)}"
    return f"{thing_phrase(first, rng)}在{thing_phrase(second, rng)}的{relation}"


def _three(things: tuple[Thing, ...], rng: random.Random) -> str:
    places = tuple(thing.place for thing in things)
    if rng.random() < 0.4 or places not in LINES:
        return _placed(things, rng)
    said, form = [thing_phrase(thing, rng) for thing in things], rng.randrange(3)
    if form == 0 and places[0] == "left":
        return f"{said[1]}在{said[0]}和{said[2]}之间"
    if form == 1 and places[0] == "left":
        return f"{said[0]}、{said[1]}和{said[2]}"
    return f"{LINES[places]}：{'、'.join(said)}"


def _apart(scene: Scene, rng: random.Random) -> str:
    things = scene.things
    if len(things) == 1:
        bare = things[0].place == "middle" and rng.random() < 0.5
        return thing_phrase(things[0], rng) if bare else _placed(things, rng)
    return (_two if len(things) == 2 else _three)(things, rng)


def _story(scene: Scene, rng: random.Random) -> str:
    if scene.story == "shore":
        return _shore(scene.things, rng)
    back, front, *beside = scene.things
    who, what = thing_phrase(front, rng), thing_phrase(back, rng)
    if rng.random() < 0.6:
        what = noun(back, rng, quiet=silent(back, rng))
    below = "下" if scene.story == "under" else rng.choice(("前", "前", "前面"))
    doing = "拍照" if front.subject == "tang_man" and rng.random() < 0.4 else ""
    body = f"{who}{'在' if doing else rng.choice(('站在', '在'))}{what}{below}{doing}"
    if rng.random() < 0.2:
        body = f"{what}{below}{rng.choice(('的', '有'))}{who}"
    has = rng.choice(("有", "有", "", "是"))
    sides = [f"{rng.choice(words.CHINESE_PLACES[one.place])}{has}{thing_phrase(one, rng)}" for one in beside]
    return "，".join([body, *sides])


def _shore(things: tuple[Thing, ...], rng: random.Random) -> str:
    beach, who = rng.choice(("夏日海滩上", "夏日海滩上", "海滩上", "沙滩上", "海边")), things[0]
    body = (
        f"{beach}的{noun(who, rng, quiet=silent(who, rng))}"
        if rng.random() < 0.6
        else f"{beach}有{thing_phrase(who, rng)}"
    )
    if rng.random() < 0.2:
        body = f"{thing_phrase(who, rng)}在{beach}"
    if len(things) == 1:
        return body
    other = things[1]
    if bright(other) and rng.random() < 0.6:
        return f"{body}，{rng.choice(('阳光明媚', '阳光明媚', '天上有太阳'))}"
    where = rng.choice(words.CHINESE_PLACES[other.place])
    return f"{body}，{where}{rng.choice(('有', ''))}{thing_phrase(other, rng)}"


def chinese(scene: Scene, rng: random.Random, *, say_background: bool) -> str:
    """Caption a scene in Chinese, in one of several patterns."""
    body = (_story if scene.story else _count if scene.kind == "count" else _apart)(scene, rng)
    parts, comma = [body], rng.choice("，，，,")
    if say_background:
        setting = rng.choice(words.CHINESE_BACKGROUNDS[scene.background])
        parts.insert(0 if rng.random() < 0.3 else 1, setting)
    elif rng.random() < 0.1 and not body.startswith("从"):
        parts[0] = rng.choice(words.CHINESE_OPENINGS) + body
    if rng.random() < 0.12:
        parts.append(rng.choice(words.CHINESE_STYLES))
    return comma.join(parts) + ("。" if rng.random() < 0.15 else "")
