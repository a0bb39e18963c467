"""Says in English what a scene shows, in the sentence patterns that people type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zimage_lab.miniature import words
from zimage_lab.miniature.world import OWN_COLOURS

if TYPE_CHECKING:
    import random

    from zimage_lab.miniature.world import Scene, Thing

LINES = {("left", "middle", "right"): "from left to right", ("top", "middle", "bottom"): "from top to bottom"}
RELATIONS = {
    "left": ("to the left of", "left of"),
    "right": ("to the right of", "right of"),
    "top": ("above", "over"),
    "bottom": ("below", "under"),
}
ARRANGED = {
    ("left", "right"): ("side by side",),
    ("left", "middle", "right"): ("in a row", "side by side"),
    ("top", "middle", "bottom"): ("in a column",),
}
SILENT = 0.45
"""Share of things in their own colour whose colour is not said."""

GLUE = "a an the one there are and of with between picture standing in front taking bright sunshine sky summer"
"""Words of the patterns in this module, for the vocabulary."""


def silent(thing: Thing, rng: random.Random) -> bool:
    """Choose whether a thing's colour is left out."""
    return thing.colour == OWN_COLOURS[thing.subject] and rng.random() < SILENT


def _coloured(phrase: str, colour: str) -> str:
    return " ".join(phrase.replace("~", colour).split())


def noun(thing: Thing, rng: random.Random, *, quiet: bool) -> str:
    """Name one thing alone, with its colour or quiet about it."""
    if thing.subject == "sign":
        text = rng.choice(('"{}"', '"{}"', "“{}”")).format(thing.text)
        phrase = rng.choice(words.ENGLISH_SIGNS).format(text)
    elif thing.subject in words.ENGLISH_PEOPLE:
        phrase = rng.choice(words.ENGLISH_PEOPLE[thing.subject][quiet])
    else:
        phrase = "~ " + rng.choice(words.ENGLISH_NOUNS[thing.subject])
        if quiet and thing.subject == "palace" and rng.random() < 0.4:
            return "Forbidden City"
    return _coloured(phrase, "" if quiet else thing.colour)


def thing_phrase(thing: Thing, rng: random.Random) -> str:
    """Name one thing, with or without an article."""
    said = noun(thing, rng, quiet=silent(thing, rng))
    if said == "Forbidden City" or (said in {"sun", "moon"} and rng.random() < 0.5):
        return f"the {said}"
    return f"{rng.choice(('a', 'a', 'a', 'one', ''))} {said}".strip()


def _plural(thing: Thing, rng: random.Random) -> str:
    quiet = silent(thing, rng)
    if thing.subject in words.ENGLISH_PEOPLE:
        phrase = rng.choice(words.ENGLISH_PEOPLE[thing.subject][2 + quiet])
    else:
        one = rng.choice(words.ENGLISH_NOUNS[thing.subject])
        phrase = "~ " + words.ENGLISH_PLURALS.get(one, f"{one}s")
    return _coloured(phrase, "" if quiet else thing.colour)


def _count(scene: Scene, rng: random.Random) -> str:
    number = len(scene.things)
    said = f"{str(number) if rng.random() < 0.2 else words.NUMBERS[number][0]} {_plural(scene.things[0], rng)}"
    if rng.random() < 0.15:
        said = f"there are {said}"
    arranged = ARRANGED.get(tuple(thing.place for thing in scene.things))
    return f"{said} {rng.choice(arranged)}" if arranged and rng.random() < 0.25 else said


def _listed(parts: list[str], rng: random.Random) -> str:
    last = rng.choice((" and ", ", ", ", and "))
    return ", ".join(parts[:-1]) + last + parts[-1] if len(parts) > 1 else parts[0]


def _placed(things: tuple[Thing, ...], rng: random.Random) -> str:
    """Name each thing with its place, in any order."""
    things = tuple(rng.sample(things, len(things)))
    form = rng.randrange(4)
    parts = []
    for thing in things:
        what, where = thing_phrase(thing, rng), rng.choice(words.ENGLISH_PLACES[thing.place])
        parts.append((f"{what} {where}", f"{where} {what}", f"{thing.place}: {what}", f"{what} {where}")[form])
    return ", ".join(parts) if form in {1, 2} else _listed(parts, rng)


