"""The comparisons of a home by name: what each is made of, what is wanted of it, how its cells stand, their figures.

As with sweeps, cells are jobs, and what became of them is said by jobs and records alone. A job's key names its
comparison, the cell's place (prompt, seed, contestant, repeat) and its try: `compare/<id>/2.0.1.0/<try>`. Warm-up
pictures have keys of another shape, `compare/<id>/warm/<uuid>`: they are no cells.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.recipe import RunRecord, now
from zimage_lab.store import chain
from zimage_lab.store.database import Store
from zimage_lab.values import checked_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable

NAME_CHARACTERS = 100

Index = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """A comparison as the file has it; `wish` is run, pause or cancel, `told` the text of its plan."""

    id: str
    name: str
    created_at: str
    wish: str
    cells: int
    told: str


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


class Comparisons(Store):
    """The comparisons of one home folder."""

    def put(self, comparison_id: str, told: str, cells: int, name: str | None = None) -> ComparisonRow:
        """Keep a new comparison; without a name it is called "comparison 1" and so on.

        Raises
        ------
        InvalidRequest
            Another one has the name.
        """
        name = None if name is None else checked_text("name", name, limit=NAME_CHARACTERS)
        with self._database.write() as connection:
            taken = {row["name"] for row in connection.execute("SELECT name FROM comparisons")}
            if name is None:
                number = len(taken) + 1
                while (name := f"comparison {number}") in taken:
                    number += 1
            elif name in taken:
                field = "name"
                fix = f"Choose another name, or go on with that one: Comparison.load({name!r}).resume()."
                raise InvalidRequest(field, name, f"there is a comparison {shown(name)} already", fix)
            values = (comparison_id, name, now(), cells, told)
            connection.execute("INSERT INTO comparisons VALUES (?, ?, ?, 'run', ?, ?)", values)
        return self.get(comparison_id)

    def get(self, name: str) -> ComparisonRow:
        """Give a comparison by its name or its id; an unknown one is an InvalidRequest."""
        askable = isinstance(name, str) and name.isprintable()
        with self._database.read() as connection:
            row = (
                connection.execute("SELECT * FROM comparisons WHERE name = ?1 OR id = ?1", (name,)).fetchone()
                if askable
                else None
            )
            if row is None:
                names = [row["name"] for row in connection.execute("SELECT name FROM comparisons")]
                field, what = "name", f"{shown(name)} is no comparison of this home"
                raise InvalidRequest(field, name, what, suggestion(name, names))
        return ComparisonRow(**dict(row))

    def every(self) -> list[ComparisonRow]:
        """Give all comparisons, the newest first."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT * FROM comparisons ORDER BY created_at DESC").fetchall()
        return [ComparisonRow(**dict(row)) for row in rows]

    def wish(self, comparison_id: str, wish: str) -> None:
        """Say what is wanted: run, pause or cancel; whoever makes the cells looks."""
        with self._database.write() as connection:
            connection.execute("UPDATE comparisons SET wish = ? WHERE id = ?", (wish, comparison_id))

    def wished(self, comparison_id: str) -> str:
        """Give what is wanted."""
        with self._database.read() as connection:
            row = connection.execute("SELECT wish FROM comparisons WHERE id = ?", (comparison_id,)).fetchone()
        return "cancel" if row is None else str(row["wish"])

    def retell(self, comparison_id: str, told: str) -> None:
        """Write the plan anew, once it is settled."""
        with self._database.write() as connection:
            connection.execute("UPDATE comparisons SET told = ? WHERE id = ?", (told, comparison_id))

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
