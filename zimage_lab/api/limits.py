"""How often a token may ask: a bucket that fills at a steady rate, and from which each request takes one."""

from __future__ import annotations

import time
from collections import OrderedDict

PER_MINUTE = 1200.0
"""Requests a minute of a token that says nothing else."""

WAITING = 1000
"""Jobs of one name that may wait, where its token says nothing else."""

BURST_SECONDS = 10.0  # a bucket holds what comes in this time
REMEMBERED = 10_000


class Rates:
    """The buckets of all that come; those that came longest ago are forgotten, which fills them."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, who: str, per_minute: float | None) -> float:
        """Take one from a bucket; gives 0, or the seconds until there is one again.

        Parameters
        ----------
        who
            Whose bucket.
        per_minute
            Requests a minute; None for the usual.
        """
        rate = (PER_MINUTE if per_minute is None else per_minute) / 60
        size = max(1.0, rate * BURST_SECONDS)
        now = time.monotonic()
        left, at = self._buckets.pop(who, (size, now))
        left = min(size, left + (now - at) * rate)
        late = 0.0 if left >= 1 else (1 - left) / rate
        self._buckets[who] = (left - 1 if not late else left, now)
        while len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return late
