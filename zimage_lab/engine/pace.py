"""How fast the pictures of a batch or a sweep come, and how long the rest will take, and how that is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOUR, _MINUTE = 3600, 60


class Progress(NamedTuple):
    """How far a batch or a sweep is, as a job tells it: a sentence, pictures done, of all, seconds left."""

    stage: str
    step: int
    steps: int
    seconds_left: float | None


class Pace:
    """Seconds for each pixel-step, by the clock: loading and waiting for others' jobs are in it, as they are for us.

    Parameters
    ----------
    known
        Seconds for each pixel-step from an earlier start, until the first picture says better.
    """

    def __init__(self, known: float | None = None) -> None:
        self._rate = known
        self._began: float | None = None
        self._cost = 0

    def ended(self, cost: int, seconds: float, now: float) -> None:
        """Count a picture.

        Parameters
        ----------
        cost
            Its pixels times steps.
        seconds
            What it took by itself; serves until there are two.
        now
            Time of the monotonic clock.
        """
        if self._began is None:
            # The first one's wall time holds the loading of the model, which comes only once.
            self._began, self._rate = now, seconds / cost if seconds > 0 else self._rate
            return
        self._cost += cost
        self._rate = (now - self._began) / self._cost

    def left(self, cost: int) -> float | None:
        """Give the seconds that so many pixel-steps will take, or None where nothing is known yet."""
        return None if self._rate is None else cost * self._rate


def span(seconds: float) -> str:
    """Write a span of time for a person: "45 s", "3 min 20 s", "2 h 05 min"."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"


def stage(ended: int, pictures: int, counts: Mapping[str, int], left: float | None) -> str:
    """Say how far a batch or a sweep is, in a few words."""
    words = [f"{ended} of {plural(pictures, 'picture')}"]
    words += [f"{counts[state]} {state}" for state in ("failed", "invalid_output", "quarantined") if counts.get(state)]
    if left is not None and ended < pictures:
        words.append(f"{span(left)} left")
    return ", ".join(words).replace("_", " ")


def told(counts: Mapping[str, int]) -> str:
    """List states with their numbers."""
    return ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.items()) or "none"


def plural(count: int, noun: str) -> str:
    """Give a number with its noun."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
