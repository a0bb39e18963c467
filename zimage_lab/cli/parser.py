"""An argument parser whose complaints are one sentence with a suggestion, like those of the rest of the package."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn

from zimage_lab.errors import InvalidRequest, shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Parser(argparse.ArgumentParser):
    """Raises `InvalidRequest` instead of ending the process, and takes no abbreviated options.

    Attributes
    ----------
    default_verb
        The verb that is meant where the first word is none of this parser's; None where one must be given.
    """

    default_verb: str | None = None

    def __init__(self, *args: object, **options: object) -> None:
        # A script that says --st must not change its meaning when a later version has two options that begin so.
        super().__init__(*args, **{"allow_abbrev": False, **options})  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Raise argparse's sentence as ours."""
        subject, _, rest = message.removeprefix("argument ").partition(": ")
        field, what = (subject, rest) if rest else (self.prog, message)
        raise InvalidRequest(field, None, what, f"See {self.prog} --help.")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401 - argparse's overloads
        """Parse what is known, as argparse does, with the verb that may be left out."""
        if self.default_verb is not None and args:
            verbs = {str(name) for action in self._actions for name in action.choices or ()}
            if args[0] not in verbs:
                args = [self.default_verb, *args]
        return super().parse_known_args(args, namespace)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """Refuse a value that is no choice with the close ones (argparse lists all)."""
        if action.choices is not None and value not in action.choices:
            field = action.option_strings[0] if action.option_strings else str(action.metavar or action.dest)
            names = [str(choice) for choice in action.choices]
            raise InvalidRequest(field, value, f"{shown(value)} is not one we have", suggestion(value, names))

    def known_flags(self) -> list[str]:
        """List the options of this parser as they are typed."""
        return [flag for action in self._actions for flag in action.option_strings if flag.startswith("--")]

    def complete(self, arguments: Sequence[str] | None) -> argparse.Namespace:
        """Parse everything, or say which argument is unknown and what was perhaps meant.

        Parameters
        ----------
        arguments
            As typed, without the program's name; None takes the process's.

        Raises
        ------
        InvalidRequest
            When an argument is unknown, missing or wrong.
        """
        parsed: argparse.Namespace
        parsed, rest = self.parse_known_args(arguments)
        if rest:
            leaf = getattr(parsed, "parser", self)
            raise unknown_argument(rest[0], leaf.known_flags(), leaf.prog)
        return parsed


def unknown_argument(argument: str, flags: Iterable[str], program: str) -> InvalidRequest:
    """Give the error for an argument that no parser took.

    Parameters
    ----------
    argument
        As typed, with its value where it was written with `=`.
    flags
        The options there are.
    program
        Whose they are.
    """
    name = argument.partition("=")[0]
    if not name.startswith("-"):
        what = f"{shown(argument)} is one argument too many"
        prompted = program.endswith(" generate")
        fix = "Put quotes around a prompt of several words." if prompted else f"See {program} --help."
        return InvalidRequest(program, argument, what, fix)
    return InvalidRequest(program, argument, f"{shown(name)} is not an option", suggestion(name, sorted(flags)))
