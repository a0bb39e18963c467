"""Wildcards and combinations: one text that stands for many prompts, in the syntax that people know.

`{red|blue} cat` is either, `{2$$a|b|c}` two of them, `{0.7::a|b}` weighs, `__animals__` is a line of the file
`animals.txt`, `${x={a|b}}` a variable, chosen anew at each use. The `dynamicprompts` library reads it; this
module alone knows that library, keeps its Jinja mode off, and turns what it does not understand into a sentence.
"""

from __future__ import annotations

import itertools
import random
import re
import warnings
from typing import TYPE_CHECKING

from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.home import home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = "wildcards"
"""Folder of the home with the wildcards' files: `animals.txt`, one value on each line, `#` before a remark."""

MOST = 10_000
"""Most prompts of one text; what stands for more is refused before anything runs."""

_NAME = re.compile(r"__([^\s_](?:[^\s]*?[^\s_])?)__")
_FIELD = "prompt"


def holds(text: str) -> bool:
    """Whether a text stands for several prompts, so that it must be expanded before it is drawn."""
    return bool(_NAME.search(text)) or bool(re.search(r"\{[^{}]*(\||\$\$)[^{}]*\}|\$\{", text))


def every(text: str, place: Path | None = None) -> list[str]:
    """Give each prompt that a text can be, in order.

    Parameters
    ----------
    text
        In the syntax above; without any it is one prompt, itself.
    place
        The home folder whose `wildcards` are read; None is the user's.

    Raises
    ------
    InvalidRequest
        It cannot be read, names a wildcard that is not there, or stands for more than `MOST` prompts.
    """
    return _taken(text, _prompts(text, place, None), MOST)


def number(text: str, place: Path | None = None) -> int:
    """Count the prompts of `every`; raises what it raises."""
    return len(every(text, place))


def drawn(text: str, count: int, rng: random.Random, place: Path | None = None) -> list[str]:
    """Draw some prompts at random.

    Parameters
    ----------
    text, place
        As for `every`.
    count
        How many; the same one may come twice.
    rng
        Source of randomness.

    Raises
    ------
    InvalidRequest
        As `every` does.
    """
    return _taken(text, itertools.islice(_prompts(text, place, rng), count), count)


def names(place: Path | None = None) -> tuple[str, ...]:
    """List the wildcards of the home."""
    folder = home(place) / FOLDER
    return tuple(sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.txt")))


def _prompts(text: str, place: Path | None, rng: random.Random | None) -> Iterator[str]:
    from dynamicprompts.enums import SamplingMethod
    from dynamicprompts.sampling_context import SamplingContext
    from dynamicprompts.wildcards import WildcardManager

    known = names(place)
    for name in _NAME.findall(text):
        if not any(_fits(name, one) for one in known):
            what = f"there is no wildcard {shown(name)} in {FOLDER}/ of the home"
            raise InvalidRequest(_FIELD, text, what, suggestion(name, known))
    context = SamplingContext(
        wildcard_manager=WildcardManager(home(place) / FOLDER),
        default_sampling_method=SamplingMethod.COMBINATORIAL if rng is None else SamplingMethod.RANDOM,
        rand=rng or random.Random(0),  # noqa: S311 - nothing secret
    )
    for prompt in context.sample_prompts(text):
        yield " ".join(str(prompt).split())


def _fits(pattern: str, name: str) -> bool:
    from fnmatch import fnmatch

    return fnmatch(name, pattern.partition("(")[0])


def _taken(text: str, prompts: Iterator[str], most: int) -> list[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the library uses old names of its parser's
            found = list(itertools.islice(prompts, most + 1))
    except InvalidRequest:
        raise
    except RecursionError:
        field, what = _FIELD, "a wildcard stands for itself, in a circle"
        raise InvalidRequest(field, text, what, "Take it out of its own file.") from None
    except Exception as error:  # the library and its parser have errors of their own
        what, fix = f"{shown(text)} cannot be read ({error})", "Write {a|b} for a choice, and __name__ for a wildcard."
        raise InvalidRequest(_FIELD, text, what, fix) from error
    if len(found) > most:
        what = f"stands for more than {MOST:,} prompts"
        raise InvalidRequest(_FIELD, text, what, "Leave some choices out, or draw some at random.")
    return found
