"""The chain of run records: each entry holds the hash of the one before, so that none can be changed unseen.

A prompt is a person's text, and its author may ask that it be forgotten. So the chain holds only commitments to it
(SHA-256 of a random salt and the text); text and salt lie in a table of their own. Erasing removes that row: the
chain stays whole, and without the salt the text cannot be guessed back from its hash.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from math import fsum
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest
from zimage_lab.recipe import RunRecord

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

BEGINNING = "0" * 64
"""What the first entry has for the one before."""

PRIVATE = ("prompt", "negative_prompt")
TOLD = ("warnings", "error")
GRAPH = "workflow"
ERASED = "[erased]"
"""What is read in the place of an erased prompt."""


def append_in(connection: sqlite3.Connection, record: RunRecord) -> None:
    """Append a run inside the caller's transaction. The same record twice is written once.

    Parameters
    ----------
    connection
        Inside of a transaction.
    record
        The record.

    Raises
    ------
    InvalidRequest
        When another record has its id.
    """
    there = read(connection, record.id)
    if there is not None:
        if there != record:
            field = "id"
            raise InvalidRequest(field, record.id, f"{record.id} is another record's", "Give a new id.")
        return
    plain, salt = json.loads(record.to_json()), secrets.token_hex(16)
    texts = {name: plain["request"][name] for name in PRIVATE}
    # Warnings and errors may quote words of the prompt, and a workflow holds all of it.
    told = {name: plain.pop(name) for name in TOLD}
    graph = plain["request"].pop(GRAPH, None)
    texts["told"] = json.dumps(told | ({GRAPH: graph} if graph is not None else {}), ensure_ascii=False)
    plain["request"] |= {name: commitment(salt, texts[name]) for name in PRIVATE}
    plain["told"] = commitment(salt, texts["told"])
    sequence = _append(connection, record.id, "run", record.id, plain)
    connection.execute("INSERT INTO secrets VALUES (?, ?, ?, ?, ?)", (record.id, *texts.values(), salt))
    _index(connection, sequence, record)


def note_in(connection: sqlite3.Connection, kind: str, record_id: str, **facts: object) -> None:
    """Append what happened to a run later.

    Parameters
    ----------
    connection
        Inside of a transaction.
    kind
        `picture_deleted` or `prompt_erased`.
    record_id
        The run.
    **facts
        What there is to know of it, as JSON takes it.
    """
    _append(connection, str(uuid.uuid4()), kind, record_id, facts)


def read(connection: sqlite3.Connection, record_id: str) -> RunRecord | None:
    """Give a run's record, its prompts put back where they were not erased; None where there is none."""
    row = connection.execute(
        "SELECT body, secrets.* FROM records LEFT JOIN secrets ON record_id = id WHERE id = ? AND kind = 'run'",
        (record_id,),
    ).fetchone()
    return None if row is None else _record(row)


def read_many(connection: sqlite3.Connection, where: str, values: tuple[object, ...]) -> list[RunRecord]:
    """Give the records that a condition on `runs`, in this package's own words, selects."""
    select = (
        "SELECT body, secrets.* FROM runs JOIN records ON records.sequence = runs.sequence"
        " LEFT JOIN secrets ON secrets.record_id = runs.record_id "
    )
    rows = connection.execute(select + where, values).fetchall()
    return [_record(row) for row in rows]


def commitment(salt: str, text: str) -> str:
    """Give what the chain holds in the place of a text."""
    return "sha256:" + hashlib.sha256(f"{salt}\n{text}".encode()).hexdigest()


def link(previous: str, entry_id: str, kind: str, about: str, body: str) -> str:
    """Give the hash of an entry: of the one before it and of all that it says."""
    return hashlib.sha256(f"{previous}\n{entry_id}\n{kind}\n{about}\n{body}".encode()).hexdigest()


