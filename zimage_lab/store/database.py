"""The one SQLite file of a home: how it is opened, what is in it, and what its errors mean to a person.

WAL lets faces read while the engine writes; ``synchronous=FULL`` makes a commit survive a power cut, which is what
lets the queue say "accepted". Transactions are explicit: Python's implicit ones begin too late to protect a read that
a write depends on.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Self

from zimage_lab.errors import StoreError
from zimage_lab.home import DATABASE
from zimage_lab.store.schema import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zimage_lab.store.schema import Step

BUSY_SECONDS = 30.0
TRY_SECONDS = 0.0005
FULL_BYTES = 2**18  # with less, the shared memory of a WAL cannot grow


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
            connection.execute("PRAGMA secure_delete=ON")  # an erased prompt leaves no copy in a free page
            _migrate(connection, path)
            connection.execute("PRAGMA foreign_keys=ON")  # not before: a migration may rebuild a table
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

    Attributes
    ----------
    home
        The same.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
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
    _begin(connection)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk may have ended the transaction already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _begin(connection: sqlite3.Connection) -> None:
    """Begin to write, in turn with others.

    SQLite's own waiting sleeps up to 100 ms between two tries: a process that writes again and again, as an engine with
    quick pictures does, would keep the others out for seconds.
    """
    end = time.monotonic() + BUSY_SECONDS
    connection.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
                time.sleep(TRY_SECONDS)
            else:
                return
    finally:
        connection.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")


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
            if 0 < done < len(MIGRATIONS):
                _back_up(path, path.with_name(f"{path.name}.v{done}.bak"))
            for number, steps in enumerate(MIGRATIONS[done:], start=done + 1):
                for step in steps:
                    _apply(connection, step)
                connection.execute(f"PRAGMA user_version={number}")
    if version() > len(MIGRATIONS):
        message = (
            f"{path} was written by a newer zimage_lab (its layout is {version()}, this one knows {len(MIGRATIONS)}). "
            "Update zimage_lab, or use another home folder."
        )
        raise StoreError(message)


def _apply(connection: sqlite3.Connection, step: Step) -> None:
    """Do one step of a migration; executescript() would commit what came before it."""
    if not isinstance(step, str):
        step(connection)
        return
    statement = ""
    for line in step.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):  # knows that a trigger's body holds semicolons
            connection.execute(statement)
            statement = ""


def _back_up(path: Path, copy: Path) -> None:
    """Copy the file as it is; another connection reads while the caller's holds the lock, so nothing changes in it."""
    part = copy.with_name(f"{copy.name}.part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as target:
        source.backup(target)
    part.replace(copy)


def _sentence(error: sqlite3.Error, path: Path) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(path)):
        return f"The disk of {path} is full. Free some space, then try again."
    if code == sqlite3.SQLITE_BUSY:
        return f"{path} has been locked for {BUSY_SECONDS:g} seconds by another process. Try again."
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
        return f"{path} cannot be written ({error}). Check the permissions of its folder, or use another home."
    if code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
        return f"{path} is damaged ({error}). Move it away; pictures keep their recipes inside."
    return f"{path}: {error}. Try again; if it stays, use another home folder."


def _is_full(path: Path) -> bool:
    """Whether an error of reading or writing has the plainest of causes; SQLite does not always say so."""
    try:
        return shutil.disk_usage(path.parent).free < FULL_BYTES
    except OSError:
        return False