def _one(thing: Thing, rng: random.Random) -> str:
    said = thing_phrase(thing, rng)
    if thing.place == "middle" and rng.random() < 0.5:
        return said
    where = rng.choice(words.ENGLISH_PLACES[thing.place])
    return rng.choice((f"{said} {where}", f"{said} {where}", f"{where}, {said}", f"{where} {said}"))


def _two(things: tuple[Thing, ...], rng: random.Random) -> str:
    if rng.random() < 0.45 or things[0].place not in RELATIONS:
        return _placed(things, rng)
    first, second = things if rng.random() < 0.5 else things[::-1]
    if "left" in {first.place, second.place} and rng.random() < 0.3:
        first, second = sorted(things, key=lambda thing: thing.place)  # named in reading order
        return f"{thing_phrase(first, rng)} and {thing_phrase(second, rng)}"
    relation = rng.choice(RELATIONS[first.place])
    if second.subject == "cherry_tree" and relation == "under":
        relation = "below"  # under a cherry tree stands who is in its story
    return f"{thing_phrase(first, rng)} {relation} {thing_phrase(second, rng)}"


def _three(things: tuple[Thing, ...], rng: random.Random) -> str:
    places = tuple(thing.place for thing in things)
    if rng.random() < 0.4 or places not in LINES:
        return _placed(things, rng)
    said, form = [thing_phrase(thing, rng) for thing in things], rng.randrange(3)
    if form == 0 and places[0] == "left":
        return f"{said[1]} between {said[0]} and {said[2]}"
    if form == 1 and places[0] == "left":
        return f"{said[0]}, {said[1]} and {said[2]}"
    return f"{LINES[places]}: {', '.join(said)}"


def _apart(scene: Scene, rng: random.Random) -> str:
    if len(scene.things) == 1:
        return _one(scene.things[0], rng)
    return (_two if len(scene.things) == 2 else _three)(scene.things, rng)


def _story(scene: Scene, rng: random.Random) -> str:
    if scene.story == "shore":
        return _shore(scene.things, rng)
    back, front, *beside = scene.things
    who, what = thing_phrase(front, rng), thing_phrase(back, rng)
    relation = "under" if scene.story == "under" else "in front of"
    doing = rng.choice(("", "standing "))
    if front.subject == "tang_man" and rng.random() < 0.4:
        doing = "taking a picture "
    body = f"{relation} {what}, {who}" if rng.random() < 0.2 else f"{who} {doing}{relation} {what}"
    if not beside:
        return body
    sides = [f"{thing_phrase(one, rng)} {rng.choice(words.ENGLISH_PLACES[one.place])}" for one in beside]
    if rng.random() < 0.3:
        return f"{body}, with {' and '.join(sides)}"
    return ", ".join([body, *sides])


def _shore(things: tuple[Thing, ...], rng: random.Random) -> str:
    beach = rng.choice(("on the beach", "on a summer beach", "at the beach", "by the sea"))
    body = f"{thing_phrase(things[0], rng)} {beach}"
    if len(things) == 1:
        return body
    other = things[1]
    if bright(other) and rng.random() < 0.5:
        return f"{body}, {rng.choice(('bright sunshine', 'in bright sunshine', 'the sun in the sky'))}"
    return f"{body}, {thing_phrase(other, rng)} {rng.choice(words.ENGLISH_PLACES[other.place])}"


def bright(thing: Thing) -> bool:
    """Tell whether a thing is the sun that sunshine stands for."""
    return thing.subject == "sun" and thing.colour == OWN_COLOURS["sun"] and thing.place == "top right"


def english(scene: Scene, rng: random.Random, *, say_background: bool) -> str:
    """Caption a scene in English, in one of several patterns."""
    body = (_story if scene.story else _count if scene.kind == "count" else _apart)(scene, rng)
    parts = [body]
    if say_background:
        setting = rng.choice(words.ENGLISH_BACKGROUNDS[scene.background])
        parts.insert(0 if rng.random() < 0.2 else 1, setting)
    elif rng.random() < 0.12 and not body.startswith(("there", "in", "at", "on")):
        parts[0] = f"{rng.choice(words.ENGLISH_OPENINGS)} {body}"
    if rng.random() < 0.12:
        parts.append(rng.choice(words.ENGLISH_STYLES))
    text = re.sub(r"\ba (?=[aeio])", "an ", ", ".join(parts))
    if rng.random() < 0.2:
        text = text[0].upper() + text[1:]
    return text + ("." if rng.random() < 0.15 else "")
