"""What `%zimage` does on a line: load, unload, status, cancel, history."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import zimage_lab
from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.magics.line import words

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from zimage_lab.engine.desk import Desk

FIELD = "%zimage"
SHOWN = ("created_at", "state", "model", "seed", "steps", "seconds", "prompt", "favourite", "tags", "path")
"""Columns of `%zimage history`; `zimage_lab.history()` gives all of them."""

ENDED = {"succeeded", "failed", "cancelled", "invalid_output", "quarantined"}


class Status:
    """What the engine of this kernel does, as a small table."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    def __repr__(self) -> str:
        """Give a line for each fact."""
        return "\n".join(f"{name:<14} {'-' if value is None else value}" for name, value in self.facts.items())


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a line as the request's validator does."""

    def error(self, message: str) -> NoReturn:
        raise InvalidRequest(self.prog, None, message, f"See {FIELD}? for the commands.")


def run(line: str) -> Any:  # noqa: ANN401 - what the command gives
    """Do what a line says; an empty one asks for the status."""
    asked = words(line) or ["status"]
    if asked[0] not in COMMANDS:
        what = f"{shown(asked[0])} is not known"
        known = suggestion(asked[0], [*COMMANDS, "compare", "sweep"])
        fix = f"{known} A prompt goes into a cell that begins with %%zimage."
        raise InvalidRequest(FIELD, line, what, fix)
    parser = _Parser(prog=f"{FIELD} {asked[0]}", add_help=False, allow_abbrev=False, exit_on_error=False)
    command, arguments = COMMANDS[asked[0]]
    for names, options in arguments:
        parser.add_argument(*names, **options)
    try:
        given = vars(parser.parse_args(asked[1:]))
    except argparse.ArgumentError as error:
        raise InvalidRequest(FIELD, line, str(error), f"See {FIELD}? for the commands.") from None
    return command(**{name: value for name, value in given.items() if value is not None})


def load(model: str | None = None) -> Status:
    """Have an engine, and a model's weights read while nothing else is to do."""
    engine = zimage_lab.load(model)
    engine.warm_up()
    return Status(engine.status())


def unload(model: str | None = None) -> Status:
    """Let go of a model's memory, or of all models'."""
    engine = _running()
    if engine is None:
        return status()
    engine.unload(model)
    return Status(engine.status())


def status() -> Status:
    """Tell what the engine does, without starting one or loading a model for it."""
    engine = _running()
    return Status({"state": "not started"} if engine is None else engine.status())


def cancel(job: str | None = None) -> Status:
    """Cancel the job that runs, one by the beginning of its id, or all."""
    engine = _running()
    jobs = [] if engine is None else [one for one in engine.jobs() if one.state not in ENDED]
    if job == "all":
        chosen = jobs
    elif job is not None:
        chosen = [one for one in jobs if one.id.startswith(job)]
        if not chosen:
            raise InvalidRequest(FIELD, job, f"{shown(job)} is no job that goes on", "See %zimage status.")
    else:
        chosen = [one for one in jobs if one.state == "running"] or jobs[-1:]
    for one in chosen:
        one.cancel()
    return Status({"cancelled": len(chosen), "still waiting": len(jobs) - len(chosen)})


def history(limit: str = "20", *, favourite: bool = False, **wanted: Any) -> pd.DataFrame:  # noqa: ANN401 - text
    """Find what was made, newest first."""
    from zimage_lab.options import whole
    from zimage_lab.values import checked_integer

    number = checked_integer("--limit", whole(limit), 1, 1_000_000)
    if "prompt" in wanted:
        wanted["prompt"] = " ".join(wanted["prompt"]) or None
    return zimage_lab.history(limit=number, favourite=favourite or None, **wanted)[list(SHOWN)]


def _running() -> Desk | None:
    engine = sys.modules.get("zimage_lab.engine")
    running = engine.engines() if engine is not None else []
    return running[0] if running else None


_Arguments = tuple[tuple[tuple[str, ...], dict[str, Any]], ...]
_MODEL: _Arguments = ((("model",), {"nargs": "?"}),)
COMMANDS: dict[str, tuple[Callable[..., Any], _Arguments]] = {
    "status": (status, ()),
    "load": (load, _MODEL),
    "unload": (unload, _MODEL),
    "cancel": (cancel, ((("job",), {"nargs": "?"}),)),
    "history": (
        history,
        (
            (("prompt",), {"nargs": "*"}),
            (("--model",), {}),
            (("--state",), {}),
            (("--since",), {}),
            (("--tag",), {}),
            (("--limit",), {}),
            (("--favourite",), {"action": "store_true"}),
        ),
    ),
}
"""Each command: what it does, and what may stand behind it."""
