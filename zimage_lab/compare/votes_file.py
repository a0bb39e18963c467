"""Votes as a file: taken to where they are counted, or brought from where others rated a copy of the pictures.

JSON says which comparison the votes are of; so does each row of a CSV. A file is read as a whole before anything is
kept of it: one wrong vote, and nothing is.
"""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from zimage_lab.compare.rating import CHOICES, RATER_CHARACTERS
from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.store.images import write_whole
from zimage_lab.store.votes import Vote, Votes

if TYPE_CHECKING:
    from zimage_lab.compare.comparison import Comparison
    from zimage_lab.store.comparisons import Index

FORMAT = "zimage-lab votes 1"
FILE_BYTES = 64 * 2**20
ENDINGS = (".json", ".csv")
FIELD = "votes"
STARS = range(1, 6)

COLUMNS = tuple(one.name for one in fields(Vote) if one.name != "session_id")
TEXTS = ("id", "comparison_id", "rater", "kind", "question", "left_record", "cast_at")
"""What every vote has; the other columns may be empty."""


class Taken(NamedTuple):
    """What came of a file: votes that are new here, and those that were here already."""

    new: int
    known: int

    def __str__(self) -> str:
        return f"{self.new} new votes, {self.known} that were here already"


def write(comparison: Comparison, path: str | os.PathLike[str]) -> Path:
    """Write every vote as it was cast, also what was taken back.

    Parameters
    ----------
    comparison
        The comparison.
    path
        A name that ends in `.json` or `.csv`, in a folder that is there; a file of this name is replaced whole.

    Returns
    -------
    Path
        Absolute path of the file.

    Raises
    ------
    InvalidRequest
        The name cannot be.
    """
    place = _checked(path)
    if place.is_dir() or not place.parent.is_dir():
        field = "path"
        what = "is a folder" if place.is_dir() else f"there is no folder {shown(str(place.parent))}"
        raise InvalidRequest(field, str(path), what, "Give a file's name in a folder that is there.")
    with Votes(comparison.home) as store:
        rows = [
            {name: value for name, value in asdict(vote).items() if name in COLUMNS} for vote in store.of(comparison.id)
        ]
    if place.suffix.lower() == ".csv":
        text = io.StringIO()
        table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        data = text.getvalue().encode("utf-8-sig")  # spreadsheets take it for something else without the mark
    else:
        told = {"format": FORMAT, "comparison": comparison.id, "name": comparison.name, "votes": rows}
        data = json.dumps(told, ensure_ascii=False, indent=1).encode()
    write_whole(place, data)
    return place


def read(comparison: Comparison, path: str | os.PathLike[str]) -> Taken:
    """Keep the votes of a file.

    Parameters
    ----------
    comparison
        The comparison, of which the votes must be.
    path
        A file that `write` wrote, here or elsewhere.

    Returns
    -------
    Taken
        How many were new. Where a rater answered a question here already, that answer stays.

    Raises
    ------
    InvalidRequest
        It is no file of votes, of another comparison, or has a vote on a picture that is not part of this one; nothing
        of it was kept.
    """
    place = _checked(path)
    rows = _rows(place, comparison)
    places = {record.id: index for index, record in comparison.records().items()}
    votes = [_vote(row, number, comparison, places) for number, row in enumerate(rows, 1)]
    with Votes(comparison.home) as store:
        new = store.take_in(votes)
    return Taken(new, len(votes) - new)


def _checked(path: str | os.PathLike[str]) -> Path:
    text = os.fspath(path)
    if not text.lower().endswith(ENDINGS) or "\0" in text:
        field, what = "path", f"{shown(text)} is no name of a file of votes"
        raise InvalidRequest(field, text, what, "Let it end in .json or .csv.")
    return Path(text).expanduser().absolute()


