"""A magic's first line: its words, and what is said of one that cannot be."""

from __future__ import annotations

import shlex

from zimage_lab.errors import InvalidRequest, ZImageError, shown, suggestion


def words(line: str) -> list[str]:
    """Split a magic's line as a shell would, quotes and all, without ever giving it to one."""
    try:
        return shlex.split(line)
    except ValueError:
        field = "%%zimage"
        raise InvalidRequest(field, line, "a quote is not closed", "Close it, or remove it.") from None


def unknown(word: str, flags: list[str]) -> InvalidRequest:
    """Give the error for a word of the first line that is no option."""
    name = word.partition("=")[0]
    if name.startswith("-"):
        return InvalidRequest("%%zimage", word, f"{shown(name)} is not an option", suggestion(name, flags))
    what = f"{shown(word)} does not belong to an option"
    return InvalidRequest("%%zimage", word, what, "The prompt goes below, into the cell's body.")


class Short:
    """Shows an error as its one sentence instead of a page of our own frames; a class, so that the error pickles."""

    def __init__(self, error: ZImageError) -> None:
        self.lines = [f"{type(error).__name__}: {error}"]

    def __call__(self) -> list[str]:
        """Give the lines that IPython shows."""
        return self.lines
