"""`zimage-lab batch`: pictures of a whole table, resumed where they stopped."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from zimage_lab.cli import waiting
from zimage_lab.cli.terminal import CANCELLED, DONE, FAILED, WRONG_INPUT, say, say_json, tell
from zimage_lab.errors import InvalidRequest, ZImageError
from zimage_lab.options import OPTIONS, whole

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from zimage_lab.batch import Plan
    from zimage_lab.cli.parser import Parser

SHOWN_FAILURES = 20

DESCRIPTION = """\
Make the pictures of a table: CSV (also Excel's) or JSONL, one row a picture or several.
A column called like an option (seed, steps, width, height, guidance_scale, negative_prompt, model)
sets it for its row."""

EPILOGUE = """\
zimage-lab batch prompts.csv --template "{product}, white background" --seeds 4 --output-dir out --name "{sku}_{seed}"

out/results.csv accounts for every row. The same command again makes only what is missing.
Exit codes: 0 all made, 1 some failed, 2 wrong input, 3 cancelled."""


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to the parser."""
    import argparse

    parser = groups.add_parser(
        "batch",
        help="make the pictures of a table",
        description=DESCRIPTION,
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("table", metavar="TABLE", help="a CSV or JSONL file; with a column prompt, or with --template")
    parser.add_argument("--template", metavar="TEXT", help="prompt with {column} for each value; {{ is a brace")
    parser.add_argument(
        "--seeds",
        metavar="N|A,B,...",
        default="1",
        help="pictures of each row, with consecutive seeds from --seed; or the seeds, with commas (default: 1)",
    )
    parser.add_argument("--output-dir", metavar="FOLDER", help="folder for the pictures and results.csv")
    parser.add_argument("--name", metavar="TEXT", help="files' names: columns, options, {row}, {line}, {n} in the row")
    parser.add_argument("--skip-bad", action="store_true", help="go on without rows that cannot be drawn")
    parser.add_argument("--dry-run", action="store_true", help="say what would be made, and make nothing")
    for option in OPTIONS:
        parser.add_argument(option.flag, dest=option.name, type=option.read, metavar=option.takes, help=option.help)
    parser.add_argument("--json", action="store_true", help="print what came of it as JSON")
    parser.add_argument("--home", metavar="FOLDER", help="folder of pictures and records (see zimage-lab where)")
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Plan the batch, tell its cost, make it."""
    from zimage_lab.batch import plan
    from zimage_lab.cli import batch_cost
    from zimage_lab.home import home, settings
    from zimage_lab.prompts.table import BadRows

    if arguments.output_dir is None and not arguments.dry_run:
        field = "--output-dir"
        raise InvalidRequest(field, None, "is missing", "Give the folder for the pictures, such as --output-dir out.")
    place = home(arguments.home)
    options = {option.name: getattr(arguments, option.name) for option in OPTIONS}
    options["model"] = options["model"] or settings(place).model
    try:
        made = plan(
            arguments.table,
            arguments.template,
            seeds=_seeds(arguments.seeds),
            output_dir=arguments.output_dir,
            name=arguments.name,
            skip_bad=arguments.skip_bad,
            begin=not arguments.dry_run,
            place=place,
            **options,
        )
    except BadRows as error:
        tell(f"zimage-lab: {error.field}: {error.what}. {error.fix.replace('skip_bad', '--skip-bad')}")
        for line in error.lines():
            tell(f"  {line}")
        return WRONG_INPUT
    try:
        return (
            batch_cost.dry_run(made, place, json=arguments.json) if arguments.dry_run else _make(made, place, arguments)
        )
    finally:
        made.close()


def _make(made: Plan, place: Path, arguments: argparse.Namespace) -> int:
    from zimage_lab import load
    from zimage_lab.batch import Batch
    from zimage_lab.cli import batch_cost

    for line in batch_cost.announced(made, place):
        tell(line)
    began = time.monotonic()
    if not made.missing:
        assert made.folder is not None  # noqa: S101 - plan() was given one
        made.folder.rewrite(made.cells, made.earlier)
        tell("Every picture is there already; nothing was made.")
        return _end(made, began, arguments, cancelled=False)
    engine = load(made.missing[0].request.model, home=place, independent=True)
    cancelled = False
    try:
        batch = Batch(engine, made)
        try:
            with waiting.progress(batch) as look:
                waiting.wait(batch, look)
        except KeyboardInterrupt:
            cancelled = True
        except ZImageError:
            tell("The batch stopped; what is done is kept, and the same command again makes the rest.")
            raise
    finally:
        engine.stop()
    return _end(made, began, arguments, cancelled=cancelled)


def _end(made: Plan, began: float, arguments: argparse.Namespace, *, cancelled: bool) -> int:
    """Tell what came of it, and give the exit code."""
    from zimage_lab.engine.pace import span, told

    counts: dict[str, int] = {}
    for cell in made.cells:
        counts[cell.state] = counts.get(cell.state, 0) + 1
    assert made.folder is not None  # noqa: S101 - plan() was given one
    pictures, succeeded = len(made.cells) - counts.get("skipped", 0), counts.get("succeeded", 0)
    failed = [cell for cell in made.cells if cell.state in {"failed", "invalid_output", "quarantined"}]
    for cell in failed[:SHOWN_FAILURES]:
        tell(f"{made.table.unit} {cell.line}, seed {cell.seed}: {cell.state.replace('_', ' ')}. {cell.error}")
    if len(failed) > SHOWN_FAILURES:
        tell(f"... and {len(failed) - SHOWN_FAILURES} more, in {made.folder.results.name}")
    seconds = time.monotonic() - began
    if arguments.json:
        facts = {"id": made.folder.id, "results": str(made.folder.results), "pictures": pictures, "states": counts}
        say_json({**facts, "seconds": round(seconds, 3)})
    else:
        say(str(made.folder.results))
    if cancelled or counts.get("cancelled"):
        again = "The same command again makes the rest."
        tell(f"zimage-lab: Cancelled; {succeeded} of {pictures} pictures are done and kept. {again}")
        return FAILED if failed and not cancelled else CANCELLED
    tell(f"Pictures and rows: {told(counts)}, in {span(seconds)}.")
    if failed:
        tell("The same command again tries those that failed.")
    return FAILED if failed else DONE


def _seeds(text: str) -> Any:  # noqa: ANN401 - a number, or a list of them; what is neither is refused by the plan
    if "," not in text:
        return whole(text)
    return [whole(word.strip()) for word in text.split(",") if word.strip()]
