"""What is made of many pictures, one after the other, and has a name: the part that sweeps and comparisons share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.recipe import now
from zimage_lab.store.database import Store
from zimage_lab.values import checked_text

NAME_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Row:
    """A sweep or a comparison as the file has it.

    Attributes
    ----------
    wish
        What is wanted of it: run, pause or cancel.
    cells
        How many pictures it is made of.
    told
        The text of its grid or its plan.
    """

    id: str
    name: str
    created_at: str
    wish: str
    cells: int
    told: str


class Rows(Store):
    """All of one kind in a home folder; a subclass says which."""

    KIND: ClassVar[str]
    """One of them, as a message calls it; with an s it is the table's name, with a capital the class that loads it."""

    def put(self, row_id: str, told: str, cells: int, name: str | None = None) -> Row:
        """Keep a new one; without a name it is called "sweep 1" and so on.

        Raises
        ------
        InvalidRequest
            Another one has the name.
        """
        name = None if name is None else checked_text("name", name, limit=NAME_CHARACTERS)
        with self._database.write() as connection:
            taken = {row["name"] for row in connection.execute(f"SELECT name FROM {self.KIND}s")}
            if name is None:
                number = len(taken) + 1
                while (name := f"{self.KIND} {number}") in taken:
                    number += 1
            elif name in taken:
                field, what = "name", f"there is a {self.KIND} {shown(name)} already"
                load = f"{self.KIND.capitalize()}.load({name!r}).resume()"
                raise InvalidRequest(field, name, what, f"Choose another name, or go on with that one: {load}.")
            values = (row_id, name, now(), cells, told)
            connection.execute(f"INSERT INTO {self.KIND}s VALUES (?, ?, ?, 'run', ?, ?)", values)
        return self.get(row_id)

    def get(self, name: str) -> Row:
        """Give one by its name or its id; an unknown one is an InvalidRequest."""
        askable = isinstance(name, str) and name.isprintable()
        found = f"SELECT * FROM {self.KIND}s WHERE name = ?1 OR id = ?1"
        with self._database.read() as connection:
            row = connection.execute(found, (name,)).fetchone() if askable else None
            if row is None:
                names = [row["name"] for row in connection.execute(f"SELECT name FROM {self.KIND}s")]
                field, what = "name", f"{shown(name)} is no {self.KIND} of this home"
                raise InvalidRequest(field, name, what, suggestion(name, names))
        return Row(**dict(row))

    def every(self) -> list[Row]:
        """Give all of them, the newest first."""
        with self._database.read() as connection:
            rows = connection.execute(f"SELECT * FROM {self.KIND}s ORDER BY created_at DESC").fetchall()
        return [Row(**dict(row)) for row in rows]

    def wish(self, row_id: str, wish: str) -> None:
        """Say what is wanted: run, pause or cancel; whoever makes the cells looks."""
        with self._database.write() as connection:
            connection.execute(f"UPDATE {self.KIND}s SET wish = ? WHERE id = ?", (wish, row_id))

    def wished(self, row_id: str) -> str:
        """Give what is wanted; one that was removed is to be cancelled."""
        with self._database.read() as connection:
            row = connection.execute(f"SELECT wish FROM {self.KIND}s WHERE id = ?", (row_id,)).fetchone()
        return "cancel" if row is None else str(row["wish"])

    def retell(self, row_id: str, told: str, cells: int) -> None:
        """Write anew what it is made of."""
        with self._database.write() as connection:
            connection.execute(f"UPDATE {self.KIND}s SET told = ?, cells = ? WHERE id = ?", (told, cells, row_id))
