"""What came over HTTP: graphs that clients sent, the jobs they became, and whose they are.

Many wishes that come at about the same time are written in one transaction, and none is acknowledged before it: a
commit waits for the disk, and a hundred clients need not wait for it a hundred times.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from zimage_lab.errors import InvalidRequest, QueueFull, ZImageError, shown
from zimage_lab.recipe import now
from zimage_lab.store import chain, names, order
from zimage_lab.store.jobs import JobRow, job_of
from zimage_lab.store.queue import Queue

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from zimage_lab.recipe import RunRecord
    from zimage_lab.request import GenerationRequest

RETRY_SECONDS = 2.0
MOST = 1000


class DuplicatePrompt(ZImageError):  # noqa: N818 - it says what happened
    """A prompt with this id is there already."""


class Made(NamedTuple):
    """A picture of a prompt: by which node, and how its file is to be called."""

    node: str
    kind: str
    subfolder: str
    prefix: str
    record_id: str


class Piece(NamedTuple):
    """One job of a wish, and what is said of it beside its request."""

    request: GenerationRequest
    options: order.Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants, all of it or nothing.

    Attributes
    ----------
    owner
        Who; the `user` of its jobs.
    pieces
        Its jobs.
    waiting
        Most jobs of the owner that may wait; None sets no limit.
    prompt_id, client_id, number, front
        As ComfyUI's clients give them; without a `prompt_id` no prompt is kept.
    told
        What is kept of the prompt: graph, extra_data, outputs.
    """

    owner: str
    pieces: tuple[Piece, ...]
    waiting: int | None = None
    prompt_id: str | None = None
    client_id: str | None = None
    number: float | None = None
    front: bool = False
    told: dict[str, Any] = field(default_factory=dict)


