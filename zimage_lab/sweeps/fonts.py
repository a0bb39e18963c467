"""Letters for pictures: a font that this machine has, Chinese too, without one that we would have to bring.

Pillow brings a small Latin font. What it lacks is looked for in fonts that systems have, by the names of their files. A
letter that no font here has is drawn as an empty box, and `undrawable` says so, that a label may be said otherwise.
"""

from __future__ import annotations

import os
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from PIL import ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

    Colour = tuple[int, int, int]

VARIABLE = "ZIMAGE_LAB_FONT"
"""Environment variable with the path of a font that is looked at first."""

KNOWN = (
    # Chinese: Linux, Windows, macOS. Collections of Noto hold Japanese first and simplified Chinese third.
    ("NotoSansCJK-Regular.ttc", 2),
    ("NotoSansSC-Regular.otf", 0),
    ("NotoSansSC-Regular.ttf", 0),
    ("SourceHanSansSC-Regular.otf", 0),
    ("SourceHanSansCN-Regular.otf", 0),
    ("wqy-microhei.ttc", 0),
    ("wqy-zenhei.ttc", 0),
    ("DroidSansFallbackFull.ttf", 0),
    ("DroidSansFallback.ttf", 0),
    ("msyh.ttc", 0),
    ("simhei.ttf", 0),
    ("simsun.ttc", 0),
    ("Hiragino Sans GB.ttc", 0),
    ("STHeiti Light.ttc", 0),
    ("Arial Unicode.ttf", 0),
    # Cyrillic, Greek, arrows and the like.
    ("DejaVuSans.ttf", 0),
    ("NotoSans-Regular.ttf", 0),
    ("arial.ttf", 0),
    ("Arial.ttf", 0),
)
"""Files of fonts, and which of a collection's."""

_OWN, _PILLOWS = -2, -1
"""Numbers of two fonts that stand before those of the list."""

NOWHERE = "\U0010fffd"
"""A letter that no font has: whatever is drawn like it is missing."""

BOX = "\u25a1"
ELLIPSIS = "…"


class Style(NamedTuple):
    """A size in pixels and a colour."""

    size: int
    colour: Colour

    @property
    def line(self) -> int:
        """Height of a line."""
        return round(self.size * 1.4)


def width(text: str, size: int) -> float:
    """Measure a line in pixels."""
    return sum(font.getlength(piece) for font, piece in _pieces(text, size))


def draw(pen: ImageDraw, place: tuple[float, float], text: str, style: Style) -> None:
    """Draw a line of text; `place` is the left end of its top."""
    x, y = place[0], place[1] + style.size * 1.05
    for font, piece in _pieces(text, style.size):
        pen.text((x, y), piece, fill=style.colour, font=font, anchor="ls")  # on one base line, whatever the font
        x += font.getlength(piece)


def wrapped(text: str, size: int, room: float, lines: int) -> list[str]:
    """Break a text into lines that fit; what does not is cut, with an ellipsis.

    Parameters
    ----------
    text
        Any text; every kind of white space is a blank.
    size
        Of its letters, in pixels.
    room
        Pixels that a line may take.
    lines
        Most lines.
    """
    found: list[str] = []
    line = ""
    for word in _words(" ".join(text.split())):
        if line and width((line + word).rstrip(), size) > room:
            found.append(line.rstrip())
            line = ""
            if len(found) == lines:
                found[-1] += ELLIPSIS
                return [_cut(one, size, room) for one in found]
        line = (line + word).lstrip()
    found.append(line.rstrip())
    return [_cut(one, size, room) for one in found]


def undrawable(text: str) -> bool:
    """Whether a text has letters that no font of this machine draws."""
    return any(_font_of(letter) is None for letter in _clean(text) if letter != BOX)


def _words(text: str) -> Iterator[str]:
    """Give the pieces between which a line may break: words with the blank behind them, and each Chinese letter."""
    word = ""
    for letter in text:
        if ord(letter) >= 0x2E80:  # noqa: PLR2004 - where Chinese, Japanese and Korean begin in Unicode
            if word:
                yield word
                word = ""
            yield letter
        elif letter == " ":
            yield word + letter
            word = ""
        else:
            word += letter
    if word:
        yield word


def _cut(line: str, size: int, room: float) -> str:
    if width(line, size) <= room:
        return line
    line = line.removesuffix(ELLIPSIS)
    low, high = 0, len(line)  # a line of 20,000 letters is not measured once for each
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if width(line[:middle] + ELLIPSIS, size) <= room else (low, middle - 1)
    return line[:low].rstrip() + ELLIPSIS


def _clean(text: str) -> str:
    """Give what can be seen of a text: marks that turn its direction or join letters are left out."""
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else "" for letter in text)


def _pieces(text: str, size: int) -> Iterator[tuple[FreeTypeFont, str]]:
    """Give the runs of letters that one font has."""
    for number, letters in groupby(_clean(text), key=_font_of):
        piece = "".join(letters)
        if number is None:
            box = _font_of(BOX)
            number, piece = (_PILLOWS, "?" * len(piece)) if box is None else (box, BOX * len(piece))  # noqa: PLW2901
        font = _font(number, size)
        if font is not None:
            yield font, piece


@lru_cache(maxsize=4096)
def _font_of(letter: str) -> int | None:
    """Give the number of the first font that has a letter."""
    for number in range(_OWN, len(KNOWN)):
        font = _font(number, 16)
        if font is not None and (letter == " " or _mark(font, letter) != _mark(font, NOWHERE)):
            return number
    return None


def _mark(font: FreeTypeFont, letter: str) -> tuple[bytes, float]:
    mask = font.getmask(letter)
    return bytes(mask), font.getlength(letter)


@lru_cache(maxsize=256)
def _font(number: int, size: int) -> FreeTypeFont | None:
    """Open a font of the list, or one of the two before it."""
    layout = ImageFont.Layout.BASIC  # the same on every machine, with or without libraqm
    try:
        if number == _PILLOWS:
            made = ImageFont.load_default(size)
            return made if isinstance(made, ImageFont.FreeTypeFont) else None
        if number == _OWN:
            own = os.environ.get(VARIABLE)
            return ImageFont.truetype(own, size, layout_engine=layout) if own else None
        name, place = KNOWN[number]
        return ImageFont.truetype(name, size, index=place, layout_engine=layout)
    except (OSError, ValueError):  # not here, or no font
        return None
