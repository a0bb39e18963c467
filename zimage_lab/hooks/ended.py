"""What a hook is told: that a job ended, how, and what came of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest
from zimage_lab.store.jobs import ENDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from zimage_lab.recipe import RunRecord
    from zimage_lab.store.records import Records

STATES = (*ENDS, "quarantined")
"""States that a job does not leave."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that ended.

    Attributes
    ----------
    job_id
        UUID of the job.
    state
        succeeded, failed, cancelled, invalid_output or quarantined.
    error
        Why there is no picture, in a sentence.
    record
        The run record, where there is one.
    path
        The picture's file, where there is one.
    """

    job_id: str
    state: str
    error: str | None = None
    record: RunRecord | None = None
    path: Path | None = None

    def as_json(self) -> str:
        """Give it as one line of JSON: without the user, and with the picture's place inside of the home only."""
        record: dict[str, Any] | None = None
        if self.record is not None:
            record = json.loads(self.record.replace(user=None).to_json())
        body = {"event": "job.ended", "job_id": self.job_id, "state": self.state, "error": self.error, "record": record}
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def is_end(kind: str, data: Mapping[str, Any]) -> bool:
    """Say whether an event tells the end of a job."""
    return kind == "state" and data.get("state") in STATES


def ended(records: Records, home: Path, job_id: str, data: Mapping[str, Any]) -> Ended:
    """Put together what there is to know of a job's end.

    Parameters
    ----------
    records
        The records of the home.
    home
        The home folder.
    job_id
        The job.
    data
        The event's: state, and error and record_id where it has them.
    """
    record: RunRecord | None = None
    try:
        record_id = data.get("record_id")
        found = [records.get(record_id)] if record_id else records.by_job(job_id)
        record = found[-1] if found else None
    except InvalidRequest:  # no such record: the end is told all the same
        pass
    path = home / record.image.path if record is not None and record.image is not None else None
    return Ended(job_id, str(data["state"]), data.get("error"), record, path)
