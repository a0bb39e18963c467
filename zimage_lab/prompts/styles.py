"""Named styles: words that are put around a prompt, kept in the file format that Automatic1111's users have.

`styles.csv` of the home has the columns name, prompt and negative_prompt; `{prompt}` in a style's prompt is where the
own one goes, and without it the style follows behind a comma.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab.errors import InvalidRequest, shown, suggestion
from zimage_lab.home import home
from zimage_lab.values import checked_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FILE = "styles.csv"
HOLE = "{prompt}"
COLUMNS = ("name", "prompt", "negative_prompt")
LONGEST_NAME, LONGEST = 100, 5000
_FIELD = "styles"


class Style(NamedTuple):
    """One style.

    Attributes
    ----------
    name
        What it is called.
    prompt
        Words to add, or a text with `{prompt}` in it.
    negative_prompt
        Words to add to the negative prompt.
    """

    name: str
    prompt: str
    negative_prompt: str = ""


def read(place: Path | None = None) -> dict[str, Style]:
    """Read the styles of the home by name; a row that cannot be read is left out.

    Raises
    ------
    InvalidRequest
        The file is no CSV with a column called name.
    """
    path = home(place) / FILE
    if not path.is_file():
        return {}
    rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig", errors="replace")))
    if "name" not in (rows.fieldnames or ()):
        what = f"{path} has no column called name"
        raise InvalidRequest(_FIELD, str(path), what, f"Give it the columns {', '.join(COLUMNS)}.")
    styles = [Style(row["name"] or "", row.get("prompt") or "", row.get("negative_prompt") or "") for row in rows]
    return {style.name: style for style in styles if style.name.strip() and (style.prompt or style.negative_prompt)}


def apply(prompt: str, negative_prompt: str, names: Iterable[str], known: Mapping[str, Style]) -> tuple[str, str]:
    """Put styles around a prompt and its negative, one after the other.

    Raises
    ------
    InvalidRequest
        There is no style of a name.
    """
    for name in names:
        if name not in known:
            raise InvalidRequest(_FIELD, name, f"there is no style {shown(name)}", suggestion(name, known))
        prompt = _around(prompt, known[name].prompt)
        negative_prompt = _around(negative_prompt, known[name].negative_prompt)
    return prompt, negative_prompt


def save(style: Style, place: Path | None = None) -> None:
    """Keep a style; one of the same name is replaced.

    Raises
    ------
    InvalidRequest
        Its name is empty or too long, or it adds nothing.
    """
    name = checked_text("name", style.name, limit=LONGEST_NAME).strip()
    prompt = checked_text("prompt", style.prompt, limit=LONGEST, blank=True)
    negative = checked_text("negative_prompt", style.negative_prompt, limit=LONGEST, blank=True)
    if not prompt.strip() and not negative.strip():
        field, what = "prompt", "a style without words does nothing"
        raise InvalidRequest(field, prompt, what, "Give it a prompt or a negative one.")
    _write({**read(place), name: Style(name, prompt, negative)}, place)


def remove(name: str, place: Path | None = None) -> None:
    """Forget a style.

    Raises
    ------
    InvalidRequest
        There is none of this name.
    """
    known = read(place)
    if name not in known:
        raise InvalidRequest(_FIELD, name, f"there is no style {shown(name)}", suggestion(name, known))
    del known[name]
    _write(known, place)


def _around(own: str, added: str) -> str:
    if not added.strip():
        return own
    if HOLE in added:
        return added.replace(HOLE, own)
    comma = "，" if own and not own.isascii() and not added.isascii() else ", "
    return f"{own}{comma}{added}" if own.strip() else added


def _write(styles: Mapping[str, Style], place: Path | None) -> None:
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerows([COLUMNS, *styles.values()])
    path = home(place) / FILE
    partial = path.with_suffix(".part")
    partial.write_text(buffer.getvalue(), encoding="utf-8")
    partial.replace(path)
