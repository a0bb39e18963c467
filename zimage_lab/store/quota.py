"""What goes from the disk: pictures thrown away an hour ago, those too old, and the oldest until the rest fits.

Records stay, and neither age nor quota takes a favourite.

What is to be removed is written down in the transaction that notes the deletions, and looked at again by the next
call: a kill or a power cut between the commit and the removal leaves no picture behind that nobody counts.
"""

from __future__ import annotations

import json
import logging
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab.errors import StoreError
from zimage_lab.home import IMAGES, settings
from zimage_lab.store import erasure
from zimage_lab.store.database import Database
from zimage_lab.store.marks import BIN_SECONDS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from zimage_lab.home import Settings

LOG = logging.getLogger(__name__)

MOST = 200
"""Pictures that one call deletes; the next call goes on."""

MEASURED = 1000
"""Pictures whose files one call looks at for the first time."""

YOUNG_SECONDS = 60.0
"""A picture younger than this is not deleted: somebody is about to look at it."""

GIGABYTE = 10**9

_GOING, _SEEN = "pictures_going", "pictures_measured"  # rows of `meta`
_AGE = "coalesce(finished_at, created_at)"  # a job may have waited for days: its picture is as old as its run's end
_MAY_GO = (
    "image_path IS NOT NULL AND NOT EXISTS"
    " (SELECT 1 FROM attempts WHERE attempts.job_id = runs.job_id AND outcome = 'running')"
    " AND NOT EXISTS (SELECT 1 FROM marks WHERE marks.record_id = runs.record_id AND favourite = 1)"
)


class Chosen(NamedTuple):
    """A picture that goes: of which run, which file of the home, and why."""

    record_id: str
    path: str
    reason: str


def enforce(home: Path, *, now: datetime | None = None) -> list[str]:
    """Empty the bin, delete pictures older than `keep_days`, and the oldest while all take more than `disk_quota_gb`.

    Parameters
    ----------
    home
        The home folder; its settings are read anew each time.
    now
        The time, with a zone; None asks the clock.

    Returns
    -------
    list[str]
        Ids of the records whose pictures were deleted, the oldest first; at most 200.

    Raises
    ------
    StoreError
        When a picture cannot be removed; no other one is deleted until it can be.
    """
    wanted = settings(home)
    moment = datetime.now(UTC) if now is None else now.astimezone(UTC)
    with closing(Database(home)) as database:
        _remove_noted(database, home)
        _measure(database, home)
        with database.read() as connection:  # most calls end here, without a lock
            if not _chosen(connection, wanted, moment):
                return []
        with database.write() as connection:
            chosen = _chosen(connection, wanted, moment)  # asked again: another engine may keep the same quota
            for one in chosen:
                erasure.delete_picture(connection, home, one.record_id, one.reason)
            _note(connection, [one.path for one in chosen])
        LOG.info("%d pictures were deleted: thrown away, too old, or above the disk quota", len(chosen))
        _remove(home, _noted(database))  # the note stays until the next call has looked once more
    return [one.record_id for one in chosen]


def measure(home: Path) -> None:
    """Write down the sizes of all pictures that were not measured yet."""
    with closing(Database(home)) as database:
        while _measure(database, home):
            pass


def refuse_oversize(home: Path, size: int) -> None:
    """Refuse a picture that could not be kept even if all others went.

    Parameters
    ----------
    home
        The home folder.
    size
        Bytes of the new picture's file.

    Raises
    ------
    StoreError
        When it alone exceeds `disk_quota_gb`.
    """
    quota = settings(home).disk_quota_gb
    if quota is not None and size > round(quota * GIGABYTE):
        message = (
            f"The picture takes {size / GIGABYTE:.3g} GB, more than the whole disk quota of {quota:g} GB. "
            "Raise disk_quota_gb in config.toml, or draw a smaller one."
        )
        raise StoreError(message)


def totals(connection: sqlite3.Connection) -> tuple[int, int]:
    """Count the pictures that there are, and the bytes of those that were measured."""
    row = connection.execute(
        "SELECT count(*), coalesce(sum(bytes), 0) FROM runs WHERE image_path IS NOT NULL"
    ).fetchone()
    return int(row[0]), int(row[1])


