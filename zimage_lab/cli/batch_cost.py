"""What a batch will make and what that costs, told before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zimage_lab.cli.terminal import DONE, say_json, table, tell
from zimage_lab.engine.pace import plural, span

if TYPE_CHECKING:
    from pathlib import Path

    from zimage_lab.batch import Plan

SHOWN = 5
SHOWN_ROWS = 20
RECORDS = 50
"""How many of the latest pictures tell what one takes on this machine."""


def announced(made: Plan, place: Path) -> list[str]:
    """Say what will be made and what it costs, before it begins."""
    rows = len({cell.row for cell in made.cells if cell.base is not None})
    pictures = sum(cell.base is not None for cell in made.cells)
    missing = len(made.missing)
    lines = [f"Note: {note}" for note in made.table.notes]
    for warning, number in list(made.warnings.items())[:SHOWN]:
        lines.append(f"Note ({plural(number, 'row')}): {warning}")
    if len(made.warnings) > SHOWN:
        lines.append(f"Note: {len(made.warnings) - SHOWN} more notes of this kind are left out.")
    skipped = len(made.cells) - pictures
    lines += [f"Skipped: {cell.error}" for cell in made.cells if cell.base is None][:SHOWN_ROWS]
    if skipped > SHOWN_ROWS:
        lines.append(f"... and {skipped - SHOWN_ROWS} more rows are skipped.")
    done = f", {pictures - missing} of them done" if pictures > missing else ""
    lines.append(f"{plural(rows, 'row')}, {made.seeds.count} each: {plural(pictures, 'picture')}{done}.")
    if missing:
        seconds = _estimate(made, place)
        about = "" if seconds is None else f", about {span(seconds)}"
        lines.append(f"Cost: {plural(missing, 'picture')}, {_large(made.cost)} pixels x steps{about}.")
    if made.earlier:
        what = "of another table or other options stay in the folder and in results.csv, as 'earlier'"
        lines.append(f"Note: {plural(len(made.earlier), 'picture')} {what}.")
    return lines


def dry_run(made: Plan, place: Path, *, json: bool) -> int:
    """Show the first pictures of a plan, and make none."""
    first = [cell for cell in made.cells if cell.base is not None][:SHOWN]
    if json:
        drawn = sum(cell.base is not None for cell in made.cells)
        say_json(
            {
                "pictures": drawn,
                "missing": len(made.missing),
                "skipped": len(made.cells) - drawn,
                "pixels_x_steps": made.cost,
                "seconds": _estimate(made, place),
                "notes": [*made.table.notes, *made.warnings],
                "first": [{"line": c.line, "seed": str(c.seed), "prompt": c.prompt, "name": c.name} for c in first],
            }
        )
        return DONE
    for line in announced(made, place):
        tell(line)
    table(["LINE", "SEED", "FILE", "PROMPT"], [[str(c.line), str(c.seed), c.name or "-", c.prompt] for c in first])
    tell("Nothing was made. Where --seed is not given, it is drawn anew when the batch begins.")
    return DONE


def _estimate(made: Plan, place: Path) -> float | None:
    """Give the seconds that the batch will take by what pictures took lately; None where nothing is known."""
    from zimage_lab.home import DATABASE

    if made.known_seconds is not None or not made.missing or not (place / DATABASE).exists():
        return made.known_seconds
    from zimage_lab.store.records import Records

    wanted = {cell.base.model for cell in made.missing if cell.base is not None}
    with Records(place) as records:
        same = [one for one in records.list(RECORDS) if one.state == "succeeded" and one.request.model in wanted]
    cost = sum(one.request.cost for one in same)
    spent = sum(sum(one.seconds.values()) - one.seconds.get("load", 0.0) for one in same)
    return made.cost * spent / cost if cost and spent else None


def _large(number: int) -> str:
    for size, word in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")):
        if number >= size:
            return f"{number / size:.1f} {word}"
    return str(number)
