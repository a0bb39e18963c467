"""Names for pictures, filled from a table that anybody may have written: safe on every system, and no two the same."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.prompts import templates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FIELD = "name"
SUFFIX = ".png"
NAME_BYTES = 200
"""Most bytes of a name, suffix included: file systems take 255, and a file in the making bears a longer name."""

_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')  # what Windows or Unix takes for something else than a name's letter
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])", re.IGNORECASE)  # Windows' devices


class FileNames:
    """Gives each picture a name that no other has.

    Parameters
    ----------
    template
        As `templates.expand` takes it: "{sku}_{seed}". Separators stand in no name: pictures lie in one folder.
    taken
        Names that are in use already.

    Raises
    ------
    InvalidRequest
        When the template cannot be read or holds a separator.
    """

    def __init__(self, template: str, taken: Iterable[str] = ()) -> None:
        for part in templates.parts(template, field=FIELD):
            if not part.is_name and _FORBIDDEN.search(part.text):
                what = f"{shown(part.text)} cannot stand in a file's name"
                raise InvalidRequest(FIELD, template, what, 'Leave out / \\ : * ? " < > and |.')
        self._template = template.removesuffix(SUFFIX)
        self._taken = {_same(name) for name in taken}
        self._counts: dict[str, int] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of variables that the template looks up."""
        return templates.names(self._template, field=FIELD)

    def reserve(self, name: str) -> None:
        """Take a name out of use."""
        self._taken.add(_same(name))

    def give(self, variables: Mapping[str, object]) -> str:
        """Fill the template and take the name; one that is taken gets `_2`, `_3` and so on.

        Raises
        ------
        InvalidRequest
            When the template asks for what is not there.
        """
        return self.next_free(self.stem(variables))

    def stem(self, variables: Mapping[str, object]) -> str:
        """Fill the template without taking the name."""
        return safe(templates.expand(self._template, variables, field=FIELD))

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
    text = _cut(_FORBIDDEN.sub("_", text), NAME_BYTES - len(SUFFIX)).strip(" .")
    if _RESERVED.fullmatch(text.partition(".")[0].rstrip(" ")):
        text = "_" + text
    return text or "picture"


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


def _same(name: str) -> str:
    """Give what two names share that some systems hold for one: letters that differ in case or in composition."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
