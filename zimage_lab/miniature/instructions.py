"""Says in words what to change in a picture, in English and in Chinese."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zimage_lab.miniature import chinese, english, words

if TYPE_CHECKING:
    import random

    from zimage_lab.miniature.world import Thing

ENGLISH_GLUE = "make change turn the colour color of to into move add put remove delete take away please"
CHINESE_GLUE = (
    "把",
    "将",
    "变成",
    "改成",
    "换成",
    "移到",
    "移动到",
    "去掉",
    "删除",
    "移除",
    "加",
    "添加",
    "放",
    "颜色",
    "请",
    "在",
)
"""Words of the patterns in this module, for the vocabulary."""

LOUD = 0.4
"""Share of instructions that name the colour of what they change."""


def english_instruction(kind: str, before: Thing | None, after: Thing | None, rng: random.Random) -> str:
    """Say in English how a thing changes.

    Parameters
    ----------
    kind
        One of `edits.EDITS`.
    before, after
        The thing in the picture before and after; None where it is not there.
    rng
        Source of randomness.
    """
    the = "" if before is None else f"the {english.noun(before, rng, quiet=rng.random() > LOUD)}"
    where = "" if after is None else rng.choice(words.ENGLISH_PLACES[after.place])
    colour = "" if after is None else after.colour
    forms: tuple[str, ...] = (f"remove {the}", f"delete {the}", f"take away {the}")
    if kind == "recolour":
        forms = (
            f"make {the} {colour}",
            f"change the color of {the} to {colour}",
            f"change the colour of {the} to {colour}",
            f"turn {the} {colour}",
            f"change {the} to {colour}",
        )
    elif kind == "move" and after is not None:
        target = after.place if " " in after.place or after.place in {"left", "right", "top", "bottom"} else "middle"
        forms = (f"move {the} to the {target}", f"put {the} {where}", f"move {the} to the {target}")
    elif kind == "add" and after is not None:
        said = f"a {english.noun(after, rng, quiet=english.silent(after, rng))}"
        forms = (f"add {said} {where}", f"put {said} {where}", f"{where}, add {said}")
    text = re.sub(r"\ba (?=[aeio])", "an ", rng.choice(forms))
    if rng.random() < 0.1:
        text = f"please {text}"
    if rng.random() < 0.3:
        text = text[0].upper() + text[1:]
    return text + ("." if rng.random() < 0.2 else "")


def chinese_instruction(kind: str, before: Thing | None, after: Thing | None, rng: random.Random) -> str:
    """Say in Chinese how a thing changes; parameters as for `english_instruction`."""
    it = "" if before is None else chinese.noun(before, rng, quiet=rng.random() > LOUD)
    where = "" if after is None else rng.choice(words.CHINESE_PLACES[after.place])
    colour = "" if after is None else words.CHINESE_COLOURS[after.colour][0]
    ba = rng.choice(("把", "把", "将"))
    forms: tuple[str, ...] = (f"去掉{it}", f"删除{it}", f"移除{it}", f"{ba}{it}去掉", f"{ba}{it}删除")
    if kind == "recolour":
        verb = rng.choice(("变成", "改成", "换成"))
        forms = (f"{ba}{it}{verb}{colour}", f"{ba}{it}的颜色{verb}{colour}", f"{ba}{it}{verb}{colour}的")
    elif kind == "move":
        forms = (f"{ba}{it}移到{where}", f"{ba}{it}移动到{where}", f"{ba}{it}放在{where}")
    elif kind == "add" and after is not None:
        said = chinese.thing_phrase(after, rng)
        forms = (f"在{where}加{said}", f"在{where}添加{said}", f"{where}加{said}", f"在{where}放{said}")
    text = rng.choice(forms)
    if rng.random() < 0.1:
        text = f"请{text}"
    return text + ("。" if rng.random() < 0.2 else "")


def instruction(kind: str, before: Thing | None, after: Thing | None, language: str, rng: random.Random) -> str:
    """Say in `en` or `zh` how a thing changes; parameters as for `english_instruction`."""
    say = english_instruction if language == "en" else chinese_instruction
    return say(kind, before, after, rng)
