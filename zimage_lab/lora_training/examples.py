"""Reads the pictures and captions to learn from: a folder as trainers have it, or pairs from Python."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.store import inputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from PIL import Image

ENDINGS = {".png", ".jpg", ".jpeg", ".webp"}
LIST = "metadata.jsonl"
"""A folder's list of captions, as Hugging Face's image folders have it."""

MOST = 10_000
FIELD = "pictures"


class Example(NamedTuple):
    """A picture and what it shows in words.

    Attributes
    ----------
    source
        The picture as it was given: thousands of opened photographs would fill the memory.
    caption
        Its words.
    digest
        SHA-256 of its pixels.
    """

    source: object
    caption: str
    digest: str

    def picture(self) -> Image.Image:
        """Open the picture, RGB."""
        return _opened(self.source)


def read(pictures: str | os.PathLike[str] | Iterable[tuple[object, str]]) -> list[Example]:
    """Read the examples.

    Parameters
    ----------
    pictures
        A folder of pictures (PNG, JPEG, WebP), each with its caption in a `.txt` of the same name, or all captions in
        `metadata.jsonl` with `file_name` and `text`; or pairs of picture and caption, where a picture is what
        `init_image` may be: a path, a PIL picture, bytes, a GeneratedImage.

    Raises
    ------
    InvalidRequest
        There are none, one has no caption, or one is no picture.
    """
    if isinstance(pictures, str | os.PathLike):
        found = list(_of_folder(Path(pictures).expanduser()))
        fix = f"Put pictures there ({', '.join(sorted(ENDINGS))}), each with a .txt of the same name."
    else:
        found, fix = list(_of_pairs(pictures)), "Give pairs of picture and caption."
    if not found:
        raise InvalidRequest(FIELD, str(pictures), "there is no picture to learn from", fix)
    if len(found) > MOST:
        raise InvalidRequest(FIELD, len(found), f"{len(found)} pictures are too many", f"Use at most {MOST}.")
    return found


def digest(examples: Sequence[Example]) -> str:
    """Give the SHA-256 of pictures and captions, in their order."""
    whole = hashlib.sha256()
    for example in examples:
        whole.update(f"{example.digest}{example.caption}\0".encode())
    return whole.hexdigest()


def _of_folder(folder: Path) -> Iterator[Example]:
    if not folder.is_dir():
        raise InvalidRequest(FIELD, str(folder), f"there is no folder {shown(str(folder))}", "Check the path.")
    told = _told(folder / LIST)
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS):
        text = path.with_suffix(".txt")
        caption = told.get(path.name)
        if caption is None and text.is_file():
            caption = text.read_text(encoding="utf-8-sig", errors="replace")
        if caption is None or not caption.strip():
            what, fix = f"{path.name} has no caption", f"Say what it shows in {text.name} beside it."
            raise InvalidRequest(FIELD, path.name, what, fix)
        yield _example(path, caption)


def _told(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    told = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            told[str(row["file_name"])] = str(row["text"])
        except (ValueError, KeyError, TypeError) as error:
            what = f"line {number} of {LIST} is no row with file_name and text"
            raise InvalidRequest(FIELD, line, what, 'Write {"file_name": "1.png", "text": "a red cat"}.') from error
    return told


def _of_pairs(pairs: Iterable[tuple[object, str]]) -> Iterator[Example]:
    for number, pair in enumerate(pairs, 1):
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not isinstance(pair[1], str) or not pair[1].strip():  # noqa: PLR2004 - a pair
            what = f"number {number} is no pair of a picture and a caption"
            raise InvalidRequest(FIELD, pair, what, 'Give pairs such as ("1.png", "a red cat").')
        yield _example(pair[0], pair[1])


def _example(source: object, caption: str) -> Example:
    picture = _opened(source)
    pixels = hashlib.sha256(str(picture.size).encode() + picture.tobytes())
    return Example(source, caption.strip(), pixels.hexdigest())


def _opened(value: object) -> Image.Image:
    try:
        return inputs.read(value, FIELD).convert("RGB")
    except InvalidRequest as error:
        if not isinstance(value, Path):
            raise
        raise InvalidRequest(FIELD, value.name, f"{value.name}: {error.what}", error.fix) from error
