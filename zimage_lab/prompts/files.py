"""Tables from files: CSV as Excel and others write it, in whatever encoding, and JSONL."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.prompts.table import FIELD, ROWS, Problem, Row, Table, too_many
from zimage_lab.values import json_object

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE_BYTES = 256 * 2**20
"""Largest file that is read: a million rows of 250 bytes."""

DELIMITERS = ",;\t"  # a comma; what Excel writes where the comma is the decimal point; what it calls Unicode text
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx is a zip file, .xls an OLE one
_JSON_SUFFIXES = {".jsonl", ".ndjson"}
_SCALARS = (str, int, float, bool, type(None))


def read(path: Path) -> Table:
    """Read a CSV or JSONL file.

    Parameters
    ----------
    path
        The file; `.jsonl` and `.ndjson`, or a first letter `{`, tell JSONL.

    Raises
    ------
    InvalidRequest
        When it cannot be read, or is neither.
    """
    table = Table(path.name)
    text = _text(path, table)
    if path.suffix.lower() in _JSON_SUFFIXES or text.lstrip()[:1] in {"{", "["}:
        _read_json(text, table)
    else:
        _read_csv(text, table)
    return table


def parse(text: str, name: str) -> Table:
    """Read a CSV that somebody typed.

    Parameters
    ----------
    text
        The names of the columns, and a row on each further line.
    name
        What sentences call it.

    Raises
    ------
    InvalidRequest
        When it has no columns that can be told apart.
    """
    table = Table(name)
    _read_csv(text, table)
    return table


def _text(path: Path, table: Table) -> str:
    try:
        if path.stat().st_size > FILE_BYTES:
            raise InvalidRequest(FIELD, str(path), f"{shown(path.name)} is larger than 256 MiB", "Cut it into several.")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidRequest):
            raise
        why = getattr(error, "strerror", None) or "no usable path"
        what = f"{shown(str(path))} cannot be read ({why})"
        raise InvalidRequest(FIELD, str(path), what, "Give a CSV or JSONL file.") from error
    return decoded(data, path.name, table.notes)


def decoded(data: bytes, name: str, notes: list[str] | None = None) -> str:
    """Read the bytes of a CSV as text: UTF-8, UTF-16 or GBK.

    Parameters
    ----------
    data
        The file.
    name
        What sentences call it.
    notes
        Where it is put down that the file was not UTF-8.

    Raises
    ------
    InvalidRequest
        When it is none of these, or an Excel workbook.
    """
    if data.startswith(_WORKBOOKS):
        what = f"{shown(name)} is an Excel workbook"
        raise InvalidRequest(FIELD, name, what, "Save it as 'CSV UTF-8' in Excel, and give that file.")
    if data.startswith(_UTF16):
        return _decoded(data, "utf-16", name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = _decoded(data, "gb18030", name)  # GBK and all that came after it
        if notes is not None:
            notes.append(f"{name} is not UTF-8 and was read as GBK; save it as UTF-8 if prompts look wrong.")
        return text


def _decoded(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"{shown(name)} is neither UTF-8 nor GBK (line {line})"
        raise InvalidRequest(FIELD, name, what, "Save it as UTF-8 ('CSV UTF-8' in Excel).") from error


def _read_csv(text: str, table: Table) -> None:
    text, skipped, mark = _without_mark(text)
    records = _records(text, mark or _delimiter(text), skipped)
    line, head, fault = next(records, (1, [], None))
    if fault:
        raise InvalidRequest(FIELD, table.name, f"line {line}: {fault[0]}", fault[1])
    columns = [cell.strip() for cell in head]
    while columns and not columns[-1]:  # Excel writes empty columns that were once touched
        columns.pop()
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if not all(columns) or twice is not None:
        what = f"line {line}: " + (f"the column {shown(twice)} stands twice" if twice else "a column has no name")
        raise InvalidRequest(FIELD, head, what, "Give each column its own name.")
    table.columns = columns
    number = 0
    for line, cells, fault in records:
        if not fault and not any(cell.strip() for cell in cells):
            continue
        number += 1
        if number > ROWS:
            raise too_many(table.name)
        wrong = Problem(number, line, None, *fault) if fault else _count(cells, columns, number, line)
        if wrong:
            table.problems.append(wrong)
        else:
            table.rows.append(Row(number, line, dict(zip(columns, cells, strict=False))))


def _count(cells: list[str], columns: list[str], number: int, line: int) -> Problem | None:
    extra = [cell for cell in cells[len(columns) :] if cell.strip()]
    if not extra and len(cells) >= len(columns):
        return None
    what = f"{len(cells)} values for {len(columns)} column{'s' if len(columns) > 1 else ''}"
    fix = (
        "Put quotes around a text that holds the separator."
        if extra
        else "Give every column a value or leave it empty."
    )
    return Problem(number, line, None, what, fix)


def _records(text: str, delimiter: str, skipped: int) -> Iterator[tuple[int, list[str], tuple[str, str] | None]]:
    """Give each record with the line on which it begins, and what is wrong with it."""
    # An unclosed quote takes all that follows into one field: the limit must not end the reading before it is told.
    csv.field_size_limit(FILE_BYTES)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + skipped + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            unclosed = "unexpected end" in str(error)
            what = "a quote is opened and never closed" if unclosed else "a quote stands inside of a text"
            yield line, [], (what, 'Close it, or write "" for a quote inside of quotes.')
            continue
        yield line, cells, None


def _without_mark(text: str) -> tuple[str, int, str | None]:
    """Take away the line `sep=;` with which Excel is told the separator."""
    first, _, rest = text.partition("\n")
    first = first.strip()
    if first.lower().startswith("sep=") and len(first) == len("sep=;"):
        return rest, 1, first[-1]
    if first.lower() == "sep=":  # the separator is a tab, and was taken for white space
        return rest, 1, "\t"
    return text, 0, None


def _delimiter(text: str) -> str:
    """Find the separator by the line of column names alone: prompts are full of commas and semicolons."""
    widths = {}
    for delimiter in DELIMITERS:
        _, cells, fault = next(_records(text, delimiter, 0), (1, [], None))
        widths[delimiter] = 0 if fault else len(cells)
    return max(DELIMITERS, key=lambda delimiter: widths[delimiter])  # the first of equals: the comma


def _read_json(text: str, table: Table) -> None:
    if text.lstrip().startswith("["):
        what = f"{shown(table.name)} is one JSON list"
        raise InvalidRequest(
            FIELD, table.name, what, "Write JSONL: one object in each line, without a list around them."
        )
    columns: dict[str, None] = {}
    number = 0
    for line, content in enumerate(text.split("\n"), 1):  # not splitlines(): JSON texts may hold U+2028
        if not content.strip():
            continue
        number += 1
        if number > ROWS:
            raise too_many(table.name)
        try:
            values = json_object("line", content.strip())
        except InvalidRequest as error:
            table.problems.append(Problem(number, line, None, error.what, error.fix))
            continue
        odd = next((name for name, value in values.items() if not isinstance(value, _SCALARS)), None)
        if odd is not None:
            what = f"{shown(values[odd])} is neither text nor a number"
            table.problems.append(Problem(number, line, odd, what, "Give text or a number."))
            continue
        columns.update(dict.fromkeys(values))
        table.rows.append(Row(number, line, values))
    table.columns = list(columns)
