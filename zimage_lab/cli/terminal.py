"""What every command writes with: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DONE, FAILED, WRONG_INPUT, CANCELLED = 0, 1, 2, 3
"""Exit codes; scripts rely on them."""


def say(text: str) -> None:
    """Write a line of a result to standard output, also where its encoding lacks some letters."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def say_json(value: object, indent: int | None = 1) -> None:
    """Write a result as JSON, on one line without `indent`; letters that the output cannot show become escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=indent)
    sys.stdout.write(text + "\n")


def tell(text: str) -> None:
    """Write a line about the work to standard error."""
    sys.stderr.write(plain(text) + "\n")
    sys.stderr.flush()


def plain(text: str) -> str:
    """Give one line without control characters: a prompt or a path must not act on the terminal."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; columns in plain text where the output is not a terminal, so that `cut` and `grep` can read it."""
    lines = [[plain(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for line in lines:
            say("\t".join(line))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for name in head:
        drawn.add_column(name, overflow="fold")
    for line in lines:
        drawn.add_row(*map(Text, line))  # no markup: brackets in a prompt or a path are just brackets
    Console().print(drawn)


def size(count: float) -> str:
    """Write a number of bytes for a person: "8.1 MB", decimal units."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:  # noqa: PLR2004 - the step of decimal units
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