def _chosen(connection: sqlite3.Connection, wanted: Settings, now: datetime) -> list[Chosen]:
    """Choose what goes, in the order of writing, which no clock that is set changes."""
    young = _text(now - timedelta(seconds=YOUNG_SECONDS))
    select = f"SELECT record_id, image_path, bytes FROM runs WHERE {_MAY_GO} AND {_AGE} < ?"  # noqa: S608 - our own text
    chosen: dict[str, Chosen] = {}
    freed = 0
    binned = "SELECT record_id, image_path, bytes FROM runs JOIN marks USING (record_id) WHERE image_path IS NOT NULL"
    for row in connection.execute(f"{binned} AND binned <= ? LIMIT ?", (now.timestamp() - BIN_SECONDS, MOST)):
        chosen[row["record_id"]] = Chosen(row["record_id"], row["image_path"], "asked")
        freed += row["bytes"] or 0
    if wanted.keep_days is not None:
        limit = min(young, _text(now - timedelta(days=wanted.keep_days)))
        for row in connection.execute(f"{select} ORDER BY sequence LIMIT ?", (limit, MOST - len(chosen))):
            if row["record_id"] not in chosen:
                chosen[row["record_id"]] = Chosen(row["record_id"], row["image_path"], "retention")
                freed += row["bytes"] or 0
    if wanted.disk_quota_gb is None:
        return list(chosen.values())
    over = totals(connection)[1] - freed - round(wanted.disk_quota_gb * GIGABYTE)
    if over <= 0:
        return list(chosen.values())
    # A file that is gone frees nothing; one that was not measured yet does not count, and waits until it was.
    rows = connection.execute(f"{select} AND bytes > 0 ORDER BY sequence LIMIT ?", (young, MOST))
    for row in rows:
        if over <= 0 or len(chosen) >= MOST:
            break
        if row["record_id"] not in chosen:
            chosen[row["record_id"]] = Chosen(row["record_id"], row["image_path"], "quota")
            over -= row["bytes"]
    return list(chosen.values())


def _measure(database: Database, home: Path) -> int:
    """Fill `runs.bytes` of the next pictures; gives how many runs were looked at."""
    with database.read() as connection:
        seen = connection.execute("SELECT value FROM meta WHERE key = ?", (_SEEN,)).fetchone()
        rows = connection.execute(
            "SELECT sequence, image_path FROM runs WHERE sequence > ? AND image_path IS NOT NULL"
            " ORDER BY sequence LIMIT ?",
            (0 if seen is None else int(seen["value"]), MEASURED),
        ).fetchall()
    if not rows or not (home / IMAGES).is_dir():  # a disk that is not mounted now holds no empty files
        return 0
    sizes = [(_size(home, row["image_path"]), row["sequence"]) for row in rows]
    with database.write() as connection:
        connection.executemany("UPDATE runs SET bytes = ? WHERE sequence = ?", sizes)
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_SEEN, str(rows[-1]["sequence"])))
    return len(rows)


def _size(home: Path, name: str) -> int:
    path = _inside(home, name)
    try:
        return 0 if path is None else path.stat().st_size
    except OSError:  # removed by hand: `verify` tells that, here it takes no space
        return 0


def _note(connection: sqlite3.Connection, names: list[str]) -> None:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_GOING,)).fetchone()
    before = [] if row is None else json.loads(row["value"])
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_GOING, json.dumps([*before, *names])))


def _noted(database: Database) -> str:
    with database.read() as connection:
        row = connection.execute("SELECT value FROM meta WHERE key = ?", (_GOING,)).fetchone()
    return "[]" if row is None else str(row["value"])


def _remove_noted(database: Database, home: Path) -> None:
    """Remove what an earlier call has noted, and forget the note, unless another engine has added to it."""
    noted = _noted(database)
    if noted == "[]":
        return
    _remove(home, noted)
    with database.write() as connection:
        connection.execute("DELETE FROM meta WHERE key = ? AND value = ?", (_GOING, noted))


def _remove(home: Path, noted: str) -> None:
    failed = list(_unremoved(home, json.loads(noted)))
    if failed:
        path, error = failed[0]
        message = (
            f"{path} cannot be removed ({error.strerror or type(error).__name__}), so that pictures take more of the "
            "disk than the settings say. Make its folder writable."
        )
        raise StoreError(message) from error


def _unremoved(home: Path, names: list[str]) -> Iterator[tuple[Path, OSError]]:
    for name in names:
        path = _inside(home, name)
        try:
            if path is not None:
                path.unlink(missing_ok=True)
        except OSError as error:
            yield path or home, error


def _inside(home: Path, name: str) -> Path | None:
    """Give a picture's path; None where it would lie outside of the pictures' folder."""
    path = (home / name).resolve()
    return path if path.is_relative_to((home / IMAGES).resolve()) else None


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
