"""The votes on the pictures of a home, as they were cast: nothing is changed and nothing removed.

What somebody takes back is a row of its own that names the vote; whoever counts leaves both out.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from zimage_lab.recipe import now
from zimage_lab.store.database import Store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_COLUMNS = (
    "id, comparison_id, session_id, rater, kind, question, number, left_record, right_record, choice, stars, about,"
    " seconds, cast_at"
)


_NAMES = _COLUMNS.split(", ")

PAIR_DOTS = 3
"""Dots in the question of a pair, `prompt.seed.one.other`; that of stars has one place less."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """Somebody's session: one for each comparison, rater and kind; its salt decides order and sides."""

    id: str
    comparison_id: str
    rater: str
    kind: str
    salt: str
    started_at: str


@dataclass(frozen=True, slots=True)
class Vote:
    """A row as it was cast.

    Attributes
    ----------
    kind
        pair, stars, skip or undo.
    question
        What was asked: places of prompt, seed and contestants.
    number
        At which place of the session it was asked, from 1.
    left_record, right_record
        The pictures as they stood; of stars the left one alone.
    choice, stars
        What was said.
    about
        The vote that an undo takes back.
    seconds
        From showing to voting, where it was measured.
    """

    id: str
    comparison_id: str
    session_id: str
    rater: str
    kind: str
    question: str
    number: int
    left_record: str
    right_record: str | None
    choice: str | None
    stars: int | None
    about: str | None
    seconds: float | None
    cast_at: str


class Votes(Store):
    """The votes of one home folder."""

    def session(self, comparison_id: str, rater: str, kind: str) -> SessionRow:
        """Give a rater's session of a comparison, a new one where there is none."""
        with self._database.write() as connection:
            return _session(connection, comparison_id, rater, kind)

    def cast(
        self,
        session: SessionRow,
        kind: str,
        question: str,
        number: int,
        records: tuple[str, str | None],
        *,
        choice: str | None = None,
        stars: int | None = None,
        about: str | None = None,
        seconds: float | None = None,
    ) -> Vote:
        """Write a vote; a question that has one in this session already, as of another tab, gets no second one."""
        with self._database.write() as connection:
            if kind != "undo":
                for vote in holding(_read(connection, "session_id", session.id)):
                    if vote.question == question:
                        return vote
            made = Vote(
                str(uuid.uuid4()),
                session.comparison_id,
                session.id,
                session.rater,
                kind,
                question,
                number,
                *records,
                choice,
                stars,
                about,
                seconds,
                now(),
            )
            _write(connection, made)
        return made

    def take_in(self, votes: Iterable[Vote]) -> int:
        """Write votes that were cast elsewhere, in their order, and give how many were new.

        What is here already is left as it is: the same vote, and a question that the rater answered here otherwise. An
        undo comes with the vote that it takes back, or not at all.
        """
        new, sessions = 0, dict[tuple[str, str], str]()
        standing: dict[str, dict[str, str]] = {}  # by session: the question of each vote that holds
        with self._database.write() as connection:
            known = {row["id"] for row in connection.execute("SELECT id FROM votes")}
            for vote in votes:
                way = "pairs" if vote.question.count(".") == PAIR_DOTS else "stars"
                if (vote.rater, way) not in sessions:
                    found = _session(connection, vote.comparison_id, vote.rater, way)
                    sessions[vote.rater, way] = found.id
                    standing[found.id] = {
                        one.id: one.question for one in holding(_read(connection, "session_id", found.id))
                    }
                session = sessions[vote.rater, way]
                stands = standing[session]
                fits = vote.about in stands if vote.kind == "undo" else vote.question not in stands.values()
                if vote.id in known or not fits:
                    continue
                _write(connection, replace(vote, session_id=session))
                new += 1
                if vote.about is None:
                    stands[vote.id] = vote.question
                else:
                    del stands[vote.about]
        return new

    def of(self, comparison_id: str) -> list[Vote]:
        """Give all rows of a comparison in the order they were cast, what was taken back too."""
        with self._database.read() as connection:
            return _read(connection, "comparison_id", comparison_id)

    def of_session(self, session_id: str) -> list[Vote]:
        """Give all rows of a session."""
        with self._database.read() as connection:
            return _read(connection, "session_id", session_id)


def holding(votes: list[Vote]) -> list[Vote]:
    """Give the votes that hold: without undos, and without what they took back."""
    gone = {vote.about for vote in votes if vote.kind == "undo"}
    return [vote for vote in votes if vote.kind != "undo" and vote.id not in gone]


def _session(connection: sqlite3.Connection, comparison_id: str, rater: str, kind: str) -> SessionRow:
    values = (str(uuid.uuid4()), comparison_id, rater, kind, secrets.token_hex(16), now())
    connection.execute("INSERT OR IGNORE INTO rating_sessions VALUES (?, ?, ?, ?, ?, ?)", values)
    row = connection.execute(
        "SELECT * FROM rating_sessions WHERE comparison_id = ? AND rater = ? AND kind = ?",
        (comparison_id, rater, kind),
    ).fetchone()
    return SessionRow(**dict(row))


def _write(connection: sqlite3.Connection, vote: Vote) -> None:
    values = [getattr(vote, name) for name in _NAMES]
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO votes ({_COLUMNS}) VALUES ({marks})", values)  # noqa: S608 - our own names


def _read(connection: sqlite3.Connection, column: str, value: str) -> list[Vote]:
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM votes WHERE {column} = ? ORDER BY sequence",  # noqa: S608 - our own names
        (value,),
    )
    return [Vote(**dict(row)) for row in rows]
