"""Reads the plainest English prompts back into scenes, so that a judge can be asked about a prompt that a person wrote.

It knows things with their colours and places, each said by itself, and a background: "a red circle on the left, a blue
cat on the right, white background". What it is not sure of it does not read: relations, numbers, signs, and stories but
for the known sentences of `sayings`, in both languages.
"""

from __future__ import annotations

import re
from functools import lru_cache

from zimage_lab.miniature import words
from zimage_lab.miniature.captions import UNSAID
from zimage_lab.miniature.sayings import SAYINGS
from zimage_lab.miniature.world import COLOURS, OWN_COLOURS, PLACES, Scene, Thing

_ARTICLE = re.compile(r"^(?:a|an|the|one)\s+")
_BETWEEN = re.compile(r",\s*and\s+|,\s*|\s+and\s+")
_MOST = 3  # four things belong to a story
_RESERVED = {"beach", "under"}  # a cherry tree, a beach and the sea have stories of their own


def scene_of(prompt: str) -> Scene | None:
    """Give the scene that a prompt asks for, or None where it is not plain enough to be sure."""
    if (said := _said().get(_plain(prompt))) is not None:
        return said
    background, things = "", []
    for part in _parts(prompt):
        if part in _backgrounds():
            if background:
                return None
            background = _backgrounds()[part]
        elif part not in words.ENGLISH_STYLES:
            thing = _thing(part)
            if thing is None:
                return None
            things.append(thing)
    if not 0 < len(things) <= _MOST or background in _RESERVED:
        return None
    placed = _placed(things)
    return None if placed is None else Scene(placed, background or UNSAID[""])


def says_background(prompt: str) -> bool:
    """Tell whether a prompt names a background; what does not is drawn on the world's usual one."""
    return any(part in _backgrounds() for part in _parts(prompt))


def _plain(prompt: str) -> str:
    return " ".join(prompt.strip().rstrip(".。").lower().split())


def _parts(prompt: str) -> list[str]:
    text = _plain(prompt)
    for opening in words.ENGLISH_OPENINGS:
        text = text.removeprefix(f"{opening} ")
    return _BETWEEN.split(text)


def _thing(part: str) -> Thing | None:
    """Read a thing: colour, noun and perhaps a place; a place that is not said is empty."""
    place = ""
    for words_, name in _places():
        if part.endswith(f" {words_}"):
            part, place = part[: -len(words_) - 1], name
            break
    part = _ARTICLE.sub("", part)
    colour, _, noun = part.partition(" ")
    if colour in COLOURS and noun in _nouns():
        return Thing(_nouns()[noun], colour, place)
    return Thing(_nouns()[part], OWN_COLOURS[_nouns()[part]], place) if part in _nouns() else None


def _placed(things: list[Thing]) -> tuple[Thing, ...] | None:
    """Say where each thing stands: as it was said, or where captions that say nothing mean."""
    said = [thing.place for thing in things]
    silent = {1: ("middle",), 2: ("left", "right"), 3: ("left", "middle", "right")}[len(things)]
    if not any(said):
        said = list(silent)
    if not all(said) or len(set(said)) < len(said):
        return None
    if len(set(things)) < len(things) or len({(thing.subject, thing.colour) for thing in things}) < len(things):
        return None  # equal things are counted, and stand anywhere
    placed = [Thing(thing.subject, thing.colour, place) for thing, place in zip(things, said, strict=True)]
    return tuple(sorted(placed, key=lambda thing: PLACES.index(thing.place)))


@lru_cache(maxsize=1)
def _said() -> dict[str, Scene]:
    return {_plain(text): scene for scene, texts in SAYINGS.items() for text in texts}


@lru_cache(maxsize=1)
def _nouns() -> dict[str, str]:
    return {noun.lower(): subject for subject, nouns in words.ENGLISH_NOUNS.items() for noun in nouns}


@lru_cache(maxsize=1)
def _places() -> tuple[tuple[str, str], ...]:
    every = {(text, place) for place, texts in words.ENGLISH_PLACES.items() for text in texts}
    return tuple(sorted(every, key=lambda one: (-len(one[0]), one)))


@lru_cache(maxsize=1)
def _backgrounds() -> dict[str, str]:
    return {text: name for name, texts in words.ENGLISH_BACKGROUNDS.items() for text in texts}
