"""What was made, when, by which model: the records as a table."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from zimage_lab import home as homes
from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.store.database import Store

if TYPE_CHECKING:
    import os

    import pandas as pd

    from zimage_lab.request import GenerationRequest

Time: TypeAlias = "str | datetime | timedelta | None"

COLUMNS = (
    "created_at",
    "state",
    "model",
    "seed",
    "width",
    "height",
    "steps",
    "prompt",
    "seconds",
    "image_path",
    "source",
    "error",
    "record_id",
    "job_id",
    "parent_id",
    "favourite",
    "tags",
)
"""Columns of the history."""

_SELECTED = (
    *COLUMNS[:-2],
    "favourite",
    "(SELECT json_group_array(tag) FROM tags WHERE record_id = runs.record_id) AS tags",
)

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LATEST = 2000
_ENOUGH = 20
"""Runs that an estimate looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to look for among the runs; None, and False for `pictures`, let everything pass.

    Attributes
    ----------
    prompt
        Part of the prompt, in any language; capital letters do not matter in English.
    model, seed, state, parent_id
        Exactly this value.
    since, until
        A time (a datetime, or ISO 8601 text; without a zone it is local), or how long ago: "2d", "36h", "30m", or a
        timedelta.
    favourite
        Only favourites, or only others.
    tag
        Only pictures with this tag.
    pictures
        Only runs whose picture is there and not in the bin.
    """

    prompt: str | None = None
    model: str | None = None
    seed: int | None = None
    state: str | None = None
    since: Time = None
    until: Time = None
    parent_id: str | None = None
    favourite: bool | None = None
    tag: str | None = None
    pictures: bool = False


def history(
    prompt: str | None = None,
    *,
    model: str | None = None,
    seed: int | None = None,
    state: str | None = None,
    since: Time = None,
    until: Time = None,
    parent_id: str | None = None,
    favourite: bool | None = None,
    tag: str | None = None,
    pictures: bool = False,
    limit: int | None = 1000,
    home: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Find runs.

    Parameters
    ----------
    prompt, model, seed, state, since, until, parent_id, favourite, tag, pictures
        What to look for, as `Search` describes it.
    limit
        Most rows, the newest; None for all.
    home
        The home folder; None takes the usual one.

    Returns
    -------
    pandas.DataFrame
        One row a run, newest first; `path` is the picture's, missing where there is none (any more).

    Raises
    ------
    InvalidRequest
        When a time cannot be read.
    """
    import pandas as pd

    wanted = Search(
        prompt=prompt,
        model=model,
        seed=seed,
        state=state,
        since=since,
        until=until,
        parent_id=parent_id,
        favourite=favourite,
        tag=tag,
        pictures=pictures,
    )
    place = homes.home(home)
    rows = find(wanted, limit=limit, home=place)
    for row in rows:
        name = row.pop("image_path")
        row["path"] = None if name is None else str(place / name)
    columns = ["path" if name == "image_path" else name for name in COLUMNS]
    frame = pd.DataFrame.from_records(rows, columns=columns)
    frame["created_at"] = pd.to_datetime(frame["created_at"], utc=True, format="ISO8601")
    return frame


def find(wanted: Search, *, home: os.PathLike[str], limit: int | None = None, skip: int = 0) -> list[dict[str, Any]]:
    """Find runs as plain rows, newest first.

    Parameters
    ----------
    wanted
        What to look for.
    home
        The home folder.
    limit, skip
        Most rows, None for all; and how many of the newest to leave out.
    """
    where, values = _conditions(wanted)
    query = (
        f"SELECT {', '.join(_SELECTED)} FROM runs LEFT JOIN marks USING (record_id)"  # noqa: S608 - our names
        f" {where} ORDER BY sequence DESC LIMIT ? OFFSET ?"
    )
    with Store(homes.home(home)) as store, store._database.read() as connection:  # noqa: SLF001 - it reads only
        rows = connection.execute(query, (*values, -1 if limit is None else max(0, limit), max(0, skip))).fetchall()
    return [dict(row) | {"favourite": bool(row["favourite"]), "tags": json.loads(row["tags"])} for row in rows]


def count(wanted: Search, *, home: os.PathLike[str]) -> int:
    """Count the runs that `find` would give without a limit."""
    where, values = _conditions(wanted)
    query = f"SELECT count(*) FROM runs LEFT JOIN marks USING (record_id) {where}"  # noqa: S608 - our names
    with Store(homes.home(home)) as store, store._database.read() as connection:  # noqa: SLF001 - it reads only
        return int(connection.execute(query, values).fetchone()[0])


