"""The names by which a client of the HTTP interface knows pictures: uploads it gave, outputs it asked for.

No name here is ever a path: it is looked up, for one owner, and leads to a stored picture's hash ("sha256:...") or to
a run's record ("record:..."), so that nothing outside of the home can be reached by any spelling.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.store.database import Store
from zimage_lab.store.file_names import safe
from zimage_lab.values import checked_text

if TYPE_CHECKING:
    import sqlite3

KINDS = ("output", "input", "temp")
NAME_CHARACTERS = 200
MOST_TRIES = 10_000  # of " (1)", " (2)", ... behind a name
STORED, RECORD = "sha256:", "record:"


class Names(Store):
    """The names of one home folder."""

    def find(self, owner: str, kind: str, subfolder: str, name: str) -> str | None:
        """Give what a name leads to for its owner; None where there is none."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT target FROM names WHERE owner = ? AND kind = ? AND subfolder = ? AND name = ?",
                (owner, kind, subfolder, name),
            ).fetchone()
        return None if row is None else str(row["target"])

    def give(self, owner: str, kind: str, subfolder: str, name: str, target: str, *, overwrite: bool = False) -> str:
        """Name a picture; gives the name, with a number where another picture has it.

        Parameters
        ----------
        owner, kind, subfolder, name
            Whose, of `KINDS`, and as `checked_name` and `checked_subfolder` gave them.
        target
            What it leads to.
        overwrite
            Whether the name is taken from the picture that has it.
        """
        with self._database.write() as connection:
            if overwrite:
                connection.execute(
                    "INSERT OR REPLACE INTO names VALUES (?, ?, ?, ?, ?)", (owner, kind, subfolder, name, target)
                )
                return name
            path = PurePosixPath(name)
            for number in range(MOST_TRIES):
                tried = name if number == 0 else f"{path.stem} ({number}){path.suffix}"
                row = connection.execute(
                    "SELECT target FROM names WHERE owner = ? AND kind = ? AND subfolder = ? AND name = ?",
                    (owner, kind, subfolder, tried),
                ).fetchone()
                if row is None:
                    connection.execute(
                        "INSERT INTO names VALUES (?, ?, ?, ?, ?)", (owner, kind, subfolder, tried, target)
                    )
                if row is None or row["target"] == target:
                    return tried
        field = "image"
        raise InvalidRequest(field, name, f"{MOST_TRIES} pictures have the name {shown(name)}", "Choose another name.")

    def list(self, owner: str, kind: str, limit: int = 1000) -> list[tuple[str, str]]:
        """List subfolder and name of an owner's pictures."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT subfolder, name FROM names WHERE owner = ? AND kind = ? ORDER BY subfolder, name LIMIT ?",
                (owner, kind, limit),
            ).fetchall()
        return [(row["subfolder"], row["name"]) for row in rows]


def number_in(connection: sqlite3.Connection, owner: str, kind: str, subfolder: str, prefix: str) -> str:
    """Give the next free name `prefix_00001_.png`, inside the caller's transaction."""
    while True:
        key = f"name {owner}/{kind}/{subfolder}/{prefix}"
        row = connection.execute(
            "INSERT INTO meta VALUES (?, '1') ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1"
            " RETURNING value",
            (key,),
        ).fetchone()
        name = f"{prefix}_{int(row['value']):05}_.png"
        taken = connection.execute(
            "SELECT 1 FROM names WHERE owner = ? AND kind = ? AND subfolder = ? AND name = ?",
            (owner, kind, subfolder, name),
        ).fetchone()
        if taken is None:
            return name


def checked_kind(value: object) -> str:
    """Give the kind of a name.

    Raises
    ------
    InvalidRequest
        It is none of `KINDS`.
    """
    if value not in KINDS:
        field = "type"
        raise InvalidRequest(field, value, f"{shown(value)} is not a kind of picture", "Use output, input or temp.")
    return str(value)


def checked_name(field: str, value: object) -> str:
    """Give the name of a picture as it may be kept: one part of a path, safe on every system.

    Raises
    ------
    InvalidRequest
        It is no such name.
    """
    text = checked_text(field, value, limit=NAME_CHARACTERS)
    if text.startswith(("/", "\\")) or ".." in text:
        raise InvalidRequest(field, value, f"{shown(text)} leads out of its folder", "Give a plain name.")
    if text != safe(text):
        raise InvalidRequest(field, value, f"{shown(text)} is no plain name of a file", f"Use {shown(safe(text))}.")
    return text


def checked_subfolder(value: object) -> str:
    """Give a subfolder as it may be kept: empty, or plain names with slashes between them.

    Raises
    ------
    InvalidRequest
        It is none.
    """
    if value in ("", None):
        return ""
    field = "subfolder"
    text = checked_text(field, value, limit=NAME_CHARACTERS)
    return "/".join(checked_name(field, part) for part in text.strip("/").split("/")) if text[0] != "/" else _out(text)


def _out(text: str) -> str:
    field = "subfolder"
    raise InvalidRequest(field, text, f"{shown(text)} leads out of its folder", "Give a plain name.")
