"""Reads rows of numbers as people write them in grids: "4, 6, 8", "1-10", "1-10 (+2)", "1-10 [5]", "1, 2, .., 10".

What a notation stands for is counted before it is listed: "1-1000000000" is refused, not enumerated. Decimal numbers
are added as decimals, so that the steps of 0.1 are those that were written.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

from zimage_lab.errors import InvalidRequest, shown

_NUMBER = r"([+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,15})?|\.[0-9]{1,15}))"
_ONE = re.compile(_NUMBER)
_RANGE = re.compile(_NUMBER + r"\s*-\s*" + _NUMBER + r"\s*(?:\(\s*" + _NUMBER + r"\s*\)|\[\s*([0-9]{1,9})\s*\])?")
_DOTS = {"..", "...", "…"}
_FIX = 'Write "4, 6, 8", "1-10", "1-10 (+2)", "1-10 [5]" or "1, 2, .., 10".'
_EXACT = Context(prec=60)
CHARACTERS = 100_000


def numbers(field: str, text: str, *, whole: bool, most: int) -> list[int] | list[float]:
    """Read a row of numbers.

    Parameters
    ----------
    field
        Whose values they are, for the sentence.
    text
        Numbers and ranges with commas between them: `a-b` in steps of one, `a-b (+s)` in steps of s, `a-b [n]` n
        numbers evenly from a to b, and `..` between two numbers goes on as the row began.
    whole
        Whether only whole numbers are taken.
    most
        Most numbers.

    Raises
    ------
    InvalidRequest
        It cannot be read, or stands for too many numbers.
    """
    if len(text) > CHARACTERS:
        raise InvalidRequest(field, text, f"{len(text)} characters are too many", f"Use at most {CHARACTERS}.")
    parts = [part.strip() for part in re.split(r"[,，]", text)]
    found: list[Decimal] = []
    with localcontext(_EXACT):
        place = 0
        while place < len(parts):
            part = parts[place]
            if part in _DOTS:
                place += 1
                end = parts[place] if place < len(parts) else ""
                found += _between(field, text, found, end, most - len(found))
            else:
                found += _part(field, part, whole=whole, room=most - len(found))
            if len(found) > most:
                raise _too_many(field, text, most)
            place += 1
        return _typed(field, text, found, whole=whole)


def _part(field: str, part: str, *, whole: bool, room: int) -> list[Decimal]:
    if _ONE.fullmatch(part):
        return [Decimal(part)]
    ranged = _RANGE.fullmatch(part)
    if ranged is None:
        what = f"{shown(part)} is no number" if part else "has an empty place between its commas"
        raise InvalidRequest(field, part, what, _FIX)
    first, last = Decimal(ranged[1]), Decimal(ranged[2])
    if ranged[4] is not None:
        return _evenly(field, part, first, last, int(ranged[4]), whole=whole, room=room)
    towards = 1 if last >= first else -1
    step = Decimal(ranged[3]) if ranged[3] is not None else Decimal(towards)
    if step == 0 or (step > 0) != (towards > 0):
        what = f"{shown(part)} does not come to {last} in steps of {step:+}"
        raise InvalidRequest(field, part, what, f"Write ({-step:+})." if step else "Write a step that is not 0.")
    count = int((last - first) / step) + 1
    if count > room:
        raise _too_many(field, part, room)
    return [first + step * number for number in range(count)]


def _evenly(
    field: str, part: str, first: Decimal, last: Decimal, count: int, *, whole: bool, room: int
) -> list[Decimal]:
    if count == 0:
        raise InvalidRequest(field, part, f"{shown(part)} asks for no number", "Ask for one at least.")
    if count > room:
        raise _too_many(field, part, room)
    step = (last - first) / (count - 1) if count > 1 else Decimal(0)
    found = [first + step * number for number in range(count)]
    if not whole:
        return found
    rounded = [number.to_integral_value(ROUND_HALF_UP) for number in found]
    if len(set(rounded)) < count:
        what = f"{shown(part)} has no {count} whole numbers"
        raise InvalidRequest(field, part, what, f"Ask for at most {abs(int(last) - int(first)) + 1}.")
    return rounded


def _between(field: str, text: str, found: list[Decimal], end: str, room: int) -> list[Decimal]:
    if not found or not _ONE.fullmatch(end):
        what = f"{shown(text)} does not say where '..' {'leads' if found else 'begins'}"
        raise InvalidRequest(field, text, what, 'Write "1, 2, .., 10".')
    last, before = Decimal(end), found[-1]
    step = before - found[-2] if len(found) > 1 else Decimal(1 if last >= before else -1)
    # Room is checked on the quotient, before a remainder of a row without an end is asked for.
    if step == 0 or (last - before) / step <= 0:
        what = f"'..' does not come from {before} to {last} in steps of {step:+}"
        raise InvalidRequest(field, text, what, "Write the row in one direction.")
    if (last - before) / step > room:
        raise _too_many(field, text, room)
    if (last - before) % step:
        near = before + step * int((last - before) / step)
        what = f"'..' does not meet {last} in steps of {step:+} from {before}"
        raise InvalidRequest(field, text, what, f"End with {near} or {near + step}.")
    return [before + step * number for number in range(1, int((last - before) / step) + 1)]


def _typed(field: str, text: str, found: list[Decimal], *, whole: bool) -> list[int] | list[float]:
    if not whole:
        return [float(number) for number in found]
    for number in found:
        if number != number.to_integral_value():
            raise InvalidRequest(field, text, f"{number} is not a whole number", "Use whole numbers.")
    return [int(number) for number in found]


def _too_many(field: str, text: str, most: int) -> InvalidRequest:
    return InvalidRequest(field, text, f"{shown(text)} stands for more than {most:,} values", "Use a larger step.")
