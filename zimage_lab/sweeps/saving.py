"""`sweep.save(...)`: a contact sheet, a folder of pictures or a page, by the name that is given."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab import home as homes
from zimage_lab import labels as labelling
from zimage_lab.engine.pace import plural
from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.labels import xmp
from zimage_lab.labels.write import claims
from zimage_lab.store.images import write_whole
from zimage_lab.sweeps import inside
from zimage_lab.sweeps.results import first_record
from zimage_lab.sweeps.sheet import contact_sheet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PIL import Image

    from zimage_lab.labels.formats import Format
    from zimage_lab.sweeps.sweep import Sweep

PAGES = (".html", ".htm")
UNIT = 1000


@dataclass(frozen=True, slots=True)
class Saved:
    """What was written: usable as a path, and told in a line.

    Attributes
    ----------
    path
        Absolute path of the file or folder.
    pictures
        Pictures in it.
    size
        Its bytes.
    notes
        What the person should know, in sentences.
    """

    path: Path
    pictures: int
    size: int
    notes: tuple[str, ...] = ()

    def __fspath__(self) -> str:
        """Give the path, for `open` and the like."""
        return os.fspath(self.path)

    def __str__(self) -> str:
        """Say it in a line."""
        return " ".join([f"{self.path.name}: {plural(self.pictures, 'picture')}, {size_told(self.size)}", *self.notes])

    def __repr__(self) -> str:
        return f"Saved({str(self)!r})"


def save(
    sweep: Sweep,
    path: str | os.PathLike[str],
    *,
    labels: Iterable[str] = labelling.DEFAULT,
    **options: Any,  # noqa: ANN401 - those of the sheet, the folder or the page
) -> Saved:
    """Write a sweep; parameters as for `Sweep.save`."""
    place = checked(path)
    kinds = labelling.prepare(labels, homes.settings(sweep.home))
    ending = place.suffix.lower()
    if ending in PAGES:
        from zimage_lab.sweeps.page import page

        return page(sweep, place, kinds, **_known(options, ("pixels", "columns", "rows"), "a page"))
    if ending in labelling.FORMATS:
        sheet = contact_sheet(sweep, **_known(options, ("columns", "rows", "thumbnail"), "a contact sheet"))
        return _save_sheet(sweep, sheet, place, kinds)
    from zimage_lab.sweeps.folder import folder

    return folder(sweep, place, kinds, **_known(options, (), "a folder"))


def checked(path: str | os.PathLike[str]) -> Path:
    """Say where a sweep goes, or why nothing can be written there, before anything is made for it.

    Raises
    ------
    InvalidRequest
        The name has another ending, or its folder is not there.
    """
    field, text = "path", os.fspath(path)
    endings = f"Let it end in {', '.join([*labelling.FORMATS, PAGES[0]])}, or give a folder's name with / behind it."
    if not text.strip() or "\0" in text:
        raise InvalidRequest(field, text, "is no file name", endings)
    try:
        place = Path(text).expanduser().absolute()
    except (RuntimeError, OSError) as error:  # "~nobody"; a working folder that has gone
        raise InvalidRequest(field, text, f"{shown(text)} cannot be found", "Give a full path.") from error
    is_folder = text.endswith(("/", os.sep)) or place.is_dir()
    ending = place.suffix.lower()
    if is_folder and place.exists() and not place.is_dir():
        raise InvalidRequest(field, text, f"{shown(place.name)} is a file", "Give a folder.")
    if is_folder and ending in {*PAGES, *labelling.FORMATS}:
        raise InvalidRequest(field, text, f"{shown(place.name)} is a folder", "Give the name of a file in it.")
    if not is_folder and ending not in {*PAGES, *labelling.FORMATS}:
        raise InvalidRequest(field, text, f"{shown(place.name)} is neither a picture's name nor a page's", endings)
    if not place.parent.is_dir():
        raise InvalidRequest(field, text, f"there is no folder {shown(str(place.parent))}", "Make it first.")
    return place


def size_told(count: float) -> str:
    """Write a number of bytes for a person: "8.1 MB"."""
    for unit in ("B", "kB", "MB"):
        if count < UNIT:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= UNIT
    return f"{count:.1f} GB"


def _known(options: dict[str, Any], names: tuple[str, ...], what: str) -> dict[str, Any]:
    for name, value in options.items():
        if name not in names:
            fix = f"It has {', '.join(names)}." if names else "Leave it out."
            raise InvalidRequest(name, value, f"is no option of {what}", fix)
    return {name: value for name, value in options.items() if value is not None}


def _save_sheet(sweep: Sweep, sheet: Image.Image, path: Path, kinds: tuple[str, ...]) -> Saved:
    form, notes = labelling.format_of("path", path.name), []
    text = inside.text(sweep) if form.name == "PNG" else ""
    if len(text) > inside.CHARACTERS:
        text = ""
        notes.append("Its axes are too long to stand inside: Sweep.load cannot read it.")
    data = encoded(sweep, sheet, form, kinds, text)
    write_whole(path, data)
    return Saved(path, sweep.counts.get("succeeded", 0), len(data), tuple(notes))


def encoded(
    sweep: Sweep, sheet: Image.Image, form: Format, kinds: tuple[str, ...] = labelling.DEFAULT, text: str = ""
) -> bytes:
    """Give a contact sheet as a file's bytes, with its AI labels; a PNG with the text of its axes inside.

    A sheet without a picture bears no label: nothing on it was made by a model.
    """
    record, settings = first_record(sweep), homes.settings(sweep.home)
    buffer = io.BytesIO()
    if form.name == "PNG":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        if text:
            info.add_text(inside.CHUNK, text)
        sheet.save(buffer, form.name, pnginfo=info)
        data = buffer.getvalue()
        return data if record is None else labelling.label_png(data, record, kinds, settings=settings)
    options: dict[str, Any] = dict(form.options)
    if record is not None:
        properties, _ = claims(tuple(kind for kind in kinds if kind != "c2pa"), record, settings)
        options |= {"xmp": xmp.packet(properties).encode()} if properties else {}
    sheet.save(buffer, form.name, **options)
    data = buffer.getvalue()
    if record is None or "c2pa" not in kinds:
        return data
    from zimage_lab.labels import signature

    return signature.sign(data, record, settings, form.mime)