class Taken(NamedTuple):
    """A wish that is on the disk: its jobs, and its number and id among the prompts."""

    jobs: list[JobRow]
    number: float
    prompt_id: str | None = None


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A prompt as the file has it.

    Attributes
    ----------
    told
        graph, extra_data, outputs (ids of nodes), and files: by node, once they are named.
    jobs
        Its jobs in order.
    """

    id: str
    owner: str
    number: float
    client_id: str | None
    told: dict[str, Any]
    created_at: str
    jobs: tuple[JobRow, ...]

    @property
    def state(self) -> str:
        """Pending, in_progress, completed, failed or cancelled."""
        states = {job.state for job in self.jobs}
        if states <= {"queued"}:
            return "pending"
        if states & {"queued", "running"}:
            return "in_progress"
        if states == {"succeeded"}:
            return "completed"
        return "cancelled" if states <= {"succeeded", "cancelled"} else "failed"

    @property
    def done(self) -> bool:
        """Whether nothing will happen to it any more."""
        return all(job.done for job in self.jobs)


class Prompts(Queue):
    """The prompts of one home folder, and the way in for wishes."""

    def take(self, wishes: Sequence[Wish]) -> list[Taken | ZImageError]:
        """Take wishes in; when this returns, those that were taken are on the disk.

        Returns
        -------
        list
            For each wish what it became, or why it was refused; one that is refused does not touch the others.
        """
        answers: list[Taken | ZImageError] = []
        with self._database.write() as connection:
            for wish in wishes:
                connection.execute("SAVEPOINT wish")
                try:
                    answers.append(self._take(connection, wish))
                except ZImageError as error:
                    connection.execute("ROLLBACK TO wish")
                    answers.append(error)
                connection.execute("RELEASE wish")
        return answers

    def prompt(self, prompt_id: str) -> PromptRow | None:
        """Give a prompt by its id; None where there is none."""
        found = self._prompts("WHERE prompts.id = ?", (prompt_id,))
        return found[0] if found else None

    def of_job(self, job_id: str) -> PromptRow | None:
        """Give the prompt that a job belongs to; None where it came another way."""
        found = self._prompts("WHERE prompts.id = (SELECT prompt_id FROM prompt_jobs WHERE job_id = ?)", (job_id,))
        return found[0] if found else None

    def open_prompts(self, owner: str | None, limit: int = MOST) -> list[PromptRow]:
        """Give the prompts of an owner, None for everybody's, that have not ended, the first one first."""
        where = f"WHERE prompts.id IN ({_OPEN}) AND (?1 IS NULL OR owner = ?1) ORDER BY number, sequence LIMIT ?2"
        return self._prompts(where, (owner, limit))

    def ended_prompts(self, owner: str | None, limit: int = MOST, skip: int = 0) -> list[PromptRow]:
        """Give the prompts of an owner that have ended and are not hidden, the newest first."""
        whose = "owner = ?1" if owner is not None else "?1 IS NULL"
        where = f"WHERE {whose} AND hidden = 0 AND NOT EXISTS ({_GOING_ON}) ORDER BY sequence DESC LIMIT ?2 OFFSET ?3"
        return self._prompts(where, (owner, limit, skip))

    def hide(self, owner: str | None, prompt_ids: Iterable[str] | None = None) -> None:
        """Take prompts out of an owner's list of what was done, all of them where none is named; records stay."""
        with self._database.write() as connection:
            which = "(?1 IS NULL OR owner = ?1) AND (?2 IS NULL OR id IN (SELECT value FROM json_each(?2)))"
            connection.execute(
                f"UPDATE prompts SET hidden = 1 WHERE {which} AND NOT EXISTS ({_GOING_ON})",  # noqa: S608 - our own text
                (owner, None if prompt_ids is None else json.dumps(list(prompt_ids))),
            )

    def jobs_of(
        self, owner: str | None, states: Iterable[str] | None = None, limit: int = 100, skip: int = 0
    ) -> list[JobRow]:
        """Give the jobs of an owner, None for everybody's, newest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT jobs.*, (SELECT count(*) FROM attempts WHERE job_id = jobs.id) AS attempts FROM jobs"
                " WHERE (?1 IS NULL OR user = ?1) AND (?2 IS NULL OR state IN (SELECT value FROM json_each(?2)))"
                " ORDER BY sequence DESC LIMIT ?3 OFFSET ?4",
                (owner, None if states is None else json.dumps(list(states)), limit, skip),
            ).fetchall()
        return [job_of(row) for row in rows]

    def remaining(self, owner: str | None) -> int:
        """Count the jobs of an owner, None for everybody's, that wait or run."""
        if owner is None:
            counts = self.counts()
            return counts["queued"] + counts["running"]
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT count(*) FROM jobs WHERE user = ? AND state IN ('queued', 'running')", (owner,)
            ).fetchone()
        return int(row[0])

    def name(self, prompt_id: str, made: Sequence[Made]) -> dict[str, list[dict[str, str]]]:
        """Name the pictures of an ended prompt, once; gives them by node, as ComfyUI's clients read them."""
        with self._database.write() as connection:
            row = connection.execute("SELECT owner, told FROM prompts WHERE id = ?", (prompt_id,)).fetchone()
            told: dict[str, Any] = json.loads(row["told"])
            if "files" not in told:
                files: dict[str, list[dict[str, str]]] = {}
                for one in made:
                    place = (row["owner"], one.kind, one.subfolder)
                    name = names.number_in(connection, *place, one.prefix)
                    target = names.RECORD + one.record_id
                    connection.execute("INSERT INTO names VALUES (?, ?, ?, ?, ?)", (*place, name, target))
                    entry = {"filename": name, "subfolder": one.subfolder, "type": one.kind}
                    files.setdefault(one.node, []).append(entry)
                told["files"] = files
                connection.execute("UPDATE prompts SET told = ? WHERE id = ?", (json.dumps(told), prompt_id))
        named: dict[str, list[dict[str, str]]] = told["files"]
        return named

    def counts_of(self, owner: str) -> dict[str, int]:
        """Count the jobs of an owner in each state."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT state, count(*) AS jobs FROM jobs WHERE user = ? GROUP BY state", (owner,)
            ).fetchall()
        return {row["state"]: row["jobs"] for row in rows}

    def records_of(self, owner: str | None, limit: int = 100, before: str | None = None) -> list[RunRecord]:
        """Give the records of an owner's jobs, None for everybody's, the newest first; `before`: only older ones.

        Raises
        ------
        InvalidRequest
            There is no record `before`.
        """
        with self._database.read() as connection:
            newest = 2**62
            if before is not None:
                row = connection.execute("SELECT sequence FROM runs WHERE record_id = ?", (before,)).fetchone()
                if row is None:
                    what = f"{shown(before)} is no record of this home"
                    field = "before"
                    raise InvalidRequest(field, before, what, "Look at the list.")
                newest = row["sequence"]
            mine = "runs.job_id IN (SELECT id FROM jobs WHERE user = ?)" if owner is not None else "? IS NULL"
            where = f"WHERE {mine} AND runs.sequence < ? ORDER BY runs.sequence DESC LIMIT ?"
            return chain.read_many(connection, where, (owner, newest, limit))

    def own_parent(self, parent_id: str, owner: str) -> None:
        """Note whose a sweep is."""
        with self._database.write() as connection:
            connection.execute("INSERT OR IGNORE INTO parents VALUES (?, ?)", (parent_id, owner))

    def parents(self, owner: str) -> set[str]:
        """Give the ids of an owner's sweeps."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT id FROM parents WHERE owner = ?", (owner,)).fetchall()
        return {row["id"] for row in rows}

    def _take(self, connection: sqlite3.Connection, wish: Wish) -> Taken:
        number = self._number(connection, wish) if wish.prompt_id is not None else 0.0
        rows = []
        for piece in wish.pieces:
            options = order.Options(**{**piece.options, "user": wish.owner})
            rows.append(order.add(connection, piece.request, order.checked(options), self._limits))
        if not any(row.cursor for row in rows):  # without a new event it is the answer to a key that was used before
            first = connection.execute(_OF_JOB, (rows[0].id,)).fetchone()
            return Taken(rows, 0.0) if first is None else Taken(rows, first["number"], first["id"])
        _refuse_many(connection, wish)
        if wish.prompt_id is not None:
            self._keep(connection, wish, number, rows)
        return Taken(rows, number, wish.prompt_id)

    @staticmethod
    def _number(connection: sqlite3.Connection, wish: Wish) -> float:
        if connection.execute("SELECT 1 FROM prompts WHERE id = ?", (wish.prompt_id,)).fetchone():
            message = "A prompt with this prompt_id is there already. Use a new one, or none."
            raise DuplicatePrompt(message)
        if wish.number is not None:
            return -wish.number if wish.front else wish.number
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'prompts'").fetchone()
        counted = 1 if row is None else int(row["seq"]) + 1
        return float(-counted if wish.front else counted)

    @staticmethod
    def _keep(connection: sqlite3.Connection, wish: Wish, number: float, rows: list[JobRow]) -> None:
        connection.execute(
            "INSERT INTO prompts (id, owner, number, client_id, told, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            (wish.prompt_id, wish.owner, number, wish.client_id, json.dumps(wish.told), now()),
        )
        connection.executemany(
            "INSERT INTO prompt_jobs VALUES (?, ?, ?)",
            [(row.id, wish.prompt_id, place) for place, row in enumerate(rows)],
        )
        if wish.front or wish.number is not None:  # it may have to go before others of the same owner
            later = connection.execute(
                "SELECT job_id FROM prompts JOIN prompt_jobs ON prompt_id = prompts.id JOIN jobs ON jobs.id = job_id"
                " WHERE owner = ? AND number > ? AND state = 'queued' ORDER BY number, place LIMIT 1",
                (wish.owner, number),
            ).fetchone()
            for row in rows if later is not None else ():
                order.move(connection, row.id, later["job_id"])

    def _prompts(self, where: str, values: tuple[object, ...]) -> list[PromptRow]:
        with self._database.read() as connection:
            found = connection.execute(f"SELECT * FROM prompts {where}", values).fetchall()  # noqa: S608 - our own text
            rows = connection.execute(
                "SELECT prompt_id, jobs.*, (SELECT count(*) FROM attempts WHERE job_id = jobs.id) AS attempts"
                " FROM prompt_jobs JOIN jobs ON jobs.id = job_id"
                " WHERE prompt_id IN (SELECT value FROM json_each(?)) ORDER BY place",
                (json.dumps([row["id"] for row in found]),),
            ).fetchall()
        of: dict[str, list[JobRow]] = {}
        for row in rows:
            of.setdefault(row["prompt_id"], []).append(job_of(row))
        return [
            PromptRow(
                row["id"],
                row["owner"],
                row["number"],
                row["client_id"],
                json.loads(row["told"]),
                row["created_at"],
                tuple(of.get(row["id"], ())),
            )
            for row in found
        ]


