"""What a batch will do, known before it begins: every picture, its seed, its file, its cost, and what is done."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zimage_lab.batch.cell import WAITING, Cell, identity, skipped
from zimage_lab.batch.folder import Folder, Line, is_done
from zimage_lab.batch.rows import Asked, Rows
from zimage_lab.engine.seeds import Seeds
from zimage_lab.errors import InvalidRequest
from zimage_lab.prompts import table as tables
from zimage_lab.prompts.file_names import FileNames

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    from zimage_lab.prompts.table import Problem, Table

PICTURES = 1_000_000
"""Most pictures of one batch."""

NAME = "{row}_{seed}"
"""How files are named where nobody says."""


@dataclass(slots=True)
class Plan:
    """What a batch will do.

    Attributes
    ----------
    table
        What was read.
    cells
        Every picture and every skipped row, in the table's order.
    folder
        The output folder, or None.
    seeds
        The seeds of each row.
    earlier
        Lines of the results table that are of another table or other options, their pictures still there.
    warnings
        What the person should know, in sentences, with the number of rows it is true of.
    """

    table: Table
    cells: list[Cell]
    folder: Folder | None
    seeds: Seeds
    names: FileNames | None = None
    earlier: list[Line] = field(default_factory=list)
    warnings: dict[str, int] = field(default_factory=dict)

    @property
    def missing(self) -> list[Cell]:
        """The pictures that are to be made."""
        return [cell for cell in self.cells if cell.state == WAITING]

    @property
    def cost(self) -> int:
        """Pixels times steps of all that is to be made."""
        return sum(cell.cost for cell in self.missing)

    @property
    def known_seconds(self) -> float | None:
        """Seconds that the rest will take by what the pictures that are done took; None where none is."""
        done = [cell for cell in self.cells if cell.state == "succeeded" and cell.seconds]
        cost = sum(cell.cost for cell in done)
        return self.cost * sum(cell.seconds or 0 for cell in done) / cost if cost else None

    def close(self) -> None:
        """Give the output folder back, where the plan is not carried out."""
        if self.folder is not None:
            self.folder.close()


def plan(
    source: object,
    template: str | None = None,
    *,
    seeds: int | Sequence[int] = 1,
    output_dir: str | os.PathLike[str] | None = None,
    name: str | None = None,
    skip_bad: bool = False,
    begin: bool = True,
    model: str | None = None,
    place: Path | None = None,
    **options: Any,  # noqa: ANN401 - the values of any field, checked by the request
) -> Plan:
    """Plan a batch, and check all of it.

    Parameters
    ----------
    source, template, seeds, output_dir, name, skip_bad, options
        As `start` takes them.
    begin
        Make the output folder and take it for this process; without, nothing is written.
    model
        Model of rows that name none.
    place
        The home folder; None takes the usual one.

    Raises
    ------
    BadRows
        Rows cannot be drawn, and `skip_bad` is off.
    InvalidRequest
        Something else cannot be; the message names it and the fix.
    """
    table = tables.read(source)
    drawn = Seeds(seeds, options.pop("seed", None))
    if name is not None and output_dir is None:
        field_name = "name"
        raise InvalidRequest(field_name, name, "names files of an output folder", "Give output_dir, too.")
    folder = None if output_dir is None else Folder(output_dir)
    names = None if folder is None else FileNames(NAME if name is None else name)
    if "prompt" in options:
        field_name = "prompt"
        what = "comes from the table"
        raise InvalidRequest(field_name, options["prompt"], what, "Give a template, or a column called prompt.")
    rows = Rows(table, template, drawn, names, model=model, options=options, place=place)
    asked, problems = rows.read()
    if problems and not skip_bad:
        raise tables.BadRows(
            table.name, problems, table.unit, "Mend the table, or go on without those rows (skip_bad)."
        )
    if not asked:
        raise tables.BadRows(table.name, problems, table.unit, "Mend the table: there is no other row.")
    if len(asked) * drawn.count > PICTURES:
        what = f"{len(asked)} rows with {drawn.count} seeds are more than {PICTURES} pictures"
        raise InvalidRequest("seeds", seeds, what, "Take fewer seeds, or cut the table.")  # noqa: EM101 - a field
    if folder is not None and begin:
        folder.open()
    try:
        return _planned(rows, asked, problems, folder)
    except BaseException:
        if folder is not None:
            folder.close()
        raise


def _planned(rows: Rows, asked: list[Asked], problems: list[Problem], folder: Folder | None) -> Plan:
    rows.seeds.begin(folder.seed if folder is not None else None)
    known = folder.lines() if folder is not None else {}
    cells = _cells(rows, asked, known, folder)
    wrong: dict[int, list[Problem]] = {}
    for problem in problems:
        wrong.setdefault(problem.row, []).append(problem)
    readable = {row.number: row for row in rows.table.rows if row.number in wrong}
    for number, found in wrong.items():
        row = readable.get(number) or tables.Row(number, found[0].line, {})
        prompt = str(row.values.get(rows.columns.get("prompt", ""), "")) if rows.template is None else ""
        cells.append(skipped(row, " ".join(problem.sentence(rows.table.unit) for problem in found), prompt))
    cells.sort(key=lambda cell: cell.row)
    ours = {cell.key for cell in cells}
    earlier = [line for key, line in known.items() if folder and key not in ours and is_done(line, folder)]
    return Plan(rows.table, cells, folder, rows.seeds, rows.names, earlier, dict(rows.warnings))


def _cells(rows: Rows, asked: list[Asked], known: dict[str, Line], folder: Folder | None) -> list[Cell]:
    cells: list[Cell] = []
    places: list[tuple[Cell, Asked, int, int]] = []
    seen: Counter[str] = Counter()
    for one in asked:
        content = json.dumps(one.row.values, sort_keys=True, ensure_ascii=False, default=str)
        row = identity(content, one.base.sha256)
        seen[row] += 1  # a row that stands twice is drawn twice
        for number, seed in enumerate(rows.seeds.of(one.own_seed), 1):
            key = identity(row, str(seen[row]), str(seed))
            cell = Cell(one.row.number, one.row.line, one.base.prompt, seed, base=one.base, key=key)
            cell.values = one.row.values
            cells.append(cell)
            places.append((cell, one, seed, number))
    if folder is None or rows.names is None:
        return cells
    for line in known.values():
        if line.values["path"]:
            rows.names.reserve(line.values["path"])
    for cell, one, seed, number in places:
        line_or_none = known.get(cell.key)
        if line_or_none is not None and _take(cell, line_or_none, folder):
            continue
        cell.name = rows.names.give(rows.variables(one.row, one.base, seed, number))
    return cells


def _take(cell: Cell, line: Line, folder: Folder) -> bool:
    """Take over what an earlier start wrote of a cell; True where its file's name is settled."""
    name = line.values["path"]
    cell.tries = line.tries
    if is_done(line, folder):
        cell.state, cell.path, cell.name = "succeeded", folder.path / name, name
        cell.seconds, cell.record_id = line.seconds, line.values["record_id"] or None
        return True
    if line.state == "succeeded" and name:
        cell.name = name  # the file was removed: it comes back under its name
        return True
    return False
