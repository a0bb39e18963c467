"""The one SQLite file of a home: how it is opened, what is in it, and what its errors mean to a person.

WAL lets faces read while the engine writes; ``synchronous=FULL`` makes a commit survive a power cut, which is what
lets the queue say "accepted". Transactions are explicit: Python's implicit ones begin too late to protect a read that
a write depends on.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from zimage_lab.errors import StoreError
from zimage_lab.home import DATABASE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_SECONDS = 30.0

# One entry a schema version, never edited once it was released: a file of version n gets the entries from n on.
# Seeds are text: SQLite's integers end at 2**63 - 1.
MIGRATIONS = (
    """
    CREATE TABLE jobs (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        key TEXT UNIQUE,
        request TEXT NOT NULL,
        request_sha256 TEXT NOT NULL,
        model TEXT NOT NULL,
        seed TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN
            ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'invalid_output', 'quarantined')),
        priority INTEGER NOT NULL,
        cancel_requested INTEGER NOT NULL DEFAULT 0,
        created_at TEXT NOT NULL,
        started_at TEXT,
        finished_at TEXT,
        error TEXT,
        record_id TEXT,
        submitter_pid INTEGER NOT NULL,
        submitter TEXT NOT NULL
    ) STRICT;
    CREATE INDEX jobs_by_state ON jobs (state, priority DESC, sequence);
    CREATE TABLE attempts (
        job_id TEXT NOT NULL REFERENCES jobs (id),
        number INTEGER NOT NULL,
        engine_id TEXT NOT NULL,
        pid INTEGER NOT NULL,
        process TEXT NOT NULL,
        started_at TEXT NOT NULL,
        heartbeat_at TEXT NOT NULL,
        finished_at TEXT,
        outcome TEXT NOT NULL CHECK (outcome IN
            ('running', 'succeeded', 'failed', 'cancelled', 'interrupted', 'invalid_output')),
        error TEXT,
        PRIMARY KEY (job_id, number)
    ) STRICT;
    CREATE UNIQUE INDEX attempts_running ON attempts (job_id) WHERE outcome = 'running';
    CREATE TABLE records (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        job_id TEXT NOT NULL,
        state TEXT NOT NULL,
        model TEXT NOT NULL,
        seed TEXT NOT NULL,
        created_at TEXT NOT NULL,
        record TEXT NOT NULL
    ) STRICT;
    CREATE INDEX records_by_job ON records (job_id, sequence);
    """,
)


def connect(home: Path) -> sqlite3.Connection:
    """Open the database of a home folder, made or brought up to date where needed.

    Parameters
    ----------
    home
        The folder, as ``zimage_lab.home.home()`` gives it.

    Returns
    -------
    sqlite3.Connection
        In autocommit mode, for any thread (the caller holds a lock), rows by column name.

    Raises
    ------
    StoreError
        When the file cannot be opened, is no database, or is of a newer zimage_lab.
    """
    path = home / DATABASE
    with translated(path):
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.row_factory = sqlite3.Row
            _write_ahead(connection, path)
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
            _migrate(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


class Database:
    """A connection that the threads of one process share, one at a time.

    Parameters
    ----------
    home
        The home folder.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / DATABASE
        self._lock = threading.RLock()
        self._connection = connect(home)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for single statements that only read."""
        with self._lock, translated(self.path):
            yield self._connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection inside one transaction: committed at the end, undone on any exception."""
        with self._lock, translated(self.path), _transaction(self._connection):
            yield self._connection

    def close(self) -> None:
        """Close the file; the object is of no use afterwards."""
        with self._lock:
            self._connection.close()


class Store:
    """What one home folder keeps in the database; any thread may use it, and any number of processes.

    Parameters
    ----------
    home
        The home folder.
    """

    def __init__(self, home: Path) -> None:
        self._database = Database(home)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into sentences."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(_sentence(error, path)) from error


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk may have ended the transaction already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _write_ahead(connection: sqlite3.Connection, path: Path) -> None:
    """Switch to WAL; SQLite does not wait by itself when another process is switching the same new file."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.02)
            continue
        if mode != "wal":
            message = f"{path} is on a disk that cannot share memory between processes. Use a home on a local disk."
            raise StoreError(message)
        return


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    def version() -> int:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])

    if version() < len(MIGRATIONS):
        with _transaction(connection):
            done = version()  # asked again, under the lock
            for number, script in enumerate(MIGRATIONS[done:], start=done + 1):
                for statement in filter(str.strip, script.split(";")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={number}")
    if version() > len(MIGRATIONS):
        message = (
            f"{path} was written by a newer zimage_lab (its layout is {version()}, this one knows {len(MIGRATIONS)}). "
            "Update zimage_lab, or use another home folder."
        )
        raise StoreError(message)


def _sentence(error: sqlite3.Error, path: Path) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
    if code == sqlite3.SQLITE_FULL:
        return f"The disk of {path} is full. Free some space, then try again."
    if code == sqlite3.SQLITE_BUSY:
        return f"{path} has been locked for {BUSY_SECONDS:g} seconds by another process. Try again."
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
        return f"{path} cannot be written ({error}). Check the permissions of its folder, or use another home."
    if code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
        return f"{path} is damaged ({error}). Move it away; pictures keep their recipes inside."
    return f"{path}: {error}. Try again; if it stays, use another home folder."
