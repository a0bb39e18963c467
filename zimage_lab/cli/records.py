"""`zimage-lab log`, `verify`, `reproduce`, `delete`, `erase`: what was made, whether it still is, and once more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab.cli.machine import HOME_HELP
from zimage_lab.cli.terminal import DONE, FAILED, say, say_json, table, tell
from zimage_lab.errors import InvalidRequest, shown

if TYPE_CHECKING:
    import argparse

    from zimage_lab.cli.parser import Parser
    from zimage_lab.recipe import RunRecord
    from zimage_lab.store.records import Records

SHORT = 8
PROMPT = 40


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the commands to the parser."""
    log = _command(groups, "log", show_log, "list what was made, newest first")
    log.add_argument("--since", metavar="WHEN", help='a date, or how long ago: "2d", "36h"')
    log.add_argument("--until", metavar="WHEN", help="the same, for the end")
    log.add_argument("--prompt", metavar="TEXT", help="only prompts that hold this text")
    log.add_argument("--model", metavar="MODEL", help="only this model's")
    log.add_argument("--state", metavar="STATE", help="only runs that ended so: succeeded, failed, cancelled, ...")
    log.add_argument("--favourite", action="store_true", help="only favourites")
    log.add_argument("--tag", metavar="TAG", help="only pictures with this tag")
    log.add_argument("--limit", type=int, default=50, metavar="N", help="most runs (default 50)")
    log.add_argument("--json", action="store_true", help="print JSON, one run a line")
    verify = _command(groups, "verify", check, "check the records' chain, the pictures and their hashes")
    verify.add_argument("--json", action="store_true", help="print JSON")
    reproduce = _command(groups, "reproduce", make_again, "make a picture again and compare the pixels")
    reproduce.add_argument("what", metavar="RECORD|PNG", help="id of a run or its beginning, or a picture's file")
    reproduce.add_argument("--output", metavar="FILE", help="also write the new picture here")
    delete = _command(groups, "delete", delete_pictures, "delete pictures; their records stay")
    delete.add_argument("record", nargs="+", metavar="RECORD", help="id of a run, or its beginning")
    erase = _command(groups, "erase", erase_prompts, "forget the prompts of runs for good; hashes and pictures stay")
    erase.add_argument("record", nargs="+", metavar="RECORD", help="id of a run, or its beginning")


def _command(groups: argparse._SubParsersAction[Parser], name: str, run: Any, text: str) -> Parser:  # noqa: ANN401
    parser = groups.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.add_argument("--home", metavar="FOLDER", help=HOME_HELP)
    parser.set_defaults(run=run, parser=parser)
    return parser


def show_log(arguments: argparse.Namespace) -> int:
    """Print the runs."""
    from zimage_lab.runs import Search, find

    asked = ("prompt", "model", "state", "since", "until", "tag")
    wanted = Search(favourite=arguments.favourite or None, **{name: getattr(arguments, name) for name in asked})
    rows = find(wanted, limit=arguments.limit, home=_home(arguments))
    if arguments.json:
        for row in rows:
            say_json(row, indent=None)
        return DONE
    if not rows:
        say("Nothing was made.")
        return DONE
    table(
        ["RUN", "WHEN", "STATE", "MODEL", "SEED", "SECONDS", "PROMPT"],
        [
            [
                row["record_id"][:SHORT],
                _local(row["created_at"]),
                row["state"],
                row["model"],
                row["seed"],
                "-" if row["seconds"] is None else f"{row['seconds']:.2f}",
                _cut(row["prompt"]),
            ]
            for row in rows
        ],
    )
    return DONE


def check(arguments: argparse.Namespace) -> int:
    """Verify the home; the exit code says whether all is well."""
    from zimage_lab.store.verify import verify

    problems = verify(_home(arguments))
    if arguments.json:
        say_json({"sound": not problems, "problems": problems})
    elif problems:
        for problem in problems:
            say(problem)
    else:
        say("All records and pictures are as they were written.")
    return FAILED if problems else DONE


