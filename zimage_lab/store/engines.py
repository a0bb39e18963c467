"""The engines of a home folder: who holds a model on which device, and what somebody asked of it."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.recipe import now
from zimage_lab.store.database import Store
from zimage_lab.store.leases import LEASE_SECONDS
from zimage_lab.store.process import Life, identity, life

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

ASKED = ("stop", "unload")
_UNLOAD = "unload "  # with the engine's id, the row of `meta` that names models
KEPT = 100  # engines that have ended; jobs that were pinned to them are found by them

_SELECT = (
    "SELECT engines.*, (SELECT job_id FROM attempts WHERE engine_id = engines.id AND outcome = 'running') AS running"
    " FROM engines"
)


@dataclass(frozen=True, slots=True)
class EngineRow:
    """An engine as the file has it.

    Attributes
    ----------
    device
        Where it computes, as torch names it.
    endpoint
        Where it tells live events; None where it does not.
    shared
        Whether it takes jobs that are pinned to nobody.
    independent
        Whether it outlives whoever started it.
    idle_seconds
        Seconds without work after which it ends; None: never.
    told
        What it last said of itself: model, device, dtype, memory_bytes, models.
    running
        The job that it runs, or None.
    """

    id: str
    pid: int
    device: str
    endpoint: str | None
    shared: bool
    independent: bool
    idle_seconds: float | None
    started_at: str
    told: dict[str, Any] = field(default_factory=dict)
    running: str | None = None


EngineRows: TypeAlias = list[EngineRow]


class Asked(NamedTuple):
    """What was asked of an engine: "stop", "unload" or nothing; and which models are to go, none named for all."""

    what: str = ""
    models: tuple[str, ...] = ()


class Engines(Store):
    """The engines of one home folder; any thread may use it."""

    def register(
        self,
        engine_id: str,
        *,
        device: str,
        endpoint: str | None = None,
        independent: bool = False,
        idle_seconds: float | None = None,
        shared: bool = True,
    ) -> EngineRow:
        """Say that this process holds an engine now; the fields are those of `EngineRow`."""
        pid = os.getpid()
        values = (engine_id, pid, identity(pid), device, endpoint, shared, independent, idle_seconds, now())
        with self._database.write() as connection:
            _forget(connection)
            connection.execute(
                "INSERT INTO engines (id, pid, process, device, endpoint, shared, independent, idle_seconds,"
                " started_at, beat) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, time.monotonic()),
            )
            return _find(connection, engine_id)

    def tell(self, engine_id: str, told: Mapping[str, Any]) -> None:
        """Say what the engine holds; from any thread."""
        text = json.dumps(told, ensure_ascii=False, sort_keys=True)
        with self._database.read() as connection:  # nothing is written for what is known
            if connection.execute("SELECT 1 FROM engines WHERE id = ? AND told = ?", (engine_id, text)).fetchone():
                return
        with self._database.write() as connection:
            connection.execute("UPDATE engines SET told = ? WHERE id = ?", (text, engine_id))

    def beat(self, engine_id: str) -> None:
        """Say that the engine lives."""
        with self._database.write() as connection:
            connection.execute("UPDATE engines SET beat = ? WHERE id = ?", (time.monotonic(), engine_id))

    def ask(self, engine_id: str, what: str, model: str | None = None) -> EngineRow:
        """Ask an engine to stop, or to give memory back; it looks after each job and while it is idle.

        Parameters
        ----------
        engine_id
            Which.
        what
            "stop" or "unload".
        model
            The id of the model that is to go; None for all of them.

        Raises
        ------
        InvalidRequest
            When there is no such engine, or the wish is none that an engine knows.
        """
        if what not in ASKED:
            name = "what"
            raise InvalidRequest(name, what, f"{shown(what)} cannot be asked of an engine", suggestion(what, ASKED))
        with self._database.write() as connection:
            row = _find(connection, engine_id)
            if what == "unload":
                _add_model(connection, engine_id, model)
            # Whoever was asked to stop does not go on because somebody else would have been content with less.
            connection.execute("UPDATE engines SET asked = ? WHERE id = ? AND asked <> 'stop'", (what, engine_id))
            return row

    def asked(self, engine_id: str) -> Asked:
        """Give what was asked of an engine; "unload" is given once."""
        find = "SELECT asked FROM engines WHERE id = ?"
        with self._database.read() as connection:
            row = connection.execute(find, (engine_id,)).fetchone()
        if row is None or row["asked"] != "unload":
            return Asked() if row is None else Asked(str(row["asked"]))
        with self._database.write() as connection:
            row = connection.execute(find, (engine_id,)).fetchone()
            connection.execute("UPDATE engines SET asked = '' WHERE id = ? AND asked = 'unload'", (engine_id,))
            models = _models(connection, engine_id)
            connection.execute("DELETE FROM meta WHERE key = ?", (_UNLOAD + engine_id,))
        return Asked(str(row["asked"]), () if models is None else tuple(models))

    def end(self, engine_id: str) -> None:
        """Say that the engine has ended; a second time changes nothing."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE engines SET stopped_at = ? WHERE id = ? AND stopped_at IS NULL", (now(), engine_id)
            )

    def get(self, engine_id: str) -> EngineRow:
        """Give an engine, living or not; an unknown id is an InvalidRequest."""
        with self._database.read() as connection:
            return _find(connection, engine_id)

    def living(self) -> EngineRows:
        """List the engines that have not ended and whose process is there, the oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(f"{_SELECT} WHERE stopped_at IS NULL ORDER BY started_at, rowid").fetchall()
        return [_row(row) for row in rows if _lives(row)]


def _models(connection: sqlite3.Connection, engine_id: str) -> list[str] | None:
    """List the models that an engine was asked to let go; None where none was named."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_UNLOAD + engine_id,)).fetchone()
    return None if row is None else list(json.loads(row["value"]))


