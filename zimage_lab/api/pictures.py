"""Pictures on their way out: read by a record or a stored hash, never by a client's path, and labelled on the way.

What leaves is always a PNG, JPEG or WebP that this process wrote from pixels or checked as such; a browser is told to
guess nothing and to run nothing in it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab.api.problems import Problem
from zimage_lab.errors import StoreError, ZImageError
from zimage_lab.result import GeneratedImage
from zimage_lab.store import inputs, names

if TYPE_CHECKING:
    from PIL import Image

    from zimage_lab.api.base import Guarded
    from zimage_lab.api.service import Service

MIMES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
QUALITY = 90
MOST_QUALITY = 100


class File(NamedTuple):
    """The bytes of a picture, and what they are."""

    data: bytes
    kind: str


def of_record(service: Service, record_id: str, preview: str = "", channel: str = "rgba") -> File:
    """Give the picture of a run, with its recipe and its AI labels inside.

    Parameters
    ----------
    service
        The home.
    record_id
        Which; the caller has seen to it that it may be seen.
    preview
        "webp;90", "jpeg;80" or "png"; empty for the picture itself.
    channel
        "rgba", "rgb", or "a" for its opacity alone, which for a drawn picture is white.

    Raises
    ------
    Problem
        404 where there is none any more.
    """
    try:
        picture = GeneratedImage.from_record(service.records.get(record_id), service.home)
        if preview or channel == "a":
            return _drawn(picture.image, preview, channel)
        return File(picture.exported(), "png")
    except (StoreError, FileNotFoundError) as error:
        raise gone() from error


def of_target(service: Service, target: str, preview: str, channel: str) -> File:
    """Give the picture that a name leads to."""
    if target.startswith(names.RECORD):
        return of_record(service, target.removeprefix(names.RECORD), preview, channel)
    digest = target.removeprefix(names.STORED)
    try:
        if preview or channel != "rgba":
            return _drawn(inputs.opened(digest, service.home), preview, channel)
        return File(inputs.path(digest, service.home).read_bytes(), "png")
    except (ZImageError, OSError) as error:
        raise gone() from error


def send(handler: Guarded, file: File, name: str) -> None:
    """Answer with a picture."""
    handler.set_header("Content-Type", MIMES[file.kind])
    handler.set_header("Content-Disposition", f"inline; filename*=UTF-8''{_quoted(name)}")
    handler.set_header("Cache-Control", "private, max-age=3600")
    handler.finish(file.data)


def gone() -> Problem:
    """Give the error for a picture that is not there, or not to be seen: a stranger learns no more."""
    return Problem(404, "not_found", "There is no such picture.")


def _drawn(image: Image.Image, preview: str, channel: str) -> File:
    from PIL import Image as pillow  # noqa: N813 - a module with a class's name

    kind, _, text = (preview or "png").partition(";")
    kind = {"jpg": "jpeg"}.get(kind, kind) if kind in {*MIMES, "jpg"} else "webp"
    quality = int(text) if text.isascii() and text.isdigit() and 0 < int(text[:4]) <= MOST_QUALITY else QUALITY
    if channel == "a":
        alpha = image.getchannel("A") if "A" in image.getbands() else pillow.new("L", image.size, 255)
        image = alpha if kind == "png" else alpha.convert("RGB")
    elif channel == "rgb" or kind == "jpeg":
        image = image.convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, kind.upper(), **({} if kind == "png" else {"quality": quality}))
    return File(buffer.getvalue(), kind)


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")
