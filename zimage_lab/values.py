"""Checks of single values from outside, shared by everything that must name the field, the value and the fix."""

from __future__ import annotations

import json
import unicodedata
from numbers import Integral, Real
from typing import Any

from zimage_lab.errors import InvalidRequest, shown

JSON_CHARACTERS = 1_000_000


def checked_text(field: str, value: object, *, limit: int, blank: bool = False) -> str:
    """Give the text unchanged where it may travel through a database, a PNG, a terminal and a browser.

    Parameters
    ----------
    field
        Whose text this is.
    value
        What was given.
    limit
        Most characters.
    blank
        Whether it may be empty or hold nothing that can be seen.

    Raises
    ------
    InvalidRequest
        When it is no text, too long, blank, or holds control characters other than newline and tab, or surrogates.
    """
    if not isinstance(value, str):
        raise InvalidRequest(field, value, f"{shown(value)} is not text", "Give a string.")
    if len(value) > limit:
        raise InvalidRequest(field, value, f"{len(value)} characters are too many", f"Use at most {limit}.")
    for position, letter in enumerate(value):
        kind = unicodedata.category(letter)
        if kind == "Cs":
            what = f"holds half a character ({shown(letter)}) at position {position}"
            raise InvalidRequest(field, value, what, "Remove it; the text was cut inside a character.")
        if kind == "Cc" and letter not in "\n\t":
            what = f"holds the control character {shown(letter)} at position {position}"
            raise InvalidRequest(field, value, what, "Remove it; only newline and tab are taken.")
    # Format characters alone (zero-width space, direction marks) are as blank to the eye as spaces.
    if not blank and all(letter.isspace() or unicodedata.category(letter) == "Cf" for letter in value):
        raise InvalidRequest(field, value, "is empty" if not value else "is blank", f"Give a {field} that can be seen.")
    return str.__str__(value)  # a plain str, also of a subclass


def json_object(field: str, text: object) -> dict[str, Any]:
    """Read a JSON object from outside, within bounds; a key that stands twice is refused."""
    if not isinstance(text, str):
        raise InvalidRequest(field, text, f"{shown(text)} is not text", "Give JSON as a string.")
    if len(text) > JSON_CHARACTERS:
        raise InvalidRequest(field, text, f"{len(text)} characters are too many", f"Use at most {JSON_CHARACTERS}.")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise InvalidRequest(field, text, "has a key twice", "Give each key once.")
        return found

    try:
        value = json.loads(text, object_pairs_hook=once)
    except InvalidRequest:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(field, text, "is not readable JSON", "Give a JSON object.") from error
    if not isinstance(value, dict):
        raise InvalidRequest(field, text, f"{shown(value)} is not a JSON object", "Give a JSON object.")
    return value


def checked_integer(field: str, value: object, low: int, high: int) -> int:
    """Give a whole number in ``low..high``, also of NumPy's; bool, float and text are not whole numbers."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InvalidRequest(field, value, f"{shown(value)} is not a whole number", f"Use {low} to {high}.")
    number = int(value)
    if not low <= number <= high:
        raise InvalidRequest(field, value, f"{shown(number)} is out of range", f"Use {low} to {high}.")
    return number


def checked_real(field: str, value: object, low: float, high: float) -> float:
    """Give a number in ``low..high``, also of NumPy's; bool, nan and text are not numbers."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidRequest(field, value, f"{shown(value)} is not a number", f"Use {low:g} to {high:g}.")
    number: Any = value  # numbers.Real promises no comparison to type checkers
    if not low <= number <= high:  # also false for nan; compared before float(), which an enormous int overflows
        raise InvalidRequest(field, value, f"{shown(value)} is out of range", f"Use {low:g} to {high:g}.")
    return float(number) + 0.0  # -0.0 becomes 0.0: equal requests have one canonical JSON
