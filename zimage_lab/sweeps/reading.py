"""Turns what a person writes into axes: a list for any field of the request is one, and needs no code of its own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from zimage_lab.engine.seeds import Seeds
from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.prompts.expansion import expand
from zimage_lab.request import OTHER_NAMES, GenerationRequest
from zimage_lab.sweeps.notation import numbers

if TYPE_CHECKING:
    from pathlib import Path

MOST = 1_000_000
"""Most cells of a sweep, whatever limit is lifted, and so most values of an axis."""

OWN = ("seeds", "size", "lora_weight", "prompt_replace")
"""What a sweep takes besides the fields of a request."""

FIELDS = {name: field for name, field in GenerationRequest.model_fields.items() if name != "workflow"}
"""What can vary: a whole graph is no value of an axis."""

_KINDS = {name: {field.annotation, *get_args(field.annotation)} for name, field in FIELDS.items()}
WHOLE = frozenset(name for name, kinds in _KINDS.items() if int in kinds)
REAL = frozenset(name for name, kinds in _KINDS.items() if float in kinds) | {"lora_weight"}
SEVERAL = frozenset(name for name, field in FIELDS.items() if getattr(field.annotation, "__origin__", None) is tuple)
"""Fields whose one value is itself a list."""

_SIZE = re.compile(r"\s*([0-9]{1,9})\s*[x\u00d7*]\s*([0-9]{1,9})\s*")


class Asked(NamedTuple):
    """What was read: axes with values that are not checked yet, and the one value of every other field.

    Attributes
    ----------
    axes
        Values by the axis' name, in the order they were given: fields of the request, `size` and `lora_weight`.
    replaced
        Values of each needle, itself first.
    seeds
        The seeds, or None for one seed that is no axis.
    fixed
        Fields of the request with the one value that they have.
    """

    axes: dict[str, Sequence[object]]
    replaced: dict[str, Sequence[str]]
    seeds: Sequence[int] | None
    fixed: dict[str, Any]


def read(prompt: object, options: Mapping[str, Any], *, wildcards: bool = False, place: Path | None = None) -> Asked:
    """Read a sweep's words.

    Parameters
    ----------
    prompt
        A prompt, or several, which are an axis.
    options
        Fields of the request, each with a value or with several, and `seeds`, `size`, `lora_weight`, `prompt_replace`.
    wildcards
        Whether `{red|blue}` and `__animals__` in the prompts are read: each combination is a prompt of the axis.
    place
        The home folder, where the wildcards are.

    Raises
    ------
    InvalidRequest
        A name is not known, an axis is empty, a notation cannot be read, a needle is not in the prompt.
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        if name not in FIELDS and name not in OWN:
            known = OTHER_NAMES.get(name.lower())
            fix = f"Did you mean {known!r}?" if known else suggestion(name, [*FIELDS, *OWN])
            field = name if name.isidentifier() else "axis"
            raise InvalidRequest(field, value, f"{shown(name)} is neither a field of the request nor an axis", fix)
    axes: dict[str, Sequence[object]] = {}
    fixed: dict[str, Any] = {}
    texts = _prompts(prompt, wildcards=wildcards, place=place)
    if isinstance(texts, str):
        fixed["prompt"] = texts
    else:
        axes["prompt"] = texts
    seeds = _seeds(given.pop("seeds", None), given.pop("seed", None))
    if isinstance(seeds, int):
        fixed["seed"] = seeds
    wanted = given.pop("prompt_replace", None)
    replaced = {} if wanted is None else _replaced(wanted, [texts] if isinstance(texts, str) else texts)
    for name, value in given.items():
        several = values(name, value)
        if several is None:
            fixed[name] = value
        else:
            axes[name] = several
    _refuse_two_ways({*axes, *fixed})
    return Asked(axes, replaced, None if isinstance(seeds, int) else seeds, fixed)


def values(name: str, value: object) -> Sequence[object] | None:
    """Give the values of an axis, or None for a single value, which makes none.

    Parameters
    ----------
    name
        A field of the request, `size` or `lora_weight`.
    value
        One value, an iterable of several, or for numbers a notation.
    """
    if name in {"size", "lora_weight"}:
        several = _sizes(value) if name == "size" else _several(name, value)
        return [value] if several is None else several
    if name in SEVERAL:
        # One value of these fields is a list, so an axis is a list of such lists: [["a.safetensors"], []].
        if not isinstance(value, list) or not value or not all(one is None or _is_list(one) for one in value):
            return None
        return _listed(name, [() if one is None else one for one in value])
    return _several(name, value)


def _several(name: str, value: object) -> Sequence[object] | None:
    if isinstance(value, str) and name in WHOLE | REAL:
        return _listed(name, numbers(name, value, whole=name in WHOLE, most=MOST))
    # A picture or a NumPy number has no rows; text, bytes and mappings are one value.
    if isinstance(value, str | bytes | bytearray | Mapping) or not isinstance(value, Iterable):
        return None
    if hasattr(value, "ndim") and getattr(value, "ndim", 0) != 1:
        return None
    return _listed(name, value)


def _listed(name: str, value: Iterable[object]) -> Sequence[object]:
    """Take the values of an axis, at most so many that a sweep can have."""
    if isinstance(value, range):
        if not 0 < len(value) <= MOST:
            raise _wrong_number(name, value, len(value))
        return value
    listed = list(itertools.islice(value, MOST + 1))
    if not 0 < len(listed) <= MOST:
        raise _wrong_number(name, value, len(listed))
    return listed


