"""Names for files of whatever text: safe on every system, and no two the same."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SUFFIX = ".png"
NAME_BYTES = 200
"""Most bytes of a name, suffix included: file systems take 255, and a file in the making bears a longer name."""

FORBIDDEN = re.compile(r'[/\\:*?"<>|]')  # what Windows or Unix takes for something else than a name's letter
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])", re.IGNORECASE)  # Windows' devices


class FreeNames:
    """Gives each picture a name that no other has.

    Parameters
    ----------
    taken
        Names that are in use already.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {_same(name) for name in taken}
        self._counts: dict[str, int] = {}

    def reserve(self, name: str) -> None:
        """Take a name out of use."""
        self._taken.add(_same(name))

    def next_free(self, stem: str) -> str:
        """Take the name of a stem that is safe already, with a number where the plain one is taken."""
        kind = _same(stem)
        count = self._counts.get(kind, 0) + 1  # a thousand equal names are not tried from 2 each time
        while True:
            end = (f"_{count}" if count > 1 else "") + SUFFIX
            name = _cut(stem, NAME_BYTES - len(end)) + end
            if _same(name) not in self._taken:
                self._counts[kind] = count
                self.reserve(name)
                return name
            count += 1


def safe(text: str) -> str:
    """Make of any text the stem of a file's name that every system takes, in the folder that it is put into.

    Separators and letters that cannot be seen become `_`; dots and spaces at the ends go, and so does a name that
    Windows keeps for a device.
    """
    text = unicodedata.normalize("NFC", text)
    text = "".join("_" if unicodedata.category(letter)[0] in "CZ" and letter != " " else letter for letter in text)
    text = _cut(FORBIDDEN.sub("_", text), NAME_BYTES - len(SUFFIX)).strip(" .")
    if _RESERVED.fullmatch(text.partition(".")[0].rstrip(" ")):
        text = "_" + text
    return text or "picture"


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


def _same(name: str) -> str:
    """Give what two names share that some systems hold for one: letters that differ in case or in composition."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
