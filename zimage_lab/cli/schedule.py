"""`zimage-lab schedule` and `zimage-lab scheduler`: commands at set times, and the process that keeps to them."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
from typing import TYPE_CHECKING

from zimage_lab.cli.terminal import DONE, say, say_json, table, tell
from zimage_lab.errors import InvalidRequest, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from zimage_lab.cli.parser import Parser
    from zimage_lab.schedules import Cron, Run, Schedule, Schedules

DESCRIPTION = """\
Run `batch` or `generate` at set times. While `zimage-lab scheduler` runs, it starts what is due;
what was due while it did not run is listed as missed, and not made up for."""

ADDING = """\
zimage-lab schedule add "0 8 * * *" batch prompts.csv --output-dir "out/{date}" --name "{sku}_{seed}"
zimage-lab schedule add --zone Asia/Shanghai "30 9 * * 1-5" generate "a red circle" --output "{date}.png"

The five fields are cron's: minute, hour, day of the month, month, weekday (0 and 7 are Sunday).
Options of `add` stand before them. In --output and --output-dir, {date} and {time} are the run's.
Everything is checked now, relative paths begin in the present folder."""

KEEPING = """\
Keep to the schedules of a home until Ctrl-C or SIGTERM: then nothing more begins, what runs is asked
to end and keeps what is done, and a second signal ends it at once. One process a home."""

OUTPUT_LINES = 20


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add both commands to the parser."""
    raw = argparse.RawDescriptionHelpFormatter
    top = groups.add_parser(
        "schedule", help="run batch or generate at set times", description=DESCRIPTION, formatter_class=raw
    )
    top.set_defaults(run=_list, parser=top, home=None, json=False)
    verbs = top.add_subparsers(metavar="VERB")
    adding = verbs.add_parser(
        "add", help="add a schedule", description="Add a schedule.", epilog=ADDING, formatter_class=raw
    )
    adding.add_argument("--zone", metavar="NAME", help="time zone, such as Asia/Shanghai (default: this machine's)")
    _common(adding, _add)
    adding.add_argument("cron", metavar="CRON", help='five fields in quotes: "0 8 * * *" is every day at 8')
    adding.add_argument("command", metavar="COMMAND", help="batch or generate")
    adding.add_argument("words", metavar="...", nargs=argparse.REMAINDER, help="its arguments")
    _common(verbs.add_parser("list", help="list the schedules and their next runs"), _list)
    for name, run, text in (
        ("pause", _pause, "let a schedule rest"),
        ("resume", _resume, "let it go on"),
        ("remove", _remove, "end it; its log stays"),
    ):
        changing = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        changing.add_argument("schedule", metavar="ID", type=int, help="number of a schedule")
        _common(changing, run)
    logging = verbs.add_parser("log", help="list runs, the newest first; missed ones, too")
    logging.add_argument("schedule", metavar="ID", type=int, nargs="?", help="only those of one schedule")
    logging.add_argument("--limit", metavar="N", type=int, default=50, help="most lines (default: 50)")
    logging.add_argument("--output", action="store_true", help="also what each run printed at its end")
    _common(logging, _log)
    keeping = groups.add_parser(
        "scheduler", help="the process that keeps to the schedules", description=KEEPING, formatter_class=raw
    )
    keeping.add_argument("--home", metavar="FOLDER", help="home folder (see zimage-lab where)")
    keeping.set_defaults(run=_serve, parser=keeping)


def _common(parser: Parser, run: Callable[[argparse.Namespace], int]) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--home", metavar="FOLDER", help="home folder (see zimage-lab where)")
    parser.set_defaults(run=run, parser=parser)


def _table(arguments: argparse.Namespace) -> Schedules:
    from zimage_lab.home import home
    from zimage_lab.schedules import Schedules

    return Schedules(home(arguments.home))


def _add(arguments: argparse.Namespace) -> int:
    from zimage_lab.home import home
    from zimage_lab.schedules import Cron
    from zimage_lab.schedules.command import checked

    times = Cron(arguments.cron, arguments.zone)
    words = checked([arguments.command, *arguments.words])
    _rehearse(words, home(arguments.home), times)
    with _table(arguments) as schedules:
        made = schedules.add(arguments.cron, words, zone=arguments.zone)
        _changed(made, schedules, arguments)
    return DONE


def _rehearse(words: tuple[str, ...], place: Path, times: Cron) -> None:
    """Check a command as its own parser and its own checks would, without making anything."""
    from datetime import UTC, datetime

    from zimage_lab.cli import batch, command, generate
    from zimage_lab.schedules.command import filled

    due = times.next(datetime.now(UTC))
    assert due is not None  # noqa: S101 - Cron has looked
    asked = command.parser().complete(filled(words, due))
    asked.home = str(place)
    if words[0] == "generate":
        generate.prepared(asked)
        return
    if asked.output_dir is None:
        field = "--output-dir"
        raise InvalidRequest(field, None, "is missing", 'Give a folder, such as --output-dir "out/{date}".')
    asked.dry_run, asked.json = True, False
    with contextlib.redirect_stdout(sys.stderr):  # what would be made is told, the result is the schedule's number
        if batch.run(asked) != DONE:
            field = "command"
            raise InvalidRequest(field, words, "the batch has bad rows", "Mend them, or add --skip-bad.")


