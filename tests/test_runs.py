"""The history: what was made, found by what people remember of it, and quick to find among many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from samples import record

import zimage_lab
from zimage_lab.errors import InvalidRequest
from zimage_lab.recipe import ImageFile
from zimage_lab.runs import COLUMNS, estimate
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from pathlib import Path

DAY = timedelta(days=1)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    now = datetime.now(UTC)
    with Records(tmp_path) as records:
        for number in range(6):
            prompt = "左侧一只红色的猫" if number % 2 else "A red Circle, 100% white"
            seconds = {"denoise": 2.0, "decode": 0.5}
            created = (now - number * DAY).isoformat()
            records.append(record(prompt, seed=2**64 - 1 - number, created_at=created, seconds=seconds))
        picture = ImageFile(path="images/x.png", sha256=None, pixels_sha256="0")
        records.append(record("a dog", seed=1, image=picture, created_at=(now - 9 * DAY).isoformat()))
        records.append(record("a fish", state="failed", error="It failed.", created_at=now.isoformat()))
    return tmp_path


def test_everything_newest_first(home: Path) -> None:
    frame = zimage_lab.history(home=home)
    assert list(frame.columns) == ["path" if name == "image_path" else name for name in COLUMNS]
    assert frame["prompt"].iloc[0] == "a fish"
    assert frame["seed"].iloc[2] == str(2**64 - 6)
    assert frame["created_at"].dt.tz is not None
    assert list(frame["path"].dropna()) == [str(home / "images/x.png")]
    assert len(zimage_lab.history(home=home, limit=2)) == 2


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        ({"prompt": "猫"}, 3),
        ({"prompt": "红色的猫"}, 3),
        ({"prompt": "red circle"}, 3),
        ({"prompt": "100%"}, 3),
        ({"prompt": "%"}, 3),
        ({"prompt": "_"}, 0),
        ({"prompt": "'; DROP TABLE runs; --"}, 0),
        ({"state": "failed"}, 1),
        ({"seed": 2**64 - 1}, 2),
        ({"model": "miniature-turbo"}, 8),
        ({"model": "other"}, 0),
        ({"since": "36h"}, 3),
        ({"since": DAY * 2.5, "until": DAY * 0.5}, 2),
        ({"since": (datetime.now(UTC) - DAY * 1.5).isoformat()}, 3),
        ({"since": datetime(2999, 1, 1, tzinfo=UTC)}, 0),
        ({"prompt": "猫", "since": "2d"}, 1),
    ],
)
def test_what_is_asked_is_found(home: Path, asked: dict[str, object], number: int) -> None:
    assert len(zimage_lab.history(home=home, **asked)) == number  # type: ignore[arg-type]


@pytest.mark.parametrize("when", ["yesterday", "", "2x", "9999999d", "999999w", "-1d", "2026-13-01"])
def test_times_that_cannot_be_read(home: Path, when: str) -> None:
    with pytest.raises(InvalidRequest, match="since"):
        zimage_lab.history(home=home, since=when)


def test_no_history_is_an_empty_table(tmp_path: Path) -> None:
    assert zimage_lab.history(home=tmp_path).empty


def test_the_cost_is_told_from_what_was_measured(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    request = record().request
    assert estimate(request, home).seconds == pytest.approx(2.5)
    assert estimate(request.replace(steps=16), home).seconds == pytest.approx(5)
    assert "about 2.5 s" in str(estimate(request, home))
    empty = estimate(request, tmp_path_factory.mktemp("empty"))
    assert empty.seconds is None
    assert empty.pixel_steps == 64 * 64 * 8


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("ORDER BY sequence DESC LIMIT 50", "SCAN runs"),
        ("WHERE model = 'x' ORDER BY sequence DESC LIMIT 50", "runs_by_model"),
        ("WHERE created_at >= 'x' ORDER BY sequence DESC", "runs"),
        ("WHERE record_id = 'x'", "sqlite_autoindex_runs"),
    ],
)
def test_queries_use_an_index_where_there_is_one(home: Path, condition: str, index: str) -> None:
    with Records(home) as records, records._database.read() as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN SELECT prompt FROM runs {condition}").fetchall()  # noqa: S608
    told = " ".join(row["detail"] for row in plan)
    assert index in told
    assert "TEMP B-TREE" not in told
