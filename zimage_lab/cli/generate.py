"""`zimage-lab generate`: one picture from the shell."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab.cli.terminal import CANCELLED, DONE, say, say_json, tell
from zimage_lab.errors import Cancelled, InvalidRequest, shown
from zimage_lab.labels import format_of
from zimage_lab.options import OPTIONS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from zimage_lab.cli.parser import Parser
    from zimage_lab.engine.job import Job
    from zimage_lab.request import GenerationRequest

LOOK = 0.1
"""Seconds between two looks at the job."""


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to the parser."""
    parser = groups.add_parser("generate", help="make a picture", description="Make a picture from a prompt.")
    parser.add_argument("prompt", metavar="PROMPT", help="what the picture shows, in quotes, in English or Chinese")
    for option in OPTIONS:
        parser.add_argument(option.flag, dest=option.name, type=option.read, metavar=option.takes, help=option.help)
    parser.add_argument("--output", metavar="FILE", help="also write the picture here: .png, .jpg, .jpeg or .webp")
    parser.add_argument(
        "--labels",
        metavar="xmp|cn|c2pa|none",
        help="AI labels written into --output, several with commas (default: xmp; see zimage-lab labels --help)",
    )
    parser.add_argument("--json", action="store_true", help="print the run record instead of the picture's path")
    parser.add_argument("--home", metavar="FOLDER", help="folder of pictures and records (see zimage-lab where)")
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Make the picture, show its progress, write its copy, print its record or path."""
    request, output, labels, place = prepared(arguments)
    from zimage_lab import load

    engine = load(request.model, home=place, independent=True)
    try:
        job = engine.submit(request, source="shell")
        for warning in job.warnings:
            tell(f"Note: {warning}")
        try:
            with progress(job) as look:
                image = wait(job, look)
        except (KeyboardInterrupt, Cancelled):
            tell("zimage-lab: Cancelled; nothing was written.")
            return CANCELLED
        if output is not None:
            image.save(output, labels=labels)
        if arguments.json:
            say_json(json.loads(image.record.to_json()))
        else:
            say(str(output or image.path))
    finally:
        engine.stop()
    return DONE


def prepared(arguments: argparse.Namespace) -> tuple[GenerationRequest, Path | None, tuple[str, ...], Path]:
    """Check everything that was asked for before any engine starts; gives request, copy, its labels and the home."""
    output = checked_output(arguments.output)
    from zimage_lab.home import home, settings
    from zimage_lab.models import build, check

    place = home(arguments.home)
    given = {option.name: getattr(arguments, option.name) for option in OPTIONS}
    given["model"] = given["model"] or settings(place).model
    request = build(
        arguments.prompt, place=place, **{name: value for name, value in given.items() if value is not None}
    )
    check(request, place=place)
    return request, output, checked_labels(arguments.labels, output, place), place


def wait(job: Job, look: Callable[[], None]) -> Any:  # noqa: ANN401 - GeneratedImage, which would import Pillow here
    """Wait for the job's picture, looking at it now and then; an interrupt cancels it, also between two looks."""
    from zimage_lab.engine.waiting import STOP_SECONDS

    try:
        while not job.done:
            look()
            try:
                return job.result(timeout=LOOK)
            except TimeoutError:
                continue
        return job.result()
    except KeyboardInterrupt:
        job.cancel()
        job.wait(STOP_SECONDS)
        raise


@contextmanager
def progress(job: Job) -> Iterator[Callable[[], None]]:
    """Show a bar on standard error while somebody looks at it; gives the function that moves it."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(job.progress.stage, total=job.progress.steps or None, left="")

        def look() -> None:
            now = job.progress
            left = "" if now.seconds_left is None else f"{now.seconds_left:.0f} s left"
            bar.update(task, description=now.stage, completed=now.step, total=now.steps or None, left=left)

        yield look


def checked_labels(text: str | None, output: Path | None, place: Path) -> tuple[str, ...]:
    """Give the kinds of labels that the copy gets, or say what one of them lacks, before a picture is made for it."""
    from zimage_lab.home import settings
    from zimage_lab.labels import DEFAULT, prepare

    if text is None:
        return DEFAULT
    if output is None:
        field = "--labels"
        raise InvalidRequest(field, text, "labels are written into a copy", "Give --output FILE.png too.")
    return prepare(text, settings(place))


def checked_output(text: str | None) -> Path | None:
    """Give the path of the copy, or say why nothing can be written there, before a picture is made for it."""
    if text is None:
        return None
    field = "--output"
    if not text.strip() or "\0" in text:
        raise InvalidRequest(field, text, "is no file name", "Give one such as picture.png.")
    path = Path(text).expanduser().absolute()
    format_of(field, path.name)
    if path.is_dir():
        raise InvalidRequest(field, text, f"{shown(text)} is a folder", "Give the name of a file in it.")
    if not path.parent.is_dir():
        raise InvalidRequest(field, text, f"the folder {shown(str(path.parent))} does not exist", "Make it first.")
    if not os.access(path.parent, os.W_OK):
        raise InvalidRequest(
            field, text, f"the folder {shown(str(path.parent))} is not yours to write", "Give another."
        )
    return path
