"""`zimage-lab compare`: models on the same prompts, measured in the same way, a table and a report at the end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab.cli import waiting
from zimage_lab.cli.machine import HOME_HELP
from zimage_lab.cli.terminal import CANCELLED, DONE, FAILED, say, say_json, tell
from zimage_lab.errors import InvalidRequest, shown

if TYPE_CHECKING:
    import argparse

    from zimage_lab.cli.parser import Parser
    from zimage_lab.compare import Comparison

FILE_BYTES = 2**20

DESCRIPTION = """\
Measure two or more models on the same prompts: time, memory, arithmetic, and what is right in the pictures."""

EPILOGUE = """\
zimage-lab compare --models miniature-turbo z-image-turbo --prompts prompts.txt --seeds 4 --report out.html
zimage-lab compare --models miniature-turbo --curve 1 2 4 8 --prompts prompts.txt --report steps.html

A line of the file is a prompt; behind a tab may stand what it means in plain English, for the miniatures' judge.
The same command with the same --name makes only what is missing.
Exit codes: 0 all made, 1 some failed, 2 wrong input, 3 cancelled."""


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to the parser."""
    import argparse

    parser = groups.add_parser(
        "compare",
        help="measure models on the same prompts, with a table and a report",
        description=DESCRIPTION,
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--models", metavar="MODEL", nargs="+", required=True, help="two or more models")
    parser.add_argument("--prompts", metavar="FILE", required=True, help="a text file with a prompt on each line")
    parser.add_argument("--seeds", metavar="N", type=int, default=1, help="pictures of each prompt by each model")
    parser.add_argument("--curve", metavar="STEPS", type=int, nargs="+", help="each model at these numbers of steps")
    parser.add_argument("--match", metavar="WHAT", nargs="+", default=[], help="size, steps or time: the same for all")
    parser.add_argument("--repeats", metavar="N", type=int, default=1, help="times that each picture is made")
    parser.add_argument("--warm-up", metavar="N", type=int, default=1, help="pictures of each model before it is timed")
    parser.add_argument("--clip", metavar="FOLDER", help="a CLIP model that scores the pictures")
    parser.add_argument("--name", metavar="NAME", help="name under which it is kept")
    parser.add_argument("--report", metavar="FILE", help="write one HTML page")
    parser.add_argument("--language", metavar="CODE", default="en", help="of the table: en or zh")
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    parser.add_argument("--home", metavar="FOLDER", help=HOME_HELP)
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Plan the comparison, make it, print its table."""
    from zimage_lab import load
    from zimage_lab.compare import curve, plan, start
    from zimage_lab.compare.report.writing import checked
    from zimage_lab.compare.table import words
    from zimage_lab.home import home

    place = home(arguments.home)
    prompts = read(Path(arguments.prompts))
    words(arguments.language)
    if arguments.report:
        checked(arguments.report)
    models = curve(arguments.models, arguments.curve) if arguments.curve else arguments.models
    protocol = {"match": tuple(arguments.match), "repeats": arguments.repeats, "warm_up": arguments.warm_up}
    options: dict[str, Any] = {"seeds": arguments.seeds, "protocol": protocol, "clip": arguments.clip}
    made = plan(prompts, models, place=place, **options)
    for note in made.notes:
        tell(f"Note: {note}")
    tell(f"{made.protocol}")
    engine = load(made.contestants[0].model, home=place, independent=True)
    try:
        return _watched(start(engine, prompts, models, name=arguments.name, **options), arguments)
    finally:
        engine.stop()


def read(path: Path) -> dict[str, str | None]:
    """Read prompts, and the meanings of those that have one.

    Raises
    ------
    InvalidRequest
        The file cannot be read, or a prompt stands twice.
    """
    field = "prompts"
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES + 1)
        text = data.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        what = f"{shown(str(path))} cannot be read ({error})"
        raise InvalidRequest(field, str(path), what, "Give a text file in UTF-8.") from error
    if len(data) > FILE_BYTES:
        raise InvalidRequest(field, str(path), "is larger than a megabyte", "Give fewer prompts.")
    found: dict[str, str | None] = {}
    for line in filter(str.strip, text.splitlines()):
        prompt, _, meaning = (part.strip() for part in line.partition("\t"))
        if prompt in found:
            raise InvalidRequest(field, prompt, f"{shown(prompt)} stands twice", "Give each prompt once.")
        found[prompt] = meaning or None
    return found


def _watched(comparison: Comparison, arguments: argparse.Namespace) -> int:
    began, cancelled = time.monotonic(), False
    try:
        with waiting.progress(comparison) as look:
            waiting.wait(comparison, look)
    except KeyboardInterrupt:
        cancelled = True
    table = comparison.table(arguments.language)
    if arguments.json:
        say_json({"name": comparison.name, "id": comparison.id, "counts": comparison.counts, "table": table.to_dict()})
    else:
        for name, row in table.iterrows():
            say(str(name))
            for label, text in row.items():
                say(f"  {label}: {text}")
    if arguments.report and comparison.counts.get("succeeded"):
        tell(f"The report: {comparison.report(arguments.report)}")
    tell(f"{comparison!r}, in {time.monotonic() - began:.0f} s")
    if cancelled:
        return CANCELLED
    return DONE if comparison.counts == {"succeeded": comparison.plan.count} else FAILED
