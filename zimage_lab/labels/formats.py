"""Pictures for other programs: JPEG and WebP, with the same labels, and the recipe where those programs look for it.

Source, facts only: Exif 2.32, CIPA DC-008 (UserComment, tag 0x9286, begins with eight bytes that name its encoding).
Automatic1111 keeps its parameters there, and who reads them takes UTF-16 with the high byte first.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab.errors import InvalidRequest, shown
from zimage_lab.labels import signature, xmp
from zimage_lab.labels.write import claims, prepare

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PIL.Image import Image

    from zimage_lab.home import Settings
    from zimage_lab.recipe import RunRecord

EXIF, COMMENT, UNICODE = 0x8769, 0x9286, b"UNICODE\0"
LONGEST = 30_000
"""Most letters of a recipe: what an Exif block of 64 kB holds of UTF-16."""


class Format(NamedTuple):
    """A kind of file: Pillow's name, its MIME type, and how it is written."""

    name: str
    mime: str
    options: dict[str, int]


FORMATS = {
    ".png": Format("PNG", "image/png", {}),
    ".jpg": Format("JPEG", "image/jpeg", {"quality": 95, "subsampling": 0}),
    ".jpeg": Format("JPEG", "image/jpeg", {"quality": 95, "subsampling": 0}),
    ".webp": Format("WEBP", "image/webp", {"quality": 95, "method": 4}),
}
"""Formats by the end of a file's name."""


def format_of(field: str, name: str) -> Format:
    """Give the format that a file's name asks for.

    Raises
    ------
    InvalidRequest
        When its end is none of `FORMATS`.
    """
    for ending, form in FORMATS.items():
        if name.lower().endswith(ending):
            return form
    raise InvalidRequest(field, name, f"{shown(name)} is no picture's name", f"Let it end in {', '.join(FORMATS)}.")


def encoded(
    image: Image,
    record: RunRecord,
    parameters: str,
    form: Format,
    kinds: Iterable[str],
    *,
    settings: Settings | None = None,
) -> bytes:
    """Give a picture as JPEG or WebP.

    Parameters
    ----------
    image
        The pixels, RGB.
    record
        How it was made.
    parameters
        The recipe as text, which the file holds as Exif's UserComment; longer than 30000 letters it is left out.
    form
        One of `FORMATS`.
    kinds, settings
        As for `label_png`.

    Returns
    -------
    bytes
        The file.
    """
    wanted = prepare(kinds, settings)
    said, settings = claims(wanted, record, settings)
    options: dict[str, object] = dict(form.options)
    if said:
        options["xmp"] = xmp.packet(said).encode()
    if len(parameters) <= LONGEST:
        from PIL.Image import Exif

        exif = Exif()
        exif.get_ifd(EXIF)[COMMENT] = UNICODE + parameters.encode("utf-16-be")
        options["exif"] = exif.tobytes()
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, form.name, **options)
    data = buffer.getvalue()
    return signature.sign(data, record, settings, form.mime) if "c2pa" in wanted and settings is not None else data


def parameters_of(image: Image) -> str | None:
    """Read the text that `encoded` wrote, or Automatic1111; None where there is none that can be read."""
    try:
        comment = image.getexif().get_ifd(EXIF).get(COMMENT)
    except Exception:  # noqa: BLE001 - a stranger's block: whatever Pillow stumbles over, there is nothing to read
        return None
    if not isinstance(comment, bytes) or not comment.startswith(UNICODE):
        return None
    order = "utf-16-le" if comment[len(UNICODE) + 1 : len(UNICODE) + 2] == b"\0" else "utf-16-be"
    return comment[len(UNICODE) :].decode(order, errors="replace").strip("\0") or None
