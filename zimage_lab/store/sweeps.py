"""The sweeps of a home by name: what each is made of, what is wanted of it, and how its cells stand.

A sweep's cells are jobs, and what became of them is said by the jobs and records alone: this table never tells it a
second time. A job's key names its sweep, the cell's place on each axis, and its try: `sweep/<id>/2.0.15/<try>`. It
holds no word of a prompt, nor a hash that would confirm a guess: a prompt may be erased, and its cell is still found.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zimage_lab.store import chain
from zimage_lab.store.gradual import Rows

if TYPE_CHECKING:
    import sqlite3

_ENDS = (
    "SELECT jobs.id, jobs.state, jobs.error, jobs.record_id, runs.seconds, runs.image_path, marks.binned,"
    " coalesce(marks.favourite, 0) AS favourite,"
    " (SELECT json_group_array(tag) FROM tags WHERE tags.record_id = jobs.record_id) AS tags"
    " FROM jobs LEFT JOIN runs ON runs.record_id = jobs.record_id"
    " LEFT JOIN marks ON marks.record_id = jobs.record_id"
)


@dataclass(frozen=True, slots=True)
class CellRow:
    """The latest job of a cell; `index` and `attempt` are of its key, or of that of the job which it repeats."""

    index: tuple[int, ...]
    attempt: int
    job_id: str
    state: str
    paused: bool
    keyed: bool = True


class Sweeps(Rows):
    """The sweeps of one home folder."""

    KIND = "sweep"

    def cells(self, sweep_id: str) -> list[CellRow]:
        """Give the latest job of each cell that has one, in the order of their ends; those that go on come last."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT id, key, retry_of, state, paused FROM jobs WHERE parent_id = ?"
                " ORDER BY finished_at IS NULL, finished_at, sequence",
                (sweep_id,),
            ).fetchall()
        keys: dict[str, str | None] = {}
        found: dict[tuple[int, ...], CellRow] = {}
        for row in sorted(rows, key=lambda row: row["key"] is None):
            # A job that was tried again from the queue has no key; it is of the cell whose job it repeats.
            key = keys[row["id"]] = row["key"] or keys.get(row["retry_of"])
            place = _place(key)
            if place is None:
                continue
            made = CellRow(*place, row["id"], row["state"], bool(row["paused"]), row["key"] is not None)
            known = found.get(made.index)
            if known is None or row["key"] is None or known.attempt <= made.attempt:
                found.pop(made.index, None)
                found[made.index] = made
        return list(found.values())

    def ends(self, job_ids: list[str]) -> dict[str, dict[str, Any]]:
        """Tell of these jobs how they ended: state, error, and of their runs record, seconds, picture and marks."""
        with self._database.read() as connection:
            rows = connection.execute(
                f"{_ENDS} WHERE jobs.id IN (SELECT value FROM json_each(?))",  # noqa: S608 - our own text
                (json.dumps(job_ids),),
            ).fetchall()
        return {row["id"]: dict(row) | {"tags": json.loads(row["tags"])} for row in rows}

    def end(self, key: str) -> dict[str, Any] | None:
        """Tell the same of the job with a key; None where there is none."""
        with self._database.read() as connection:
            row = connection.execute(f"{_ENDS} WHERE jobs.key = ?", (key,)).fetchone()
        return None if row is None else dict(row) | {"tags": json.loads(row["tags"])}

    def made_by(self, sweep_id: str) -> dict[str, tuple[int, float]]:
        """Tell how many cells each engine made, by its id, and how many seconds lie between its first and its last."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT engine_id, count(*) AS cells, 86400 * (julianday(max(attempts.finished_at))"
                " - julianday(min(attempts.started_at))) AS seconds FROM attempts JOIN jobs ON jobs.id = job_id"
                " WHERE parent_id = ? AND outcome = 'succeeded' GROUP BY engine_id ORDER BY min(attempts.rowid)",
                (sweep_id,),
            ).fetchall()
        return {row["engine_id"]: (row["cells"], float(row["seconds"])) for row in rows}


def key(sweep_id: str, index: tuple[int, ...], attempt: int) -> str:
    """Give the idempotency key of a cell's try."""
    return f"sweep/{sweep_id}/{'.'.join(map(str, index))}/{attempt}"


def _place(key: str | None) -> tuple[tuple[int, ...], int] | None:
    """Read a key; None where it is none of ours."""
    parts = (key or "").split("/")
    if len(parts) != 4:  # noqa: PLR2004 - as `key` writes them
        return None
    return tuple(int(place) for place in parts[2].split(".") if place), int(parts[3])


def erase_in(connection: sqlite3.Connection, sweep_id: str) -> None:
    """Forget the prompts of a sweep inside the caller's transaction: whoever erases one of them means the text.

    What was made stays, and its cells are still told apart by their places; it cannot go on.
    """
    row = connection.execute("SELECT told FROM sweeps WHERE id = ?", (sweep_id,)).fetchone()
    if row is None:
        return
    told = json.loads(row["told"])
    for number, axis in enumerate(told["axes"]):
        if axis["kind"] == "replace" or axis["name"] in chain.PRIVATE:
            axis["values"] = [f"{chain.ERASED} {place}" for place in range(len(axis["values"]))]
        if axis["kind"] == "replace":
            axis["name"], axis["needle"] = f"{chain.ERASED} {number}", ""
    grounds = [json.loads(ground) | dict.fromkeys(chain.PRIVATE, chain.ERASED) for ground in told["grounds"]]
    told["grounds"] = [json.dumps(ground) for ground in grounds]
    told["erased"] = True
    connection.execute("UPDATE sweeps SET told = ?, wish = 'cancel' WHERE id = ?", (json.dumps(told), sweep_id))
