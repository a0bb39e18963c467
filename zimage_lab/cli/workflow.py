"""`zimage-lab workflow`: ComfyUI's graphs from the shell: run, checked, or written as Python."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab.cli import generate
from zimage_lab.cli.machine import HOME_HELP
from zimage_lab.cli.terminal import CANCELLED, DONE, WRONG_INPUT, say, say_json, tell
from zimage_lab.errors import Cancelled, InvalidRequest, shown

if TYPE_CHECKING:
    import argparse

    from zimage_lab.cli.parser import Parser
    from zimage_lab.workflow import Workflow

FILE_HELP = "a workflow's .json, in the API or the UI format, or a .png that holds one"

EPILOGUE = """\
zimage-lab workflow run shop.json --set "6.text=a red cat" --set 10.seed=7 --image cat.png=photos/cat.png

Exit codes: 0 done, 1 failed, 2 wrong input, 3 cancelled."""


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to the parser."""
    import argparse

    top = groups.add_parser("workflow", help="run, check or translate a ComfyUI workflow")
    top.set_defaults(parser=top)
    verbs = top.add_subparsers(metavar="VERB", required=True)
    told = {
        "run": (run, "run it, and print where its pictures are"),
        "validate": (validate, "say what is wrong with it, in ComfyUI's words"),
        "code": (code, "print it as Python"),
    }
    for name, (action, sentence) in told.items():
        parser = verbs.add_parser(
            name,
            help=sentence,
            description=sentence,
            epilog=EPILOGUE,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("file", metavar="FILE", help=FILE_HELP)
        parser.add_argument(
            "--set", metavar="NODE.INPUT=VALUE", action="append", default=[], help="change an input; several times"
        )
        if name != "code":
            parser.add_argument(
                "--image", metavar="NAME=FILE", action="append", default=[], help="the picture that LoadImage means"
            )
            parser.add_argument("--json", action="store_true", help="print what came of it as JSON")
            parser.add_argument("--home", metavar="FOLDER", help=HOME_HELP)
        parser.set_defaults(run=action, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Run a graph, and print each picture's place."""
    from zimage_lab import load
    from zimage_lab.home import home

    place, workflow, images = home(arguments.home), _loaded(arguments), _images(arguments)
    request = workflow.job_request(place, images)
    engine = load(request.model, home=place, independent=True)
    try:
        job = workflow.submit(engine, images=images, source="shell")
        for warning in job.warnings:
            tell(f"Note: {warning}")
        try:
            with generate.progress(job) as look:
                generate.wait(job, look)
        except (KeyboardInterrupt, Cancelled):
            tell("zimage-lab: Cancelled; nothing was written.")
            return CANCELLED
        found = workflow.results(job.id, place)
    finally:
        engine.stop()
    paths = {
        number: [str(place / one.image.path) for one in records if one.image is not None]
        for number, records in found.items()
    }
    if arguments.json:
        say_json({"job": job.id, "outputs": paths})
    else:
        for path in (path for every in paths.values() for path in every):
            say(path)
    return DONE


def validate(arguments: argparse.Namespace) -> int:
    """Print the errors of a graph; nothing for a good one."""
    from zimage_lab.home import home

    errors = _loaded(arguments).validate(home(arguments.home), _images(arguments))
    for warning in errors.warnings:
        tell(f"Note: {warning}")
    if arguments.json:
        say_json({"error": errors.error, "node_errors": errors.node_errors})
    else:
        for number, node in errors.node_errors.items():
            for one in node["errors"]:
                say(f"{number} {node['class_type']}: {one['type']}: {one['message']}: {one['details']}")
        if errors.error is not None and not errors.node_errors:
            say(f"{errors.error['type']}: {errors.error['message']}")
    if errors:
        return WRONG_INPUT
    tell(f"{arguments.file} can run; its outputs are {', '.join(errors.outputs)}.")
    return DONE


def code(arguments: argparse.Namespace) -> int:
    """Print the graph as Python."""
    say(_loaded(arguments).to_code())
    return DONE


def _loaded(arguments: argparse.Namespace) -> Workflow:
    from zimage_lab.workflow import Workflow

    workflow = Workflow.load(Path(arguments.file))
    for text in arguments.set:
        name, value = _pair("--set", text)
        workflow.set(name, _value(value, workflow.get(name)))
    return workflow


def _images(arguments: argparse.Namespace) -> dict[str, Path]:
    return {name: Path(file) for name, file in (_pair("--image", text) for text in arguments.image)}


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidRequest(option, text, f"{shown(text)} has no =", f"Write {option} name=value.")
    return name, value


def _value(text: str, before: object) -> Any:  # noqa: ANN401 - whatever stands in the graph
    """Read a value: text where text stood before, else as JSON where it is some."""
    if isinstance(before, str):
        return text
    with suppress(ValueError):
        return json.loads(text)
    return text
