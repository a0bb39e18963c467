"""Templates: `{name}` stands for a value, looked up once, so that no text from a table can ever become code.

There is nothing else in the language: no attributes, no indexes, no formats, no expressions. `{{` and `}}` are braces.
What a value holds is never read again: `{other}` inside of one stays as it is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from numbers import Number
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab.errors import InvalidRequest, shown, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LISTED = 12
"""Most names that an error lists where none is close to the one that was written."""

_PARTS = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


class Part(NamedTuple):
    """A piece of a template: a name to look up, or text that stays."""

    text: str
    is_name: bool


def expand(template: str, variables: Mapping[str, object], *, field: str = "template") -> str:
    """Put values in the place of names.

    Parameters
    ----------
    template
        Text with `{name}`; `{{` and `}}` give braces. Any column's name will do, spaces and Chinese included.
    variables
        Values by name: text, numbers, and what says by its class how it is written (a date, a path).
    field
        What an error calls the template.

    Raises
    ------
    InvalidRequest
        For a brace without its partner, a name that is not there, and a value that cannot be written.
    """
    return "".join(_written(part.text, variables, field) if part.is_name else part.text for part in parts(template))


def names(template: str, *, field: str = "template") -> tuple[str, ...]:
    """List the names that a template looks up, each once, in order.

    Raises
    ------
    InvalidRequest
        For a brace without its partner, or without a name.
    """
    return tuple(dict.fromkeys(part.text for part in parts(template, field=field) if part.is_name))


def parts(template: str, *, field: str = "template") -> tuple[Part, ...]:
    """Cut a template into text and names.

    Raises
    ------
    InvalidRequest
        For a brace without its partner, or without a name.
    """
    if not isinstance(template, str):
        raise InvalidRequest(field, template, f"{shown(template)} is not text", "Give a string such as '{product}'.")
    try:
        return _parts(template)
    except _BraceError as error:
        what = f"{error} at position {error.position}"
        raise InvalidRequest(field, template, what, "Write {name}, or {{ and }} for the braces themselves.") from None


def unknown_name(field: str, name: str, known: Iterable[str]) -> InvalidRequest:
    """Give the error for a name that a template may not look up."""
    every = list(known)
    fix = suggestion(name, every)
    if len(every) > LISTED and fix.startswith("Use one"):
        fix = f"Use one of {', '.join(every[:LISTED])} and {len(every) - LISTED} more."
    # A prompt may hold braces of its own, and its writer may not know that they mean something here.
    return InvalidRequest(field, name, f"{{{_short(name)}}} is not known here", f"{fix} A brace itself is {{{{.")


class _BraceError(Exception):
    def __init__(self, what: str, position: int) -> None:
        super().__init__(what)
        self.position = position


@lru_cache(maxsize=64)  # a batch expands one template a hundred thousand times
def _parts(template: str) -> tuple[Part, ...]:
    found = []
    for match in _PARTS.finditer(template):
        text, name = match[0], match[1]
        if name is not None:
            if not name.strip():
                what = "braces without a name"
                raise _BraceError(what, match.start())
            found.append(Part(name.strip(), is_name=True))
        elif text in "{}":
            what = f"a {text} without its partner"
            raise _BraceError(what, match.start())
        else:
            found.append(Part(text[0] if text in {"{{", "}}"} else text, is_name=False))
    return tuple(found)


def _written(name: str, variables: Mapping[str, object], field: str) -> str:
    if name not in variables:
        raise unknown_name(field, name, variables)
    value = variables[name]
    what = f"{{{_short(name)}}} is {_kind(value)}"
    if not _is_writable(value):
        raise InvalidRequest(field, value, f"{what}, which is no text", "Give text or a number.")
    try:
        return str.__str__(value) if isinstance(value, str) else str.__str__(str(value))
    except Exception as error:
        what = f"{what} that cannot be written ({type(error).__name__})"
        raise InvalidRequest(field, None, what, "Give text or a number.") from error


def _is_writable(value: object) -> bool:
    """Say whether writing the value gives words: a list or a data frame in a prompt is a slip, not a wish."""
    kind = type(value)
    if isinstance(value, str | Number):
        return True
    return kind.__str__ is not object.__str__ and not hasattr(kind, "__len__")


def _kind(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _short(name: str) -> str:
    return shown(name)[1:-1]
