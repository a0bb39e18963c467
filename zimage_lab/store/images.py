"""The one writer of pictures: a file is there whole or not at all, and says inside how it was made.

temp file in the same folder -> fsync -> replace -> fsync of the folder: a kill or a power cut at any moment leaves no
broken picture under a picture's name, at most a ``.part`` file that the next save or open sweeps away.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import struct
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from zimage_lab.errors import InvalidOutput, InvalidRequest, StoreError, shown
from zimage_lab.home import IMAGES
from zimage_lab.recipe import ImageFile, RunRecord
from zimage_lab.store.public import RECIPE, texts
from zimage_lab.values import JSON_CHARACTERS

if TYPE_CHECKING:
    from PIL.Image import Image

PIXEL_CAP = 8192 * 8192  # the largest request; below Pillow's own warning
SPARE_BYTES = 32 * 2**20  # left free for the database
PART = ".part"
PART_SECONDS = 60.0
SWEPT_FOLDERS = 3  # what a kill left is in one of the folders last written to


class SavedImage(NamedTuple):
    """Where a picture went, and the SHA-256 of its bytes and of its pixels."""

    path: Path
    sha256: str
    pixels_sha256: str


def save_png(image: Image, record: RunRecord, home: Path) -> SavedImage:
    """Write a picture with its recipe inside to ``images/YYYY-MM-DD/<id>.png`` of the home folder.

    Parameters
    ----------
    image
        The picture, mode RGB.
    record
        Its record; the file holds it with ``image`` filled in, but for the hash of the file itself.
    home
        The home folder.

    Returns
    -------
    SavedImage
        Absolute path, SHA-256 of the file, SHA-256 of the pixels.

    Raises
    ------
    StoreError
        When the disk is full or cannot be written.
    InvalidOutput
        When the picture is not RGB.
    """
    from zimage_lab.store.quota import refuse_oversize  # which deletes pictures, and so imports this module

    if image.mode != "RGB":
        message = f"The picture's mode is {image.mode}, not RGB. Convert it before it is saved."
        raise InvalidOutput(message)
    path = picture_path(home, record.created_at, record.id)
    folder = path.parent
    pixels = pixels_sha256(image)
    inside = record.replace(image=ImageFile(path=path.relative_to(home).as_posix(), sha256=None, pixels_sha256=pixels))
    data = png(image, inside, home)
    refuse_oversize(home, len(data))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sync_folder(folder.parent)
    except OSError as error:
        raise StoreError(_sentence(error, folder)) from error
    _sweep_folder(folder)
    write_whole(path, data)
    return SavedImage(path, hashlib.sha256(data).hexdigest(), pixels)


def picture_path(home: Path, created_at: str, record_id: str) -> Path:
    """Give the place of a run's picture.

    Parameters
    ----------
    home
        The home folder.
    created_at
        When its job was submitted, as the record has it.
    record_id
        Id of the record.
    """
    return home / IMAGES / created_at[:10] / f"{record_id}.png"


def stored(home: Path, name: str) -> Path | None:
    """Give the place of a picture that a record names; None where the name leads out of the folder of pictures."""
    path = (home / name).resolve()  # that folder may be a link to a larger disk
    return path if path.is_relative_to((home / IMAGES).resolve()) else None


def png(image: Image, record: RunRecord, home: Path | None = None) -> bytes:
    """Give a picture as PNG bytes with its record inside, and with what other programs look for.

    Parameters
    ----------
    image
        The picture.
    record
        Its record, of which the file holds only what may be seen by anybody.
    home
        The home folder, which the file must not name either.
    """
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for name, text in texts(record, home).items():
        info.add_text(name, text)  # Pillow writes iTXt (UTF-8) by itself where Latin-1 does not suffice
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=info, compress_level=1)  # 6 takes four times as long for a few per cent
    return buffer.getvalue()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that its name shows the old bytes or the new ones, never something between.

    Raises
    ------
    StoreError
        When the disk is full or cannot be written.
    """
    # Two threads that write the same name must not share a part; the pid stands last, where a sweep looks for it.
    part = path.with_name(f".{path.name}.{threading.get_ident()}.{os.getpid()}{PART}")
    try:
        if shutil.disk_usage(path.parent).free < len(data) + SPARE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - told in the same words as the real one
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise StoreError(_sentence(error, path)) from error


def pixels_sha256(image: Image) -> str:
    """Give the SHA-256 of what is seen: size and RGB bytes, whatever the file around them says."""
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    return hashlib.sha256(b"RGB %d %d\n" % rgb.size + rgb.tobytes()).hexdigest()


def read_recipe(path: str | os.PathLike[str]) -> RunRecord:
    """Read the run record inside a PNG, which may come from anybody: nothing is run, no pixel is decoded.

    Parameters
    ----------
    path
        A PNG file.

    Raises
    ------
    InvalidRequest
        When it is no PNG, too large, damaged, or holds no recipe of ours.
    """
    from PIL import Image as pillow  # noqa: N813 - a module with a class's name

    place = Path(path)
    _check_size(place)
    try:
        with pillow.open(place, formats=["PNG"]) as image:  # Pillow bounds the text chunks: 1 MB each, 64 MB in all
            text = image.info.get(RECIPE)  # image.text would decode the pixels to look behind them
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        raise _unreadable(place, "is damaged") from error
    if not isinstance(text, str) or len(text) > JSON_CHARACTERS:
        raise _unreadable(place, "holds no recipe of zimage_lab")
    return RunRecord.from_json(str(text))


def sweep(home: Path) -> int:
    """Remove what killed processes left behind in the folders last written to; gives how many files."""
    try:
        folders = [entry for entry in os.scandir(home / IMAGES) if entry.is_dir(follow_symlinks=False)]
        folders.sort(key=lambda entry: entry.stat().st_mtime, reverse=True)
    except OSError:
        return 0
    return sum(_sweep_folder(Path(entry.path)) for entry in folders[:SWEPT_FOLDERS])


def _sweep_folder(folder: Path) -> int:
    swept = 0
    for part in folder.glob(f".*{PART}"):
        owner = part.name.removesuffix(PART).rpartition(".")[2]
        try:
            if not _lives(owner) or time.time() - part.stat().st_mtime > PART_SECONDS:
                part.unlink()
                swept += 1
        except OSError:
            continue  # another process sweeps too, or the file is not ours to remove: no reason to fail a save
    return swept


def _lives(owner: str) -> bool:
    import psutil

    return owner.isascii() and owner.isdigit() and len(owner) < len(str(2**31)) and psutil.pid_exists(int(owner))


def _check_size(path: Path) -> None:
    """Look at the header alone, before Pillow is handed the file."""
    try:
        with path.open("rb") as file:
            head = file.read(24)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no usable path"
        raise _unreadable(path, f"cannot be read ({reason})") from error
    if head[:8] != b"\x89PNG\r\n\x1a\n" or head[12:16] != b"IHDR" or len(head) < 24:  # noqa: PLR2004 - as read above
        raise _unreadable(path, "is not a PNG")
    width, height = struct.unpack(">II", head[16:24])
    if width * height > PIXEL_CAP:
        raise _unreadable(path, f"is too large ({width}x{height})")


def _unreadable(path: Path, what: str) -> InvalidRequest:
    return InvalidRequest("path", str(path), f"{shown(path.name)} {what}", "Give a picture that zimage_lab saved.")


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sentence(error: OSError, path: Path) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"The disk of {path.parent} is full, the picture was not saved. Free some space, then try again."
    reason = error.strerror or type(error).__name__
    return f"{path} cannot be written ({reason}). Check the folder's permissions, or use another one."