def prompts_used(text: str | None = None, *, limit: int, home: os.PathLike[str]) -> list[str]:
    """List the latest prompts, each once, the newest first.

    Parameters
    ----------
    text
        Part of the prompt; None takes all.
    limit
        Most prompts; they are looked for among the latest 2000 runs that fit.
    home
        The home folder.
    """
    where, values = _conditions(Search(prompt=text))
    query = f"SELECT prompt FROM runs {where} ORDER BY sequence DESC LIMIT {_LATEST}"  # noqa: S608 - our names
    with Store(homes.home(home)) as store, store._database.read() as connection:  # noqa: SLF001 - it reads only
        found = dict.fromkeys(row["prompt"] for row in connection.execute(query, values) if row["prompt"] is not None)
    return list(found)[:limit]


def models_used(*, home: os.PathLike[str]) -> list[str]:
    """List the models of all runs, each once, by name."""
    # One step of the index a model, however many runs each has: SQLite's own DISTINCT would read them all.
    query = (
        "WITH RECURSIVE used(model) AS (SELECT min(model) FROM runs UNION ALL"
        " SELECT (SELECT min(model) FROM runs WHERE model > used.model) FROM used WHERE used.model IS NOT NULL)"
        " SELECT model FROM used WHERE model IS NOT NULL"
    )
    with Store(homes.home(home)) as store, store._database.read() as connection:  # noqa: SLF001 - it reads only
        return [row["model"] for row in connection.execute(query)]


def _conditions(wanted: Search) -> tuple[str, tuple[object, ...]]:
    """Give the WHERE clause of a search, and its values."""
    found: list[tuple[str, object]] = []
    for name in ("model", "state", "parent_id", "seed"):
        value = getattr(wanted, name)
        if value is not None:
            found.append((f"{name} = ?", str(value)))
    for name, sign, moment in (("since", ">=", wanted.since), ("until", "<", wanted.until)):
        if moment is not None:
            found.append((f"created_at {sign} ?", _moment(name, moment)))
    if wanted.prompt is not None and not wanted.prompt.isascii():
        # Quicker than LIKE, which only folds the capital letters of ASCII.
        found.append(("instr(prompt, ?) > 0", wanted.prompt))
    elif wanted.prompt is not None:
        escaped = re.sub(r"([%_\\])", r"\\\1", wanted.prompt)
        found.append((r"prompt LIKE ? ESCAPE '\'", f"%{escaped}%"))
    if wanted.favourite is not None:
        found.append(("coalesce(favourite, 0) = ?", int(wanted.favourite)))
    if wanted.tag is not None:
        found.append(("record_id IN (SELECT record_id FROM tags WHERE tag = ?)", wanted.tag))
    if wanted.pictures:
        found.append(("image_path IS NOT NULL AND binned IS ?", None))
    where = " AND ".join(condition for condition, _ in found)
    return f"WHERE {where}" if where else "", tuple(value for _, value in found)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a request costs, told before it is taken.

    Attributes
    ----------
    pixel_steps
        Pixels times steps.
    seconds
        About how long it takes, from the latest runs of its model; None where there are none.
    """

    pixel_steps: int
    seconds: float | None

    def __str__(self) -> str:
        """Give it for a person."""
        megapixels = f"{self.pixel_steps / 1e6:.1f} megapixel steps"
        return megapixels if self.seconds is None else f"about {self.seconds:.1f} s ({megapixels})"


def estimate(request: GenerationRequest, home: str | os.PathLike[str] | None = None) -> Cost:
    """Tell what a request costs.

    Parameters
    ----------
    request
        The request.
    home
        The home folder; None takes the usual one.
    """
    from statistics import median

    with Store(homes.home(home)) as store, store._database.read() as connection:  # noqa: SLF001 - it reads only
        rows = connection.execute(
            "SELECT seconds, width * height * steps AS work FROM runs"
            " WHERE model = ? AND state = 'succeeded' AND seconds > 0 ORDER BY sequence DESC LIMIT ?",
            (request.model, _ENOUGH),
        ).fetchall()
    if not rows:
        return Cost(request.cost, None)
    return Cost(request.cost, median(row["seconds"] / row["work"] for row in rows) * request.cost)


def _moment(field: str, value: str | datetime | timedelta) -> str:
    """Give a time as the records write it."""
    if isinstance(value, str):
        ago = re.fullmatch(r"(\d{1,6})([smhdw])", value.strip())
        try:
            value = timedelta(**{_UNITS[ago[2]]: int(ago[1])}) if ago else datetime.fromisoformat(value)
        except (ValueError, OverflowError):
            fix = 'Say how long ago, such as "2d" or "36h", or a date such as "2026-01-31".'
            raise InvalidRequest(field, value, f"{shown(value)} is no time", fix) from None
    try:
        moment = datetime.now(UTC) - value if isinstance(value, timedelta) else value.astimezone(UTC)
    except OverflowError:
        raise InvalidRequest(field, value, f"{shown(value)} is too far away", "Choose a nearer time.") from None
    return moment.isoformat(timespec="microseconds")
