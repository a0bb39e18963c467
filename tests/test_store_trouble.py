"""What a disk, another program or an older zimage_lab can do to the file: a sentence, and the process goes on."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from queues import REQUEST, leased, succeed
from samples import record

from zimage_lab.errors import StoreError
from zimage_lab.store import database
from zimage_lab.store.database import MIGRATIONS, connect
from zimage_lab.store.engines import Engines
from zimage_lab.store.events import StoredEvents
from zimage_lab.store.queue import Queue
from zimage_lab.store.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    with Queue(tmp_path) as made:
        yield made


@contextmanager
def tmpfs(folder: Path, size: str) -> Iterator[None]:
    """Mount a small disk, or skip the test where that may not be."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        done = False
    if not done:
        pytest.skip("no small disk can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607


def test_the_file_is_safe(queue: Queue) -> None:
    with queue._database.read() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1


def test_an_exception_undoes_the_whole_transaction(queue: Queue) -> None:
    job = queue.put(REQUEST)

    def fails() -> None:
        with queue._database.write() as connection:
            connection.execute("UPDATE jobs SET state = 'failed'")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert queue.get(job.id) == job
    assert queue.counts()["queued"] == 1


def test_the_end_of_a_job_is_written_whole_or_not_at_all(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queue.put(REQUEST)
    lease = leased(queue)

    def fail(*_: object) -> int:
        message = "the event"
        raise sqlite3.OperationalError(message)

    with monkeypatch.context() as broken:
        broken.setattr("zimage_lab.store.events.append_in", fail)
        with pytest.raises(StoreError):
            succeed(queue, lease)
    with Records(tmp_path) as records, StoredEvents(tmp_path) as events:
        assert queue.get(job.id).state == "running"
        assert records.list() == []
        assert events.newest() == lease.job.cursor
        assert succeed(queue, lease).cursor == events.newest()
        assert len(records.list()) == 1


def test_newer_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with closing(connect(tmp_path)) as connection:
        connection.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    for store in (Queue, Records, Engines, StoredEvents):
        with pytest.raises(StoreError, match="written by a newer zimage_lab"):
            store(tmp_path)


def test_not_a_database(tmp_path: Path) -> None:
    (tmp_path / "lab.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="is damaged"):
        Queue(tmp_path)


def test_damage_in_the_middle_is_a_sentence(tmp_path: Path) -> None:
    with Queue(tmp_path) as queue:
        queue.put_many((REQUEST, {}) for _ in range(200))
    path = tmp_path / "lab.db"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + b"\xff" * (len(whole) - len(whole) // 2))
    # Whether the first damaged page is met at the opening or later depends on how many tables there are.
    with pytest.raises(StoreError, match="is damaged"), Queue(tmp_path) as queue:
        queue.list(limit=1000)
    path.write_bytes(whole)
    with Queue(tmp_path) as queue:
        assert queue.counts()["queued"] == 200


def test_missing_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        Queue(tmp_path / "nowhere")


def test_a_locked_file_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with Queue(tmp_path) as queue, closing(sqlite3.connect(tmp_path / "lab.db", isolation_level=None)) as other:
        job = queue.put(REQUEST)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="has been locked"):
            queue.put(REQUEST)
        with pytest.raises(StoreError, match="has been locked"):
            queue.lease("engine")
        assert queue.get(job.id) == job  # reading needs no lock
        other.execute("COMMIT")
        assert leased(queue).job.id == job.id


def test_a_read_only_file_is_a_sentence(queue: Queue) -> None:
    job = queue.put(REQUEST)
    with queue._database.read() as connection:
        connection.execute("PRAGMA query_only=ON")  # file modes do not bind root
    with pytest.raises(StoreError, match="cannot be written"):
        queue.put(REQUEST)
    assert queue.get(job.id) == job
    with queue._database.read() as connection:
        connection.execute("PRAGMA query_only=OFF")
    assert queue.put(REQUEST).state == "queued"


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounts a disk")
def test_a_read_only_disk_is_a_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    with tmpfs(folder, "4m"):
        with Queue(folder) as queue:
            queue.put(REQUEST)
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)  # noqa: S607
        with pytest.raises(StoreError, match="cannot be written"), Queue(folder) as queue:
            queue.put(REQUEST)


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounts a disk")
def test_a_full_disk_fails_the_job_and_not_the_lab(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    with tmpfs(folder, "2m"), Queue(folder) as queue:
        first = queue.put(REQUEST)
        lease = leased(queue)
        ballast = folder / "ballast"
        with pytest.raises(OSError, match="No space"):
            ballast.write_bytes(b"\0" * 4 * 2**20)
        accepted: list[str] = []
        with pytest.raises(StoreError, match="is full"):
            # What is left in the file itself, and in its log, is open.
            accepted.extend(queue.put(REQUEST).id for _ in range(1000))
        with pytest.raises(StoreError, match="is full"):
            queue.finish(lease, "failed", "x" * 10**5)
        ballast.unlink()
        assert queue.finish(lease, "failed", "why").id == first.id
        assert {job.id for job in queue.list(limit=2000)} == {first.id, *accepted}
    assert not (tmp_path / "disk" / "lab.db").exists()


def test_a_file_that_may_not_grow(queue: Queue) -> None:
    first = queue.put(REQUEST)
    with queue._database.read() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreError, match="is full"):  # noqa: PT012 - which one fails is the page size's business
        for _ in range(100):
            queue.put(REQUEST)
    with queue._database.read() as connection:
        connection.execute(f"PRAGMA max_page_count={pages * 100}")
    assert queue.put(REQUEST).state == "queued"
    assert queue.get(first.id) == first


OPENER = """
import sys
from pathlib import Path
from zimage_lab.store.database import connect
sys.stdin.readline()
connect(Path(sys.argv[1])).close()
"""


def open_together(home: Path) -> None:
    """Let four processes open the file at the same time."""
    children = [
        subprocess.Popen([sys.executable, "-c", OPENER, str(home)], stdin=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for child in children:
        child.communicate("go\n")
    assert [child.returncode for child in children] == [0] * 4


def first_layout(home: Path, *, number: int = 3) -> list[str]:
    """Make a file of layout 1 with a job and an attempt for each record; gives the jobs' ids."""
    with closing(sqlite3.connect(home / "lab.db")) as connection:
        connection.executescript(str(MIGRATIONS[0][0]))
        made = [record(f"红 {seed}", seed=seed) for seed in range(number)]
        for one in made:
            connection.execute(
                "INSERT INTO jobs (id, request, request_sha256, model, seed, state, priority, created_at, record_id,"
                " submitter_pid, submitter) VALUES (?, ?, ?, 'm', '1', 'succeeded', 0, ?, ?, 1, 'x')",
                (one.job_id, one.request.canonical_json(), one.request.sha256, one.created_at, one.id),
            )
            connection.execute(
                "INSERT INTO attempts (job_id, number, engine_id, pid, process, started_at, heartbeat_at, outcome)"
                " VALUES (?, 1, 'e', 1, 'psutil:1.0', ?, ?, 'succeeded')",
                (one.job_id, one.created_at, one.created_at),
            )
            connection.execute(
                "INSERT INTO records (id, job_id, state, model, seed, created_at, record)"
                " VALUES (?, ?, ?, 'm', '1', ?, ?)",
                (one.id, one.job_id, one.state, one.created_at, one.to_json()),
            )
        connection.execute(
            "INSERT INTO jobs (id, key, request, request_sha256, model, seed, state, priority, created_at,"
            " submitter_pid, submitter) VALUES ('waits', 'k', ?, ?, 'm', '1', 'queued', 0, 'then', 1, 'x')",
            (REQUEST.canonical_json(), REQUEST.sha256),
        )
        connection.execute("PRAGMA user_version=1")
        connection.commit()
    return [one.job_id for one in made]


def test_an_old_file_is_brought_up_to_date_with_a_backup(tmp_path: Path) -> None:
    ids = first_layout(tmp_path)
    with Queue(tmp_path) as queue, Records(tmp_path) as records:
        assert [job.id for job in queue.list()] == ["waits", *ids[::-1]]
        assert queue.counts()["succeeded"] == 3
        assert [one.job_id for one in records.list()] == ids[::-1]
        assert records.broken() == ()
        assert queue.put(REQUEST, key="k").id == "waits"
        assert queue.put(REQUEST).position == 5
        assert leased(queue).job.id == "waits"
        with queue._database.read() as connection:
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            assert connection.execute("PRAGMA quick_check").fetchone()[0] == "ok"
    with closing(sqlite3.connect(tmp_path / "lab.db.v1.bak")) as backup:
        assert backup.execute("PRAGMA user_version").fetchone() == (1,)
        assert backup.execute("SELECT count(*) FROM records").fetchone() == (3,)
    assert sorted(path.name for path in tmp_path.glob("*bak*")) == ["lab.db.v1.bak"]


def test_a_new_file_needs_no_backup(queue: Queue, tmp_path: Path) -> None:
    assert queue.counts()["queued"] == 0
    assert list(tmp_path.glob("*bak*")) == []


def test_a_migration_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first_layout(tmp_path)

    def fail(_: sqlite3.Connection) -> None:
        message = "in the middle"
        raise sqlite3.OperationalError(message)

    with monkeypatch.context() as broken:
        broken.setattr(database, "MIGRATIONS", (*MIGRATIONS[:1], (*MIGRATIONS[1], fail)))
        with pytest.raises(StoreError, match="in the middle"):
            Queue(tmp_path)
    with closing(sqlite3.connect(tmp_path / "lab.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    with Queue(tmp_path) as queue:
        assert queue.counts()["succeeded"] == 3


@pytest.mark.parametrize("old", [False, True])
def test_processes_that_open_the_file_at_the_same_time(tmp_path: Path, *, old: bool) -> None:
    if old:
        first_layout(tmp_path)
    open_together(tmp_path)
    with Queue(tmp_path) as queue, Records(tmp_path) as records:
        assert queue.counts()["succeeded"] == len(records.list()) == 3 * old
        assert records.broken() == ()
