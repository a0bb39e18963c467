"""`%zimage compare` and `%%zimage compare`: models on the same prompts, watched in the cell, then their table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import zimage_lab
from zimage_lab.errors import InvalidRequest
from zimage_lab.magics.parser import Parser
from zimage_lab.magics.show import display, notes, show_comparison
from zimage_lab.options import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from zimage_lab.compare import Comparison

FIELD = "%zimage compare"
VERBS = ("list", "show", "resume", "pause", "cancel")
PROMPT = "what the pictures show"
MOST_NAMES = 12

DESCRIPTION = """\
%zimage compare "a red cat on the left" --models miniature-turbo z-image-turbo --seeds 4
%%zimage compare --models miniature-turbo --curve 1 2 4 8 --report steps.html
                                    the same, with a prompt on each line of the cell; behind a tab may stand what it
                                    means in plain English, for the miniatures' judge
%zimage compare list                what there is; show, resume, pause or cancel NAME

With --name the same line makes only what is missing, and the result gets that name in the notebook, too, where a
variable may be called so. Behind it, result.slider() compares by eye and result.rate() asks blindly."""


class Option(NamedTuple):
    """An option and what `add_argument` takes besides."""

    flag: str
    argparse: dict[str, Any]


MODELS = Option("--models", {"metavar": "MODEL", "nargs": "+", "help": "two or more models"})
OPTIONS = (
    MODELS,
    Option("--seeds", {"metavar": "N", "type": whole, "default": 1, "help": "pictures of each prompt by each model"}),
    Option(
        "--curve", {"metavar": "STEPS", "type": whole, "nargs": "+", "help": "each model at these numbers of steps"}
    ),
    Option(
        "--match", {"metavar": "WHAT", "nargs": "+", "default": [], "help": "size, steps or time: the same for all"}
    ),
    Option("--repeats", {"metavar": "N", "type": whole, "default": 1, "help": "times that each picture is made"}),
    Option("--warm-up", {"metavar": "N", "type": whole, "default": 1, "help": "pictures of each before it is timed"}),
    Option("--clip", {"metavar": "FOLDER", "help": "a CLIP model that scores the pictures"}),
    Option("--name", {"metavar": "NAME", "help": 'name under which it is kept (default: "comparison 1" and so on)'}),
    Option("--no-wait", {"action": "store_true", "help": "go on at once; result.table() tells at any time"}),
)
SAVED = (
    Option("--report", {"metavar": "FILE", "help": "write one HTML page"}),
    Option("--language", {"metavar": "CODE", "help": "of the table: en or zh (default: the studio's)"}),
)


def flags() -> list[str]:
    """List the options as they are typed."""
    return [option.flag for option in (*OPTIONS, *SAVED)]


def help_text() -> str:
    """Give what `%zimage compare --help` prints."""
    return Parser(FIELD, DESCRIPTION, (*OPTIONS, *SAVED), PROMPT).format_help()


def names() -> list[str]:
    """Name the comparisons of the home, the newest first."""
    from zimage_lab.compare import saved

    return [one.name for one in saved()[:MOST_NAMES]]


def run(words: Sequence[str], body: str | None, variables: dict[str, Any]) -> Any:  # noqa: ANN401 - or a table
    """Do what a line says.

    Parameters
    ----------
    words
        Those behind `compare`.
    body
        The prompts in the cell, one a line; None where there is no cell.
    variables
        The notebook's, which get the result by its name.
    """
    if body is None and words and words[0] in VERBS:
        return _verb(words[0], words[1:])
    given = Parser(FIELD, DESCRIPTION, (*OPTIONS, *SAVED), PROMPT if body is None else None).given(words, VERBS)
    if given["models"] is None:
        field = "--models"
        raise InvalidRequest(field, None, "is missing", "Give two or more, or one with --curve: --models a b.")
    return _made(_quoted(given.pop("prompt")) if body is None else _lines(body), given, variables)


def _quoted(prompts: list[str]) -> list[str]:
    if len(prompts) > 1 and all(len(prompt.split()) == 1 and prompt.isascii() for prompt in prompts):
        fix = f'Put quotes around a prompt of several words: "{" ".join(prompts)}".'
        raise InvalidRequest(FIELD, prompts, f"{len(prompts)} words without quotes are no prompt", fix)
    return prompts


def _lines(body: str) -> list[tuple[str, str | None]]:
    parts = (line.partition("\t") for line in body.splitlines() if line.strip())
    return [(prompt.strip(), meaning.strip() or None) for prompt, _, meaning in parts]


def _made(prompts: list[Any], given: dict[str, Any], variables: dict[str, Any]) -> Comparison:
    from zimage_lab.compare import curve, plan, start

    _check(given)
    models = curve(given["models"], given["curve"]) if given["curve"] else given["models"]
    protocol = {"match": tuple(given["match"]), "repeats": given["repeats"], "warm_up": given["warm_up"]}
    options: dict[str, Any] = {"seeds": given["seeds"], "protocol": protocol, "clip": given["clip"]}
    engine = zimage_lab.load()
    made = plan(prompts, models, place=engine.home, **options)
    notes([*made.notes, str(made.protocol)])
    comparison = start(engine, prompts, models, name=given["name"], **options)
    name = given["name"]
    if name is not None and name.isidentifier():
        variables[name] = comparison  # at once: also where the wait is interrupted
    return _ended(comparison, given)


def _check(given: dict[str, Any]) -> None:
    """Look whether what shall be told and written can be, before anything is made."""
    from zimage_lab.compare.language import chosen
    from zimage_lab.compare.report.writing import checked

    chosen(given["language"])
    if given["report"]:
        checked(given["report"])
        if given.get("no_wait"):
            field, fix = "--no-wait", "Leave one out; result.report() writes it later."
            raise InvalidRequest(field, None, "leaves nothing to report yet", fix)


def _ended(comparison: Comparison, given: dict[str, Any]) -> Comparison:
    """Wait for a comparison, show its table, and write its report where one was asked for."""
    if given.get("no_wait"):
        return comparison
    show_comparison(comparison)
    return _told(comparison, given)


def _told(comparison: Comparison, given: dict[str, Any]) -> Comparison:
    from zimage_lab.compare.language import chosen

    language = chosen(given["language"])
    if language != "en":  # the comparison's own form, which the cell shows as its value, is in English
        display(comparison.table(language))
    if given["report"] and comparison.counts.get("succeeded"):
        notes([f"The report: {comparison.report(given['report'])}"])
    return comparison


def _verb(verb: str, words: Sequence[str]) -> Any:  # noqa: ANN401 - a comparison, or a table of them
    from zimage_lab.compare import Comparison

    if verb == "list":
        Parser(FIELD, DESCRIPTION, ()).given(words, VERBS)
        return _table()
    known = {"show": SAVED, "resume": (*SAVED, OPTIONS[-1])}.get(verb, ())
    parser = Parser(FIELD, DESCRIPTION, known)
    parser.add_argument("comparison", metavar="NAME")
    given = parser.given(words, VERBS)
    if verb in {"show", "resume"}:
        _check(given)
    if verb == "resume":
        return _ended(Comparison.load(given["comparison"], engine=zimage_lab.load()).resume(), given)
    comparison = Comparison.load(given["comparison"])
    if verb == "show":
        return _told(comparison, given)
    getattr(comparison, verb)()
    return comparison


def _table() -> pd.DataFrame:
    import pandas as pd

    from zimage_lab.compare import saved
    from zimage_lab.engine.pace import told

    rows = [
        {
            "name": one.name,
            "state": one.state,
            "models": " against ".join(one.labels),
            "pictures": one.plan.count,
            "states": told(one.counts),
        }
        for one in saved()
    ]
    return pd.DataFrame(rows, columns=["name", "state", "models", "pictures", "states"])
