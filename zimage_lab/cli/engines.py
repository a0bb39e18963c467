"""`zimage-lab engines`: who holds which models on which device, and the hand on them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from zimage_lab.cli.machine import HOME_HELP
from zimage_lab.cli.terminal import DONE, FAILED, say, say_json, size, table, tell
from zimage_lab.errors import InvalidRequest, shown

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from zimage_lab.cli.parser import Parser
    from zimage_lab.store.engines import EngineRow, Engines

SHORT = 8
"""Characters of an id that a list shows; commands take as many as tell it apart."""

STOP_SECONDS = 15.0


def add(groups: argparse._SubParsersAction[Parser]) -> None:
    """Add the command to the parser."""
    text = "list the running engines, let their models go, or stop them"
    top = groups.add_parser("engines", help=text, description=text[0].upper() + text[1:] + ".")
    top.set_defaults(run=list_engines, parser=top, home=None, json=False)
    verbs = top.add_subparsers(metavar="VERB")
    listed = _verb(verbs, "list", list_engines, "list the running engines and the models that each holds")
    listed.add_argument("--json", action="store_true", help="print JSON, with each model's bytes by component")
    named = "id of the engine, or its beginning; all without one"
    unloads = _verb(verbs, "unload", unload, "have engines give memory back; the next picture loads its model again")
    unloads.add_argument("engine", nargs="?", metavar="ENGINE", help=named)
    unloads.add_argument("--model", metavar="MODEL", help="only this model (default: all that are loaded)")
    stop = _verb(verbs, "stop", stop_engines, "stop one engine, or all; a job that runs goes back to the queue")
    stop.add_argument("engine", nargs="?", metavar="ENGINE", help=named)


def _verb(
    verbs: argparse._SubParsersAction[Parser], name: str, run: Callable[[argparse.Namespace], int], text: str
) -> Parser:
    parser = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.add_argument("--home", metavar="FOLDER", help=HOME_HELP)
    parser.set_defaults(run=run, parser=parser)
    return parser


def list_engines(arguments: argparse.Namespace) -> int:
    """Print the engines that live."""
    with _engines(arguments) as engines:
        rows = engines.living()
    if arguments.json:
        say_json({"engines": [_facts(row) for row in rows]})
        return DONE
    if not rows:
        say("No engine runs. A notebook's zimage_lab.load() or zimage-lab generate starts one.")
        return DONE
    table(
        ["ENGINE", "PROCESS", "DEVICE", "MODELS", "MEMORY", "DOES", "ENDS"],
        [
            [
                row.id[:SHORT],
                str(row.pid),
                row.device,
                _models(row.told),
                size(row.told["memory_bytes"]) if row.told.get("memory_bytes") else "-",
                f"job {row.running[:SHORT]}" if row.running else "idle",
                f"after {row.idle_seconds:g} idle s" if row.independent else "with its kernel",
            ]
            for row in rows
        ],
    )
    return DONE


def unload(arguments: argparse.Namespace) -> int:
    """Ask engines to let models go."""
    from zimage_lab import models

    model = arguments.model
    with _engines(arguments) as engines:
        wanted = _wanted(arguments, engines)
        held = {one["id"] for row in wanted for one in row.told.get("models", ())}
        if model is not None and model not in held:
            model = models.find(model, place(arguments)).id
        for row in wanted:
            engines.ask(row.id, "unload", model)
    if not wanted:
        say("No engine runs.")
    for row in wanted:
        say(f"{row.id[:SHORT]} lets {model or 'all its models'} go, after the job that it runs.")
    return DONE


def stop_engines(arguments: argparse.Namespace) -> int:
    """Ask engines to end, and wait until they have."""
    with _engines(arguments) as engines:
        wanted = _wanted(arguments, engines)
        for row in wanted:
            engines.ask(row.id, "stop")
        deadline = time.monotonic() + STOP_SECONDS
        names = {row.id for row in wanted}
        while names & {row.id for row in engines.living()} and time.monotonic() < deadline:
            time.sleep(0.1)
        left = names & {row.id for row in engines.living()}
    if not wanted:
        say("No engine runs.")
    for row in wanted:
        if row.id in left:
            tell(f"{row.id[:SHORT]} has not ended yet: its process {row.pid} may be loading a model.")
        else:
            say(f"{row.id[:SHORT]} ended.")
    return FAILED if left else DONE


def place(arguments: argparse.Namespace) -> Path:
    """Give the home folder that a command names."""
    from zimage_lab.home import home

    return home(arguments.home)


def match(field: str, name: str, rows: list[Any]) -> Any:  # noqa: ANN401 - a job's row or an engine's
    """Find the one row whose id begins so.

    Raises
    ------
    InvalidRequest
        None does, or more than one.
    """
    found = [row for row in rows if row.id.startswith(name)]
    if len(found) == 1:
        return found[0]
    what = f"{shown(name)} is the beginning of {len(found)} ids" if found else f"{shown(name)} is none of them"
    raise InvalidRequest(field, name, what, "Give more of its characters." if found else "Look at the list.")


def _engines(arguments: argparse.Namespace) -> Engines:
    from zimage_lab.store.engines import Engines

    return Engines(place(arguments))


def _wanted(arguments: argparse.Namespace, engines: Engines) -> list[EngineRow]:
    living = engines.living()
    return living if arguments.engine is None else [match("ENGINE", arguments.engine, living)]


def _models(told: dict[str, Any]) -> str:
    """Name the models, the one in use first; how it is kept where that is not whole."""
    parts = [
        one["id"] if one["policy"] == "resident" else f"{one['id']} ({one['policy']})" for one in told.get("models", ())
    ]
    return ", ".join(parts) or str(told.get("model") or "-")


def _facts(row: EngineRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "pid": row.pid,
        "device": row.device,
        "model": row.told.get("model"),
        "models": row.told.get("models", []),
        "memory_bytes": row.told.get("memory_bytes", 0),
        "job": row.running,
        "independent": row.independent,
        "idle_seconds": row.idle_seconds,
        "started_at": row.started_at,
    }
