"""The run records: appended once, listed by the order of writing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from zimage_lab.errors import InvalidRequest
from zimage_lab.recipe import Environment, ModelIdentity, RunRecord, now
from zimage_lab.request import GenerationRequest
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def record(**changes: Any) -> RunRecord:  # noqa: ANN401 - any field
    request = GenerationRequest(
        prompt="红色的圆形", model="miniature-turbo", width=64, height=64, steps=8, guidance_scale=0.0, seed=2**53 + 1
    )
    made = RunRecord(
        job_id=str(uuid4()),
        request=request,
        state="succeeded",
        created_at=now(),
        model=ModelIdentity(id="miniature-turbo", family="z_image"),
        environment=Environment(zimage_lab="0.1.0", python="3.11", device="cpu", dtype="float32", platform="linux"),
    )
    return made.replace(**changes)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with Records(tmp_path) as made:
        yield made


def test_append_and_get(records: Records, tmp_path: Path) -> None:
    made = record()
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


@pytest.mark.parametrize("name", ["", "x", str(uuid4())])
def test_unknown_record(records: Records, name: str) -> None:
    with pytest.raises(InvalidRequest, match="is no record of this home"):
        records.get(name)
    with pytest.raises(InvalidRequest, match="is no record of this home"):
        records.list(before=name)
