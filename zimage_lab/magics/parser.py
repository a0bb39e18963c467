"""Reads the options behind `%zimage sweep` and `%zimage compare`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.magics.line import unknown

if TYPE_CHECKING:
    from collections.abc import Sequence


class Option(Protocol):
    """An option and what `add_argument` takes besides."""

    @property
    def flag(self) -> str:
        """As it is typed."""

    @property
    def argparse(self) -> dict[str, Any]:
        """What `add_argument` takes besides."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong with a line as the request's validator does.

    Parameters
    ----------
    field
        The words in front of the options.
    description
        What stands above the options in the help.
    options
        Those that are known.
    prompt
        What the help says of a prompt; None where there is none in the line.
    """

    def __init__(self, field: str, description: str, options: Sequence[Option], prompt: str | None = None) -> None:
        super().__init__(
            prog=field,
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            add_help=False,
            allow_abbrev=False,
        )
        if prompt is not None:
            self.add_argument("prompt", metavar="PROMPT", nargs="+", help=prompt)
        for option in options:
            self.add_argument(option.flag, **option.argparse)

    def error(self, message: str) -> NoReturn:
        """Refuse a line."""
        field, _, what = message.removeprefix("argument ").partition(": ")
        raise InvalidRequest(field if what else self.prog, None, what or message, f"See {self.prog} --help.")

    def given(self, words: Sequence[str], verbs: Sequence[str]) -> dict[str, Any]:
        """Read a line's words.

        Raises
        ------
        InvalidRequest
            There is no such option, or one word too many; it may have been meant as one of the verbs.
        """
        parsed, rest = self.parse_known_args(list(words))
        if rest and rest[0].startswith("-"):
            raise unknown(rest[0], [flag for action in self._actions for flag in action.option_strings])
        if rest:
            what = f"{shown(rest[0])} is one word too many"
            fix = f"{suggestion(rest[0], verbs)} Put quotes around a prompt of several words, before the options."
            raise InvalidRequest(self.prog, rest[0], what, fix)
        return vars(parsed)
