"""A sweep as a table: a data frame, a small page in a notebook, and which values a person means."""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.store.sweeps import Sweeps
from zimage_lab.sweeps.axis import Axis, label
from zimage_lab.sweeps.cell import WAITING, Cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zimage_lab.sweeps.sweep import Sweep

RESULTS = ("state", "seconds", "path", "record_id", "error", "favourite", "tags", "picture")
SHOWN_ERRORS = 5


def frame(sweep: Sweep) -> Any:  # noqa: ANN401 - a pandas.DataFrame, which has no types
    """Make the data frame of a sweep, from what the store says now."""
    import pandas as pd

    axes, seeds = sweep.axes, any(axis.kind == "seed" for axis in sweep.axes)
    with Sweeps(sweep.home) as store:
        latest = {row.index: row for row in store.cells(sweep.id)}
        ends = store.ends([row.job_id for row in latest.values()])
    columns: dict[str, list[Any]] = {name: [] for name in RESULTS}
    for index in itertools.product(*map(range, sweep.shape)):
        row = latest.get(index)
        end = {} if row is None else ends.get(row.job_id, {})
        path = end.get("image_path")
        values = {
            "state": WAITING if row is None or _is_open(sweep, index) else row.state,
            "seconds": end.get("seconds"),
            "path": None if path is None else str(sweep.home / path),
            "record_id": end.get("record_id"),
            "error": end.get("error"),
            "favourite": bool(end.get("favourite")),
            "tags": end.get("tags", []),
            "picture": Cell(sweep, index),
        }
        for name, value in values.items():
            columns[name].append(value)
    made = axis_columns(axes, pd)
    if not seeds:
        made["seed"] = pd.array([sweep.cell(*(0 for _ in axes)).request.seed] * len(columns["state"]), dtype="UInt64")
    kinds = {"seconds": "Float64", "favourite": "bool"}
    kinds |= dict.fromkeys(("state", "path", "record_id", "error"), "string")
    for name, values_ in columns.items():
        made[name] = pd.array(values_, dtype=kinds[name]) if name in kinds else pd.Series(values_, dtype="object")
    return pd.DataFrame(made)


def axis_columns(axes: Sequence[Axis], pd: Any) -> dict[str, Any]:  # noqa: ANN401 - the module pandas
    """Give a column for each axis: numbers as numbers, what is neither number nor text as people read it."""
    columns: dict[str, Any] = {}
    count, inner = 1, 1
    for axis in axes:
        count *= len(axis)
    for axis in reversed(axes):
        values = [value if isinstance(value, int | float | str) else label(value) for value in iter(axis)]
        kinds = {type(value) for value in values}
        kind = "Int64" if kinds == {int} else "Float64" if kinds <= {int, float} else "string"
        if axis.kind == "seed":
            kind = "UInt64"  # holds all 64 bits
        elif kinds == {bool}:
            kind = "boolean"
        elif kind == "string":
            values = list(map(str, values))
        column = pd.array(values, dtype=kind).repeat(inner)
        columns[axis.name] = pd.concat([pd.Series(column)] * (count // len(column)), ignore_index=True).array
        inner *= len(axis)
    return {axis.name: columns[axis.name] for axis in axes}


def chosen(axes: Sequence[Axis], name: str, value: object) -> tuple[int, list[int]]:
    """Find the axis that is meant, and the places of the values that are.

    Raises
    ------
    InvalidRequest
        There is no such axis, or no such value on it.
    """
    if name == "prompt_replace" and isinstance(value, Mapping) and len(value) == 1:
        ((needle, value),) = value.items()
        number = next((number for number, axis in enumerate(axes) if axis.needle == needle), None)
    else:
        wanted = "seed" if name == "seeds" else name
        number = next((number for number, axis in enumerate(axes) if axis.name == wanted), None)
    if number is None:
        fix = suggestion(name, [axis.name for axis in axes])
        raise InvalidRequest(name if name.isidentifier() else "axis", value, "is no axis of this sweep", fix)
    axis = axes[number]
    single = isinstance(value, str | tuple | Mapping) or not isinstance(value, Iterable)
    several: Iterable[object] = [value] if single else value  # type: ignore[assignment]
    places = []
    for one in several:
        found = [place for place, known in enumerate(axis.values) if known == one or label(known) == one]
        if not found:
            fix = f"Use {', '.join(axis.labels[:12])}."
            raise InvalidRequest(axis.name if name.isidentifier() else "axis", one, f"{shown(one)} is not on it", fix)
        places += found
    return number, sorted(set(places))


def page(sweep: Sweep) -> str:
    """Draw the state of a sweep as HTML in the theme's own colours: its axes, its numbers, what went wrong."""
    lines = [f"<p>{html.escape(repr(sweep))}</p>"]
    for axis in sweep.axes:
        labels = [axis.label(place) for place in range(min(12, len(axis)))]
        more = f" and {len(axis) - 12} more" if len(axis) > 12 else ""  # noqa: PLR2004
        lines.append(f"<p>{html.escape(axis.name)}: {html.escape(', '.join(labels))}{more}</p>")
    workers = sweep.workers if not sweep.done else []
    if len(workers) > 1:  # one alone says nothing that the cells do not
        lines.append(f"<p>{'<br>'.join(html.escape(str(worker)) for worker in workers)}</p>")
    if sum(sweep.counts.get(state, 0) for state in ("failed", "invalid_output", "quarantined")):
        wrong = itertools.islice((cell for cell in sweep.cells if cell.state == "failed"), SHOWN_ERRORS)
        items = "".join(f"<li>{html.escape(f'{cell!r}: {cell.error}')}</li>" for cell in wrong)
        lines.append(f"<ul>{items}</ul>")
    return f'<div style="color: var(--jp-ui-font-color1, inherit)">{"".join(lines)}</div>'


def _is_open(sweep: Sweep, index: tuple[int, ...]) -> bool:
    """Whether the cell waits for another try, of which there is no job yet."""
    return sweep._ledger.state(index) == WAITING and not sweep.done  # noqa: SLF001 - a part of the sweep
