"""The run records: appended once, listed by the order of writing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from samples import record

from zimage_lab.errors import InvalidRequest
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with Records(tmp_path) as made:
        yield made


def test_append_and_get(records: Records, tmp_path: Path) -> None:
    made = record("红色的圆形", seed=2**53 + 1)
    records.append(made)
    with Records(tmp_path) as other:
        assert other.get(made.id) == made


def test_a_second_delivery_is_harmless_and_a_change_is_refused(records: Records) -> None:
    made = record()
    records.append(made)
    records.append(made)
    assert records.list() == [made]
    with pytest.raises(InvalidRequest, match="another record's"):
        records.append(made.replace(state="failed"))
    assert records.get(made.id) == made


def test_by_job(records: Records) -> None:
    job = str(uuid4())
    first, second = record(job_id=job, state="failed", error="why"), record(job_id=job, attempt=2)
    for made in (first, record(), second):
        records.append(made)
    assert records.by_job(job) == [first, second]
    assert records.by_job(str(uuid4())) == []


def test_pages_of_the_list_whatever_the_clock_says(records: Records) -> None:
    times = ["2026-01-02T00:00:00+00:00", "2026-01-03T00:00:00+00:00", "2026-01-01T00:00:00+00:00"]
    made = [record(created_at=time) for time in times]
    for one in made:
        records.append(one)
    newest = made[::-1]
    assert records.list() == newest
    assert records.list(limit=2) == newest[:2]
    assert records.list(limit=2, before=newest[1].id) == newest[2:]
    assert records.list(limit=0) == []
    assert records.list(limit=-1) == []


@pytest.mark.parametrize("name", ["", "x", "00000000-0000-4000-8000-000000000000"])
def test_unknown_record(records: Records, name: str) -> None:
    with pytest.raises(InvalidRequest, match="is no record of this home"):
        records.get(name)
    with pytest.raises(InvalidRequest, match="is no record of this home"):
        records.list(before=name)
