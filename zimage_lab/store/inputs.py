"""Pictures that a request begins with: stored once in the home by the hash of what they show, and named by it.

Whatever a person has at hand is taken (a PIL picture, a file, bytes, one of ours), read with bounds, freed of
everything but its pixels, and written as a PNG whose name is its SHA-256.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_lab.errors import InvalidRequest, StoreError, shown

if TYPE_CHECKING:
    from PIL import Image

    from zimage_lab.request import GenerationRequest

INPUTS = "inputs"
FORMATS = ("PNG", "JPEG", "WEBP")
HASH = re.compile(r"[0-9a-f]{64}")
MOST_PIXELS = 64_000_000
"""Most pixels of a picture from outside: 8000 x 8000."""

MOST_BYTES = 200_000_000
FIELDS = {"init_image": "RGB", "mask": "L", "reference_images": "RGB"}
"""Fields of a request that name a picture, or several, and the mode in which they are kept."""

SEVERAL = "reference_images"


def taken(options: dict[str, Any], home: Path) -> dict[str, Any]:
    """Put the pictures among a request's options into the home, and give the options with their hashes.

    Parameters
    ----------
    options
        Fields of a request; `init_image` and `mask` may be a PIL picture, a path, bytes, a GeneratedImage, or a hash,
        `reference_images` one of these or a list of them.
    home
        The home folder.

    Raises
    ------
    InvalidRequest
        One is no picture, too large, or there is none of that hash.
    """
    found = {field: options[field] for field in FIELDS if options.get(field) is not None}
    stored: dict[str, Any] = {}
    for field, value in found.items():
        if field == SEVERAL:
            every = value if isinstance(value, list | tuple) else [value]
            stored[field] = tuple(put(one, home, field) for one in every)
        else:
            stored[field] = put(value, home, field)
    return options | stored if found else options


def named(request: GenerationRequest) -> list[tuple[str, str]]:
    """List the stored pictures that a request needs: field and hash."""
    single = [
        (field, digest) for field in FIELDS if field != SEVERAL and (digest := getattr(request, field)) is not None
    ]
    return [*single, *((SEVERAL, digest) for digest in request.reference_images)]


def put(value: object, home: Path, field: str = "init_image") -> str:
    """Store a picture; gives its hash. What is there already is not written again."""
    if isinstance(value, str) and HASH.fullmatch(value):
        path(value, home, field)
        return value
    picture = read(value, field)
    # Of a workflow's picture what is transparent is kept: it is a mask.
    picture = picture.convert(FIELDS.get(field, "RGBA" if picture.has_transparency_data else "RGB"))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    place = _place(digest, home)
    if not place.is_file():
        try:
            _write(data, place)
        except OSError as error:
            message = f"The picture cannot be kept in {place.parent} ({error.strerror}). Make room there."
            raise StoreError(message) from error
    return digest


def path(digest: str, home: Path, field: str = "init_image") -> Path:
    """Give the file of a stored picture.

    Raises
    ------
    InvalidRequest
        There is none of this hash.
    """
    place = _place(digest, home)
    if not HASH.fullmatch(digest) or not place.is_file():
        what = f"there is no stored picture {shown(digest)}"
        raise InvalidRequest(field, digest, what, "Give the picture itself, or its file.")
    return place


def opened(digest: str, home: Path, field: str = "init_image") -> Image.Image:
    """Read a stored picture whole; one that was changed since is refused.

    Raises
    ------
    InvalidRequest
        There is none of this hash, or its file has changed.
    """
    place = path(digest, home, field)
    data = place.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        what = f"the stored picture {digest[:12]} was changed"
        raise InvalidRequest(field, digest, what, f"Remove {place} and give the picture again.")
    return _opened(data, field)


def read(value: object, field: str) -> Image.Image:
    """Read a picture however it comes: a PIL picture, a GeneratedImage, bytes, or a file's path.

    Raises
    ------
    InvalidRequest
        It is none, or too large.
    """
    from PIL import Image

    own = getattr(value, "image", None)  # a GeneratedImage
    if isinstance(own, Image.Image):
        value = own
    if isinstance(value, Image.Image):
        _bounded(value, field, value)
        return value
    if isinstance(value, bytes | bytearray):
        return _opened(bytes(value), field)
    if isinstance(value, str | os.PathLike):
        try:
            file = Path(value).expanduser()
            if file.stat().st_size > MOST_BYTES:
                raise InvalidRequest(field, value, f"{shown(str(value))} is too large a file", "Give a smaller one.")
            return _opened(file.read_bytes(), field)
        except (OSError, ValueError, RuntimeError) as error:
            if isinstance(error, InvalidRequest):
                raise
            what = f"{shown(str(value))} cannot be read ({getattr(error, 'strerror', None) or type(error).__name__})"
            raise InvalidRequest(field, value, what, "Check the path.") from error
    raise InvalidRequest(field, value, f"{shown(value)} is no picture", "Give a PIL picture, a file's path or bytes.")


def _place(digest: str, home: Path) -> Path:
    return home / INPUTS / f"{digest}.png"


def _opened(data: bytes, field: str) -> Image.Image:
    """Read a picture from outside: only harmless formats, and never more pixels than a person could mean."""
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                _bounded(picture, field, None)
                picture.load()
                return ImageOps.exif_transpose(picture)
    except InvalidRequest:
        raise
    except Exception as error:  # Pillow has many errors for damaged files
        what = f"it is no picture that can be read ({type(error).__name__})"
        raise InvalidRequest(field, None, what, "Give a PNG, JPEG or WebP file.") from error


def _bounded(picture: Image.Image, field: str, value: object) -> None:
    width, height = picture.size
    if not 0 < width * height <= MOST_PIXELS:
        what = f"{width}x{height} pixels are too many" if width * height else "it has no pixels"
        raise InvalidRequest(field, value, what, f"Give a picture of at most {MOST_PIXELS:,} pixels.")


def _write(data: bytes, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=place.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(place)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
