"""One text that stands for many prompts: a table's rows in the place of names, then wildcards, then styles around it.

    expand("a {colour} {animal}", rows=[{"colour": "red", "animal": "cat"}])
    expand("a {red|blue} __animals__", wildcards=True, styles=["paper cut"])

Nothing happens that was not asked for: without rows, variables, wildcards and styles a text is its own prompt, braces
and all. What a value holds is never read again.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab.errors import InvalidRequest
from zimage_lab.prompts import styles as all_styles
from zimage_lab.prompts import table, templates
from zimage_lab.prompts import wildcards as choices

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MOST = choices.MOST
"""Most prompts of one text."""

_HOLE = re.compile(r"\{([^{}|$]+)\}")
_KEPT = "\ue000{}\ue001"  # of Unicode's private letters, which no prompt has: the place of a value until the end
_KEPT_PLACE = re.compile("\ue000([0-9]+)\ue001")


class Written(NamedTuple):
    """A prompt as it is drawn, and what its picture shall not show."""

    prompt: str
    negative_prompt: str


def expand(
    prompt: str,
    negative_prompt: str = "",
    *,
    rows: object = None,
    variables: Mapping[str, object] | None = None,
    wildcards: bool = False,
    draws: int | None = None,
    seed: int | None = None,
    styles: Iterable[str] = (),
    place: Path | None = None,
) -> list[Written]:
    """Give every prompt that a text stands for, in order.

    Parameters
    ----------
    prompt, negative_prompt
        The texts. With `rows` or `variables`, `{name}` in them stands for a value and `{{` for a brace.
    rows
        A table, one prompt a row: a CSV or JSONL file, a data frame, or mappings.
    variables
        Further values by name; a row's own come first.
    wildcards
        Whether `{red|blue}`, `__animals__` and the like in the prompt are read, as `prompts.wildcards` says.
    draws
        With `wildcards`, so many at random for each row instead of all combinations.
    seed
        Where that randomness starts; None is anywhere.
    styles
        Names of styles to put around each prompt.
    place
        The home folder; None is the user's.

    Raises
    ------
    InvalidRequest
        Something is not known or cannot be read, or there are more than 10,000 prompts.
    """
    known = all_styles.read(place) if styles else {}
    rng = random.Random(seed)  # noqa: S311 - nothing secret
    found: list[Written] = []
    for values in _values(rows, variables):
        negative = negative_prompt if values is None else templates.expand(negative_prompt, values, field="prompt")
        for text in _texts(prompt, values, place, draws, rng) if wildcards else [_filled(prompt, values)]:
            found.append(Written(*all_styles.apply(text, negative, styles, known)))
            if len(found) > MOST:
                field, what = "prompt", f"stands for more than {MOST:,} prompts"
                raise InvalidRequest(field, prompt, what, "Give fewer rows or choices, or draw some at random.")
    return found


def _values(rows: object, variables: Mapping[str, object] | None) -> Iterable[Mapping[str, object] | None]:
    if rows is None:
        return [variables]
    read = table.read(rows)
    if read.problems:
        raise table.BadRows(read.name, read.problems, read.unit, "Mend the rows.")
    return ({**(variables or {}), **row.values} for row in read.rows)


def _filled(prompt: str, values: Mapping[str, object] | None) -> str:
    return prompt if values is None else templates.expand(prompt, values, field="prompt")


def _texts(
    prompt: str, values: Mapping[str, object] | None, place: Path | None, draws: int | None, rng: random.Random
) -> list[str]:
    """Expand a prompt's wildcards, while the values of its variables are kept out of reach."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        name = match[1].strip()
        if values is None or name not in values:
            return match[0]
        kept.append(templates.expand(match[0], values, field="prompt"))
        return _KEPT.format(len(kept) - 1)

    text = _HOLE.sub(keep, prompt)
    every = choices.every(text, place) if draws is None else choices.drawn(text, draws, rng, place)
    return [_KEPT_PLACE.sub(lambda match: kept[int(match[1])], one) for one in every]
