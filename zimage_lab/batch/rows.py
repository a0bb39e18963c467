"""Turns the rows of a table into requests, and says of every row that cannot be drawn where and why, before any is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from zimage_lab import models
from zimage_lab.errors import InvalidRequest, UnknownModel, shown
from zimage_lab.prompts import table as tables
from zimage_lab.prompts import templates
from zimage_lab.prompts.table import Problem, Row, Table
from zimage_lab.request import GenerationRequest

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.engine.seeds import Seeds
    from zimage_lab.prompts.file_names import FileNames

_PLACEHOLDER = "a picture"
FACTS = ("row", "line", "n")
"""What a file's name may say besides columns and fields of the request: numbers of row, line and picture of the row."""


class Asked(NamedTuple):
    """What a row asks for: a request whose seed is still open, and the seed that the row itself names."""

    row: Row
    base: GenerationRequest
    own_seed: int | None


class Rows:
    """Reads requests out of a table.

    Parameters
    ----------
    table
        The table.
    template
        Template of the prompts; None takes the column `prompt`.
    seeds, names
        How many pictures a row gets, and how their files are named (None without an output folder).
    model, options
        Model and fields of the request for rows that do not say otherwise.
    place
        The home folder; None takes the usual one.

    Raises
    ------
    InvalidRequest
        For what is wrong in all rows: a name that is no column, an option that cannot be.
    """

    def __init__(
        self,
        table: Table,
        template: str | None,
        seeds: Seeds,
        names: FileNames | None,
        *,
        model: str | None,
        options: dict[str, Any],
        place: Path | None,
    ) -> None:
        self.table, self.template, self.seeds, self.names = table, template, seeds, names
        self._place, self._model = place, model or models.DEFAULT_MODEL
        self._options = {name: value for name, value in options.items() if value is not None}
        self._models: dict[str, tuple[GenerationRequest, models.Model]] = {}
        self.columns = {name: column for column in table.columns if (name := tables.field_of(column)) is not None}
        self.warnings: Counter[str] = Counter()
        self._check_names()
        self._start(self._model)

    def read(self) -> tuple[list[Asked], list[Problem]]:
        """Give what can be drawn and what cannot, both in the table's order."""
        asked, problems = [], list(self.table.problems)
        for row in self.table.rows:
            one, wrong = self._judge(row)
            problems += wrong
            if one is not None and not wrong:
                asked.append(one)
        problems.sort(key=lambda problem: problem.row)
        self._same_everywhere(asked, problems)
        return asked, problems

    def variables(self, row: Row, base: GenerationRequest, seed: int, number: int) -> dict[str, object]:
        """Give what the name of a picture's file may say."""
        digits = len(str(len(self.table.rows) + len(self.table.problems)))
        facts = {"row": f"{row.number:0{digits}}", "line": row.line, "n": number}
        # The row's own columns, but for those that name a field: what the request says is what is drawn.
        return {**facts, **_written(row.values), **dict(base), "seed": seed}

    def _judge(self, row: Row) -> tuple[Asked | None, list[Problem]]:
        """Read a row, and where something is wrong read it without that, to find what else is."""
        problems: list[Problem] = []
        left_out: set[str] = set()
        while True:
            try:
                asked, warnings = self._read(row, left_out)
            except InvalidRequest as error:
                field = "prompt" if error.field == "template" else error.field
                if field in left_out:
                    return None, problems
                problems.append(self._problem(row, error))
                left_out.add(field)
                continue
            if not problems:
                self.warnings.update(warnings)
            return asked, problems

    def _read(self, row: Row, left_out: set[str]) -> tuple[Asked, list[str]]:
        given = {
            name: tables.option(name, row.values[column])
            for name, column in self.columns.items()
            if name not in left_out and not tables.missing(row.values.get(column))
        }
        given["prompt"] = _PLACEHOLDER if "prompt" in left_out else self._prompt(row)
        start, model = self._start(given.pop("model", self._model))
        own = given.pop("seed", None)
        base = start.replace(**given) if own is None else start.replace(**given, seed=own)
        if own is not None and self.seeds.listed is None:
            self.seeds.check("seed", base.seed)
        warnings = models.check(base, model)
        if self.names is not None and "name" not in left_out:
            self.names.stem(self.variables(row, base, base.seed, 1))
        asked = Asked(row, base, None) if own is None else Asked(row, base.replace(seed=0), base.seed)
        return asked, warnings

    def _prompt(self, row: Row) -> object:
        if self.template is None:
            # An empty cell stays empty, so that the validator can say so.
            return row.values.get(self.columns["prompt"]) or ""
        for name in templates.names(self.template):
            if name not in row.values:
                field = "template"
                fix = "Give it a value; null leaves its place empty."
                raise InvalidRequest(field, None, f"this row has no {shown(name)}", fix)
        return templates.expand(self.template, _written(row.values))

    def _start(self, name: object) -> tuple[GenerationRequest, models.Model]:
        """Give the request that the options alone make with a model: what a row says is put on top of it."""
        if not isinstance(name, str):
            name = str(name)
        if name not in self._models:
            request = models.build(_PLACEHOLDER, name, place=self._place, **{**self._options, "seed": 0})
            self._models[name] = request, models.find(name, self._place)
        return self._models[name]

    def _check_names(self) -> None:
        columns, field = self.table.columns, "template"
        if self.template is None:
            if "prompt" not in self.columns:
                what = f"{shown(self.table.name)} has no column 'prompt' but {', '.join(map(shown, columns[:12]))}"
                first = columns[0] if columns else "product"
                fix = f"Give a template that makes prompts of its columns, such as '{{{first}}}, white background'."
                raise InvalidRequest(tables.FIELD, columns, what, fix)
        else:
            for name in templates.names(self.template):
                if name not in columns:
                    raise templates.unknown_name(field, name, columns)
        field, known = "name", list(dict.fromkeys([*columns, *FACTS, *GenerationRequest.model_fields]))
        for name in self.names.names if self.names is not None else ():
            if name not in known:
                raise templates.unknown_name(field, name, known)

    def _problem(self, row: Row, error: InvalidRequest) -> Problem:
        column = self.columns.get(error.field)
        if error.field == "prompt" and self.template is not None:
            column = None  # then it comes of all columns
        elif error.field != "prompt" and column is not None and tables.missing(row.values.get(column)):
            column = None  # an option said it
        if column is None:
            what = error.what if error.field in {"template", "name"} else f"{error.field}: {error.what}"
            return Problem(row.number, row.line, None, what, error.fix)
        fix = error.fix
        if isinstance(error, UnknownModel) or (self.template and column in templates.names(self.template)):
            fix += f" If the column is not to set the {error.field}, rename it."
        return Problem(row.number, row.line, column, error.what, fix)

    def _same_everywhere(self, asked: list[Asked], problems: list[Problem]) -> None:
        """Tell once what is wrong with an option of all rows."""
        kinds = {(problem.column, problem.what, problem.fix) for problem in problems}
        if len(kinds) == 1 and not asked and len(problems) > 1 and problems[0].column is None:
            field, _, what = problems[0].what.partition(": ")
            if field in self._options:
                raise InvalidRequest(field, self._options[field], what, problems[0].fix)


def _written(values: dict[str, Any]) -> dict[str, object]:
    """Give the values as a template takes them: what is missing is an empty text."""
    return {name: "" if tables.missing(value) else value for name, value in values.items()}