def _list(arguments: argparse.Namespace) -> int:
    from zimage_lab.schedules.scheduler import is_running

    with _table(arguments) as schedules:
        found = schedules.list()
        last = {one.id: next(iter(schedules.log(one.id, 1)), None) for one in found}
        running = is_running(schedules.home)
    if arguments.json:
        say_json({"scheduler_runs": running, "schedules": [_facts(one, last[one.id]) for one in found]})
        return DONE
    table(["ID", "CRON", "ZONE", "NEXT RUN", "LAST", "COMMAND"], [_row(one, last[one.id]) for one in found])
    if found and not running:
        tell("No scheduler runs, so nothing will begin. Start it: zimage-lab scheduler")
    return DONE


def _pause(arguments: argparse.Namespace) -> int:
    with _table(arguments) as schedules:
        _changed(schedules.pause(arguments.schedule), schedules, arguments)
    return DONE


def _resume(arguments: argparse.Namespace) -> int:
    with _table(arguments) as schedules:
        _changed(schedules.resume(arguments.schedule), schedules, arguments)
    return DONE


def _remove(arguments: argparse.Namespace) -> int:
    with _table(arguments) as schedules:
        say(str(schedules.remove(arguments.schedule).id))
    return DONE


def _log(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    with _table(arguments) as schedules:
        found = schedules.log(arguments.schedule, arguments.limit)
        zones = {one.id: one.zone for one in schedules.list()}
    if arguments.json:
        say_json([asdict(one) for one in found])
        return DONE
    rows = [[_due(one, zones.get(one.schedule_id)), str(one.schedule_id), *_told(one)] for one in found]
    if not arguments.output:
        table(["DUE", "ID", "STATE", "TIMES", "EXIT", "WHY"], rows)
        return DONE
    for one, row in zip(found, rows, strict=True):
        say("\t".join(row))
        for line in (one.output or "").splitlines()[-OUTPUT_LINES:]:
            say(f"    {line}")
    return DONE


def _changed(one: Schedule, schedules: Schedules, arguments: argparse.Namespace) -> None:
    """Print a schedule that was added or changed, and say what will come of it."""
    from zimage_lab.schedules.scheduler import is_running

    if arguments.json:
        say_json(_facts(one, None))
    else:
        say(str(one.id))
    if one.paused:
        tell("It rests until: zimage-lab schedule resume " + str(one.id))
        return
    tell(f"Next run: {_next(one)} ({one.zone})")
    if not is_running(schedules.home):
        tell("No scheduler runs, so nothing will begin. Start it: zimage-lab scheduler")


def _serve(arguments: argparse.Namespace) -> int:
    from zimage_lab.engine.pace import plural
    from zimage_lab.schedules import Scheduler
    from zimage_lab.schedules.cron import local_zone

    stop = threading.Event()
    with _table(arguments) as schedules:
        scheduler = Scheduler(schedules, tell=lambda text: tell(f"{_now():%Y-%m-%d %H:%M:%S} {text}"))

        def end(*_: object) -> None:
            if stop.is_set():
                scheduler.hurry()
            stop.set()

        before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            count = plural(len(schedules.list()), "schedule")
            tell(f"Scheduler of {schedules.home}: {count}; this machine's zone is {local_zone()}.")
            for one in schedules.list():
                tell(f"  {one.id}: {_next(one)} ({one.zone}) {' '.join(one.command[:2])}")
            scheduler.serve(stop)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    tell("The scheduler has ended.")
    return DONE


def _now() -> datetime:
    from datetime import datetime

    return datetime.now().astimezone()


def _next(one: Schedule) -> str:
    from datetime import UTC, datetime

    if one.paused:
        return "paused"
    due = one.times.next(datetime.now(UTC))
    return "never" if due is None else f"{due:%a %Y-%m-%d %H:%M}"


def _due(one: Run, zone: str | None) -> str:
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    at = datetime.fromtimestamp(one.due, UTC)
    return f"{at.astimezone(ZoneInfo(zone) if zone else None):%Y-%m-%d %H:%M}"


def _told(one: Run) -> list[str]:
    from zimage_lab.schedules.cron import COUNTED

    code = "-" if one.exit_code is None else str(one.exit_code)
    times = f"{one.times}+" if one.times >= COUNTED else str(one.times)
    return [one.state, times, code, one.error or "-"]


def _row(one: Schedule, last: Run | None) -> list[str]:
    words = " ".join(word if word.isprintable() and " " not in word else shown(word) for word in one.command)
    return [str(one.id), one.cron, one.zone, _next(one), last.state if last else "-", words]


def _facts(one: Schedule, last: Run | None) -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(one), "next_run": _next(one), "last": asdict(last) if last else None}
