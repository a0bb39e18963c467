"""Holds a home against its own records: the chain, the pictures, their hashes. Says exactly what is wrong."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from zimage_lab.home import IMAGES
from zimage_lab.store import chain
from zimage_lab.store.database import Store
from zimage_lab.store.images import PART, pixels_sha256, stored

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path


def verify(home: Path, *, look: Callable[[int, int], None] = lambda _done, _all: None) -> list[str]:
    """Check the chain of records and every picture.

    Parameters
    ----------
    home
        The home folder.
    look
        Called with how many pictures were looked at, and how many there are.

    Returns
    -------
    list[str]
        Sentences; empty for a home in which all is as it was recorded.
    """
    with Store(home) as store, store._database.read() as connection:  # noqa: SLF001 - a store without verbs of its own
        return [*chain.broken(connection), *_jobs(connection), *_pictures(connection, home, look)]


def _jobs(connection: sqlite3.Connection) -> Iterator[str]:
    """Find ended jobs without their record, and records that the narrow table tells otherwise."""
    for row in connection.execute(
        "SELECT id, state FROM jobs WHERE state = 'succeeded' AND NOT EXISTS"
        " (SELECT 1 FROM runs WHERE runs.job_id = jobs.id AND runs.state = 'succeeded')"
    ):
        yield f"Job {row['id']} succeeded, and no record says so."
    for row in connection.execute(
        "SELECT records.id FROM records LEFT JOIN runs ON record_id = records.id"
        " WHERE kind = 'run' AND runs.sequence IS NOT records.sequence"
    ):
        yield f"Run {row['id']} is in the chain and not in the list of runs."
    for row in connection.execute("SELECT * FROM runs ORDER BY sequence").fetchall():
        record = chain.read(connection, row["record_id"])
        if record is None:
            yield f"Run {row['record_id']} is in the list of runs and not in the chain."
            continue
        expected = chain.searched(row["sequence"], record)
        kinds = {
            note["kind"] for note in connection.execute("SELECT kind FROM records WHERE about = ?", (row["record_id"],))
        }
        if "picture_deleted" in kinds:
            expected["image_path"] = None
        if "prompt_erased" in kinds:
            expected["prompt"] = None
        expected["deleted"] = int("picture_deleted" in kinds)
        wrong = [name for name, value in expected.items() if row[name] != value]
        if wrong:
            yield f"Run {row['record_id']} is listed with another {', '.join(wrong)} than the chain has."


def _pictures(connection: sqlite3.Connection, home: Path, look: Callable[[int, int], None]) -> Iterator[str]:
    removed, rewritten = set(), {}
    for row in connection.execute("SELECT about, kind, body FROM records WHERE kind <> 'run' ORDER BY sequence"):
        if row["kind"] == "picture_deleted":
            removed.add(row["about"])
        else:
            rewritten[row["about"]] = json.loads(row["body"]).get("sha256")
    rows = connection.execute("SELECT id, body FROM records WHERE kind = 'run' ORDER BY sequence").fetchall()
    known = set()
    for number, row in enumerate(rows, 1):
        image = json.loads(row["body"]).get("image")
        if image is None:
            continue
        known.add(image["path"])
        if row["id"] not in removed:
            yield from _picture(home, row["id"], image, rewritten.get(row["id"]) or image["sha256"])
        elif (home / image["path"]).exists():
            yield f"{image['path']} was deleted by the records, and is still there."
        look(number, len(rows))
    for path in sorted((home / IMAGES).rglob("*")):
        name = path.relative_to(home).as_posix()
        if path.is_file() and name not in known:
            what = "was left by a killed process" if path.name.endswith(PART) else "is in no record"
            yield f"{name} {what}."


def _picture(home: Path, record_id: str, image: dict[str, str], sha256: str) -> Iterator[str]:
    from PIL import Image

    path = stored(home, image["path"])
    if path is None:
        yield f"Run {record_id} names a file outside of the folder of pictures: {image['path']}."
        return
    try:
        data = path.read_bytes()
    except OSError as error:
        yield f"{image['path']} of run {record_id} cannot be read ({error.strerror})."
        return
    if hashlib.sha256(data).hexdigest() == sha256:
        return
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            same = pixels_sha256(picture) == image["pixels_sha256"]
    except (OSError, SyntaxError, ValueError):
        yield f"{image['path']} of run {record_id} is damaged."
        return
    yield f"{image['path']} of run {record_id} was changed{', its pixels were not' if same else ''}."