def make_again(arguments: argparse.Namespace) -> int:
    """Make a picture again: 0 where the pixels are equal, 1 where they are not."""
    from zimage_lab import load
    from zimage_lab.cli.generate import checked_output, progress, wait
    from zimage_lab.store.chain import ERASED
    from zimage_lab.store.records import Records

    output = checked_output(arguments.output)
    place = _home(arguments)
    with Records(place) as records:
        old = _record(records, arguments.what)
    if old.image is None:
        field = "RECORD"
        what = f"run {old.id[:SHORT]} {old.state.replace('_', ' ')} and made no picture"
        raise InvalidRequest(field, arguments.what, what, "Choose one that succeeded.")
    if old.request.prompt == ERASED:
        field = "RECORD"
        raise InvalidRequest(field, arguments.what, "its prompt was erased", "Nobody can make it again.")
    before = old.image.pixels_sha256
    if _is_file(arguments.what):
        before = _pixels(arguments.what)
        if before != old.image.pixels_sha256:
            tell("The file's pixels are not those that its recipe names: it was changed after it was made.")
    engine = load(old.request.model, home=place, independent=True)
    try:
        job = engine.submit(old.request, source="reproduce")
        with progress(job) as look:
            image = wait(job, look)
        if output is not None:
            image.save(output)
    finally:
        engine.stop()
    new: RunRecord = image.record
    differing = differences(old, new)
    if new.image is not None and new.image.pixels_sha256 == before:
        say(f"The pixels are equal. {image.path}")
        return DONE
    say(f"The pixels differ. {image.path}")
    for line in differing or ["Nothing that the records hold differs: the cause is outside of them."]:
        say(line)
    return FAILED


def differences(old: RunRecord, new: RunRecord) -> list[str]:
    """Name the facts of model and environment in which two records differ."""
    lines = []
    before, after = old.environment.model_dump(), new.environment.model_dump()
    lines = [
        f"{name}: was {before.get(name)}, is {after.get(name)}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
    if old.model != new.model:
        lines.append(f"model: was {old.model.id}, is {new.model.id}, or its weights are others")
    return lines


def delete_pictures(arguments: argparse.Namespace) -> int:
    """Delete pictures."""
    from zimage_lab.store.records import Records

    with Records(_home(arguments)) as records:
        for found in [_stored(records, name) for name in arguments.record]:
            gone = records.delete_picture(found.id)
            say(f"{found.id[:SHORT]}: {'deleted' if gone else 'had no picture'}")
    return DONE


def erase_prompts(arguments: argparse.Namespace) -> int:
    """Erase prompts."""
    from zimage_lab.store.records import Records

    with Records(_home(arguments)) as records:
        for found in [_stored(records, name) for name in arguments.record]:
            records.erase_prompt(found.id)
            say(f"{found.id[:SHORT]}: its prompts are forgotten")
    tell("Copies of pictures outside of the home folder, and backups, still hold them.")
    return DONE


def _home(arguments: argparse.Namespace) -> Path:
    from zimage_lab.home import home

    return home(arguments.home)


def _record(records: Records, what: str) -> RunRecord:
    """Find a record by its id, or read the recipe in a picture, also a stranger's: it runs as a new request."""
    from zimage_lab.store.images import read_recipe

    return read_recipe(what) if _is_file(what) else _stored(records, what)


def _is_file(what: str) -> bool:
    return what.lower().endswith(".png") or Path(what).is_file()


def _pixels(path: str) -> str:
    """Give the hash of a file's pixels, which need not be those that the recipe in it names."""
    from PIL import Image

    from zimage_lab.store.images import pixels_sha256

    try:
        with Image.open(path, formats=["PNG"]) as picture:
            return pixels_sha256(picture)
    except (OSError, SyntaxError, ValueError) as error:
        field = "PNG"
        raise InvalidRequest(field, path, f"{shown(path)} is damaged", "Name the run by its id.") from error


def _stored(records: Records, name: str) -> RunRecord:
    found = records.starting_with(name)
    if len(found) == 1:
        return found[0]
    field = "RECORD"
    what = f"{shown(name)} is the beginning of several" if found else f"{shown(name)} is no run of this home"
    raise InvalidRequest(field, name, what, "Give more of the id." if found else "See zimage-lab log.")


def _local(time: str) -> str:
    from datetime import datetime

    return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _cut(prompt: str | None) -> str:
    line = "[erased]" if prompt is None else " ".join(prompt.split())
    return line if len(line) <= PROMPT else line[: PROMPT - 1] + "…"
