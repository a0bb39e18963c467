"""Retention and the disk quota: the oldest pictures go, the records stay, and nothing is left in between."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from queues import REQUEST, leased
from samples import record

from zimage_lab.errors import InvalidRequest, StoreError
from zimage_lab.recipe import ImageFile
from zimage_lab.store import chain, erasure, quota
from zimage_lab.store.images import picture_path
from zimage_lab.store.queue import Queue
from zimage_lab.store.records import Records
from zimage_lab.store.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR, DAY = 3600, 86_400
KB = 1e-6  # of a gigabyte


@pytest.fixture
def home(own_home: Path) -> Path:
    own_home.mkdir()
    return own_home


@pytest.fixture
def records(home: Path) -> Iterator[Records]:
    with Records(home) as made:
        yield made


def wish(home: Path, **values: float) -> None:
    (home / "config.toml").write_text("".join(f"{name} = {value}\n" for name, value in values.items()))


def keep(records: Records, *pictures: tuple[float, int], **changes: Any) -> list[str]:  # noqa: ANN401 - any field
    """Record pictures of these ages in seconds and sizes in bytes, in this order."""
    made = []
    with records._database.write() as connection:
        for age, size in pictures:
            time = NOW - timedelta(seconds=age)
            one = record(created_at=time, finished_at=time, **changes)
            path = picture_path(records.home, one.created_at, one.id)
            path.parent.mkdir(parents=True, exist_ok=True)
            data = b"x" * size
            path.write_bytes(data)
            name = path.relative_to(records.home).as_posix()
            file = ImageFile(path=name, sha256=hashlib.sha256(data).hexdigest(), pixels_sha256="")
            chain.append_in(connection, one.replace(image=file))
            made.append(one.id)
    return made


def files(home: Path) -> set[str]:
    return {path.stem for path in (home / "images").rglob("*.png")}


def reasons(records: Records) -> list[str]:
    with records._database.read() as connection:
        query = "SELECT json_extract(body, '$.reason') FROM records WHERE kind = 'picture_deleted' ORDER BY sequence"
        return [row[0] for row in connection.execute(query)]


def test_without_settings_all_is_kept_and_measured(records: Records, home: Path) -> None:
    made = keep(records, (900 * DAY, 10), (DAY, 20))
    assert quota.enforce(home, now=NOW) == []
    assert files(home) == set(made)
    with records._database.read() as connection:
        assert quota.totals(connection) == (2, 30)


def test_the_oldest_go_until_the_rest_fits(records: Records, home: Path) -> None:
    made = keep(records, *[(DAY - number, 1000) for number in range(5)])
    wish(home, disk_quota_gb=2.5 * KB)
    assert quota.enforce(home, now=NOW) == made[:3]
    assert files(home) == set(made[3:])
    assert quota.enforce(home, now=NOW) == []
    assert reasons(records) == ["quota"] * 3
    assert verify(home) == []
    assert len(records.list()) == 5
    wish(home, disk_quota_gb=2 * KB)  # exactly what there is
    assert quota.enforce(home, now=NOW) == []


def test_pictures_past_their_days_go(records: Records, home: Path) -> None:
    made = keep(records, (3 * DAY, 10), (1.4 * DAY, 10), (1.6 * DAY, 10), (HOUR, 10))
    wish(home, keep_days=1.5)
    assert quota.enforce(home, now=NOW) == [made[0], made[2]]
    assert files(home) == {made[1], made[3]}
    assert reasons(records) == ["retention"] * 2
    assert verify(home) == []


def test_a_picture_is_as_old_as_its_run_not_as_its_job(records: Records, home: Path) -> None:
    (made,) = keep(records, (9 * DAY, 10))
    with records._database.write() as connection:
        connection.execute("UPDATE runs SET finished_at = ?", ((NOW - timedelta(hours=1)).isoformat(),))
    wish(home, keep_days=1)
    assert quota.enforce(home, now=NOW) == []
    assert files(home) == {made}


def test_both_settings_together(records: Records, home: Path) -> None:
    made = keep(records, (9 * DAY, 1000), (HOUR, 1000), (HOUR, 1000))
    wish(home, keep_days=1, disk_quota_gb=1.5 * KB)
    assert quota.enforce(home, now=NOW) == made[:2]
    assert reasons(records) == ["retention", "quota"]


def test_young_pictures_stay_whatever_the_settings_say(records: Records, home: Path) -> None:
    made = keep(records, (61, 1000), (59, 1000), (1, 1000), (-HOUR, 1000))
    wish(home, disk_quota_gb=KB / 10, keep_days=1e-9)
    assert quota.enforce(home, now=NOW) == made[:1]
    assert files(home) == set(made[1:])


def test_the_picture_of_a_running_attempt_stays(records: Records, home: Path) -> None:
    with Queue(home) as queue:
        queue.put(REQUEST)
        lease = leased(queue)
        early = keep(records, (DAY, 1000), job_id=lease.job.id)
        other = keep(records, (HOUR, 1000))
        unrecorded = picture_path(home, lease.job.created_at, lease.record_id)
        unrecorded.parent.mkdir(parents=True, exist_ok=True)
        unrecorded.write_bytes(b"x" * 9000)
        wish(home, disk_quota_gb=KB / 10, keep_days=0.001)
        assert quota.enforce(home, now=NOW) == other
        assert files(home) == {*early, lease.record_id}
        queue.release(lease)
        assert quota.enforce(home, now=NOW) == early


def test_one_call_does_a_bounded_amount(records: Records, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "MOST", 3)
    monkeypatch.setattr(quota, "MEASURED", 5)
    made = keep(records, *[(DAY - number, 1000) for number in range(8)])
    wish(home, disk_quota_gb=KB)
    assert quota.enforce(home, now=NOW) == made[:3]  # five were measured
    assert quota.enforce(home, now=NOW) == made[3:6]
    assert quota.enforce(home, now=NOW) == made[6:7]
    assert quota.enforce(home, now=NOW) == []
    wish(home, keep_days=0.01, disk_quota_gb=KB)
    more = keep(records, *[(DAY - number, 1000) for number in range(5)])
    assert quota.enforce(home, now=NOW) == [made[7], *more[:2]]


def test_files_that_are_gone_take_no_space(records: Records, home: Path) -> None:
    made = keep(records, (3 * DAY, 1000), (2 * DAY, 1000), (DAY, 1000))
    next(home.rglob(f"{made[0]}.png")).unlink()
    wish(home, disk_quota_gb=1.5 * KB)
    assert quota.enforce(home, now=NOW) == [made[1]]
    wish(home, keep_days=2.5)
    assert quota.enforce(home, now=NOW) == [made[0]]  # its days are over, file or not
    assert verify(home) == []


def test_a_folder_that_is_not_mounted_is_not_measured(records: Records, home: Path) -> None:
    keep(records, (DAY, 1000))
    (home / "images").rename(home / "elsewhere")
    quota.enforce(home, now=NOW)
    (home / "images").symlink_to(home / "elsewhere", target_is_directory=True)
    quota.enforce(home, now=NOW)
    with records._database.read() as connection:
        assert quota.totals(connection) == (1, 1000)
    wish(home, disk_quota_gb=KB / 2)
    assert len(quota.enforce(home, now=NOW)) == 1
    assert files(home / "elsewhere") == set()


def test_a_kill_between_the_commit_and_the_removal(
    records: Records, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = keep(records, (2 * DAY, 1000), (DAY, 1000))
    wish(home, disk_quota_gb=1.5 * KB)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(quota, "_remove", killed)
        with pytest.raises(KeyboardInterrupt):
            quota.enforce(home, now=NOW)
    assert files(home) == set(made)
    assert "is still there" in verify(home)[0]
    assert quota.enforce(home, now=NOW) == []
    assert files(home) == {made[1]}
    assert verify(home) == []


def test_a_kill_before_the_commit_changes_nothing(
    records: Records, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = keep(records, (2 * DAY, 1000), (DAY, 1000))
    wish(home, disk_quota_gb=KB / 10)
    first = erasure.delete_picture

    def killed(connection: Any, place: Path, record_id: str, reason: str) -> None:  # noqa: ANN401
        if record_id == made[1]:
            raise KeyboardInterrupt
        first(connection, place, record_id, reason)

    with monkeypatch.context() as patch:
        patch.setattr(erasure, "delete_picture", killed)
        with pytest.raises(KeyboardInterrupt):
            quota.enforce(home, now=NOW)
    assert files(home) == set(made)
    assert verify(home) == []
    assert quota.enforce(home, now=NOW) == made


def test_nothing_more_is_deleted_while_files_cannot_be_removed(
    records: Records, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "MOST", 2)
    made = keep(records, *[(DAY - number, 1000) for number in range(4)])
    wish(home, disk_quota_gb=KB / 10)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refused)
        for _ in range(3):
            with pytest.raises(StoreError, match=r"cannot be removed \(Permission denied\)"):
                quota.enforce(home, now=NOW)
    assert reasons(records) == ["quota"] * 2
    assert quota.enforce(home, now=NOW) == made[2:]
    assert files(home) == set()


def test_a_record_that_names_a_file_elsewhere_removes_nothing(records: Records, home: Path) -> None:
    database = home / "lab.db"
    file = ImageFile(path="images/../lab.db", sha256="", pixels_sha256="")
    time = NOW - timedelta(days=9)
    records.append(record(created_at=time, finished_at=time, image=file))
    wish(home, keep_days=1, disk_quota_gb=KB / 1000)
    assert len(quota.enforce(home, now=NOW)) == 1
    assert quota.enforce(home, now=NOW) == []
    assert database.exists()


def test_two_engines_delete_no_more_than_one(records: Records, home: Path) -> None:
    made = keep(records, *[(DAY - number, 1000) for number in range(20)])
    wish(home, disk_quota_gb=10 * KB)
    start, done = threading.Barrier(2), []

    def engine() -> None:
        start.wait()
        done.append(quota.enforce(home, now=NOW))

    engines = [threading.Thread(target=engine) for _ in range(2)]
    for one in engines:
        one.start()
    for one in engines:
        one.join()
    assert sorted(done) == [[], made[:10]]
    assert files(home) == set(made[10:])
    assert verify(home) == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(pictures=[(61, 1)], most=1, days=None)
@given(
    pictures=st.lists(st.tuples(st.integers(0, 3 * DAY), st.integers(0, 3000)), max_size=8),
    most=st.integers(1, 9000),
    days=st.none() | st.floats(0.01, 3).map(lambda days: round(days, 6)),
)
def test_what_is_left_fits_and_is_the_newest(pictures: list[tuple[int, int]], most: int, days: float | None) -> None:
    with tempfile.TemporaryDirectory() as folder, Records(Path(folder)) as records:
        home = Path(folder)
        made = keep(records, *pictures)
        wish(home, disk_quota_gb=most * KB / 1000, **({} if days is None else {"keep_days": days}))
        gone = quota.enforce(home, now=NOW)
        assert files(home) == set(made) - set(gone)
        facts = dict(zip(made, pictures, strict=True))
        left = [facts[one] for one in made if one not in gone]
        old = [one for one in made if facts[one][0] > 60 and facts[one][1] and one not in gone]
        assert sum(size for _, size in left) <= most or not old
        assert all(facts[one][0] > 60 for one in gone)
        assert days is None or all(age <= max(60, days * DAY + 1e-3) for age, _ in left)
        aged = [one for one in gone if days is None or facts[one][0] <= days * DAY - 1e-3]
        assert not aged or not old or made.index(aged[-1]) < made.index(old[0])
        assert not aged or sum(size for _, size in left) + facts[aged[-1]][1] > most
        assert len(records.list()) == len(made)
        assert verify(home) == []


def test_a_picture_that_alone_is_too_large_is_refused(home: Path) -> None:
    quota.refuse_oversize(home, 10**15)
    wish(home, disk_quota_gb=0.001)
    quota.refuse_oversize(home, 10**6)
    with pytest.raises(StoreError, match=r"takes 0\.0012 GB, more than the whole disk quota of 0\.001 GB\. Raise"):
        quota.refuse_oversize(home, 1_200_000)


@pytest.mark.parametrize("days", ["0", "-1", "nan", "inf", "36501"])
def test_wrong_days_are_refused(home: Path, days: str) -> None:
    (home / "config.toml").write_text(f"keep_days = {days}")
    with pytest.raises(InvalidRequest, match="keep_days"):
        quota.enforce(home, now=NOW)


def test_ten_thousand_pictures_that_fit_are_soon_looked_through(records: Records, home: Path) -> None:
    keep(records, (DAY, 10))
    with records._database.write() as connection:
        names = [row["name"] for row in connection.execute("PRAGMA table_info(runs)")]
        copied = ", ".join({"sequence": "?", "record_id": "?"}.get(name, name) for name in names)
        insert = f"INSERT INTO runs SELECT {copied} FROM runs WHERE sequence = 1"  # noqa: S608 - its own columns
        connection.executemany(insert, [(number, str(number)) for number in range(2, 10_001)])
    quota.measure(home)
    wish(home, disk_quota_gb=1000)
    steps = 0
    with records._database.read() as connection:
        assert quota.totals(connection) == (10_000, 100_000)

        def count() -> int:
            nonlocal steps
            steps += 1
            return 0

        connection.set_progress_handler(count, 1000)
        assert quota._chosen(connection, quota.settings(home), NOW) == []
        connection.set_progress_handler(None, 1000)
    assert steps < 120  # thousands of SQLite's steps: one walk, no picture sorted or looked up
