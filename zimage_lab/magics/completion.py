"""What Tab offers on a line of the magic: commands, options, models and styles."""

from __future__ import annotations

import re
from typing import Any

from zimage_lab.magics.commands import COMMANDS
from zimage_lab.options import OPTIONS, SWEEP_SAVED, SWEEP_VERBS

COMPLETED = re.compile(r"^\s*%%?zimage\b").pattern
"""Lines of the magic."""

OWN = ("--name", "--variables", "--wildcards", "--draws", "--style", "--pictures", "--no-wait", "--wait")
"""Options of the cell magic beside those of a request."""

SWEEP = "sweep"
"""The word behind which the options are a sweep's."""


COMPARE = "compare"
"""The same for a comparison's."""


def complete(_: object, event: Any) -> list[str]:  # noqa: ANN401 - IPython's event has no type
    """Give what may come at the cursor; for IPython's hook."""
    before = event.text_until_cursor
    typed = before.split()
    last = typed[-1] if before[-1:].isspace() else (typed[-2] if len(typed) > 1 else "")
    if last == "--model" or (last in {"load", "unload"} and not before.lstrip().startswith("%%")):
        return _models()
    if last == "--style":
        return _styles()
    if typed[1:2] == [SWEEP] and (len(typed) > 2 or before[-1:].isspace()):  # noqa: PLR2004 - the magic and the word
        return _of_sweep(typed, last)
    if typed[1:2] == [COMPARE] and (len(typed) > 2 or before[-1:].isspace()):  # noqa: PLR2004 - the same
        return _of_comparison(typed, last)
    if before.lstrip().startswith("%%"):
        return [*(option.flag for option in OPTIONS), *OWN]
    return sorted([*COMMANDS, COMPARE, SWEEP]) if last == "%zimage" else []


def _of_sweep(typed: list[str], last: str) -> list[str]:
    from zimage_lab.magics import sweep

    verb = typed[2] if len(typed) > 2 and typed[2] in SWEEP_VERBS else None  # noqa: PLR2004 - behind the word
    if last in SWEEP_VERBS and last == verb and verb != "list":
        return [name if name.isidentifier() else f'"{name}"' for name in sweep.names()]
    if verb is not None:
        return [option.flag for option in SWEEP_SAVED] if verb in {"show", "resume"} else []
    return [*(SWEEP_VERBS if last == SWEEP and typed[0] == "%zimage" else ()), *sweep.flags()]


def _of_comparison(typed: list[str], last: str) -> list[str]:
    from zimage_lab.magics import compare

    verb = typed[2] if len(typed) > 2 and typed[2] in compare.VERBS else None  # noqa: PLR2004 - behind the word
    if last == compare.MODELS.flag:
        return _models()
    if last == "--match":
        return ["size", "steps", "time"]
    if last == verb and verb not in {None, "list"}:
        return [name if name.isidentifier() else f'"{name}"' for name in compare.names()]
    if verb is not None:
        return [option.flag for option in compare.SAVED] if verb in {"show", "resume"} else []
    return [*(compare.VERBS if last == COMPARE and typed[0] == "%zimage" else ()), *compare.flags()]


def _models() -> list[str]:
    from zimage_lab.models import catalog

    return sorted(model.id for model in catalog.models())


def _styles() -> list[str]:
    from zimage_lab.errors import ZImageError
    from zimage_lab.prompts import styles

    try:
        return [name if name.isidentifier() else f'"{name}"' for name in styles.read()]
    except ZImageError:
        return []
