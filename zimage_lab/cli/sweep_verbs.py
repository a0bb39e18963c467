"""`zimage-lab sweep list`, `show`, `pause`, `cancel`: the sweeps of a home, looked at and steered from any process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zimage_lab.cli.machine import HOME_HELP
from zimage_lab.cli.terminal import DONE, say, say_json, table, tell
from zimage_lab.options import SWEEP_SAVED

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from zimage_lab.cli.parser import Parser
    from zimage_lab.sweeps import Sweep
    from zimage_lab.sweeps.cell import Cell

SHOWN_VALUES = 12
SHOWN_FAILURES = 20
NAME_HELP = "name or id of the sweep"


def add(verbs: argparse._SubParsersAction[Parser]) -> None:
    """Add the verbs to the parser."""
    listed = verbs.add_parser("list", help="list the sweeps of this home, newest first")
    listed.add_argument("--json", action="store_true", help="print JSON")
    listed.add_argument("--home", metavar="FOLDER", help=HOME_HELP)
    listed.set_defaults(run=list_sweeps, parser=listed)
    shown = verbs.add_parser("show", help="tell a sweep's axes and how its pictures stand; may write it, too")
    shown.add_argument("sweep", metavar="NAME", help=NAME_HELP)
    add_outputs(shown)
    shown.set_defaults(run=show, parser=shown)
    for name, run, text in (
        ("pause", pause, "begin no more pictures of a sweep; what runs ends"),
        ("cancel", cancel, "stop a sweep within a step; what is done stays"),
    ):
        parser = verbs.add_parser(name, help=text)
        parser.add_argument("sweep", metavar="NAME", help=NAME_HELP)
        parser.add_argument("--home", metavar="FOLDER", help=HOME_HELP)
        parser.set_defaults(run=run, parser=parser)


def add_outputs(parser: Parser) -> None:
    """Add what a command that has a sweep may write of it."""
    for option in SWEEP_SAVED:
        parser.add_argument(option.flag, **option.argparse)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--home", metavar="FOLDER", help=HOME_HELP)


def list_sweeps(arguments: argparse.Namespace) -> int:
    """Print the sweeps."""
    from zimage_lab.engine.pace import told
    from zimage_lab.home import home
    from zimage_lab.sweeps import saved

    sweeps = saved(home(arguments.home))
    if arguments.json:
        say_json({"sweeps": [facts(one) for one in sweeps]})
    elif not sweeps:
        say("There is no sweep yet.")
    else:
        rows = [[one.name, one.state, str(len(one.cells)), _axes(one), told(one.counts)] for one in sweeps]
        table(["SWEEP", "STATE", "PICTURES", "AXES", "STATES"], rows)
    return DONE


def show(arguments: argparse.Namespace) -> int:
    """Print what a sweep is made of and how it stands; writes what was asked for."""
    from zimage_lab.engine.pace import told
    from zimage_lab.sweeps import typed

    places = typed.checked_places(vars(arguments))
    sweep = _sweep(arguments)
    written = write(sweep, places, arguments)
    if arguments.json:
        say_json({**facts(sweep), "saved": [str(one.path) for one in written]})
        return DONE
    rows = [["sweep", sweep.name], ["id", sweep.id], ["state", sweep.state], ["pictures", told(sweep.counts)]]
    for axis in sweep.axes:
        labels = [axis.label(place) for place in range(min(SHOWN_VALUES, len(axis)))]
        more = f" and {len(axis) - SHOWN_VALUES} more" if len(axis) > SHOWN_VALUES else ""
        rows.append([axis.name, ", ".join(labels) + more])
    rows += [["saved", str(one.path)] for one in written]
    table(["", ""], rows)
    for number, cell in enumerate(ended(sweep, "failed")):
        if number == SHOWN_FAILURES:
            tell("... and more")
            break
        tell(f"{cell!r}: {cell.error}")
    return DONE


def pause(arguments: argparse.Namespace) -> int:
    """Pause a sweep, whoever makes it."""
    sweep = _sweep(arguments)
    sweep.pause()
    say(f"{sweep.name} is paused; what runs ends." if sweep.state == "paused" else f"{sweep.name} is {sweep.state}.")
    return DONE


def cancel(arguments: argparse.Namespace) -> int:
    """Cancel a sweep, whoever makes it."""
    sweep = _sweep(arguments)
    sweep.cancel()
    say(f"{sweep.name} is cancelled; what is done is kept.")
    return DONE


def write(sweep: Sweep, places: list[str], arguments: argparse.Namespace) -> list[Any]:
    """Write what was asked for, and tell what there is to know of it."""
    from zimage_lab.sweeps import typed

    saved = typed.write(sweep, places, vars(arguments))
    for one in saved:
        tell(str(one))
    return saved


def ended(sweep: Sweep, state: str) -> Iterator[Cell]:
    """Give the cells in a state, without a look at all of them where there is none."""
    if sweep.counts.get(state):
        yield from (cell for cell in sweep.cells if cell.state == state)


def facts(sweep: Sweep) -> dict[str, Any]:
    """Give what programs want to know."""
    return {
        "id": sweep.id,
        "name": sweep.name,
        "state": sweep.state,
        "pictures": len(sweep.cells),
        "states": sweep.counts,
        "axes": {axis.name: list(axis.labels) for axis in sweep.axes},
    }


def _sweep(arguments: argparse.Namespace) -> Sweep:
    from zimage_lab.home import home
    from zimage_lab.sweeps import Sweep

    return Sweep.load(arguments.sweep, home=home(arguments.home))


def _axes(sweep: Sweep) -> str:
    return " x ".join(f"{len(axis)} {axis.name}" for axis in sweep.axes) or "-"