def _wrong_number(name: str, value: object, count: int) -> InvalidRequest:
    if count == 0:
        return InvalidRequest(name, value, "is an axis without a value", "Give one value at least, or leave it out.")
    return InvalidRequest(name, value, f"has more than {MOST:,} values", "Give fewer.")


def _is_list(value: object) -> bool:
    """Whether it is a list of LoRAs or pictures, and not one LoRA with its weight."""
    pair = isinstance(value, list) and len(value) == 2 and isinstance(value[1], int | float)  # noqa: PLR2004
    return isinstance(value, list) and not pair


def _prompts(prompt: object, *, wildcards: bool, place: Path | None) -> str | Sequence[str]:
    field = "prompt"
    several = _several(field, prompt)
    if several is not None and not all(isinstance(one, str) for one in several):
        odd = next(one for one in several if not isinstance(one, str))
        raise InvalidRequest(field, odd, f"{shown(odd)} is not text", "Give a list of texts.")
    texts: list[Any] = [prompt] if several is None else list(several)
    if not wildcards:
        return texts[0] if several is None else texts
    found = [one.prompt for text in texts for one in expand(text, wildcards=True, place=place)]
    found = list(dict.fromkeys(found))
    return found[0] if several is None and len(found) == 1 else found


def _seeds(asked: object, first: object) -> Sequence[int] | int | None:
    """Give the seeds of the axis, or the one seed, drawn where nobody says it."""
    field = "seeds"
    if asked is None and (several := _several("seed", first)) is not None:
        asked, first = several, None
    elif isinstance(asked, str):
        asked = numbers(field, asked, whole=True, most=MOST)
    alone = asked is None
    one: Any = 1 if asked is None else asked
    number: Any = first
    drawn = Seeds(one, number, most=MOST)
    drawn.begin(None)
    seeds = drawn.of(None)
    return seeds[0] if alone else seeds


def _replaced(wanted: object, prompts: Sequence[str]) -> dict[str, Sequence[str]]:
    field = "prompt_replace"
    if isinstance(wanted, str):  # as grids elsewhere write it: the first one is looked for
        needle, *others = [part.strip() for part in re.split(r"[,，]", wanted)]
        wanted = {needle: others}
    if not isinstance(wanted, Mapping) or not wanted:
        fix = 'Give {"cat": ["dog", "fish"]}: what is looked for, and what else stands there.'
        raise InvalidRequest(field, wanted, f"{shown(wanted)} says nothing to replace", fix)
    found: dict[str, Sequence[str]] = {}
    for needle, value in wanted.items():
        if not isinstance(needle, str) or not needle:
            raise InvalidRequest(field, needle, f"{shown(needle)} cannot be looked for", "Give a text of the prompt.")
        texts: Sequence[object] | None = [value] if isinstance(value, str) else _several(field, value)
        if not texts or not all(isinstance(one, str) for one in texts):
            raise InvalidRequest(field, value, f"{shown(needle)} has no texts to put there", "Give a list of texts.")
        found[needle] = list(dict.fromkeys([needle, *map(str, texts)]))
        if len(found[needle]) == 1:
            raise InvalidRequest(field, value, f"{shown(needle)} is replaced by itself alone", "Give another text.")
    pattern = needles(found)
    for text in prompts:
        there = set(pattern.findall(text)) if isinstance(text, str) else set(found)
        for needle in found:
            if needle not in there:
                inside = needle in text
                what = f"{shown(needle)} is only inside another needle" if inside else f"{shown(needle)} is not there"
                raise InvalidRequest(field, needle, f"{what} in the prompt {shown(text)}", "Name words of the prompt.")
    return found


def needles(every: Iterable[str]) -> re.Pattern[str]:
    """Look for all needles at once, so that what replaces one is never replaced again; the longest goes first."""
    return re.compile("|".join(re.escape(needle) for needle in sorted(every, key=len, reverse=True)))


def _sizes(value: object) -> Sequence[object] | None:
    field = "size"
    fix = "Give [(128, 128), (192, 128)], or texts such as 192x128."
    single = isinstance(value, tuple) and len(value) == 2 and all(isinstance(edge, int) for edge in value)  # noqa: PLR2004
    every: object = re.split(r"[,，]", value) if isinstance(value, str) else [value] if single else value
    if not isinstance(every, Iterable):
        raise InvalidRequest(field, value, f"{shown(value)} is no size", fix)
    found: list[object] = []
    for one in _listed(field, every):
        written = _SIZE.fullmatch(one) if isinstance(one, str) else None
        if written is not None:
            found.append((int(written[1]), int(written[2])))
        elif isinstance(one, tuple | list) and len(one) == 2:  # noqa: PLR2004 - width and height
            found.append(tuple(one))
        else:
            raise InvalidRequest(field, one, f"{shown(one)} is no size", fix)
    return found


def _refuse_two_ways(names: set[str]) -> None:
    for edge in ("width", "height"):
        if {"size", edge} <= names:
            raise InvalidRequest(edge, None, "is given by size already", "Give size, or width and height.")
    if "lora_weight" in names and "loras" not in names:
        field = "lora_weight"
        raise InvalidRequest(field, None, "weighs LoRAs, and there is none", "Give loras, too.")
