"""What was made, when, by which model: the records as a table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from zimage_lab import home as homes
from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.store.database import Store

if TYPE_CHECKING:
    import os

    import pandas as pd

    from zimage_lab.request import GenerationRequest

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
)

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ENOUGH = 20
"""Runs that an estimate looks at."""


def history(
    prompt: str | None = None,
    *,
    model: str | None = None,
    seed: int | None = None,
    state: str | None = None,
    since: str | datetime | timedelta | None = None,
    until: str | datetime | timedelta | None = None,
    parent_id: str | None = None,
    limit: int | None = 1000,
    home: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Find runs.

    Parameters
    ----------
    prompt
        Part of the prompt, in any language; capital letters do not matter in English.
    model, seed, state, parent_id
        Exactly this value.
    since, until
        A time (a datetime, or ISO 8601 text; without a zone it is local), or how long ago: "2d", "36h", "30m", or a
        timedelta.
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

    place = homes.home(home)
    rows = find(
        prompt=prompt,
        model=model,
        seed=seed,
        state=state,
        since=since,
        until=until,
        parent_id=parent_id,
        limit=limit,
        home=place,
    )
    for row in rows:
        name = row.pop("image_path")
        row["path"] = None if name is None else str(place / name)
    columns = ["path" if name == "image_path" else name for name in COLUMNS]
    frame = pd.DataFrame.from_records(rows, columns=columns)
    frame["created_at"] = pd.to_datetime(frame["created_at"], utc=True, format="ISO8601")
    return frame


def find(
    *,
    prompt: str | None,
    model: str | None,
    seed: int | None,
    state: str | None,
    since: str | datetime | timedelta | None,
    until: str | datetime | timedelta | None,
    parent_id: str | None,
    limit: int | None,
    home: os.PathLike[str],
) -> list[dict[str, Any]]:
    """Find runs as plain rows; the parameters are those of `history`."""
    conditions: list[str] = []
    values: list[object] = []
    for name, value in (("model", model), ("state", state), ("parent_id", parent_id)):
        if value is not None:
            conditions.append(f"{name} = ?")
            values.append(value)
    if seed is not None:
        conditions.append("seed = ?")
        values.append(str(seed))
    for name, sign, time in (("since", ">=", since), ("until", "<", until)):
        if time is not None:
            conditions.append(f"created_at {sign} ?")
            values.append(_moment(name, time))
    if prompt is not None and not prompt.isascii():
        conditions.append("instr(prompt, ?) > 0")  # quicker than LIKE, which only folds the capital letters of ASCII
        values.append(prompt)
    elif prompt is not None:
        escaped = re.sub(r"([%_\\])", r"\\\1", prompt)
        conditions.append(r"prompt LIKE ? ESCAPE '\'")
        values.append(f"%{escaped}%")
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    query = f"SELECT {', '.join(COLUMNS)} FROM runs {where}ORDER BY sequence DESC LIMIT ?"  # noqa: S608 - our names
    with Store(homes.home(home)) as store, store._database.read() as connection:  # noqa: SLF001 - it reads only
        return [dict(row) for row in connection.execute(query, (*values, -1 if limit is None else max(0, limit)))]


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
