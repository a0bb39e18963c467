"""What a person may have removed: a picture, whose record stays, and a prompt, of which its hash stays.

Both are entries of the chain of records, so that `verify` knows what is gone on purpose.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.request import GenerationRequest
from zimage_lab.store import chain, comparisons, images, prompts, sweeps

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from zimage_lab.recipe import RunRecord


def delete_picture(connection: sqlite3.Connection, home: Path, record_id: str, reason: str) -> Path | None:
    """Note that a run's picture is deleted, inside the caller's transaction.

    Parameters
    ----------
    connection
        Inside of a transaction.
    home
        The home folder.
    record_id
        The run.
    reason
        Why, as the chain keeps it: `asked`, `quota`, `retention`.

    Returns
    -------
    Path or None
        The file, which the caller removes after its commit; None where there is no picture any more.
    """
    row = connection.execute("SELECT image_path FROM runs WHERE record_id = ?", (record_id,)).fetchone()
    if row is None:
        field = "record_id"
        raise InvalidRequest(field, record_id, f"{shown(record_id)} is no record of this home", "Look at the log.")
    if row["image_path"] is None:
        return None
    chain.note_in(connection, "picture_deleted", record_id, path=row["image_path"], reason=reason)
    connection.execute("UPDATE runs SET image_path = NULL, deleted = 1 WHERE record_id = ?", (record_id,))
    return images.stored(home, row["image_path"])


def erase_prompt(connection: sqlite3.Connection, home: Path, record_id: str) -> None:
    """Forget a run's prompts, inside the caller's transaction: its job, all attempts of it, the text in the picture.

    Parameters
    ----------
    connection
        Inside of a transaction.
    home
        The home folder.
    record_id
        The run; its job must have ended.
    """
    record = chain.read(connection, record_id)
    if record is None:
        field = "record_id"
        raise InvalidRequest(field, record_id, f"{shown(record_id)} is no record of this home", "Look at the log.")
    job = connection.execute("SELECT state, request FROM jobs WHERE id = ?", (record.job_id,)).fetchone()
    if job is not None and job["state"] in {"queued", "running"}:
        field = "record_id"
        raise InvalidRequest(field, record_id, f"its job is still {job['state']}", "Cancel the job first.")
    for run in chain.read_many(connection, "WHERE runs.job_id = ?", (record.job_id,)):
        _erase_run(connection, home, run)
    if job is not None:
        erased = json.loads(job["request"]) | dict.fromkeys(chain.PRIVATE, chain.ERASED)
        request = GenerationRequest.from_plain(erased | {chain.GRAPH: None})
        connection.execute(
            "UPDATE jobs SET request = ?, request_sha256 = ?, name = NULL, error = NULL WHERE id = ?",
            (request.canonical_json(), request.sha256, record.job_id),
        )
        connection.execute("UPDATE attempts SET error = NULL WHERE job_id = ?", (record.job_id,))
        connection.execute("UPDATE events SET data = json_set(data, '$.error', NULL) WHERE job = ?", (record.job_id,))
    prompts.erase_in(connection, record.job_id)
    if record.parent_id is not None:
        sweeps.erase_in(connection, record.parent_id)
        comparisons.erase_in(connection, record.parent_id)


def _erase_run(connection: sqlite3.Connection, home: Path, record: RunRecord) -> None:
    if connection.execute("DELETE FROM secrets WHERE record_id = ?", (record.id,)).rowcount == 0:
        return  # erased before
    facts: dict[str, object] = {}
    there = connection.execute("SELECT image_path FROM runs WHERE record_id = ?", (record.id,)).fetchone()
    if there is not None and there["image_path"] is not None:  # else it was deleted, and must not be written back
        written = _strip(home, record)
        if written is not None:
            facts["sha256"] = written
        else:  # what cannot be read cannot be rewritten, and may hold the prompt
            path = delete_picture(connection, home, record.id, "erased")
            if path is not None:
                path.unlink(missing_ok=True)
    chain.note_in(connection, "prompt_erased", record.id, **facts)
    connection.execute("UPDATE runs SET prompt = NULL, error = NULL WHERE record_id = ?", (record.id,))


def _strip(home: Path, record: RunRecord) -> str | None:
    """Write the picture anew without any word of its prompt; gives the new file's hash, None where it is gone."""
    import hashlib

    from PIL import Image

    if record.image is None:
        return None
    path = images.stored(home, record.image.path)
    if path is None:
        return None
    try:
        with Image.open(path, formats=["PNG"]) as opened:
            picture = opened.convert("RGB")
    except (OSError, SyntaxError, ValueError):
        return None
    erased = record.request.replace(**dict.fromkeys(chain.PRIVATE, chain.ERASED), workflow=None)
    data = images.png(picture, record.replace(request=erased, user=None, error=None, warnings=[]), home)
    images.write_whole(path, data)
    return hashlib.sha256(data).hexdigest()
