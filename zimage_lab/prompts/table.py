"""Tables of prompts: CSV, JSONL, a data frame or plain rows, read into rows that know their line.

A file that cannot be read at all is an error at once. A row that cannot be read is a `Problem`, so that a person hears
of all of them together, and may go on without them.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.options import OPTIONS, whole
from zimage_lab.request import OTHER_NAMES, GenerationRequest
from zimage_lab.values import checked_text

if TYPE_CHECKING:
    from collections.abc import Sequence

FIELD = "table"
ROWS = 1_000_000
"""Most rows of a table."""

COLUMN_CHARACTERS = 200
LISTED = 20
"""Most problems that are printed; of the others, the number."""

EXACT_FLOAT = 2**53
"""Whole numbers above are rounded where a column became floats, as pandas does where a value is missing."""

_READ = {option.name: option.read for option in OPTIONS}
_WHOLE_FIELDS = frozenset({"seed", "steps", "width", "height"})
_DECIMAL_ZERO = re.compile(r"[+-]?[0-9]{1,15}\.0+")  # what pandas writes into a CSV of such a column
_FLAGS = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row cannot be drawn: where it stands, what is wrong there, and the fix."""

    row: int
    line: int
    column: str | None
    what: str
    fix: str

    def sentence(self, unit: str = "line") -> str:
        """Tell it, the place first."""
        place = f"{unit} {self.line}" + (f", column {_plain(self.column)}" if self.column else "")
        return f"{place}: {self.what}. {self.fix}"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number from 1, the line of the file on which it begins, and its values by column."""

    number: int
    line: int
    values: dict[str, Any]


@dataclass(slots=True)
class Table:
    """What was read.

    Attributes
    ----------
    name
        The file's name, or what the table is.
    unit
        What `line` counts: "line" of a file, or "row".
    columns
        Names of the columns, in order.
    rows
        The rows that could be read.
    problems
        The rows that could not.
    notes
        What the person should know of the reading, in sentences.
    """

    name: str
    unit: str = "line"
    columns: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class BadRows(InvalidRequest):
    """Rows that cannot be drawn; nothing was begun.

    Parameters
    ----------
    name
        The table.
    problems
        All of them, in the table's order.
    unit
        What their lines count.
    fix
        What else can be done.
    """

    def __init__(self, name: str, problems: Sequence[Problem], unit: str, fix: str) -> None:
        count = len({problem.row for problem in problems})
        what = f"{count} row{'s' if count > 1 else ''} of {shown(name)} cannot be drawn, so nothing was begun"
        super().__init__(FIELD, name, what, fix)
        self.problems, self.unit = tuple(problems), unit

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by this class's own arguments."""
        return type(self), (self.value, self.problems, self.unit, self.fix)

    def lines(self) -> list[str]:
        """Give a sentence for each problem, the first 20, and the number of the others."""
        listed = [problem.sentence(self.unit) for problem in self.problems[:LISTED]]
        rest = len(self.problems) - LISTED
        return listed + ([f"... and {rest} more"] if rest > 0 else [])

    def __str__(self) -> str:
        """Give the sentence, and a line for each problem."""
        return "\n".join([super().__str__(), *self.lines()])


def read(source: object) -> Table:
    """Read a table.

    Parameters
    ----------
    source
        Path of a CSV or JSONL file, a pandas data frame, rows (mappings, or texts that are prompts), or a `Table`.

    Raises
    ------
    InvalidRequest
        When it is none of these, or nothing of it can be read.
    """
    from zimage_lab.prompts import files

    if isinstance(source, str | os.PathLike):
        table = files.read(Path(source).expanduser())
    elif isinstance(source, Table):
        table = source
    elif _is_frame(source):
        table = _of_rows(_frame_rows(source), "the data frame")
    elif isinstance(source, Iterable) and not isinstance(source, Mapping | bytes):
        table = _of_rows(source, "the rows")
    else:
        what = f"{shown(source)} is no table"
        raise InvalidRequest(FIELD, source, what, "Give a CSV or JSONL file, a data frame, or a list of rows.")
    if not table.rows and not table.problems:
        raise InvalidRequest(FIELD, table.name, f"{shown(table.name)} holds no row", "Add a row below the names.")
    _check_columns(table)
    return table


