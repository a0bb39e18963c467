"""The seeds of a batch: how many pictures each row gets, and which."""

from __future__ import annotations

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

    Raises
    ------
    InvalidRequest
        When there are none, too many, or one twice.
    """

    def __init__(self, asked: int | Sequence[int], first: int | None = None) -> None:
        self.first = None if first is None else checked_integer("seed", first, *SEED_RANGE)
        self.listed: tuple[int, ...] | None = None
        if isinstance(asked, Iterable) and not isinstance(asked, str | bytes):
            given = tuple(asked)
            self.listed = tuple(checked_integer(FIELD, seed, *SEED_RANGE) for seed in given[: MOST + 1])
            if not 0 < len(given) <= MOST:
                raise InvalidRequest(FIELD, given, f"{len(given)} seeds are out of range", f"Give 1 to {MOST}.")
            if len(set(self.listed)) != len(self.listed):
                twice = next(seed for seed in self.listed if self.listed.count(seed) > 1)
                raise InvalidRequest(FIELD, given, f"{twice} stands twice", "Give each seed once.")
            if first is not None:
                field = "seed"
                raise InvalidRequest(field, first, "goes with a number of seeds, not with a list", "Leave it out.")
            self.count = len(self.listed)
        else:
            self.count = checked_integer(FIELD, asked, 1, MOST)
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
