"""The run records: appended, never changed, so that what made a picture can be read years later."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeAlias

from zimage_lab.errors import InvalidRequest, StoreError, shown
from zimage_lab.recipe import RunRecord
from zimage_lab.store import chain, erasure
from zimage_lab.store.database import Store
from zimage_lab.store.images import stored, sweep

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

CHECKPOINT_SECONDS = 10.0

RunRecords: TypeAlias = list[RunRecord]


class Records(Store):
    """The run records of one home folder."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        sweep(home)  # what a killed writer left behind

    def append(self, record: RunRecord) -> None:
        """Write a record; when this returns, it is on the disk. The same record twice is written once.

        Raises
        ------
        InvalidRequest
            When another record has its id.
        """
        with self._database.write() as connection:
            chain.append_in(connection, record)

    def get(self, record_id: str) -> RunRecord:
        """Give a record; an unknown id is an InvalidRequest."""
        with self._database.read() as connection:
            return _find(connection, record_id)

    def by_job(self, job_id: str) -> RunRecords:
        """Give the records of a job, the first one first."""
        with self._database.read() as connection:
            return chain.read_many(connection, "WHERE runs.job_id = ? ORDER BY runs.sequence", (job_id,))

    def list(self, limit: int = 100, before: str | None = None) -> RunRecords:
        """Give records, newest first: by the order of writing, which a clock that is set back does not change.

        Parameters
        ----------
        limit
            Most records.
        before
            A record's id: only older ones. This is how a page is followed by the next.
        """
        with self._database.read() as connection:
            older, values = "", [str(max(0, limit))]
            if before is not None:
                older = "WHERE runs.sequence < (SELECT sequence FROM runs WHERE record_id = ?)"
                values.insert(0, _find(connection, before).id)
            return chain.read_many(connection, f"{older} ORDER BY runs.sequence DESC LIMIT ?", tuple(values))

    def delete_picture(self, record_id: str, reason: str = "asked") -> bool:
        """Delete a run's picture; its record stays. Gives whether there was one."""
        with self._database.write() as connection:
            path = erasure.delete_picture(connection, self.home, record_id, reason)
            left = None if path is not None else _left(connection, self.home, record_id)
        if path is None:
            if left is not None:  # a process was killed between the entry and the file
                left.unlink(missing_ok=True)
            return False
        path.unlink(missing_ok=True)
        return True

    def erase_prompt(self, record_id: str) -> None:
        """Forget a run's prompts for good; the record, its hashes and its picture stay.

        The free pages of the file and its journal are overwritten, so that no byte of them is left on the disk's files.

        Raises
        ------
        InvalidRequest
            When there is no such record, or its job has not ended.
        """
        with self._database.write() as connection:
            erasure.erase_prompt(connection, self.home, record_id)
        deadline = time.monotonic() + CHECKPOINT_SECONDS
        while True:
            with self._database.read() as connection:
                busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                return
            if time.monotonic() > deadline:
                message = (
                    "The prompt is forgotten, but another process still reads the file as it was, so its bytes are in "
                    "the journal. Erase it once more when that process has ended."
                )
                raise StoreError(message)
            time.sleep(0.1)

    def starting_with(self, prefix: str) -> RunRecords:
        """Give the records whose id begins so, at most ten."""
        with self._database.read() as connection:
            return chain.read_many(connection, "WHERE substr(runs.record_id, 1, ?) = ? LIMIT 10", (len(prefix), prefix))

    def broken(self) -> tuple[str, ...]:
        """Say where the chain of records does not hold; nothing for a sound one."""
        with self._database.read() as connection:
            return tuple(chain.broken(connection))


def _left(connection: sqlite3.Connection, home: Path, record_id: str) -> Path | None:
    """Find the file of a picture that the chain says is deleted."""
    record = chain.read(connection, record_id)
    return None if record is None or record.image is None else stored(home, record.image.path)


def _find(connection: sqlite3.Connection, record_id: str) -> RunRecord:
    # SQLite cannot be asked for a lone surrogate; no id of ours holds one.
    askable = isinstance(record_id, str) and record_id.isascii()
    record = chain.read(connection, record_id) if askable else None
    if record is None:
        field = "record_id"
        raise InvalidRequest(field, record_id, f"{shown(record_id)} is no record of this home", "Look at the list.")
    return record