def _add_model(connection: sqlite3.Connection, engine_id: str, model: str | None) -> None:
    found = connection.execute("SELECT asked FROM engines WHERE id = ?", (engine_id,)).fetchone()
    before = _models(connection, engine_id) if found is not None and found["asked"] == "unload" else []
    if model is None or before is None:  # all of them are more than any one
        connection.execute("DELETE FROM meta WHERE key = ?", (_UNLOAD + engine_id,))
    else:
        value = json.dumps(list(dict.fromkeys([*before, model])))
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_UNLOAD + engine_id, value))


def _lives(row: sqlite3.Row) -> bool:
    found = life(row["pid"], row["process"])
    if found is Life.UNKNOWN:  # in another container: only its heartbeat tells
        return bool(time.monotonic() - row["beat"] <= LEASE_SECONDS)
    return found is Life.ALIVE


def _find(connection: sqlite3.Connection, engine_id: str) -> EngineRow:
    askable = isinstance(engine_id, str) and engine_id.isascii()
    row = connection.execute(f"{_SELECT} WHERE id = ?", (engine_id,)).fetchone() if askable else None
    if row is None:
        name = "engine"
        raise InvalidRequest(name, engine_id, f"{shown(engine_id)} is no engine of this home", "Look at the list.")
    return _row(row)


def _row(row: sqlite3.Row) -> EngineRow:
    return EngineRow(
        id=row["id"],
        pid=row["pid"],
        device=row["device"],
        endpoint=row["endpoint"],
        shared=bool(row["shared"]),
        independent=bool(row["independent"]),
        idle_seconds=row["idle_seconds"],
        started_at=row["started_at"],
        told=json.loads(row["told"]),
        running=row["running"],
    )


def _forget(connection: sqlite3.Connection) -> None:
    """Note the end of engines whose process is gone, and remove those that ended long ago."""
    for row in connection.execute("SELECT * FROM engines WHERE stopped_at IS NULL").fetchall():
        if life(row["pid"], row["process"]) is Life.GONE:
            connection.execute("UPDATE engines SET stopped_at = ? WHERE id = ?", (now(), row["id"]))
    connection.execute(
        "DELETE FROM engines WHERE stopped_at IS NOT NULL"
        " AND id NOT IN (SELECT engine FROM jobs WHERE state = 'queued' AND engine IS NOT NULL)"
        " AND rowid NOT IN (SELECT rowid FROM engines ORDER BY rowid DESC LIMIT ?)",
        (KEPT,),
    )
