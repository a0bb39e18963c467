"""`%zimage sweep` and `%%zimage sweep`: pictures along axes, watched in the cell, with a contact sheet at the end."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import zimage_lab
from zimage_lab.errors import InvalidRequest
from zimage_lab.magics.parser import Parser
from zimage_lab.magics.show import display, notes, show_sweep
from zimage_lab.options import SWEEP_OPTIONS, SWEEP_SAVED, SWEEP_VERBS, SweepOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from zimage_lab.sweeps import Sweep

FIELD = "%zimage sweep"
NO_WAIT = SweepOption("no_wait", "", "go on at once; the sweep shows its progress")
OPTIONS = (*SWEEP_OPTIONS, NO_WAIT)
PROMPT = "what the pictures show; several are an axis"
MOST_NAMES = 12

DESCRIPTION = """\
%zimage sweep "a red cat on the left" --seeds 4 --steps "4, 6, 8" --replace "cat=dog,fish"
%%zimage sweep --seeds 4            the same, with the prompt in the cell
%zimage sweep list                  what there is; show, resume, pause or cancel NAME

Every option may be given several times, and its values are then an axis. Those that take numbers know "4, 6, 8",
"1-10", "1-10 (+2)", "0.5-1.5 [5]" and "1, 2, .., 10". With --name the same line makes only what is missing, and the
result gets that name in the notebook, too, where a variable may be called so."""


def flags() -> list[str]:
    """List the options as they are typed."""
    return [option.flag for option in OPTIONS]


def help_text() -> str:
    """Give what `%zimage sweep --help` prints."""
    return Parser(FIELD, DESCRIPTION, OPTIONS, PROMPT).format_help()


def run(words: Sequence[str], body: str | None, variables: dict[str, Any]) -> Any:  # noqa: ANN401 - sweep or table
    """Do what a line says.

    Parameters
    ----------
    words
        Those behind `sweep`.
    body
        The prompt in the cell; None where there is no cell.
    variables
        The notebook's, which get the result by its name.
    """
    if body is None and words and words[0] in SWEEP_VERBS:
        return _verb(words[0], words[1:])
    given = Parser(FIELD, DESCRIPTION, OPTIONS, PROMPT if body is None else None).given(words, SWEEP_VERBS)
    prompts = given.pop("prompt", None) or [body or ""]
    return _made(prompts, given, variables)


def names() -> list[str]:
    """Name the sweeps of the home, the newest first."""
    from zimage_lab.sweeps import saved

    return [one.name for one in saved()[:MOST_NAMES]]


def _made(prompts: list[str], given: dict[str, Any], variables: dict[str, Any]) -> Sweep:
    from zimage_lab.sweeps import plan, start, typed

    places = _places(given)
    prompt, options = typed.asked(prompts, given)
    try:
        engine = zimage_lab.load()
        known = {"model": engine.model, **options}
        made = plan(prompt, place=engine.home, **{key: value for key, value in known.items() if key != "name"})
        notes([*made.warnings, f"{made}."])
        sweep = start(engine, prompt, **options)
    except InvalidRequest as error:
        raise typed.in_typed_words(error) from None
    name = given.get("name")
    if name is not None and name.isidentifier():
        variables[name] = sweep  # at once: also where the wait is interrupted
    return _ended(sweep, places, given)


def _places(given: dict[str, Any]) -> list[str]:
    """Look whether what shall be written can be, before anything is made."""
    from zimage_lab.sweeps import typed

    places = typed.checked_places(given)
    if places and given.get("no_wait"):
        field, fix = "--no-wait", "Leave one out; sweep.save() writes it later."
        raise InvalidRequest(field, None, "leaves nothing to write yet", fix)
    return places


def _ended(sweep: Sweep, places: list[str], given: dict[str, Any]) -> Sweep:
    """Wait for a sweep, show its sheet, and write what was asked for."""
    from zimage_lab.sweeps import typed

    if given.get("no_wait"):
        return sweep
    show_sweep(sweep)
    if not given.get("no_sheet") and sweep.counts.get("succeeded"):
        _show_sheet(sweep, given)
    notes([str(one) for one in typed.write(sweep, places, given)])
    return sweep


def _show_sheet(sweep: Sweep, given: dict[str, Any]) -> None:
    from zimage_lab.labels import FORMATS
    from zimage_lab.sweeps import saving

    form = FORMATS[".jpg"]  # a notebook keeps its outputs: a PNG takes five times as much
    data = saving.encoded(sweep, sweep.sheet(columns=given.get("columns"), rows=given.get("rows")), form)
    words = f"Contact sheet of {sweep.name}"
    display({"text/plain": words, form.mime: base64.b64encode(data).decode("ascii")}, raw=True)


def _verb(verb: str, words: Sequence[str]) -> Any:  # noqa: ANN401 - a sweep, or a table of them
    from zimage_lab.sweeps import Sweep, typed

    if verb == "list":
        Parser(FIELD, DESCRIPTION, ()).given(words, SWEEP_VERBS)
        return _table()
    known = SWEEP_SAVED if verb == "show" else (*SWEEP_SAVED, NO_WAIT) if verb == "resume" else ()
    parser = Parser(FIELD, DESCRIPTION, known)
    parser.add_argument("sweep", metavar="NAME")
    given = parser.given(words, SWEEP_VERBS)
    places = _places(given)
    if verb == "resume":
        return _ended(Sweep.load(given["sweep"], engine=zimage_lab.load()).resume(), places, given)
    sweep = Sweep.load(given["sweep"])
    if verb in {"pause", "cancel"}:
        getattr(sweep, verb)()
    notes([str(one) for one in typed.write(sweep, places, given)])
    return sweep


def _table() -> pd.DataFrame:
    import pandas as pd

    from zimage_lab.engine.pace import told
    from zimage_lab.sweeps import saved

    rows = [
        {
            "name": one.name,
            "state": one.state,
            "pictures": len(one.cells),
            "axes": " x ".join(f"{len(axis)} {axis.name}" for axis in one.axes),
            "states": told(one.counts),
        }
        for one in saved()
    ]
    return pd.DataFrame(rows, columns=["name", "state", "pictures", "axes", "states"])
