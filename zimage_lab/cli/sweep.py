"""`zimage-lab sweep`: pictures along axes from the shell, and a contact sheet at the end."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from zimage_lab.cli import sweep_verbs, waiting
from zimage_lab.cli.machine import HOME_HELP
from zimage_lab.cli.terminal import CANCELLED, DONE, FAILED, say, say_json, tell
from zimage_lab.errors import InvalidRequest, ZImageError
from zimage_lab.options import SWEEP_OPTIONS

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from zimage_lab.cli.parser import Parser
    from zimage_lab.sweeps import Sweep

MAKE = "make"
SHOWN_FAILURES = 20

DESCRIPTION = """\
Make a picture for each combination of values. Every option below may be given several times, and those that take
numbers know "4, 6, 8", "1-10", "1-10 (+2)", "0.5-1.5 [5]" and "1, 2, .., 10"."""

EPILOGUE = """\
zimage-lab sweep "a red cat on the left" --seeds 4 --steps "4, 6, 8" --replace "cat=dog,fish" --sheet cats.png

zimage-lab sweep list | show NAME | resume NAME | pause NAME | cancel NAME

A contact sheet is drawn at the end: NAME.png where no name is given. `zimage-lab sweep resume` takes one, too.
The same command with the same --name makes only what is missing.
Exit codes: 0 all made, 1 some failed, 2 wrong input, 3 cancelled."""


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to the parser."""
    import argparse

    top = groups.add_parser("sweep", help="make pictures along axes: seeds, steps, words of the prompt, anything")
    top.set_defaults(parser=top)
    verbs = top.add_subparsers(metavar="VERB")
    top.default_verb = MAKE
    parser = verbs.add_parser(
        MAKE,
        prog=top.prog,
        help="make pictures; the word itself may be left out",
        description=DESCRIPTION,
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("prompt", metavar="PROMPT", nargs="+", help="what the pictures show; several are an axis")
    for option in SWEEP_OPTIONS:
        parser.add_argument(option.flag, **option.argparse)
    parser.add_argument("--dry-run", action="store_true", help="say what would be made, and make nothing")
    parser.add_argument("--json", action="store_true", help="print what came of it as JSON")
    parser.add_argument("--home", metavar="FOLDER", help=HOME_HELP)
    parser.set_defaults(run=make, parser=parser)
    resumed = verbs.add_parser("resume", help="make what is missing of a sweep, also what failed or was cancelled")
    resumed.add_argument("sweep", metavar="NAME", help="name or id of the sweep, or a contact sheet with its axes")
    sweep_verbs.add_outputs(resumed)
    resumed.set_defaults(run=resume, parser=resumed)
    sweep_verbs.add(verbs)


def make(arguments: argparse.Namespace) -> int:
    """Plan the sweep, tell its cost, make it."""
    from zimage_lab import load
    from zimage_lab.home import home, settings
    from zimage_lab.sweeps import plan, start, typed

    given = vars(arguments)
    places = typed.checked_places(given)
    place = home(arguments.home)
    prompt, options = typed.asked(arguments.prompt, given)
    options.setdefault("model", settings(place).model)
    try:
        made = plan(prompt, place=place, **{key: value for key, value in options.items() if key != "name"})
        for note in made.warnings:
            tell(f"Note: {note}")
        tell(f"{made}.")
        if arguments.dry_run:
            if arguments.json:
                say_json({"pictures": made.count, "pixels": made.pixels, "seconds": made.seconds})
            tell("Nothing was made.")
            return DONE
        engine = load(made.grid.grounds[0].model, home=place, independent=True)
        try:
            return _watched(start(engine, prompt, **options), places, arguments)
        finally:
            engine.stop()
    except InvalidRequest as error:
        raise typed.in_typed_words(error) from error


def resume(arguments: argparse.Namespace) -> int:
    """Make what is missing of a sweep."""
    from zimage_lab import load
    from zimage_lab.home import home
    from zimage_lab.sweeps import Sweep, typed

    places = typed.checked_places(vars(arguments))
    place: Path = home(arguments.home)
    known = Sweep.load(arguments.sweep, home=place)
    tell(f"{known!r}")
    engine = load(known.cells[0].request.model, home=place, independent=True)
    try:
        return _watched(Sweep.load(known.id, engine=engine).resume(), places, arguments)
    finally:
        engine.stop()


def _watched(sweep: Sweep, places: list[str], arguments: argparse.Namespace) -> int:
    """Wait for a sweep, write what was asked for, tell what came of it, and give the exit code."""
    began, cancelled = time.monotonic(), False
    try:
        with waiting.progress(sweep) as look:
            waiting.wait(sweep, look)
    except KeyboardInterrupt:
        cancelled = True
    except ZImageError:
        tell(f"The sweep stopped; what is done is kept: zimage-lab sweep resume {_quoted(sweep.name)}")
        raise
    if not (places or arguments.no_sheet) and sweep.counts.get("succeeded") and os.access(".", os.W_OK):
        from zimage_lab.sweeps import typed

        places = [typed.own_sheet(sweep)]
    saved = sweep_verbs.write(sweep, places, arguments)
    return _end(sweep, saved, time.monotonic() - began, arguments, cancelled=cancelled)


def _end(sweep: Sweep, saved: list[Any], seconds: float, arguments: argparse.Namespace, *, cancelled: bool) -> int:
    from zimage_lab.engine.pace import span, told

    counts = sweep.counts
    failed = [cell for state in ("failed", "invalid_output", "quarantined") for cell in sweep_verbs.ended(sweep, state)]
    for cell in failed[:SHOWN_FAILURES]:
        tell(f"{', '.join(f'{name} {text}' for name, text in cell.labels.items())}: {cell.error}")
    if len(failed) > SHOWN_FAILURES:
        tell(f"... and {len(failed) - SHOWN_FAILURES} more: zimage-lab sweep show {_quoted(sweep.name)}")
    if arguments.json:
        say_json({**sweep_verbs.facts(sweep), "seconds": round(seconds, 3), "saved": [str(one.path) for one in saved]})
    elif saved:
        for one in saved:
            say(str(one.path))
    else:
        say(sweep.name)
    again = f"zimage-lab sweep resume {_quoted(sweep.name)}"
    if cancelled or counts.get("cancelled"):
        made = counts.get("succeeded", 0)
        tell(f"zimage-lab: Cancelled; {made} of {len(sweep.cells)} pictures are done and kept. The rest: {again}")
        return FAILED if failed and not cancelled else CANCELLED
    tell(f"{sweep.name}: {told(counts)}, in {span(seconds)}.")
    if failed:
        tell(f"Those that failed are tried again by: {again}")
    return FAILED if failed else DONE


def _quoted(name: str) -> str:
    import shlex

    return shlex.quote(name)