def broken(connection: sqlite3.Connection) -> Iterator[str]:
    """Walk the whole chain and say, in sentences, where it does not hold; nothing for a sound one."""
    before, number = BEGINNING, 0
    erased = {row["about"] for row in connection.execute("SELECT about FROM records WHERE kind = 'prompt_erased'")}
    rows = connection.execute(
        "SELECT records.*, prompt, negative_prompt, told, salt FROM records LEFT JOIN secrets ON record_id = id"
        " ORDER BY sequence"
    )
    for row in rows:
        number += 1
        if row["sequence"] != number:
            yield f"Entry {number} is missing: the next one there is {row['sequence']}."
            number = row["sequence"]
        if row["previous"] != before:
            yield f"Entry {number} does not follow the one before it."
        if row["link"] != link(row["previous"], row["id"], row["kind"], row["about"], row["body"]):
            yield f"Entry {number} ({row['kind'].replace('_', ' ')}, run {row['about']}) was changed."
        before = row["link"]
        yield from _private(row)
        if row["kind"] == "run" and row["salt"] is None and row["id"] not in erased:
            yield f"Entry {number}: the prompts of run {row['id']} are gone, and nothing says that they were erased."
    last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'records'").fetchone()
    if last is not None and last[0] > number:
        yield f"The last {last[0] - number} entries are missing."


def adopt(connection: sqlite3.Connection) -> None:
    """Chain the records of the first layout, which were rows without a link."""
    for row in connection.execute("SELECT record FROM records_of_layout_1 ORDER BY sequence").fetchall():
        append_in(connection, RunRecord.from_json(row["record"]))
    connection.execute("DROP TABLE records_of_layout_1")


def _append(connection: sqlite3.Connection, entry_id: str, kind: str, about: str, facts: object) -> int:
    last = connection.execute("SELECT link FROM records ORDER BY sequence DESC LIMIT 1").fetchone()
    previous = BEGINNING if last is None else last["link"]
    body = json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    done = connection.execute(
        "INSERT INTO records (id, kind, about, body, previous, link) VALUES (?, ?, ?, ?, ?, ?)",
        (entry_id, kind, about, body, previous, link(previous, entry_id, kind, about, body)),
    )
    return int(done.lastrowid or 0)


def searched(sequence: int, record: RunRecord) -> dict[str, object]:
    """Give what the table `runs` repeats of a record, for those who search."""
    asked = record.request
    # Reading the weights is no part of a picture's time: the next picture does not wait for them. fsum gives the same
    # for any order of the stages, and the chain sorts them.
    drawing = [seconds for stage, seconds in record.seconds.items() if stage != "load"]
    return {
        "sequence": sequence,
        "record_id": record.id,
        "job_id": record.job_id,
        "parent_id": record.parent_id,
        "state": record.state,
        "model": record.model.id,
        "seed": str(asked.seed),
        "created_at": record.created_at,
        "finished_at": record.finished_at,
        "seconds": fsum(drawing) if drawing else None,
        "width": asked.width,
        "height": asked.height,
        "steps": asked.steps,
        "prompt": asked.prompt,
        "source": record.source,
        "error": record.error,
        "image_path": record.image.path if record.image else None,
    }


def _index(connection: sqlite3.Connection, sequence: int, record: RunRecord) -> None:
    values = searched(sequence, record)
    marks = ", ".join(f":{name}" for name in values)
    connection.execute(f"INSERT INTO runs ({', '.join(values)}) VALUES ({marks})", values)  # noqa: S608 - our names


def _record(row: sqlite3.Row) -> RunRecord:
    plain: dict[str, Any] = json.loads(row["body"])
    for name in PRIVATE:
        plain["request"][name] = ERASED if row["salt"] is None else row[name]
    del plain["told"]
    told: dict[str, Any] = {"warnings": [], "error": None} if row["salt"] is None else json.loads(row["told"])
    plain["request"][GRAPH] = told.pop(GRAPH, None)
    plain |= told
    return RunRecord.model_validate(plain)


def _private(row: sqlite3.Row) -> Iterator[str]:
    """Hold a run's prompts against the chain's commitments; an erased one has nothing to hold."""
    if row["kind"] != "run" or row["salt"] is None:
        return
    body = json.loads(row["body"])
    held = {**{name: body["request"][name] for name in PRIVATE}, "told": body["told"]}
    for name, value in held.items():
        if value != commitment(row["salt"], row[name]):
            yield f"Entry {row['sequence']}: the {name.replace('_', ' ')} of run {row['id']} was changed."