def _rows(place: Path, comparison: Comparison) -> list[dict[str, Any]]:
    """Read a file as a table, one row for each vote."""
    fix = "Give a file that save_votes wrote."
    try:
        with place.open("rb") as file:
            data = file.read(FILE_BYTES + 1)
        if len(data) > FILE_BYTES:
            raise InvalidRequest(FIELD, str(place), "is larger than 64 MB", fix)
        text = data.decode("utf-8-sig")
        if place.suffix.lower() == ".csv":
            table = csv.DictReader(io.StringIO(text), strict=True)
            rows: list[dict[str, Any]] = [dict(row) for row in table]
            missing = [name for name in TEXTS if name not in (table.fieldnames or ())]
            if missing:
                what = f"has no column {shown(missing[0])}"
                raise InvalidRequest(FIELD, str(place), what, f"Its columns are {', '.join(COLUMNS)}.")
            return rows
        told = json.loads(text)
    except (OSError, ValueError, csv.Error) as error:
        if isinstance(error, InvalidRequest):
            raise
        raise InvalidRequest(FIELD, str(place), f"cannot be read ({error})", fix) from error
    if not isinstance(told, dict) or told.get("format") != FORMAT or not isinstance(told.get("votes"), list):
        raise InvalidRequest(FIELD, str(place), "is no file of votes", fix)
    if told.get("comparison") != comparison.id:
        raise _foreign(str(told.get("name") or told.get("comparison")), comparison)
    return [row if isinstance(row, dict) else {} for row in told["votes"]]


def _foreign(other: str, comparison: Comparison) -> InvalidRequest:
    what = f"they are of another comparison, {shown(other)}"
    return InvalidRequest(FIELD, other, what, f"Load that one, or give votes of {comparison.name!r} ({comparison.id}).")


def _vote(row: dict[str, Any], number: int, comparison: Comparison, places: dict[str, Index]) -> Vote:
    """Read a row, or say what is wrong with it."""
    told: dict[str, Any] = {name: None if row.get(name) in {None, ""} else row[name] for name in COLUMNS}
    if isinstance(told["comparison_id"], str) and told["comparison_id"] != comparison.id:
        raise _foreign(told["comparison_id"], comparison)
    wrong = _incomplete(told) or _elsewhere(told, places, comparison.name) or _unsaid(told)
    if wrong is not None:
        what, fix = wrong
        raise InvalidRequest(FIELD, number, f"vote {number} {what}", fix)
    return Vote(**told, session_id="")


def _incomplete(told: dict[str, Any]) -> tuple[str, str] | None:
    """Say what cannot be read, and what would be right; what can becomes what it stands for."""
    fix = "Give it as save_votes wrote it."
    for name in TEXTS:
        if not isinstance(told[name], str):
            return f"has no {name}", fix
    if len(told["rater"]) > RATER_CHARACTERS or not told["rater"].strip():
        return "has a rater whose name cannot be", f"Give 1 to {RATER_CHARACTERS} characters."
    try:
        datetime.fromisoformat(told["cast_at"])
        told["number"] = int(told["number"])
        told["stars"] = None if told["stars"] is None else int(told["stars"])
        told["seconds"] = None if told["seconds"] is None else float(told["seconds"])
    except (TypeError, ValueError) as error:
        return f"has a time or a number that cannot be read ({error})", fix
    return None


def _elsewhere(told: dict[str, Any], places: dict[str, Index], name: str) -> tuple[str, str] | None:
    """Say whether it is about other pictures than those of the comparison, or than it says."""
    pictures = [one for one in (told["left_record"], told["right_record"]) if one is not None]
    for picture in pictures:
        if picture not in places:
            what = f"is on the picture {shown(str(picture))}, which is not part of {name}"
            return what, "comparison.frame()['record_id'] lists those that are."
    found = [places[one] for one in pictures]
    question = ".".join(map(str, (*found[0][:2], *sorted(one[2] for one in found))))
    if told["question"] != question or len({one[:2] for one in found}) > 1:
        return f"does not ask about its own pictures ({shown(told['question'])})", f"It would be {question}."
    return None


def _unsaid(told: dict[str, Any]) -> tuple[str, str] | None:
    """Say whether its answer cannot be one."""
    kind, choice, stars, about = told["kind"], told["choice"], told["stars"], told["about"]
    kinds = ("stars" if told["right_record"] is None else "pair", "skip", "undo")
    if kind not in kinds:
        return f"is of a kind that cannot be, {shown(kind)}", suggestion(kind, kinds)
    if choice not in (CHOICES if kind == "pair" else {None}):
        return f"says {shown(str(choice))}", f"A pair's choice is {', '.join(CHOICES)}; others have none."
    if stars not in (STARS if kind == "stars" else {None}):
        return f"gives {shown(str(stars))} stars", "Give 1 to 5; other kinds have none."
    if (about is None) == (kind == "undo"):
        return f"names {shown(str(about))} as taken back", "An undo names the vote that it takes back; others none."
    return None
