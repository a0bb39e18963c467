"""Favourites, tags and the bin: what a person says of pictures, and what that spares or removes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from samples import keep_picture, record

import zimage_lab
from zimage_lab.errors import InvalidRequest
from zimage_lab.runs import Search, count, find
from zimage_lab.store import quota
from zimage_lab.store.marks import BIN_SECONDS, Marks
from zimage_lab.store.records import Records
from zimage_lab.store.verify import verify

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def made(tmp_path: Path) -> list[str]:
    """Four pictures in a home, the oldest first; gives their ids."""
    pictures = (Image.new("RGB", (16, 16), (number, 0, 0)) for number in range(4))
    return [
        keep_picture(tmp_path, one, record(f"cat {n}", seed=n, created_at=f"2026-01-0{n + 1}T00:00:00+00:00")).id
        for n, one in enumerate(pictures)
    ]


def files(home: Path) -> int:
    return len(list(home.glob("images/*/*.png")))


def test_favourites_and_tags_are_found(tmp_path: Path, made: list[str]) -> None:
    with Marks(tmp_path) as marks:
        marks.favourite(made[:2])
        marks.favourite(made[:1], on=False)
        marks.tag(made[1:3], "  shop   window ")
        marks.tag(made[3:], "Shop Window")
        marks.tag(made[:1], "灯笼")
        assert marks.tags() == {"shop window": 3, "灯笼": 1}
        marks.untag(made[3:], "SHOP WINDOW")
        assert marks.tags() == {"shop window": 2, "灯笼": 1}
    assert list(zimage_lab.history(favourite=True, home=tmp_path)["record_id"]) == [made[1]]
    assert len(zimage_lab.history(favourite=False, home=tmp_path)) == 3
    assert list(zimage_lab.history(tag="Shop window", home=tmp_path)["record_id"]) == [made[2], made[1]]
    row = find(Search(tag="灯笼"), home=tmp_path)[0]
    assert (row["favourite"], row["tags"]) == (False, ["灯笼"])


def test_the_bin_hides_at_once_and_deletes_after_its_hour(tmp_path: Path, made: list[str]) -> None:
    with Marks(tmp_path) as marks:
        marks.throw_away(made[:2])
        assert count(Search(pictures=True), home=tmp_path) == 2
        assert quota.enforce(tmp_path) == []
        assert files(tmp_path) == 4
        marks.take_back(made[:1])
        assert count(Search(pictures=True), home=tmp_path) == 3
    later = datetime.now(UTC) + timedelta(seconds=BIN_SECONDS + 1)
    assert quota.enforce(tmp_path, now=later) == [made[1]]
    assert files(tmp_path) == 3
    assert count(Search(), home=tmp_path) == 4
    assert verify(tmp_path) == []


def test_neither_age_nor_quota_takes_a_favourite(tmp_path: Path, made: list[str]) -> None:
    (tmp_path / "config.toml").write_text("keep_days = 1\n", encoding="utf-8")
    with Marks(tmp_path) as marks:
        marks.favourite(made[:1])
    assert set(quota.enforce(tmp_path)) == set(made[1:])
    assert count(Search(pictures=True), home=tmp_path) == 1


def test_pages_follow_each_other(tmp_path: Path, made: list[str]) -> None:
    pages = [find(Search(pictures=True), home=tmp_path, limit=3, skip=skip) for skip in (0, 3)]
    assert [row["record_id"] for page in pages for row in page] == made[::-1]


@pytest.mark.parametrize("tag", ["", "  ", "x" * 51, "a\0b", 7])
def test_a_tag_that_is_none(tmp_path: Path, made: list[str], tag: object) -> None:
    with Marks(tmp_path) as marks:
        with pytest.raises(InvalidRequest, match="tag"):
            marks.tag(made, tag)  # type: ignore[arg-type]
        assert marks.tags() == {}


def test_strangers_are_refused_and_nothing_is_marked(tmp_path: Path, made: list[str]) -> None:
    with Marks(tmp_path) as marks:
        for mark in (marks.favourite, marks.throw_away, marks.take_back):
            with pytest.raises(InvalidRequest, match="no record"):
                mark([made[0], "nobody"])
    assert count(Search(favourite=True), home=tmp_path) == 0
    assert count(Search(pictures=True), home=tmp_path) == 4


def test_a_gallery_of_many_is_quick(tmp_path: Path) -> None:
    """A page of the newest reads an index from its end, whatever lies before."""
    with Records(tmp_path) as records, records._database.read() as connection:
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT prompt FROM runs LEFT JOIN marks USING (record_id)"
            " WHERE image_path IS NOT NULL AND binned IS NULL ORDER BY sequence DESC LIMIT 48"
        ).fetchall()
    assert "TEMP B-TREE" not in " ".join(row["detail"] for row in plan)
