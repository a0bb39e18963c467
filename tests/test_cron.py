"""Times in the words of cron: the same minutes that cron means, in every zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zimage_lab.errors import InvalidRequest
from zimage_lab.schedules import Cron

SUNDAY = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def due(expression: str, count: int = 3, zone: str = "UTC", after: datetime = SUNDAY) -> list[str]:
    return [f"{at:%a %d %H:%M}" for at in Cron(expression, zone).between(after, after + timedelta(days=800), count)]


def test_weekdays_are_counted_from_sunday() -> None:
    assert due("0 8 * * 1") == ["Mon 23 08:00", "Mon 30 08:00", "Mon 07 08:00"]
    assert due("0 8 * * 0", 1) == due("0 8 * * 7", 1) == due("0 8 * * sun", 1) == ["Sun 29 08:00"]
    assert due("0 8 * * 1-5") == ["Mon 23 08:00", "Tue 24 08:00", "Wed 25 08:00"]
    assert due("0 8 * * 5-7") == due("0 8 * * FRI-SUN") == ["Fri 27 08:00", "Sat 28 08:00", "Sun 29 08:00"]
    assert due("0 8 * * */2") == ["Tue 24 08:00", "Thu 26 08:00", "Sat 28 08:00"]
    assert due("0 8 * * 6,1") == ["Mon 23 08:00", "Sat 28 08:00", "Mon 30 08:00"]


def test_a_day_and_a_weekday_are_alternatives() -> None:
    assert due("0 0 1 * 1", 3) == ["Mon 23 00:00", "Mon 30 00:00", "Tue 01 00:00"]
    assert due("0 0 1 * *", 1) == ["Tue 01 00:00"]
    assert due("0 0 */10 * 1", 1) == ["Mon 21 00:00"]  # a star in one of them: both must hold


def test_the_other_fields() -> None:
    assert due("0 8 * * *", 2) == ["Mon 23 08:00", "Tue 24 08:00"]
    assert due("*/20 13 * * *", 4) == ["Sun 22 13:00", "Sun 22 13:20", "Sun 22 13:40", "Mon 23 13:00"]
    assert due("50/5 12 * * *", 2) == ["Sun 22 12:50", "Sun 22 12:55"]
    assert due("0 0 29 feb *", 1) == ["Tue 29 00:00"]
    assert due("5  4 * Jan-Feb,12 *", 1) == ["Tue 01 04:05"]
    assert due("@daily", 1) == ["Mon 23 00:00"]
    assert due("@weekly", 1) == ["Sun 29 00:00"]


def test_the_zone_is_the_clocks() -> None:
    times = Cron("0 8 * * *", "Asia/Shanghai")
    first = times.next(SUNDAY)
    assert first == datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
    assert str(first) == "2026-11-23 08:00:00+08:00"
    assert Cron("0 8 * * *").zone
    # The clock is put back in Berlin on 25 October 2026: 8 o'clock stays 8 o'clock.
    before = datetime(2026, 10, 24, 5, 0, tzinfo=UTC)
    found = Cron("0 8 * * *", "Europe/Berlin").between(before, before + timedelta(3))
    assert [at.astimezone(UTC).hour for at in found] == [6, 7, 7]


@pytest.mark.parametrize(
    "expression",
    [
        "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * * 8",
        "-1 * * * *", "a * * * *", "1-0 * * * *", "*/0 * * * *", "*-5 * * * *", "1,,2 * * * *", "* * last * *",
        "* * 1st * *", "* * * mon *", "@reboot", "0 0 31 2 *", "0 0 30 feb *", "1.5 * * * *", "\u0663 * * * *",
        "1-2-3 * * * *", "999999999999 * * * *", "* * * * ?",
    ],
)  # fmt: skip
def test_what_is_no_time_is_named(expression: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^cron: "):
        Cron(expression, "UTC")


@pytest.mark.parametrize("zone", ["Nowhere/Land", "../etc/passwd", "/etc/localtime", "\0", "x" * 5000])
def test_what_is_no_zone_is_named(zone: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^zone: .* is no time zone"):
        Cron("0 8 * * *", zone)


def field(low: int, high: int) -> st.SearchStrategy[tuple[str, set[int]]]:
    """Give a field as text, and the numbers that crontab(5) says it means."""
    numbers = st.integers(low, high)
    ranges = (
        st.tuples(numbers, numbers)
        .map(sorted)
        .map(lambda pair: (f"{pair[0]}-{pair[1]}", set(range(pair[0], pair[1] + 1))))
    )
    stepped = st.integers(1, high).map(lambda step: (f"*/{step}", set(range(low, high + 1, step))))
    single = numbers.map(lambda number: (str(number), {number}))
    several = st.lists(st.one_of(single, ranges), min_size=1, max_size=3).map(
        lambda parts: (",".join(text for text, _ in parts), set().union(*(values for _, values in parts)))
    )
    return st.one_of(st.just(("*", set(range(low, high + 1)))), stepped, several)


@settings(max_examples=60)
@given(st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6)))
def test_cron_means_the_same_minutes(fields: tuple[tuple[str, set[int]], ...]) -> None:
    """Hold the next due times against crontab(5)'s rule, minute by minute of the hours around."""
    (minutes, hours, days, months, weekdays) = (values for _, values in fields)
    expression = " ".join(text for text, _ in fields)

    def means(at: datetime) -> bool:
        weekday = (at.weekday() + 1) % 7 in weekdays
        day = at.day in days
        starred = fields[2][0].startswith("*") or fields[4][0].startswith("*")
        on_day = (day and weekday) if starred else (day or weekday)
        return at.minute in minutes and at.hour in hours and at.month in months and on_day

    try:
        found = Cron(expression, "UTC").between(SUNDAY, SUNDAY + timedelta(days=4000), 3)
    except InvalidRequest as error:  # the 31st of months that have 30 days
        assert "never comes" in error.what  # noqa: PT017 - whether it is raised depends on the example
        found = []
    assert all(means(at) for at in found)
    at = SUNDAY
    for _ in range(3000):
        at += timedelta(minutes=1)
        assert means(at) == (at in found) or (found and at > found[-1])


def test_the_zone_of_the_clock_is_real() -> None:
    ZoneInfo(Cron("@hourly").zone)
