"""The pictures that a graph loads: which stored picture a name means. A name is never a path."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.home import home as usual
from zimage_lab.store import inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

FOLDER = "input"
"""In the home: files that a person puts there are known by their names, as in ComfyUI."""

_ENDINGS = {".png", ".jpg", ".jpeg", ".webp"}
_MARK = re.compile(r" \[(input|output|temp)\]$")  # ComfyUI's note of the folder


class Named:
    """Pictures by name.

    Parameters
    ----------
    home
        The home folder.
    given
        Names and what a face says that they mean: a stored picture's SHA-256, or a picture.
    """

    def __init__(self, home: Path | None, given: Mapping[str, Any] | None = None) -> None:
        self.home = usual() if home is None else home
        self._given = {name: _stored(value, self.home) for name, value in (given or {}).items()}

    def find(self, name: str) -> Path | None:
        """Give the file of a name; None where there is none."""
        bare = _MARK.sub("", name)
        for one in (name, bare):
            if one in self._given:
                return inputs.path(self._given[one], self.home)
        if inputs.HASH.fullmatch(bare):
            try:
                return inputs.path(bare, self.home)
            except InvalidRequest:
                return None
        file = self.home / FOLDER / bare
        # The name itself, not what a path makes of it: no folder, no link.
        plain = Path(bare).name == bare and "\\" not in bare and "\0" not in bare and bare not in {"", ".", ".."}
        return file if plain and file.suffix.lower() in _ENDINGS and not file.is_symlink() and file.is_file() else None

    def digest(self, name: str) -> str | None:
        """Give the SHA-256 under which a name's picture is stored, storing it where it lies in the folder."""
        file = self.find(name)
        if file is None:
            return None
        if file.parent.name == inputs.INPUTS:
            return file.stem
        return _stored(file, self.home)

    def opened(self, name: str) -> Image.Image:
        """Read a picture, with what is transparent.

        Raises
        ------
        InvalidRequest
            There is none of this name, or it cannot be read.
        """
        digest = self.digest(name)
        if digest is None:
            field, what = "image", f"there is no picture {shown(name)}"
            raise InvalidRequest(field, name, what, "Give it with the workflow, or upload it.")
        return inputs.opened(digest, self.home, "image")


def listed(home: Path | None) -> list[str]:
    """List the files of the home's input folder."""
    folder = (usual() if home is None else home) / FOLDER
    try:
        return sorted(one.name for one in folder.iterdir() if one.suffix.lower() in _ENDINGS and one.is_file())
    except OSError:
        return []


def _stored(value: Any, home: Path) -> str:  # noqa: ANN401 - whatever is a picture
    """Store a picture with its transparency; gives its hash."""
    return inputs.put(value, home, "image")
