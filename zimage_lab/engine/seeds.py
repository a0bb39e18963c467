"""The seeds of a batch or a sweep: how many pictures each row gets, and which."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.request import SEED_RANGE
from zimage_lab.values import checked_integer

if TYPE_CHECKING:
    from collections.abc import Sequence

FIELD = "seeds"
MOST = 10_000
"""Most pictures of one row."""

_DRAWN_BITS = 32  # short enough for a file's name, and for a spreadsheet that rounds long numbers


class Seeds:
    """What each row gets.

    Parameters
    ----------
    asked
        A number of pictures, drawn with consecutive seeds, or the seeds themselves.
    first
        The first of consecutive seeds; None draws one when the batch begins.
    most
        Most pictures of one row.

    Raises
    ------
    InvalidRequest
        When there are none, too many, or one twice.
    """

    def __init__(self, asked: int | Iterable[int], first: int | None = None, *, most: int = MOST) -> None:
        self.first = None if first is None else checked_integer("seed", first, *SEED_RANGE)
        self.listed: Sequence[int] | None = None
        if isinstance(asked, Iterable) and not isinstance(asked, str | bytes):
            # A billion seeds are counted or cut off, never listed.
            given = asked if isinstance(asked, range) else tuple(itertools.islice(asked, most + 1))
            if not 0 < len(given) <= most:
                many = f"{len(given)} seeds are" if len(given) <= most or isinstance(given, range) else "so many are"
                raise InvalidRequest(FIELD, asked, f"{many} out of range", f"Give 1 to {most}.")
            self.listed = _listed(given)
            if first is not None:
                field = "seed"
                raise InvalidRequest(field, first, "goes with a number of seeds, not with a list", "Leave it out.")
            self.count = len(self.listed)
        else:
            self.count = checked_integer(FIELD, asked, 1, most)
            if self.first is not None:
                self.check("seed", self.first)

    def check(self, field: str, first: int) -> None:
        """Refuse a first seed from which so many cannot be counted."""
        if first + self.count - 1 > SEED_RANGE[1]:
            what = f"{shown(first)} is too large for {self.count} consecutive seeds"
            raise InvalidRequest(field, first, what, f"Use at most {SEED_RANGE[1] - self.count + 1}.")

    def begin(self, remembered: int | None) -> None:
        """Settle the first seed: the one that was asked for, else that of the start before, else a drawn one."""
        if self.listed is None and self.first is None:
            fits = remembered is not None and remembered + self.count - 1 <= SEED_RANGE[1]
            self.first = remembered if fits else secrets.randbits(_DRAWN_BITS)

    def of(self, own: int | None) -> Sequence[int]:
        """Give the seeds of a row.

        Parameters
        ----------
        own
            The seed that the row itself names: where seeds are counted they are counted from it, and where they are
            listed it stands in their place.
        """
        if self.listed is not None:
            return self.listed if own is None else (own,)
        first = self.first if own is None else own
        assert first is not None, "begin() settles it"  # noqa: S101 - a slip of ours
        return range(first, first + self.count)


def _listed(given: range | tuple[object, ...]) -> Sequence[int]:
    if isinstance(given, range):
        for end in (given[0], given[-1]):
            checked_integer(FIELD, end, *SEED_RANGE)
        return given
    listed = tuple(checked_integer(FIELD, seed, *SEED_RANGE) for seed in given)
    if len(set(listed)) != len(listed):
        twice = next(seed for seed in listed if listed.count(seed) > 1)
        raise InvalidRequest(FIELD, given, f"{twice} stands twice", "Give each seed once.")
    return listed
