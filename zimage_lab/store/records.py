"""The run records: appended, never changed, so that what made a picture can be read years later."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.recipe import RunRecord
from zimage_lab.store.database import Store
from zimage_lab.store.images import sweep

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

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
        text = record.to_json()
        with self._database.write() as connection:
            there = connection.execute("SELECT record FROM records WHERE id = ?", (record.id,)).fetchone()
            if there is not None:
                if there["record"] != text:
                    field = "id"
                    raise InvalidRequest(field, record.id, f"{record.id} is another record's", "Give a new id.")
                return
            connection.execute(
                "INSERT INTO records (id, job_id, state, model, seed, created_at, record) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    record.id,
                    record.job_id,
                    record.state,
                    record.model.id,
                    str(record.request.seed),
                    record.created_at,
                    text,
                ),
            )

    def get(self, record_id: str) -> RunRecord:
        """Give a record; an unknown id is an InvalidRequest."""
        with self._database.read() as connection:
            row = _find(connection, record_id)
        return RunRecord.from_json(row["record"])

    def by_job(self, job_id: str) -> RunRecords:
        """Give the records of a job, the first one first."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT record FROM records WHERE job_id = ? ORDER BY sequence", (job_id,)
            ).fetchall()
        return [RunRecord.from_json(row["record"]) for row in rows]

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
            end = 2**63 - 1 if before is None else _find(connection, before)["sequence"]
            rows = connection.execute(
                "SELECT record FROM records WHERE sequence < ? ORDER BY sequence DESC LIMIT ?", (end, max(0, limit))
            ).fetchall()
        return [RunRecord.from_json(row["record"]) for row in rows]


def _find(connection: sqlite3.Connection, record_id: str) -> sqlite3.Row:
    # SQLite cannot be asked for a lone surrogate; no id of ours holds one.
    askable = isinstance(record_id, str) and record_id.isascii()
    find = "SELECT sequence, record FROM records WHERE id = ?"
    row: sqlite3.Row | None = connection.execute(find, (record_id,)).fetchone() if askable else None
    if row is None:
        field = "record_id"
        raise InvalidRequest(field, record_id, f"{shown(record_id)} is no record of this home", "Look at the list.")
    return row
