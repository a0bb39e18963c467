"""Questions about jobs; none of them changes anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from zimage_lab.store import jobs, leases
from zimage_lab.store.database import Store
from zimage_lab.store.jobs import SELECT_JOBS, STATES, AttemptRow, JobRow, JobRows, job_of

if TYPE_CHECKING:
    from collections.abc import Iterable

FOUND = 10  # jobs that the beginning of an id may stand for before it says nothing


class Lookup(Store):
    """The jobs of one home folder, to be read."""

    @property
    def paused(self) -> bool:
        """Whether the whole queue is paused."""
        with self._database.read() as connection:
            return leases.is_paused(connection)

    def get(self, job_id: str) -> JobRow:
        """Give a job; an unknown id is an InvalidRequest, never a job that looks done."""
        with self._database.read() as connection:
            return jobs.find(connection, job_id)

    def starting_with(self, prefix: str) -> JobRows:
        """Give the jobs whose ids begin so, at most ten: for a person who types the first few letters."""
        if not isinstance(prefix, str) or not prefix.isascii():
            return []
        low = prefix.lower()
        with self._database.read() as connection:
            rows = connection.execute(
                f"{SELECT_JOBS} WHERE id >= ? AND id < ? ORDER BY id LIMIT ?", (low, f"{low}~", FOUND)
            ).fetchall()
        return [job_of(row) for row in rows]

    def attempts(self, job_id: str) -> list[AttemptRow]:
        """Give the attempts of a job, the first one first."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT * FROM attempts WHERE job_id = ? ORDER BY number", (job_id,)).fetchall()
        return [AttemptRow(**dict(row)) for row in rows]

    def cancel_requested(self, job_ids: Iterable[str]) -> set[str]:
        """Say which of these running jobs somebody wants to stop."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT id FROM jobs WHERE cancel_requested = 1 AND state = 'running'"
                " AND id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(job_ids)),),
            ).fetchall()
        return {row["id"] for row in rows}

    def counts(self) -> dict[str, int]:
        """Count the jobs in each state, states without any included."""
        with self._database.read() as connection:
            found = connection.execute("SELECT state, jobs FROM totals").fetchall()
        return dict.fromkeys(STATES, 0) | {row["state"]: row["jobs"] for row in found}

    def waiting(self, limit: int = 100) -> JobRows:
        """Give the jobs that wait, in the order in which they will run; paused ones stand in their places."""
        with self._database.read() as connection:
            rows = connection.execute(
                f"{SELECT_JOBS} INDEXED BY jobs_in_order"
                " WHERE state = 'queued' ORDER BY priority DESC, position LIMIT ?",
                (max(0, limit),),
            ).fetchall()
        return [job_of(row) for row in rows]

    def list(self, states: Iterable[str] | None = None, limit: int = 100) -> JobRows:
        """Give jobs, newest first.

        Parameters
        ----------
        states
            Only jobs in one of these states; None for all.
        limit
            Most jobs.
        """
        wanted = tuple(dict.fromkeys(STATES if states is None else states))
        for state in wanted:
            jobs.known(state, STATES)
        one_state = f"SELECT * FROM ({SELECT_JOBS} WHERE state = ? ORDER BY sequence DESC LIMIT ?)"  # noqa: S608 - our own text
        # Each state by its index, then the newest of them all: nobody sorts ten thousand rows to show a hundred.
        select = " UNION ALL ".join([one_state] * len(wanted)) or f"{SELECT_JOBS} WHERE 0"
        values = [value for state in wanted for value in (state, max(0, limit))]
        with self._database.read() as connection:
            rows = connection.execute(f"{select} ORDER BY sequence DESC LIMIT ?", (*values, max(0, limit))).fetchall()
        return [job_of(row) for row in rows]