_OF_JOB = "SELECT * FROM prompts WHERE id = (SELECT prompt_id FROM prompt_jobs WHERE job_id = ?)"
_OPEN = "SELECT prompt_id FROM prompt_jobs JOIN jobs ON jobs.id = job_id WHERE state IN ('queued', 'running')"
_GOING_ON = (
    "SELECT 1 FROM prompt_jobs JOIN jobs ON jobs.id = job_id"
    " WHERE prompt_id = prompts.id AND state IN ('queued', 'running')"
)


def _refuse_many(connection: sqlite3.Connection, wish: Wish) -> None:
    """Refuse a wish with which more jobs of its owner would wait than may."""
    if wish.waiting is None:
        return
    (number,) = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE user = ? AND state = 'queued' LIMIT ?)",
        (wish.owner, wish.waiting + 1),
    ).fetchone()
    if number > wish.waiting:
        message = f"{wish.waiting} jobs of yours may wait, and no more. Try again in {RETRY_SECONDS:.0f} seconds."
        raise QueueFull(message, RETRY_SECONDS)


def erase_in(connection: sqlite3.Connection, job_id: str) -> None:
    """Forget the graph that a job came with, inside the caller's transaction: it holds the prompt."""
    row = connection.execute(_OF_JOB, (job_id,)).fetchone()
    if row is not None:
        told = json.loads(row["told"])
        kept = {"graph": {}, "extra_data": {}, **{key: told[key] for key in ("outputs", "files") if key in told}}
        connection.execute("UPDATE prompts SET told = ? WHERE id = ?", (json.dumps(kept), row["id"]))
