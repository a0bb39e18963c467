"""What Tab offers on a line of the magic: commands, options, models and styles."""

from __future__ import annotations

import re
from typing import Any

from zimage_lab.magics.commands import COMMANDS
from zimage_lab.options import OPTIONS

COMPLETED = re.compile(r"^\s*%%?zimage\b").pattern
"""Lines of the magic."""

OWN = ("--name", "--variables", "--wildcards", "--draws", "--style", "--pictures", "--no-wait", "--wait")
"""Options of the cell magic beside those of a request."""


def complete(_: object, event: Any) -> list[str]:  # noqa: ANN401 - IPython's event has no type
    """Give what may come at the cursor; for IPython's hook."""
    before = event.text_until_cursor
    typed = before.split()
    last = typed[-1] if before[-1:].isspace() else (typed[-2] if len(typed) > 1 else "")
    if last == "--model" or (last in {"load", "unload"} and not before.lstrip().startswith("%%")):
        return _models()
    if last == "--style":
        return _styles()
    if before.lstrip().startswith("%%"):
        return [*(option.flag for option in OPTIONS), *OWN]
    return sorted(COMMANDS) if last == "%zimage" else []


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
