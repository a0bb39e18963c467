"""Times in the words of cron, as crontab(5) means them, on APScheduler's triggers.

APScheduler 3 differs from cron in two things, and will not change: it counts weekdays from Monday (0) where cron
counts from Sunday (0 and 7), https://github.com/agronholm/apscheduler/issues/286; and where both a day of the month and
a weekday are given, it wants both where cron takes either. Source of the rules: crontab(5),
https://man7.org/linux/man-pages/man5/crontab.5.html.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from zimage_lab.errors import InvalidRequest, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("day of the week", 0, 7, WEEKDAYS),
)
SHORT = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
EXAMPLE = 'Write five fields such as "0 8 * * *", every day at 8: minute, hour, day, month, weekday.'
COUNTED = 1000
"""Most due times that are counted in one look."""

_PART = re.compile(r"(\*|[a-z0-9]+)(?:-([a-z0-9]+))?(?:/([0-9]{1,4}))?")


def local_zone() -> str:
    """Give the name of this machine's time zone."""
    from tzlocal import get_localzone_name

    return str(get_localzone_name() or "UTC")


class Cron:
    """When something is due.

    Parameters
    ----------
    expression
        Five fields, or @hourly, @daily, @weekly, @monthly, @yearly.
    zone
        Name of the time zone whose clock is meant; None is this machine's.

    Raises
    ------
    InvalidRequest
        When it is no such text, or the time never comes.
    """

    def __init__(self, expression: str, zone: str | None = None) -> None:
        self.expression = " ".join(SHORT.get(expression.strip().lower(), expression).split())
        self.zone = zone or local_zone()
        self._place = _zone(self.zone)
        self.trigger = _trigger(self.expression, self._place)
        if self.next(datetime.now(UTC)) is None:
            field = "cron"
            raise InvalidRequest(field, expression, f"{shown(expression)} never comes", "Look at day and month.")

    def next(self, after: datetime) -> datetime | None:
        """Give the first due time behind another one, in the zone; None where there is none."""
        behind = after.astimezone(self._place) + timedelta.resolution
        found: datetime | None = self.trigger.get_next_fire_time(None, behind)
        return found

    def between(self, after: datetime, until: datetime, limit: int = COUNTED) -> list[datetime]:
        """Give the due times behind one time and up to another, the first so many."""
        found: list[datetime] = []
        due = self.next(after)
        while due is not None and due <= until and len(found) < limit:
            found.append(due)
            due = self.next(due)
        return found


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        field = "zone"
        what = f"{shown(name)} is no time zone"
        raise InvalidRequest(field, name, what, "Write one such as Asia/Shanghai, Europe/Berlin or UTC.") from error


def _trigger(expression: str, zone: ZoneInfo) -> Any:  # noqa: ANN401 - APScheduler has no types
    from apscheduler.triggers.combining import OrTrigger
    from apscheduler.triggers.cron import CronTrigger

    field = "cron"
    words = expression.lower().split(" ")
    if len(words) != len(FIELDS):
        raise InvalidRequest(field, expression, f"{shown(expression)} has not five fields", EXAMPLE)
    minute, hour, day, month, weekday = (
        sorted(_numbers(word, *limits)) for word, limits in zip(words, FIELDS, strict=True)
    )
    days = {WEEKDAYS[number % 7] for number in weekday}

    clock = {"minute": _listed(minute), "hour": _listed(hour), "month": _listed(month), "timezone": zone}
    of_month, of_week = _listed(day), ",".join(sorted(days, key=WEEKDAYS.index))
    # A field that begins with a star restricts together with the other; two that do not are alternatives.
    if words[2].startswith("*") or words[4].startswith("*"):
        return CronTrigger(day=of_month, day_of_week=of_week, **clock)
    return OrTrigger(
        [CronTrigger(day=of_month, day_of_week="*", **clock), CronTrigger(day="*", day_of_week=of_week, **clock)]
    )


def _numbers(word: str, name: str, low: int, high: int, names: tuple[str, ...]) -> Iterator[int]:
    """Give the numbers that a field means; one may come several times."""
    for part in word.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise _wrong(name, part, low, high)
        begin, end, step = match.groups()
        stride = 1 if step is None else int(step)
        if begin == "*":
            first, last = low, high
        else:
            first = _number(begin, name, low, high, names)
            last = _number(end, name, low, high, names) if end else high if step else first
        if end and names is WEEKDAYS and last < first and last == 0:
            last = 7  # fri-sun
        if stride < 1 or last < first or (begin == "*" and end):
            raise _wrong(name, part, low, high)
        if names is WEEKDAYS and begin == "*":
            last = 6  # Sunday is there once, so that */2 means the same days as everywhere
        yield from range(first, last + 1, stride)


def _number(text: str, name: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if text in names:
        return names.index(text) + (1 if names is MONTHS else 0)
    if not text.isdigit() or len(text) > 2 or not low <= int(text) <= high:  # noqa: PLR2004 - two digits at most
        raise _wrong(name, text, low, high)
    return int(text)


def _wrong(name: str, text: str, low: int, high: int) -> InvalidRequest:
    field = "cron"
    return InvalidRequest(field, text, f"{shown(text)} is no {name} ({low} to {high})", EXAMPLE)


def _listed(numbers: list[int]) -> str:
    return ",".join(str(number) for number in dict.fromkeys(numbers))
