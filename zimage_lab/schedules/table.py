"""The schedules of a home and the log of their runs."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.recipe import now
from zimage_lab.schedules.command import checked
from zimage_lab.schedules.cron import Cron
from zimage_lab.store.database import Store

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Callable, Sequence

KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Schedule:
    """A command and when it runs; `folder` is where its relative paths begin."""

    id: int
    cron: str
    zone: str
    command: tuple[str, ...]
    folder: str
    paused: bool
    created_at: str
    seen: float

    @property
    def times(self) -> Cron:
        """When it is due."""
        return Cron(self.cron, self.zone)


@dataclass(frozen=True, slots=True)
class Run:
    """A run that was due, or several that were missed.

    Attributes
    ----------
    due
        Unix time in seconds; of several missed ones the last.
    state
        running, done, failed, cancelled, interrupted (the scheduler was killed), skipped (the one before still ran),
        missed (no scheduler ran).
    times
        How many due times the line stands for.
    output
        The last of what the command printed.
    """

    id: int
    schedule_id: int
    due: float
    state: str
    times: int
    started_at: str | None
    finished_at: str | None
    exit_code: int | None
    error: str | None
    output: str | None


ScheduleRows: TypeAlias = "list[Schedule]"
RunRows: TypeAlias = "list[Run]"


class Schedules(Store):
    """The schedules of one home folder.

    Parameters
    ----------
    home
        The home folder.
    clock
        Unix time in seconds.
    """

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        super().__init__(home)
        self.clock = clock

    def add(
        self,
        cron: str,
        command: Sequence[str],
        *,
        zone: str | None = None,
        folder: str | os.PathLike[str] | None = None,
    ) -> Schedule:
        """Have a command run at set times.

        Parameters
        ----------
        cron
            Five fields, as for `Cron`.
        command
            `batch` or `generate` and its arguments; in the values of --output and --output-dir {date} and {time} are
            those of the run.
        zone
            Time zone; None is this machine's.
        folder
            Where relative paths begin; None is the working folder.

        Raises
        ------
        InvalidRequest
            When something of it cannot be.
        """
        times, words = Cron(cron, zone), checked(command)
        where = Path(folder or ".").absolute()
        with self._database.write() as connection:
            done = connection.execute(
                "INSERT INTO schedules (cron, zone, command, folder, created_at, seen) VALUES (?, ?, ?, ?, ?, ?)",
                (times.expression, times.zone, json.dumps(words), str(where), now(), self.clock()),
            )
        return self.get(int(done.lastrowid or 0))

    def list(self) -> ScheduleRows:
        """Give the schedules, the oldest first."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT * FROM schedules WHERE removed = 0 ORDER BY id").fetchall()
        return [_schedule(row) for row in rows]

    def get(self, schedule_id: int) -> Schedule:
        """Give a schedule; an unknown id is an InvalidRequest."""
        for one in self.list():
            if one.id == schedule_id:
                return one
        field = "schedule"
        what = f"{shown(schedule_id)} is no schedule of this home"
        raise InvalidRequest(field, schedule_id, what, "Look at zimage-lab schedule list.")

    def pause(self, schedule_id: int) -> Schedule:
        """Let it rest; what would be due meanwhile is not missed."""
        return self._set(schedule_id, "paused = 1")

    def resume(self, schedule_id: int) -> Schedule:
        """Let it go on, from now."""
        return self._set(schedule_id, "paused = 0, seen = max(seen, :now)")

    def remove(self, schedule_id: int) -> Schedule:
        """End it; its log stays."""
        gone = self.get(schedule_id)
        self._set(schedule_id, "removed = 1")
        return gone

    def log(self, schedule_id: int | None = None, limit: int = 50) -> RunRows:
        """Give runs, the newest first; those of one schedule, or of all."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT * FROM schedule_runs WHERE :id IS NULL OR schedule_id = :id"
                " ORDER BY due DESC, id DESC LIMIT :limit",
                {"id": schedule_id, "limit": max(0, limit)},
            ).fetchall()
        return [_run(row) for row in rows]

    def begin(self, schedule_id: int, due: float) -> Run | None:
        """Write that a run begins, or is skipped while the one before runs; None where this due time was dealt with."""
        with self._database.write() as connection:
            busy = connection.execute(
                "SELECT 1 FROM schedule_runs WHERE schedule_id = ? AND state = 'running'", (schedule_id,)
            ).fetchone()
            state, why = ("skipped", "The run before it had not ended.") if busy else ("running", None)
            done = connection.execute(
                "INSERT OR IGNORE INTO schedule_runs (schedule_id, due, state, started_at, error)"
                " VALUES (?, ?, ?, ?, ?)",
                (schedule_id, due, state, now(), why),
            )
            connection.execute("DELETE FROM schedule_runs WHERE id <= (SELECT max(id) FROM schedule_runs) - ?", (KEPT,))
            row = connection.execute("SELECT * FROM schedule_runs WHERE id = ?", (done.lastrowid,)).fetchone()
        return _run(row) if done.rowcount else None

    def end(self, run: Run, state: str, *, exit_code: int | None, error: str | None, output: str) -> None:
        """Write how a run ended."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE schedule_runs SET state = ?, finished_at = ?, exit_code = ?, error = ?, output = ?"
                " WHERE id = ?",
                (state, now(), exit_code, error, output, run.id),
            )

    def interrupted(self) -> int:
        """Write of runs whose scheduler was killed that nobody knows how they ended; gives how many."""
        with self._database.write() as connection:
            return connection.execute(
                "UPDATE schedule_runs SET state = 'interrupted', finished_at = ?,"
                " error = 'The scheduler was killed; how the run ended is not known.' WHERE state = 'running'",
                (now(),),
            ).rowcount

    def account(self, until: float) -> RunRows:
        """Account for every run that was due up to a time: those that nobody began are missed, one line a schedule.

        Parameters
        ----------
        until
            Unix time in seconds.

        Returns
        -------
        list of Run
            The new lines.
        """
        return [run for one in self.list() if one.seen < until for run in self._account(one, until)]

    def _account(self, one: Schedule, until: float) -> RunRows:
        begin, end = (datetime.fromtimestamp(at, UTC) for at in (one.seen, until))
        due = [] if one.paused else [at.timestamp() for at in one.times.between(begin, end)]
        with self._database.write() as connection:
            known = {
                row["due"]
                for row in connection.execute(
                    "SELECT due FROM schedule_runs WHERE schedule_id = ? AND due > ? AND due <= ?",
                    (one.id, one.seen, until),
                )
            }
            missed = [at for at in due if at not in known]
            connection.execute("UPDATE schedules SET seen = ? WHERE id = ?", (until, one.id))
            if not missed:
                return []
            done = connection.execute(
                "INSERT INTO schedule_runs (schedule_id, due, state, times, error) VALUES (?, ?, 'missed', ?, ?)",
                (one.id, missed[-1], len(missed), "No scheduler ran, or the machine slept."),
            )
            row = connection.execute("SELECT * FROM schedule_runs WHERE id = ?", (done.lastrowid,)).fetchone()
        return [_run(row)]

    def _set(self, schedule_id: int, change: str) -> Schedule:
        known = self.get(schedule_id)
        with self._database.write() as connection:
            connection.execute(
                f"UPDATE schedules SET {change} WHERE id = :id",  # noqa: S608 - our own words
                {"id": schedule_id, "now": self.clock()},
            )
        return known if "removed" in change else self.get(schedule_id)


def _schedule(row: sqlite3.Row) -> Schedule:
    return Schedule(
        id=row["id"],
        cron=row["cron"],
        zone=row["zone"],
        command=tuple(json.loads(row["command"])),
        folder=row["folder"],
        paused=bool(row["paused"]),
        created_at=row["created_at"],
        seen=row["seen"],
    )


def _run(row: sqlite3.Row) -> Run:
    return Run(**{name: row[name] for name in Run.__slots__})
