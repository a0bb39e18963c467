"""The comparisons of a home by name: what each is made of, what is wanted of it, how its cells stand, their figures.

As with sweeps, cells are jobs, and what became of them is said by jobs and records alone. A job's key names its
comparison, the cell's place (prompt, seed, contestant, repeat) and its try: `compare/<id>/2.0.1.0/<try>`. Warm-up
pictures have keys of another shape, `compare/<id>/warm/<uuid>`: they are no cells.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab.store import chain
from zimage_lab.store.gradual import Rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable

    from zimage_lab.recipe import RunRecord

Index = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class CellJob:
    """The latest job of a cell."""

    index: Index
    attempt: int
    job_id: str
    state: str
    error: str | None
    record_id: str | None


class Figure(NamedTuple):
    """A number about a picture, or a note that says why there is none."""

    record_id: str
    name: str
    value: float | None
    note: str | None


class Comparisons(Rows):
    """The comparisons of one home folder."""

    KIND = "comparison"

    def cells(self, comparison_id: str) -> dict[Index, CellJob]:
        """Give the latest job of each cell that has one."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT id, key, state, error, record_id FROM jobs WHERE parent_id = ? ORDER BY sequence",
                (comparison_id,),
            ).fetchall()
        found: dict[Index, CellJob] = {}
        for row in rows:
            place = _place(row["key"])
            if place is not None:
                index, attempt = place
                known = found.get(index)
                if known is None or known.attempt <= attempt:
                    found[index] = CellJob(index, attempt, row["id"], row["state"], row["error"], row["record_id"])
        return found

    def records(self, comparison_id: str, record_ids: Collection[str] | None = None) -> dict[str, RunRecord]:
        """Give the records of its runs by their ids: of these, or of all, warm-ups too."""
        where, values = "WHERE runs.parent_id = ?", (comparison_id,)
        if record_ids is not None:
            where = "WHERE runs.record_id IN (SELECT value FROM json_each(?))"
            values = (json.dumps(list(record_ids)),)
        with self._database.read() as connection:
            rows = chain.read_many(connection, f"{where} ORDER BY runs.sequence", values)
        return {record.id: record for record in rows}

    def put_figures(self, figures: Iterable[Figure]) -> None:
        """Keep numbers about pictures; one that is measured again is written over."""
        with self._database.write() as connection:
            connection.executemany("INSERT OR REPLACE INTO figures VALUES (?, ?, ?, ?)", list(figures))

    def figures(self, comparison_id: str) -> list[Figure]:
        """Give the numbers about all its pictures."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT figures.* FROM figures JOIN runs USING (record_id) WHERE runs.parent_id = ?", (comparison_id,)
            ).fetchall()
        return [Figure(*row) for row in rows]


def key(comparison_id: str, index: Index, attempt: int) -> str:
    """Give the idempotency key of a cell's try."""
    return f"compare/{comparison_id}/{'.'.join(map(str, index))}/{attempt}"


def _place(text: str | None) -> tuple[Index, int] | None:
    """Read a key; None where it is no cell's."""
    parts = (text or "").split("/")
    places = parts[2].split(".") if len(parts) == 4 else []  # noqa: PLR2004 - as `key` writes them
    if len(places) != 4:  # noqa: PLR2004
        return None
    prompt, seed, contestant, repeat = map(int, places)
    return (prompt, seed, contestant, repeat), int(parts[3])


def erase_in(connection: sqlite3.Connection, comparison_id: str) -> None:
    """Forget the prompts of a comparison inside the caller's transaction; what was measured and voted stays."""
    row = connection.execute("SELECT told FROM comparisons WHERE id = ?", (comparison_id,)).fetchone()
    if row is None:
        return
    told = json.loads(row["told"])
    told["prompts"] = [[f"{chain.ERASED} {number}", None] for number in range(len(told["prompts"]))]
    grounds = [json.loads(ground) | dict.fromkeys(chain.PRIVATE, chain.ERASED) for ground in told["grounds"]]
    told["grounds"] = [json.dumps(ground) for ground in grounds]
    told["erased"] = True
    connection.execute(
        "UPDATE comparisons SET told = ?, wish = 'cancel' WHERE id = ?", (json.dumps(told), comparison_id)
    )