def field_of(column: str) -> str | None:
    """Give the field of the request that a column sets ("Guidance scale" sets guidance_scale), or None."""
    name = re.sub(r"[\s-]+", "_", column.strip()).lower()
    return name if name in GenerationRequest.model_fields else None


def missing(value: object) -> bool:
    """Say whether a cell says nothing: an empty one, or what pandas and JSON put there for it."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, float) and value != value  # noqa: PLR0124 - NaN, the only value that is not itself


def option(name: str, value: object) -> object:
    """Read a cell that sets a field of the request; what is no such value is left to the request's own validator."""
    if isinstance(value, str):
        text = value.strip()
        if name in _WHOLE_FIELDS:
            return whole(text.partition(".")[0] if _DECIMAL_ZERO.fullmatch(text) else text)
        if name == "truncate":
            return _FLAGS.get(text.lower(), value)
        return _READ[name](text) if name in _READ and name != "negative_prompt" else value
    if name in _WHOLE_FIELDS and isinstance(value, float) and value.is_integer() and abs(value) < EXACT_FLOAT:
        return int(value)
    return value


def _of_rows(source: Iterable[object], name: str) -> Table:
    table = Table(name, unit="row")
    columns: dict[str, None] = {}
    for number, item in enumerate(source, 1):
        if number > ROWS:
            raise too_many(name)
        values = {"prompt": item} if isinstance(item, str) else item
        if not isinstance(values, Mapping):
            fix = "Give a mapping such as {'prompt': 'a red circle'}, or a text."
            table.problems.append(Problem(number, number, None, f"{shown(item)} is no row", fix))
            continue
        plain = {str(column): _native(value) for column, value in values.items()}
        columns.update(dict.fromkeys(plain))
        table.rows.append(Row(number, number, plain))
    table.columns = list(columns)
    return table


def too_many(name: str) -> InvalidRequest:
    """Give the error for a table that is longer than any."""
    return InvalidRequest(FIELD, name, f"{shown(name)} has more than {ROWS} rows", "Cut it into several tables.")


def _is_frame(source: object) -> bool:
    pandas = sys.modules.get("pandas")  # whoever has a frame has imported it
    return pandas is not None and isinstance(source, pandas.DataFrame)


def _frame_rows(frame: Any) -> Iterable[object]:  # noqa: ANN401 - a DataFrame
    names = [str(column) for column in frame.columns]
    if len(set(names)) != len(names):
        raise InvalidRequest(FIELD, names, "the data frame has a column twice", "Give each column its own name.")
    return (dict(zip(names, row, strict=True)) for row in frame.itertuples(index=False, name=None))


def _native(value: object) -> object:
    """Give NumPy's numbers as Python's, which a JSON text can hold."""
    if type(value).__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return value.item()
    return value


def _check_columns(table: Table) -> None:
    """Refuse columns that nobody could name; tell of those that are perhaps meant for a field."""
    seen: dict[str, str] = {}
    for column in table.columns:
        checked_text("column", column, limit=COLUMN_CHARACTERS)
        name = field_of(column)
        if name is not None and name in seen:
            what = f"the columns {shown(seen[name])} and {shown(column)} both set {name}"
            raise InvalidRequest(FIELD, table.columns, what, "Rename one of them.")
        if name is not None:
            seen[name] = column
        other = OTHER_NAMES.get(column.strip().lower())
        if other and other not in seen:
            table.notes.append(f"The column {shown(column)} sets nothing; call it {other} if that is what it is.")


def _plain(text: str) -> str:
    return text if text.isprintable() else shown(text)
