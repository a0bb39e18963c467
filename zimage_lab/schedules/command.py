"""What may be scheduled: two commands of the shell, their arguments a list that no shell ever reads."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.values import checked_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

ALLOWED = ("batch", "generate")
CHARACTERS = 100_000
PLACES = ("--output", "--output-dir")
_OWN = ("--home", "--dry-run")
_TIME = re.compile(r"\{(date|time)\}")


def checked(command: Sequence[str]) -> tuple[str, ...]:
    """Give a command that may be scheduled.

    Parameters
    ----------
    command
        Its name and arguments, as the shell would have split them.

    Raises
    ------
    InvalidRequest
        When it is none of those that may.
    """
    field = "command"
    if isinstance(command, str) or not command:
        raise InvalidRequest(field, command, f"{shown(command)} is no list of words", 'Give ["generate", "a cat"].')
    words = tuple(checked_text(field, word, limit=CHARACTERS, blank=True) for word in command)
    if sum(map(len, words)) > CHARACTERS:
        raise InvalidRequest(field, None, "is too long", f"Use at most {CHARACTERS} characters.")
    if words[0] not in ALLOWED:
        what = f"{shown(words[0])} cannot be scheduled"
        raise InvalidRequest(field, words[0], what, suggestion(words[0], ALLOWED))
    for word in words[1:]:
        if word.partition("=")[0] in _OWN:
            what = f"{shown(word)} has no place in a schedule"
            raise InvalidRequest(field, word, what, "Leave it out: a schedule belongs to its home.")
    return words


def filled(command: Sequence[str], due: datetime) -> list[str]:
    """Put {date} and {time} of a run into --output and --output-dir; everywhere else braces stay what they are."""
    values = {"date": f"{due:%Y-%m-%d}", "time": f"{due:%H%M}"}

    def put(text: str) -> str:
        return _TIME.sub(lambda match: values[match[1]], text)

    words, before = [], ""
    for word in command:
        flag, mark, text = word.partition("=")
        if before in PLACES:
            words.append(put(word))
        elif mark and flag in PLACES:
            words.append(f"{flag}={put(text)}")
        else:
            words.append(word)
        before = word
    return words


def program() -> list[str]:
    """Give how `zimage-lab` is started, also where no script was installed."""
    return [sys.executable, "-m", "zimage_lab.cli"]
